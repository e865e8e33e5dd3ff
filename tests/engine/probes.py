"""What somebody without a credential tries at a socket: HTTP, TLS, gRPC, a datagram."""

from __future__ import annotations

import contextlib
import encodings.idna  # noqa: F401 - the other user may not read the files of this Python
import http.client
import json
import socket
import ssl
from dataclasses import dataclass

GET = (
    *("/", "/healthz", "/livez", "/ready", "/readyz", "/version", "/metrics", "/configz", "/statusz", "/flagz"),
    *("/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=2", "/debug/configz", "/debug/syncz"),
    *("/debug/config_dump", "/debug/endpointz", "/debug/registryz", "/debug/adsz", "/debug/vars", "/debug/requests"),
    *("/envj/", "/envz/", "/argsj/", "/argsz/", "/procj/", "/scopej/", "/memj/", "/homej", "/signalsz/"),
    *("/config_dump", "/certs", "/clusters", "/listeners", "/stats", "/server_info"),
    *("/api", "/apis", "/openapi/v2", "/api/v1/secrets", "/api/v1/namespaces", "/api/v1/nodes", "/logs/"),
    *("/apis/metrics.k8s.io/v1beta1/pods", "/.well-known/openid-configuration", "/openid/v1/jwks"),
    *("/discovery/prometheus", "/metrics/nodes/lab-node-0/metrics/resource", "/metrics/resource", "/stats/summary"),
    *("/pods", "/runningpods/", "/containerLogs/tutorial/order/order", "/exec/tutorial/order/order?command=id"),
    *("/v2/keys/?recursive=true", "/v2/members", "/members", "/health", "/raft", "/v2/stats/self"),
    *("/api/v1/query?query=up", "/api/v1/status/config", "/api/v1/status/flags", "/api/v1/targets", "/graph"),
    *("/actuator/env", "/actuator/faults", "/orders", "/productpage"),
)

RANGE = b'{"key": "AA==", "range_end": "AA=="}'
MARK = "left-by-another-user"
KEY = {"key": "L3JlZ2lzdHJ5L2xlZnQ=", "value": "bGVmdA=="}
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": MARK}}
OWNER = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": MARK},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "system:anonymous"}],
}
REVIEW = {
    "apiVersion": "admission.k8s.io/v1",
    "kind": "AdmissionReview",
    "request": {"uid": "1", "kind": {"version": "v1", "kind": "Pod"}, "namespace": "tutorial", "operation": "CREATE"},
}
SEND = (
    ("POST", "/v3/kv/range", RANGE),
    ("POST", "/v3/kv/put", json.dumps(KEY).encode()),
    ("POST", "/v3/cluster/member/list", b"{}"),
    ("POST", "/v3/maintenance/snapshot", b"{}"),
    ("PUT", f"/v2/keys/{MARK}", b"value=1"),
    ("POST", "/api/v1/namespaces/default/configmaps", json.dumps(CONFIG_MAP).encode()),
    ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", json.dumps(OWNER).encode()),
    ("DELETE", "/api/v1/namespaces/tutorial", b""),
    ("PUT", "/homej/exit", b""),
    ("POST", "/quitquitquit", b""),
    ("POST", "/-/quit", b""),
    ("POST", "/-/reload", b""),
    ("POST", "/logging?level=trace", b""),
    ("PUT", "/scopej/default", b'{"output_level": "debug"}'),
    ("POST", "/run/tutorial/order/order?cmd=id", b""),
    ("POST", "/exec/tutorial/order/order?command=id", b""),
    ("POST", "/inject", json.dumps(REVIEW).encode()),
    ("POST", "/validate", json.dumps(REVIEW).encode()),
    ("PUT", "/actuator/down", b""),
)

_TIMEOUT = 3.0
_MOST_SILENT = 4
"""Requests without any answer, after which no other is tried in plain text or in TLS."""

_MOST = 200_000
"""Bytes of an answer that are looked at."""

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@dataclass(frozen=True)
class Listener:
    """A listening socket of the lab: whose, and where."""

    owner: str
    port: int = 0
    host: str = ""
    path: str = ""


