"""Requests of checks from a Pod of the mesh, bounded in number and time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.adapters import process
from lab.core.errors import LabError
from lab.services import pod_exec

if TYPE_CHECKING:
    from lab.adapters.stack import Stack

FROM = "siege.tutorial"
"""Default Pod."""

_BATCH_TIMEOUT = 120.0
"""Seconds."""

_MARK = "~~"
"""Separator of answers; no answer of the course's applications contains it."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer; status 0 for none."""

    status: int
    seconds: float
    body: str

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty if it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Sends requests from a Pod, given by its name, a dot and its namespace."""

    stack: Stack
    pod: str = FROM

    def get(self, url: str, times: int = 1, **headers: str) -> list[Answer]:
        """Send GET requests one after the other; names of headers have underscores for hyphens."""
        options = [word for key, value in headers.items() for word in ("-H", f"{key.replace('_', '-')}: {value}")]
        return self._ask([*options, f"{url}?[1-{times}]"])

    def send(self, method: str, url: str, body: object = None) -> Answer:
        """Send one request, with a JSON body if there is one."""
        options = [] if body is None else ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        return self._ask(["-X", method, *options, url])[0]

    def _ask(self, words: list[str]) -> list[Answer]:
        form = f"{_MARK}%{{http_code}} %{{time_total}}{_MARK}"
        prefix = pod_exec.prefix(self.stack, self.pod)
        done = process.run(
            [*prefix.words, "curl", "--disable", "--silent", "--show-error", "--write-out", form, *words],
            environment=prefix.environment,
            timeout=_BATCH_TIMEOUT,
            check=False,
            title=words[-1],
            remedy=f"see the Pods: kubectl get pods -n {self.pod.rpartition('.')[2]}",
        )
        parts = done.stdout.split(_MARK)
        if len(parts) < 3:  # noqa: PLR2004 - an answer, its numbers, and the rest
            raise LabError(
                f"{words[-1]} could not be asked: {done.stderr.strip()}", "make sure that the lab is up: make up"
            )
        return [
            Answer(status=int(numbers.split()[0]), seconds=float(numbers.split()[1]), body=body)
            for body, numbers in zip(parts[::2], parts[1::2], strict=False)
        ]
