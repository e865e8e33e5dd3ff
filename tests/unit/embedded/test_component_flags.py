"""The flags that close what kwokctl leaves open, on a new control plane and on one of an earlier version."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.platforms.embedded import component_flags
from lab.platforms.embedded.ports import Ports

PORTS = Ports.allocate()
FLAGS = component_flags.flags(Path("/lab/pki"), PORTS)

KWOKCTLS = {
    "etcd": [
        "--name=node0",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{PORTS.etcd_peer}",
        f"--listen-peer-urls=http://127.0.0.1:{PORTS.etcd_peer}",
        f"--advertise-client-urls=http://127.0.0.1:{PORTS.etcd}",
        f"--listen-client-urls=http://127.0.0.1:{PORTS.etcd}",
        f"--initial-cluster=node0=http://127.0.0.1:{PORTS.etcd_peer}",
    ],
    "kube-apiserver": [f"--etcd-servers=http://127.0.0.1:{PORTS.etcd}", "--authorization-mode=Node,RBAC"],
    "kube-controller-manager": ["--bind-address=127.0.0.1", "--secure-port=26001"],
    "kube-scheduler": ["--bind-address=127.0.0.1", "--secure-port=26002"],
    "kwok-controller": ["--manage-all-nodes=true", "--config=/home/kim/istio lab/kwok.yaml"],
}
"""The arguments that kwokctl gives, as far as they matter here."""


def closed(component: str) -> dict[str, str]:
    words = component_flags.applied(component, KWOKCTLS[component], FLAGS)
    return dict(word.removeprefix("--").split("=", 1) for word in words)


def test_etcd_and_its_peers_speak_with_those_who_have_a_certificate_of_the_control_plane() -> None:
    etcd = closed("etcd")

    assert not [value for value in etcd.values() if "http:" in value]
    assert (etcd["client-cert-auth"], etcd["peer-client-cert-auth"]) == ("true", "true")
    assert etcd["trusted-ca-file"] == etcd["peer-trusted-ca-file"] == "/lab/pki/ca.crt"


def test_the_api_server_has_one() -> None:
    server = closed("kube-apiserver")

    assert server["etcd-servers"] == f"https://127.0.0.1:{PORTS.etcd}"
    assert server["etcd-certfile"] == "/lab/pki/admin.crt"
    assert server["authorization-mode"] == "Node,RBAC", "what does not matter here stays"


@pytest.mark.parametrize("component", ["kube-controller-manager", "kube-scheduler"])
def test_nobody_reaches_the_controllers(component: str) -> None:
    assert closed(component)["secure-port"] == "0"


@pytest.mark.parametrize("component", KWOKCTLS)
def test_a_component_of_an_earlier_version_is_told_from_one_that_is_closed(component: str) -> None:
    now = component_flags.applied(component, KWOKCTLS[component], FLAGS)

    assert component_flags.complete(component, now, FLAGS)
    assert not component_flags.complete(component, KWOKCTLS[component], FLAGS)
    assert component_flags.applied(component, now, FLAGS) == now, "closing it again changes nothing"


def test_kwokctl_is_told_to_replace_what_it_sets_itself_and_to_add_the_others() -> None:
    arguments = [patch for patch in component_flags.patches(FLAGS) if "extraArgs" in patch]
    assert arguments
    for patch in arguments:
        component, (argument,) = str(patch["name"]), patch["extraArgs"]
        known = [word.partition("=")[0] for word in KWOKCTLS[component]]

        assert argument["override"] is (f"--{argument['key']}" in known)


def test_the_heap_of_the_api_server_has_a_limit() -> None:
    [patch] = [patch for patch in component_flags.patches(FLAGS) if "extraEnvs" in patch]

    assert patch == {"name": "kube-apiserver", "extraEnvs": [{"name": "GOMEMLIMIT", "value": "450MiB"}]}