def attempt(listener: Listener) -> list[tuple[str, int, str]]:
    """Try everything; what was asked, the status and the answer, where it was a success."""
    if listener.path:
        return _try_unix(listener.path)
    if listener.owner.endswith("(udp)"):
        return _try_udp(listener)
    answers: list[tuple[str, int, str]] = []
    for tls in (False, True):
        requests = [("GET", path, b"") for path in GET] + list(SEND)
        silent = 0
        for method, path, body in requests:
            try:
                answer = _ask(listener, method, path, body, tls=tls)
            except TimeoutError:
                silent += 1
                if silent == _MOST_SILENT:
                    break  # it waits for something else
                continue
            if answer and answer[0] < 300:
                asked = path.partition("?")[0] if method == "GET" else f"{method} {path.partition('?')[0]}"
                answers.append((asked, *answer))
        calls = ((path, _call(listener, path, message, tls=tls)) for path, message in GRPC.items())
        answers += [(f"gRPC {path}", 0, said) for path, said in calls if said]
    return answers


def _try_unix(path: str) -> list[tuple[str, int, str]]:
    with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
        client.settimeout(_TIMEOUT)
        client.connect(path.replace("@", "\0", 1) if path.startswith("@") else path)
        return [("connect", 0, "")]
    return []


def _try_udp(listener: Listener) -> list[tuple[str, int, str]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client, contextlib.suppress(OSError):
        client.settimeout(1)
        client.sendto(b"?", (listener.host, listener.port))
        return [("datagram", 0, client.recv(2048).decode("latin-1"))]
    return []


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _ask(listener: Listener, method: str, path: str, body: bytes, *, tls: bool) -> tuple[int, str] | None:
    connection = (
        http.client.HTTPSConnection(listener.host, listener.port, timeout=_TIMEOUT, context=_context())
        if tls
        else http.client.HTTPConnection(listener.host, listener.port, timeout=_TIMEOUT)
    )
    with contextlib.closing(connection):
        try:
            connection.request(method, path, body or None, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            return answer.status, answer.read(_MOST).decode("latin-1")
        except TimeoutError:
            raise
        except (OSError, http.client.HTTPException):
            return None


def _field(number: int, value: bytes) -> bytes:
    """A field of a protocol buffer."""
    return bytes([number << 3 | 2, len(value)]) + value


_TYPES = ("type.googleapis.com/envoy.config.cluster.v3.Cluster", "type.googleapis.com/istio.io/debug/syncz")
_NODE = _field(1, b"sidecar~10.0.0.1~x.tutorial~tutorial.svc.cluster.local")
_DISCOVERY = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
GRPC = {
    "/etcdserverpb.KV/Range": _field(1, b"\0") + _field(2, b"\0"),
    "/etcdserverpb.Maintenance/Status": b"",
    _DISCOVERY: _field(2, _NODE) + _field(4, _TYPES[0].encode()),
    f"{_DISCOVERY}?": _field(2, _NODE) + _field(4, _TYPES[1].encode()),
    "/istio.v1.auth.IstioCertificateService/CreateCertificate": _field(1, b"x"),
}
"""Calls with their messages. An answer with a message is one too many; an answer with an error alone is none."""


def _call(listener: Listener, path: str, message: bytes, *, tls: bool) -> str:
    """Make a gRPC call over HTTP/2; return the messages of the answer."""
    names = {
        ":method": "POST",
        ":scheme": "https" if tls else "http",
        ":path": path.rstrip("?"),
        ":authority": "localhost",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    # Literal header fields that are not indexed, without Huffman codes.
    block = b"".join(
        b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
        for name, value in names.items()
    )
    body = b"\0" + len(message).to_bytes(4, "big") + message
    sent = _PREFACE + _frame(4, 0, 0, b"") + _frame(1, 4, 1, block) + _frame(0, 0, 1, body)
    with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
        client = stack.enter_context(socket.create_connection((listener.host, listener.port), timeout=_TIMEOUT))
        if tls:
            context = _context()
            context.set_alpn_protocols(["h2"])
            client = stack.enter_context(context.wrap_socket(client))
        client.sendall(sent)
        return _messages(client)
    return ""


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _messages(client: socket.socket) -> str:
    """Return the first data of the stream; nothing when it ends without any."""
    said = b""
    while len(said) < _MOST:
        while len(said) >= 9:
            length, kind, flags = int.from_bytes(said[:3], "big"), said[3], said[4]
            if len(said) < 9 + length:
                break
            payload, said = said[9 : 9 + length], said[9 + length :]
            if kind == 0 and payload.startswith(b"\0"):  # a page of HTTP is no message
                return payload.decode("latin-1")
            if kind in {3, 7} or (kind == 1 and flags & 1):  # reset, gone away, or headers that end the stream
                return ""
            if kind == 4 and not flags & 1:
                client.sendall(_frame(4, 1, 0, b""))
        if not (more := client.recv(65536)):
            return ""
        said += more
    return ""
