"""metrics-server as it is started and as the API server knows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from lab.platforms.embedded import metrics_server
from lab.platforms.embedded.ports import LOOPBACK

PORT = 23456


def options() -> dict[str, str]:
    words = metrics_server.command(
        Path("/lab/bin/metrics-server"), kubeconfig=Path("/lab/kubeconfig"), certificates=Path("/lab/pki"), port=PORT
    )
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def objects() -> dict[str, dict[str, Any]]:
    return {each["kind"]: each for each in yaml.safe_load_all(metrics_server.manifest(PORT))}


def test_it_listens_on_loopback_alone() -> None:
    assert (options()["--bind-address"], options()["--secure-port"]) == (LOOPBACK, str(PORT))


def test_the_api_server_passes_questions_on_to_where_it_listens() -> None:
    service, api = objects()["Service"], objects()["APIService"]

    assert api["spec"]["service"] == {**service["metadata"], "port": PORT}
    assert service["spec"] == {"type": "ExternalName", "externalName": LOOPBACK}


def test_it_believes_nobody_but_the_control_planes_own_certificates() -> None:
    assert options()["--kubelet-certificate-authority"] == "/lab/pki/ca.crt"
    assert "--kubelet-insecure-tls" not in options()


def test_it_gives_up_on_an_answer_before_it_asks_again() -> None:
    seconds = {name: int(value.removesuffix("s")) for name, value in options().items() if value.endswith("s")}

    assert seconds["--kubelet-request-timeout"] < seconds["--metric-resolution"], "it does not start otherwise"
