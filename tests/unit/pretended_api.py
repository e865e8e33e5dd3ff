"""An API server that answers from a table, over HTTP or TLS, and remembers what it was asked."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import http.server
import ipaddress
import json
import ssl
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message
    from pathlib import Path

NODES, SERVICES = "/api/v1/nodes", "/api/v1/services"
API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
NAMESPACES = "/api/v1/namespaces"
KUBE_SYSTEM = f"{NAMESPACES}/kube-system"


@dataclass(frozen=True)
class Asked:
    """One request; `client` is the name in the client's certificate."""

    method: str
    path: str
    query: str
    headers: Message
    client: str = ""


@dataclass
class PretendedApi:
    """What it answers: an object, or a code with a message; a path that is not there is not found.

    Attributes:
        answers: by path.
        url: where it listens.
        asked: every request, in order.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [each.path for each in self.asked]

    def kubeconfig(self, user: dict[str, Any] | None = None, **cluster: Any) -> str:  # noqa: ANN401 - as YAML has it
        return kubeconfig({"server": self.url, **cluster}, user)

    def answer(self, method: str, path: str) -> tuple[int, Any]:
        if path not in self.answers:
            return 404, status(404, f"{path} not found")
        found = self.answers[path]
        if method == "DELETE":
            del self.answers[path]
        return found if isinstance(found, tuple) else (200, found)


def kubeconfig(cluster: dict[str, Any], user: dict[str, Any] | None = None) -> str:
    return yaml.safe_dump(
        {
            "current-context": "desk",
            "contexts": [{"name": "desk", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": user or {}}],
        }
    )


def status(code: int, message: str) -> dict[str, Any]:
    return {"kind": "Status", "code": code, "message": message}


def items(*found: dict[str, Any]) -> dict[str, Any]:
    return {"items": list(found)}


@contextlib.contextmanager
def serving(api: PretendedApi, context: ssl.SSLContext | None = None) -> Iterator[PretendedApi]:
    """Let a server answer on a free port of this machine for the length of a `with` block."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            peer = self.request.getpeercert() if context else None
            names = dict(pair for part in (peer or {}).get("subject", ()) for pair in part)
            api.asked.append(Asked(self.command, parts.path, parts.query, self.headers, names.get("commonName", "")))
            code, body = api.answer(self.command, parts.path)
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_DELETE = do_POST = do_GET  # noqa: N815 - the protocol's

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    api.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class Signed:
    """A certificate and its key, in PEM."""

    certificate: str
    key: str

    @property
    def certificate_data(self) -> str:
        return base64.b64encode(self.certificate.encode()).decode()

    @property
    def key_data(self) -> str:
        return base64.b64encode(self.key.encode()).decode()

    def write(self, folder: Path) -> tuple[Path, Path]:
        certificate, key = folder / "tls.crt", folder / "tls.key"
        certificate.write_text(self.certificate)
        key.write_text(self.key)
        return certificate, key


class Authority:
    """A certificate authority of a cluster."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
        made = self._builder(self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.certificate = _pem(made.sign(self._key, hashes.SHA256()))

    @property
    def data(self) -> str:
        return base64.b64encode(self.certificate.encode()).decode()

    def sign(self, name: str, *names: x509.GeneralName) -> Signed:
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key)
        if names:
            made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return Signed(_pem(made.sign(self._key, hashes.SHA256())), private.decode())

    def server(self, folder: Path, *names: str) -> ssl.SSLContext:
        """Settings of a server of these names, or of this machine's address, which asks clients for certificates."""
        known = [x509.DNSName(name) for name in names] or [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=self.certificate)
        context.load_cert_chain(*self.sign("kube-apiserver", *known).write(folder))
        context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = dt.datetime.now(tz=dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
        )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
