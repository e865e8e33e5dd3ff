"""Whether anything is left on Azure. az here only pretends."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from lab.services.audit import record, subscription
from lab.services.audit.finding import AuditVerdict
from tests.unit.audit.test_record import AZURE, SUBSCRIPTION
from tests.unit.azure.support import ACCOUNT, FakeAz

if TYPE_CHECKING:
    from pathlib import Path

    from lab.services.audit.finding import Finding
    from tests.unit.audit.conftest import PretendedStack

OWN = {"project": "istio-lab", "stack": "kim"}
GROUP, NODES = "istio-lab-kim-0a1b2c", "istio-lab-kim-0a1b2c-nodes"
SCOPE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups"


@pytest.fixture
def az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeAz:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    pretended = FakeAz(folder / "az")
    pretended.answers("account show", ACCOUNT)
    pretended.answers(
        "group list", [group("somebodys"), group("istio-lab-kim-2-0a1b2c", tags={**OWN, "stack": "kim-2"})]
    )
    pretended.answers("resource list", [])
    pretended.answers("role assignment list", [])
    return pretended


def group(name: str, *, tags: dict[str, str] | None = None, managed_by: str | None = None) -> dict[str, object]:
    return {"name": name, "managedBy": managed_by, "tags": tags}


def assignment(scope: str, principal: str, name: str | None = "") -> dict[str, object]:
    id_ = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{principal}"
    return {"id": id_, "scope": scope, "principalId": principal, "principalName": name, "role": "AcrPull"}


def findings(stack: PretendedStack) -> dict[str, Finding]:
    return {each.looked_at: each for each in subscription.examine(stack)}


def left(stack: PretendedStack) -> dict[str, tuple[str, ...]]:
    return {name: each.left for name, each in findings(stack).items() if each.verdict is AuditVerdict.LEFT}


def was_there(stack: PretendedStack) -> None:
    """A lab that stood on Azure and was taken down."""
    stack.resources = AZURE
    record.before_down(stack, stack.export())
    stack.resources = []


def test_a_subscription_with_other_peoples_things_is_clean(stack: PretendedStack, az: FakeAz) -> None:
    was_there(stack)
    az.answers("resource list", [{"id": "/x", "tags": {**OWN, "stack": "kim-2"}}])
    az.answers("role assignment list", [assignment(f"{SCOPE}/somebodys", "p9", "lee")])

    assert left(stack) == {}
    assert {each.verdict for each in findings(stack).values()} == {AuditVerdict.CLEAN}


@pytest.mark.parametrize("recorded", [True, False])
def test_both_resource_groups_are_found_with_and_without_a_record(
    stack: PretendedStack, az: FakeAz, *, recorded: bool
) -> None:
    if recorded:
        was_there(stack)
    az.answers("group list", [group(GROUP), group(NODES), group("somebodys")])

    assert left(stack) == {"resource group": (GROUP,), "resource group of the nodes": (NODES,)}
    remedy = findings(stack)["resource group"].remedy
    assert remedy == f"az group delete --subscription {SUBSCRIPTION} --name {GROUP}"


def test_what_the_record_names_is_found_whatever_it_is_called(stack: PretendedStack, az: FakeAz) -> None:
    stack.resources = [{**AZURE[0], "id": f"{SCOPE}/called-otherwise"}]
    record.before_down(stack, stack.export())
    az.answers("group list", [group("called-otherwise"), group("somebodys")])

    assert left(stack) == {"resource group": ("called-otherwise",)}


def test_groups_are_found_by_their_tags_and_by_the_cluster_that_manages_them(stack: PretendedStack, az: FakeAz) -> None:
    cluster = (
        f"/subscriptions/{SUBSCRIPTION}/resourcegroups/Course/providers/Microsoft.ContainerService/managedClusters/a"
    )
    az.answers("group list", [group("MC_course_a_westeurope", managed_by=cluster), group("course", tags=OWN)])

    assert left(stack) == {"resource group": ("course",), "resource group of the nodes": ("MC_course_a_westeurope",)}


def test_what_has_the_labs_tags_is_found_wherever_it_is(stack: PretendedStack, az: FakeAz) -> None:
    az.answers(
        "resource list", [{"id": f"{SCOPE}/other/providers/Microsoft.Network/publicIPAddresses/ip", "tags": OWN}]
    )

    assert left(stack) == {
        "resources with its tags": (f"{SCOPE}/other/providers/Microsoft.Network/publicIPAddresses/ip",)
    }


def test_a_role_assignment_on_what_was_the_labs_is_left(stack: PretendedStack, az: FakeAz) -> None:
    az.answers("role assignment list", [assignment(f"{SCOPE}/{GROUP.upper()}/providers/x/registries/r", "p5")])

    [told] = left(stack)["role assignments"]
    assert told.startswith("AcrPull for p5, which is gone on /subscriptions/")


def test_a_role_assignment_of_the_labs_vanished_identity_is_left_wherever_it_is(
    stack: PretendedStack, az: FakeAz
) -> None:
    was_there(stack)
    az.answers("role assignment list", [assignment(f"{SCOPE}/other", "p1"), assignment(f"{SCOPE}/other", "p2", None)])

    found = findings(stack)["role assignments"]

    assert found.left == (f"AcrPull for p1, which is gone on {SCOPE}/other",)
    assert found.note == "1 more in the subscription are of nobody that the directory knows"
    assert found.remedy.endswith("roleAssignments/p1")


def test_whose_a_vanished_principal_was_is_not_guessed(stack: PretendedStack, az: FakeAz) -> None:
    az.answers("role assignment list", [assignment(f"{SCOPE}/other", "p1")])

    assert findings(stack)["role assignments"].verdict is AuditVerdict.UNSEEN

    was_there(stack)
    az.answers("role assignment list", [assignment(f"{SCOPE}/other", "p7")])
    assert findings(stack)["role assignments"].verdict is AuditVerdict.CLEAN


def test_the_subscription_is_that_of_the_settings_then_the_record_then_the_login(
    stack: PretendedStack, az: FakeAz
) -> None:
    subscription.examine(stack)
    assert len(az.asked(f"group list --subscription {ACCOUNT['id']}")) == 1
    was_there(stack)
    asked = len(az.asked("account show"))
    subscription.examine(stack)
    assert len(az.asked("account show")) == asked

    other = "0b9e6f33-3c55-4f1e-8a52-d8c94f1f7a22"
    stack.configure(target="azure", azure={"subscription": other})
    subscription.examine(stack)

    for question in ("group list", "resource list", "role assignment list"):
        assert len(az.asked(f"{question} --subscription {other}")) == 1
