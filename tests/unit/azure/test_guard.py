"""What an update may not take away without a clear word. The previews were recorded from the real engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab.core.errors import LabError
from lab.services.guard import GUARDED, losses, require_no_loss, require_same_subscription

MINE = "5a0c1a4e-7d1b-4c0a-9b1f-2f6f0f8b6f11"
OTHER = "0b9e6f33-3c55-4f1e-8a52-d8c94f1f7a22"


def recorded(name: str) -> str:
    return (Path(__file__).parent / "recorded" / name).read_text()


def preview(*steps: dict[str, Any], **more: object) -> str:
    return json.dumps({"steps": steps, "duration": 1, "changeSummary": {"same": 1}} | more)


def step(
    op: str, kind: str = GUARDED[0], *, parents: str = "istio-lab:platform:Azure$", **more: object
) -> dict[str, Any]:
    return {"op": op, "urn": f"urn:pulumi:kim::istio-lab::{parents}{kind}::lab", "detailedDiff": None, **more}


def told(text: str) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(loss.name, loss.operation, loss.properties) for loss in losses(text)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("preview-create.json", []),
        ("preview-same.json", []),
        ("preview-replace.json", [("one", "replace", ("a", "nest"))]),
        ("preview-update-and-delete.json", [("two", "delete", ())]),
        ("preview-streamed.jsonl", [("one", "replace", ("a",)), ("two", "delete", ())]),
    ],
)
def test_what_the_engine_would_delete_or_replace_is_found(name: str, expected: list[object]) -> None:
    assert told(recorded(name)) == expected


@pytest.mark.parametrize(
    "kind",
    [
        "azure-native:containerservice:ManagedCluster",
        "azure-native:containerregistry:Registry",
        "azure-native:resources:ResourceGroup",
    ],
)
@pytest.mark.parametrize(
    "op",
    [
        "delete",
        "replace",
        "create-replacement",
        "delete-replaced",
        "discard",
        "discard-replaced",
        "read-replacement",
        "import-replacement",
        "remove-pending-replace",
        "something-new",
    ],
)
def test_every_way_to_lose_a_guarded_resource_is_refused(kind: str, op: str) -> None:
    with pytest.raises(LabError) as refused:
        require_no_loss(preview(step(op, kind)), stack="kim", allowed=False)

    assert f"{kind} lab: {op}" in refused.value.message


@pytest.mark.parametrize("op", ["same", "create", "update", "read", "refresh", "import"])
def test_what_takes_nothing_away_passes(op: str) -> None:
    assert require_no_loss(preview(step(op)), stack="kim", allowed=False) == ()


@pytest.mark.parametrize(
    "kind", ["azure-native:containerservice:AgentPool", "kubernetes:core/v1:Namespace", "pulumi:providers:azure-native"]
)
def test_other_resources_may_be_replaced(kind: str) -> None:
    assert losses(preview(step("replace", kind), step("delete", kind, parents=f"{GUARDED[0]}$"))) == ()


def test_a_guarded_resource_without_a_parent_is_guarded_too() -> None:
    assert told(preview(step("delete", parents=""))) == [("lab", "delete", ())]


def test_the_message_names_causes_and_both_ways_out() -> None:
    text = preview(step("replace", replaceReasons=["location", "dnsPrefix"]))

    with pytest.raises(LabError) as refused:
        require_no_loss(text, stack="kim", allowed=False)

    assert "azure-native:containerservice:ManagedCluster lab: replace because of location, dnsPrefix" in str(
        refused.value
    )
    assert "undo the change in Pulumi.kim.yaml" in refused.value.remedy
    assert "lab up --allow-replace" in refused.value.remedy


def test_when_it_is_allowed_what_will_be_lost_is_told() -> None:
    found = require_no_loss(preview(step("replace", replaceReasons=["location"])), stack="kim", allowed=True)

    assert [str(loss) for loss in found] == [f"{GUARDED[0]} lab: replace because of location"]


@pytest.mark.parametrize(
    ("more", "properties"),
    [
        (
            {
                "replaceReasons": ["networkProfile"],
                "detailedDiff": {
                    "networkProfile.podCidr": {"kind": "update-replace", "inputDiff": False},
                    "tags.owner": {"kind": "update", "inputDiff": False},
                    "networkProfile.dnsServiceIP": {"kind": "delete-replace", "inputDiff": False},
                },
            },
            ("networkProfile.podCidr", "networkProfile.dnsServiceIP"),
        ),
        ({"replaceReasons": ["location"], "diffReasons": ["location", "tags"]}, ("location",)),
        ({"replaceReasons": ["a", "a"], "detailedDiff": {"tags": {"kind": "update"}}}, ("a",)),
        ({"diffReasons": ["tags"]}, ("tags",)),
        ({}, ()),
    ],
)
def test_the_most_exact_causes_are_told(more: dict[str, object], properties: tuple[str, ...]) -> None:
    assert told(preview(step("replace") | more)) == [("lab", "replace", properties)]


def test_a_preview_that_failed_is_no_clearance() -> None:
    with pytest.raises(LabError, match="pulumi preview failed: error: Program failed"):
        losses(recorded("preview-failed.json"))


def test_a_stream_that_tells_an_error_is_no_clearance() -> None:
    error = {"diagnosticEvent": {"severity": "error", "message": "no login"}}

    with pytest.raises(LabError, match="pulumi preview failed: no login"):
        losses(f"{recorded('preview-streamed.jsonl')}{json.dumps(error)}\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n",
        "error: no stack",
        "[]",
        "7",
        "{}",
        recorded("preview-replace.json")[:-40],
        recorded("preview-streamed.jsonl")[:3000],
        "\n".join(recorded("preview-streamed.jsonl").splitlines()[:4]),
        recorded("preview-create.json") + "Warning: something",
        preview({"op": "delete"}),
        preview({"urn": "urn", "op": "delete"}),
        preview({"urn": None}),
        '{"steps": [7], "changeSummary": {}}',
        '{"steps": 7, "changeSummary": {}}',
    ],
)
def test_what_is_no_whole_preview_is_no_clearance(text: str) -> None:
    with pytest.raises(LabError, match="the output of pulumi preview --json cannot be read"):
        losses(text)


def test_a_huge_preview_is_read_through() -> None:
    steps = [step("same", "kubernetes:core/v1:Secret", newState={"inputs": {"data": "x" * 1000}}) for _ in range(5000)]

    assert told(preview(*steps, step("delete"))) == [("lab", "delete", ())]


def state(*resources: tuple[str, str]) -> str:
    entries = [{"urn": "urn", "custom": True, "type": kind, "id": found} for kind, found in resources]
    return json.dumps({"version": 3, "deployment": {"manifest": {}, "resources": entries}})


def group(subscription: str) -> tuple[str, str]:
    return "azure-native:resources:ResourceGroup", f"/subscriptions/{subscription}/resourceGroups/rg-kim"


def test_a_lab_of_the_subscription_that_is_logged_in_to_may_be_destroyed() -> None:
    require_same_subscription(state(group(MINE), group(MINE.upper())), MINE)
    require_same_subscription(state(group(MINE)), MINE.upper())


def test_a_lab_of_another_subscription_is_not_destroyed() -> None:
    with pytest.raises(LabError) as refused:
        require_same_subscription(state(group(MINE), group(OTHER)), MINE)

    assert OTHER in refused.value.message
    assert MINE in refused.value.message
    assert refused.value.remedy == f"az account set --subscription {OTHER}"


@pytest.mark.parametrize(
    "resources",
    [
        (),
        (("kubernetes:core/v1:Namespace", "istio-system"),),
        (("kubernetes:core/v1:ConfigMap", f"/subscriptions/{OTHER}/x"),),
        (("azure-native:resources:ResourceGroup", ""),),
        (("azure-native:managedidentity:UserAssignedIdentity", "/subscriptions/short/x"),),
    ],
)
def test_a_state_without_resources_on_azure_passes(resources: tuple[tuple[str, str], ...]) -> None:
    require_same_subscription(state(*resources), MINE)


@pytest.mark.parametrize("missing", ['{"deployment": {}}', '{"deployment": {"resources": null}}'])
def test_an_empty_state_passes(missing: str) -> None:
    require_same_subscription(missing, MINE)


def test_the_stack_itself_and_components_have_no_id_and_pass() -> None:
    entries = [{"urn": "urn", "type": "pulumi:pulumi:Stack"}, {"urn": "urn", "type": "azure-native:x:Y"}]

    require_same_subscription(json.dumps({"deployment": {"resources": entries}}), MINE)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"deployment": null}', '{"deployment": {"resources": [{}]}}', "no"])
def test_a_state_that_cannot_be_read_is_no_clearance(text: str) -> None:
    with pytest.raises(LabError, match="state cannot be read"):
        require_same_subscription(text, MINE)
