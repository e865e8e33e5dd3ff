"""Background requests at a steady rate, bounded in number and time."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.adapters import process
from lab.core.errors import LabError
from lab.services import pod_exec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.adapters.stack import Stack

MOST = 500
"""Requests: about 25 seconds of them."""

_INTERVAL = 0.05
"""Seconds between two requests; waiting for answers would lower the rate when most are lost."""

_REQUEST_TIMEOUT = 5
_END_TIMEOUT = 2 * _REQUEST_TIMEOUT
"""Seconds; the latter for the last answers and the connection to the Pod."""

_FIRST_FAILURE = 500
"""Lowest status of server errors."""

_SCRIPT = """\
exec 3<&0
(
  asked=0
  trap 'asked=$1' TERM
  while [ $asked -lt "$1" ]; do
    curl -q --silent --max-time "$3" --output /dev/null --write-out '%{http_code}\\n' "$4" </dev/null 2>/dev/null &
    sleep "$2"
    asked=$((asked + 1))
  done
  wait
) 3<&- &
load=$!
(while read -r _ <&3; do :; done; kill $load) >/dev/null 2>&1 &
watch=$!
wait $load
kill $watch 2>/dev/null
exit 0
"""
"""Shell script for the Pod. `kubectl exec` does not end what it started, so this ends with its standard input, once all
requests are answered."""


@dataclass(kw_only=True)
class RequestStream:
    """Statuses of the answers, 0 for none; filled in when the requests have ended."""

    statuses: list[int] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Number of requests without an answer, or with a server error."""
        return sum(status == 0 or status >= _FIRST_FAILURE for status in self.statuses)


@contextlib.contextmanager
def running(stack: Stack, pod: str, url: str) -> Iterator[RequestStream]:
    """Send about 20 requests a second from a Pod during the block, at most `MOST`.

    Raises:
        LabError: the Pod cannot be entered, or the requests do not end.
    """
    stream = RequestStream()
    arguments = [str(MOST), str(_INTERVAL), str(_REQUEST_TIMEOUT), url]
    prefix = pod_exec.prefix(stack, pod)
    lines: list[str] = []
    messages: list[str] = []
    with process.Running(
        [*prefix.words, "sh", "-c", _SCRIPT, "sh", *arguments],
        environment=prefix.environment,
        stdin=True,
        on_line=lines.append,
        on_message=messages.append,
    ) as running:
        yield stream
        running.close_stdin()
        if running.wait(_END_TIMEOUT) is None:
            raise LabError(
                f"the requests to {url} did not end", f"see the Pods: kubectl get pods -n {pod.rpartition('.')[2]}"
            )
    stream.statuses = [int(line) for line in lines if line]
    if not stream.statuses:
        raise LabError(
            f"{url} could not be asked: {' '.join(messages).strip()}",
            f"make sure that the lab is up: make up{stack.suffix}",
        )
