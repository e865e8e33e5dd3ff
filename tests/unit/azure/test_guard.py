"""The login must see what `lab down` is to destroy."""

from __future__ import annotations

import json

import pytest

from lab.core.errors import LabError
from lab.services.guard import require_same_subscription

MINE = "5a0c1a4e-7d1b-4c0a-9b1f-2f6f0f8b6f11"
OTHER = "0b9e6f33-3c55-4f1e-8a52-d8c94f1f7a22"


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
