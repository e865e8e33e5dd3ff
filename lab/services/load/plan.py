"""The arguments of `lab load`, validated before anything is started."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from lab.core.errors import LabError

MOST_USERS = 200
MOST_SECONDS = 600

PORT = 8080
"""Of every Service of the shop."""

_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_PATH = re.compile(r"/[!-~]{0,500}")
"""Printable and without spaces: siege takes a word behind a space for the method."""

_POSTED = {
    "order": ("/orders", {"productId": "1001", "qty": 5}),
    "delivery": ("/deliveries", {"orderId": 1, "productId": "1001", "qty": 5}),
}
"""Default path and body of a POST, by application; of order as in the course handout."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Load on one Service.

    Attributes:
        app: the Service's name, and that of the application behind it.
        namespace: of the Service.
        users: number of users, each of whom sends the next request as soon as the last one is answered.
        seconds: duration.
        path: of the requests; empty for `/`, or for the application's own path with `post`.
        post: send the body that the application takes.

    Raises:
        LabError: a value is not allowed.
    """

    app: str
    namespace: str
    users: int
    seconds: int
    path: str = ""
    post: bool = False

    def __post_init__(self) -> None:
        _require(_NAME.fullmatch(self.app), "APP", self.app, "the name of a Service: order; load goes to no other host")
        _require(_NAME.fullmatch(self.namespace), "--namespace", self.namespace, "the name of a namespace: shop")
        _require(1 <= self.users <= MOST_USERS, "--users", self.users, f"a whole number from 1 to {MOST_USERS}")
        _require(1 <= self.seconds <= MOST_SECONDS, "--seconds", self.seconds, f"a whole number, 1 to {MOST_SECONDS}")
        fitting = not self.path or _PATH.fullmatch(self.path)
        _require(fitting, "--path", self.path, "a slash with what follows it, no spaces: /orders")
        known = not self.post or self.app in _POSTED
        _require(known, "APP with --post", self.app, f"one that it is known of what it takes: {', '.join(_POSTED)}")

    @property
    def method(self) -> str:
        """The HTTP method."""
        return "POST" if self.post else "GET"

    @property
    def target(self) -> str:
        """The path of the requests; begins with a slash."""
        return self.path or (_POSTED[self.app][0] if self.post else "/")

    @property
    def body(self) -> str:
        """The JSON of a POST; empty for GET."""
        return json.dumps(_POSTED[self.app][1], separators=(",", ":")) if self.post else ""

    @property
    def url(self) -> str:
        """The address for Pods of the Service's namespace; without a path where the handout has none."""
        return f"http://{self.app}:{PORT}{self.path if not self.post else self.target}"


def _require(kept: object, name: str, found: object, allowed: str) -> None:
    if not kept:
        raise LabError(f"lab load: {name}: found {json.dumps(found)}", f"allowed: {allowed}")


@dataclass(frozen=True, kw_only=True)
class Destination:
    """The address that fortio sends its requests to.

    Attributes:
        base: such as `http://127.0.0.1:20123`, without a slash at its end.
        by: the generator and its place, for the report.
        inside: a command prefix that enters the network where `base` is known.
    """

    base: str
    by: str
    inside: tuple[str, ...] = ()
