"""What `lab load` is asked for, checked before anything is started."""

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
"""Printable and without spaces: siege takes what stands behind a space for the method."""

_POSTED = {
    "order": ("/orders", {"productId": "1001", "qty": 5}),
    "delivery": ("/deliveries", {"orderId": 1, "productId": "1001", "qty": 5}),
}
"""What is posted, by application, and where unless a path is told; of order as in the notes."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Load on one Service.

    Attributes:
        app: the Service's name, and that of the application behind it.
        namespace: of the Service.
        users: how many ask at the same time, each again as soon as it is answered.
        seconds: for how long.
        path: what they ask for; empty for `/`, or for where the application takes what is posted.
        post: whether they post what the application takes.

    Raises:
        LabError: something is not as it must be, with what is allowed.
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
        """In capitals."""
        return "POST" if self.post else "GET"

    @property
    def target(self) -> str:
        """The path that they really ask for; begins with a slash."""
        return self.path or (_POSTED[self.app][0] if self.post else "/")

    @property
    def body(self) -> str:
        """What they post, as JSON; empty when they get."""
        return json.dumps(_POSTED[self.app][1], separators=(",", ":")) if self.post else ""

    @property
    def url(self) -> str:
        """As the Pods of the Service's namespace know it; without a path where the notes have none."""
        return f"http://{self.app}:{PORT}{self.path if not self.post else self.target}"


def _require(kept: object, name: str, found: object, allowed: str) -> None:
    if not kept:
        raise LabError(f"lab load: {name}: found {json.dumps(found)}", f"allowed: {allowed}")
