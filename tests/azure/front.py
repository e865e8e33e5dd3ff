"""What stands before a cluster's API server: it refuses everybody for a while, as AKS does after a role was granted."""

from __future__ import annotations

import base64
import contextlib
import http.client
import http.server
import itertools
import json
import ssl
import tempfile
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_REFUSAL = (
    'namespaces is forbidden: User "somebody@example.test" cannot create resource "namespaces" in API group "" at the '
    "cluster scope: User does not have access to the resource in Azure. Update role assignment to allow access."
)
LEAST_PAUSE = 3.0
"""Seconds between two questions."""

MOST = 150
"""Questions of one update."""

_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length"}


@dataclass(frozen=True)
class Asked:
    """One request that was refused."""

    at: float
    method: str
    path: str


@dataclass
class Front:
    """The server; its time begins with the first request.

    Attributes:
        folder: of the subscription, with the kubeconfig of the cluster behind.
        refuses: seconds for which it refuses.
        refused: every request that it has refused, in order.
    """

    folder: Path
    refuses: float
    refused: list[Asked] = field(default_factory=list)
    _since: float = 0.0
    _behind: tuple[str, ssl.SSLContext] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def admits(self, method: str, path: str) -> bool:
        with self._lock:
            now = time.monotonic()
            self._since = self._since or now
            if now - self._since >= self.refuses:
                return True
            self.refused.append(Asked(now, method, path))
            return False

    def connect(self) -> http.client.HTTPSConnection:
        with self._lock:
            self._behind = self._behind or _administrator(yaml.safe_load((self.folder / "kubeconfig").read_text()))
            address, context = self._behind
        return http.client.HTTPSConnection(address, context=context)


def assert_patient(refused: list[Asked], *, since: float) -> None:
    """Hold the refused requests of an update against its promise: one question, asked seldom."""
    times = [each.at for each in refused]
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]

    assert {(each.method, each.path) for each in refused} == {("POST", "/api/v1/namespaces?dryRun=All")}
    assert min(pauses) >= LEAST_PAUSE
    assert 2 < len(refused) <= min(MOST, since / LEAST_PAUSE + 1)


def _administrator(kubeconfig: dict[str, list[dict[str, dict[str, str]]]]) -> tuple[str, ssl.SSLContext]:
    cluster, user = kubeconfig["clusters"][0]["cluster"], kubeconfig["users"][0]["user"]
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    with tempfile.NamedTemporaryFile() as file:
        file.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
        file.flush()
        context.load_cert_chain(file.name)
    return urlsplit(cluster["server"]).netloc, context


@contextlib.contextmanager
def before(folder: Path, *, refuses: float) -> Iterator[Front]:  # noqa: C901 - a server of its own
    """Stand before the clusters of a subscription for the length of a `with` block."""
    front = Front(folder, refuses)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if front.admits(self.command, self.path):
                self._carry(content)
            else:
                self._refuse()

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the library's

        def _refuse(self) -> None:
            answer = {"kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403, "message": _REFUSAL}
            data = json.dumps({"apiVersion": "v1", **answer}).encode()
            self.send_response(403)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _carry(self, content: bytes) -> None:
            with contextlib.ExitStack() as stack:
                kept = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
                for left in (2, 1, 0):
                    behind = stack.enter_context(contextlib.closing(front.connect()))
                    try:
                        behind.request(self.command, self.path, body=content or None, headers=kept)
                        answer = behind.getresponse()
                        break
                    except (http.client.RemoteDisconnected, ConnectionError):
                        # A busy API server drops connections that it has not read from.
                        if not left:
                            raise
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in _HOP:
                        self.send_header(name, value)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                # Watches have no end: every piece goes on as it comes.
                with contextlib.suppress(OSError, http.client.HTTPException):
                    while data := answer.read1(65536):
                        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
                        self.wfile.flush()
                    self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128  # five are the library's default, and an update makes more at once

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    (folder / "front").write_text(f"http://127.0.0.1:{server.server_address[1]}")
    try:
        yield front
    finally:
        (folder / "front").unlink()
        server.shutdown()
        server.server_close()
