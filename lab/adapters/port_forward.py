"""A Service of the cluster at an address of this machine alone, by `kubectl port-forward`."""

from __future__ import annotations

import http.client
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Self

from lab.adapters import kubectl, process
from lab.core.errors import LabError
from lab.core.wait import poll

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

LOOPBACK = "127.0.0.1"

PATIENCE = 120.0
"""Seconds until a page must have answered: its Pod may just be starting."""

_PROBE = 5.0
"""Seconds that one request may take."""

_PAUSE = 1.0
"""Seconds between two looks at a page or a process."""

_SOUND = 60.0
"""Seconds after which a connection counts as having worked."""

_BREAKS = 5
"""How often in a row a connection that has not worked is made anew."""

_LISTENS = re.compile(rf"Forwarding from {re.escape(LOOPBACK)}:(\d+) ")
_CHATTER = ("Forwarding from ", "Handling connection ")

_REFUSED = re.compile(
    r"is forbidden|cannot create resource .?pods/portforward|denied (?:the )?request|"
    r"ValidatingAdmissionPolicy|[Pp]ort.?forward(?:ing)? is (?:not allowed|disabled|blocked)",
)
"""Output of kubectl after which no other attempt helps: a missing right, or a policy such as those of AKS Automatic."""

_SERVER_ERROR = 500


@dataclass(frozen=True, kw_only=True)
class Destination:
    """What is forwarded to.

    Attributes:
        kubeconfig: the cluster and the credentials.
        namespace: of the Service.
        service: its name.
        port: of the Service.
        path: of the page that must answer; begins with a slash.
    """

    kubeconfig: Path
    namespace: str
    service: str
    port: int
    path: str


class Forward:
    """A port-forward that lasts as long as a `with` block, on a port that kubectl finds free.

    Args:
        destination: what is forwarded to.
        tell: is given a sentence when the connection breaks and when it is there again.
    """

    def __init__(self, destination: Destination, tell: Callable[[str], None]) -> None:
        self._to = destination
        self._tell = tell
        self._port = 0
        self._reason = ""

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.stop()

    @property
    def address(self) -> str:
        """Where the page is; the same for as long as the block lasts."""
        return f"http://{LOOPBACK}:{self._port}{self._to.path}"

    def wait(self, patience: float = PATIENCE) -> None:
        """Return as soon as the page answers; until then kubectl is started again whenever it ends.

        Args:
            patience: seconds.

        Raises:
            LabError: it did not answer in that time.
        """

        def answered() -> bool:
            if _REFUSED.search(self._reason):
                raise LabError(
                    f"the cluster does not let this login forward ports to {self._to.service}{self._because()}",
                    "AKS Automatic and some policies forbid it to everybody: give the tool an address of its own, see "
                    "serviceType in docs/settings.md; elsewhere have somebody grant create on pods/portforward",
                )
            if self._process.code is not None:
                self._start()
            return bool(self._port) and answers(LOOPBACK, self._port, self._to.path)

        if not poll(answered, timeout=patience, interval=_PAUSE):
            raise LabError(
                f"{self._to.service} did not answer within {patience:.0f} s{self._because()}",
                f"see how its Pod is: kubectl -n {self._to.namespace} get pods",
            )

    def hold(self) -> NoReturn:
        """Keep the connection until the user ends it; one that breaks, as when the Pod restarts, is made anew.

        Raises:
            LabError: it broke too often in a row.
        """
        breaks = 0
        while True:
            begun = time.monotonic()
            self._process.wait()
            breaks = 1 if time.monotonic() - begun > _SOUND else breaks + 1
            if breaks > _BREAKS:
                raise LabError(
                    f"the connection to {self._to.service} broke {breaks} times in a row{self._because()}",
                    f"see how its Pod is: kubectl -n {self._to.namespace} get pods",
                )
            self._tell(f"the connection to {self._to.service} broke{self._because()}; connecting again")
            self._start()
            self.wait()
            self._tell(f"connected again: {self.address}")

    def _start(self) -> None:
        command = kubectl.command(
            self._to.kubeconfig,
            f"--namespace={self._to.namespace}",
            "port-forward",
            f"--address={LOOPBACK}",
            f"--pod-running-timeout={PATIENCE:.0f}s",
            f"service/{self._to.service}",
            f"{self._port or ''}:{self._to.port}",
        )
        self._process = process.Running(command, environment=kubectl.variables(), on_line=self._take)

    def _take(self, line: str) -> None:
        if found := _LISTENS.match(line):
            self._port = int(found[1])
        elif line.strip() and not line.startswith(_CHATTER):
            self._reason = line.strip()

    def _because(self) -> str:
        return f" ({self._reason})" if self._reason else ""


def answers(host: str, port: int, path: str) -> bool:
    """Whether a page is there: it may ask for a login or lead elsewhere, but the server must not be at fault.

    Args:
        host: name or address.
        port: of plain HTTP.
        path: begins with a slash.
    """
    connection = http.client.HTTPConnection(host, port, timeout=_PROBE)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < _SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
