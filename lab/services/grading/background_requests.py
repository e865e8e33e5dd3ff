"""Requests at a steady pace for as long as something happens, bounded in number and in time."""

from __future__ import annotations

import contextlib
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.core.errors import LabError
from lab.services import pod_exec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.adapters.stack import Stack

MOST = 500
"""Requests: about 25 seconds of them."""

_BETWEEN = 0.05
"""Seconds between two requests, however long an answer takes: who waited for each would ask less when most is lost."""

_PATIENCE = 5
"""Seconds that one answer may take; after that there is none."""

_LAST = 2 * _PATIENCE
"""Seconds that the last answers may take, and the way to the Pod."""

_FIRST_FAILURE = 500
"""The lowest status that says it was not the caller's fault."""

_SCRIPT = """\
exec 3<&0
(
  asked=0
  trap 'asked=$1' TERM
  while [ $asked -lt "$1" ]; do
    curl --silent --max-time "$3" --output /dev/null --write-out '%{http_code}\\n' "$4" </dev/null 2>/dev/null &
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
"""What the shell of the Pod does: `kubectl exec` leaves what it started behind; this ends when standard input does, as
soon as what was asked by then is answered."""


@dataclass(kw_only=True)
class RequestStream:
    """What became of the requests; known when they have ended.

    Attributes:
        statuses: of the answers; 0 for none.
    """

    statuses: list[int] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """How many were not answered, or with an error of the server."""
        return sum(status == 0 or status >= _FIRST_FAILURE for status in self.statuses)


@contextlib.contextmanager
def running(stack: Stack, pod: str, url: str) -> Iterator[RequestStream]:
    """Ask about 20 times a second for as long as the block lasts, and no more often than `MOST`.

    Args:
        stack: which lab.
        pod: who asks: its name, a dot, its namespace.
        url: as the Pod knows it.

    Raises:
        LabError: the Pod cannot be entered, or has no answer to tell of.
    """
    stream = RequestStream()
    told = [str(MOST), str(_BETWEEN), str(_PATIENCE), url]
    with subprocess.Popen(
        [*pod_exec.prefix(stack, pod), "sh", "-c", _SCRIPT, "sh", *told],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield stream
            # A few kilobytes in all: nothing has to be read before.
            out, messages = process.communicate(timeout=_LAST)
        except subprocess.TimeoutExpired as error:
            raise LabError(
                f"the requests to {url} did not end", f"see the Pods: kubectl get pods -n {pod.rpartition('.')[2]}"
            ) from error
        finally:
            # However the block ended: without standard input it ends by itself, but not when it hangs.
            if process.poll() is None:
                process.terminate()
    stream.statuses = [int(line) for line in out.split()]
    if not stream.statuses:
        raise LabError(
            f"{url} could not be asked: {messages.strip()}", f"see whether the lab stands: make up{stack.suffix}"
        )
