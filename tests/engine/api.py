"""The API server as somebody with a kubeconfig asks it, without a process for every request."""

from __future__ import annotations

import json
import ssl
from base64 import b64decode
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import urlsplit

import yaml

_JSON, _PATCH = "application/json", "application/merge-patch+json"
_OK = 300
_PLURALS = {
    "Endpoints": "endpoints",
    "Ingress": "ingresses",
    "NetworkPolicy": "networkpolicies",
    "AuthorizationPolicy": "authorizationpolicies",
    "ServiceEntry": "serviceentries",
    "WorkloadEntry": "workloadentries",
    "Telemetry": "telemetries",
    "PriorityClass": "priorityclasses",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
}


@dataclass(frozen=True)
class Answer:
    """What the API server said; the message is empty if it did what it was asked."""

    body: dict[str, Any]
    message: str


class Api:
    """One connection with one login."""

    def __init__(self, kubeconfig: str) -> None:
        config = yaml.safe_load(kubeconfig)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        context = ssl.create_default_context(cadata=b64decode(cluster["certificate-authority-data"]).decode())
        self._headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        if "client-certificate-data" in user:
            _load(context, user["client-certificate-data"], user["client-key-data"])
        server = urlsplit(cluster["server"])
        self._connection = HTTPSConnection(str(server.hostname), server.port, context=context, timeout=60)

    def close(self) -> None:
        self._connection.close()

    def create(self, new: dict[str, Any], *, really: bool = False) -> Answer:
        return self.ask("POST", path(new), new, really=really)

    def patch(self, where: str, change: dict[str, Any], *, really: bool = False) -> Answer:
        return self.ask("PATCH", where, change, really=really)

    def get(self, where: str) -> Answer:
        return self.ask("GET", where, None, really=True)

    def ask(self, method: str, where: str, body: dict[str, Any] | None, *, really: bool = False) -> Answer:
        headers = {**self._headers, "Content-Type": _PATCH if method == "PATCH" else _JSON}
        url = where if really else f"{where}?dryRun=All"
        self._connection.request(method, url, json.dumps(body) if body is not None else None, headers)
        response = self._connection.getresponse()
        answer = json.loads(response.read())
        return Answer(answer, "" if response.status < _OK else str(answer.get("message") or answer))


def path(new: dict[str, Any], *, named: bool = False) -> str:
    """The collection that an object belongs to, or its own path."""
    version, kind, metadata = new["apiVersion"], new["kind"], new["metadata"]
    prefix = "/apis" if "/" in version else "/api"
    namespace = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    collection = f"{prefix}/{version}{namespace}/{_PLURALS.get(kind, f'{kind.lower()}s')}"
    return f"{collection}/{metadata['name']}" if named else collection


def _load(context: ssl.SSLContext, certificate: str, key: str) -> None:
    with NamedTemporaryFile() as file:
        Path(file.name).write_bytes(b64decode(certificate) + b"\n" + b64decode(key))
        context.load_cert_chain(file.name)
