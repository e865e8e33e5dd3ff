"""What is written down about a lab while its state still knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from lab.core import paths
from lab.core.errors import LabError
from lab.services.audit import record
from lab.services.audit.record import LabRecord
from tests.unit.audit.conftest import resource

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.audit.conftest import PretendedStack

SUBSCRIPTION = "5a0c1a4e-7d1b-4c0a-9b1f-2f6f0f8b6f11"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/istio-lab-kim-0a1b2c"

PULUMIS_OWN = [
    resource("pulumi:pulumi:Stack", "istio-lab-kim", custom=False),
    resource("pulumi:providers:kubernetes", "kubernetes"),
    resource("istio-lab:platform:Azure", "azure", custom=False),
]
EMBEDDED = resource(
    "pulumi-python:dynamic/embedded:ControlPlane",
    "control-plane",
    outputs={"ports": {"etcd": 20001, "kube_apiserver": 20002.0, "prometheus": 0}},
)
AZURE = [
    resource("azure-native:resources:ResourceGroup", "resource-group", id=GROUP),
    resource(
        "azure-native:containerservice:ManagedCluster",
        "cluster",
        outputs={"nodeResourceGroup": "istio-lab-kim-0a1b2c-nodes"},
    ),
    resource("azure-native:managedidentity:UserAssignedIdentity", "kubelet", outputs={"principalId": "p1"}),
]


def kubeconfig(file: Path, server: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump({"clusters": [{"name": "lab", "cluster": {"server": server}}]}))
    return file


def test_what_is_only_pulumis_own_stands_nowhere(stack: PretendedStack) -> None:
    stack.resources = [*PULUMIS_OWN, EMBEDDED]

    assert record.resources(stack.export()) == ["control-plane"]


def test_the_ports_are_those_of_the_state(stack: PretendedStack) -> None:
    stack.resources = [*PULUMIS_OWN, EMBEDDED]
    kubeconfig(stack.kubeconfig, "https://127.0.0.1:20002")

    record.before_down(stack, stack.export())

    assert record.last(stack) == LabRecord(
        server="https://127.0.0.1:20002", ports={"etcd": 20001, "kube_apiserver": 20002}
    )


def test_the_groups_and_the_identities_on_azure_are_those_of_the_state(stack: PretendedStack) -> None:
    stack.resources = AZURE

    record.before_down(stack, stack.export())

    assert record.last(stack) == LabRecord(
        subscription=SUBSCRIPTION,
        groups=("istio-lab-kim-0a1b2c", "istio-lab-kim-0a1b2c-nodes"),
        principals=("p1",),
    )


def test_the_last_record_stays_when_the_state_is_empty(stack: PretendedStack) -> None:
    stack.resources = [EMBEDDED]
    record.before_down(stack, stack.export())
    stack.resources = PULUMIS_OWN

    record.before_down(stack, stack.export())

    found = record.last(stack)
    assert found is not None
    assert found.ports


def test_a_record_is_its_owners_alone_and_a_broken_one_is_none(stack: PretendedStack) -> None:
    assert record.last(stack) is None
    stack.resources = [EMBEDDED]
    record.before_down(stack, stack.export())
    file = paths.home() / "audit" / "kim.json"

    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text("{")
    assert record.last(stack) is None


def test_credentials_of_the_same_server_are_swept_and_no_others(stack: PretendedStack) -> None:
    stack.resources = [EMBEDDED]
    kubeconfig(stack.kubeconfig, "https://127.0.0.1:2000")
    record.before_down(stack, stack.export())
    own = kubeconfig(paths.temporary_dir() / "kubeconfig1", "https://127.0.0.1:2000")
    others = kubeconfig(paths.temporary_dir() / "kubeconfig2", "https://127.0.0.1:20002")
    broken = paths.temporary_dir() / "kubeconfig3"
    broken.write_text("{")

    record.sweep(stack)

    assert not own.exists()
    assert others.exists()
    assert broken.exists()


def test_nothing_is_swept_when_nobody_knows_the_server(stack: PretendedStack) -> None:
    broken = paths.temporary_dir() / "kubeconfig3"
    broken.write_text("{")
    stack.resources = AZURE
    record.before_down(stack, stack.export())

    record.sweep(stack)

    assert broken.exists()


@pytest.mark.parametrize("state", ["", "[]", "{}", '{"deployment": {"resources": [7]}}'])
def test_a_state_that_is_none_is_refused(state: str) -> None:
    with pytest.raises(LabError, match="state cannot be read"):
        record.resources(state)
