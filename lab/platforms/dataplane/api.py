"""The API server as the agent asks it: a process of kubectl for each request would be too slow."""

from __future__ import annotations

import base64
import ssl
import tempfile
from pathlib import Path

import httpx
import yaml

_TIMEOUT = 5.0
"""Seconds for an answer; a few milliseconds are usual."""


def client(kubeconfig: Path) -> httpx.AsyncClient:
    """Prepare the connection; the kubeconfig contains its certificates."""
    config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(cadata=_decoded(cluster, "certificate-authority-data"))
    with tempfile.TemporaryDirectory() as folder:  # only files can be loaded
        certificate, key = Path(folder) / "certificate", Path(folder) / "key"
        certificate.write_text(_decoded(user, "client-certificate-data"))
        key.touch(0o600)
        key.write_text(_decoded(user, "client-key-data"))
        context.load_cert_chain(certificate, key)
    return httpx.AsyncClient(base_url=cluster["server"], verify=context, timeout=_TIMEOUT, trust_env=False)


def _decoded(part: dict[str, str], key: str) -> str:
    return base64.b64decode(part[key]).decode()
