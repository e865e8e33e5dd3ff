"""A class on Azure: the shared cluster is AKS, as far as the stand-in goes, and students share it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from tests.azure.conftest import Subscription

STUDENTS = ("anna", "ben")
FILE = "class.yaml"
PLATFORM = "ws26-platform"


def test_a_class_stands_on_aks_and_goes_without_a_trace(subscription: Subscription) -> None:
    laboratory = subscription.laboratory
    own = {app: {"image": f"{app}:v1"} for app in ("order", "delivery")}
    roster = {
        "class": "ws26",
        "platform": {"target": "azure", "azure": {"allowedRanges": ["203.0.113.7/32"]}},
        "settings": {"shop": own},
        "students": [{"id": each} for each in STUDENTS],
    }
    (laboratory.project / FILE).write_text(yaml.safe_dump(roster), encoding="utf-8")

    planned = laboratory.lab("class", "plan", FILE).succeeded().output
    assert "USD an hour" in planned

    laboratory.lab("class", "up", FILE, "--yes").succeeded()

    rows = json.loads(laboratory.lab("class", "status", FILE, "--json").succeeded().output)
    assert {row["state"] for row in rows} == {"stands"}
    shared = laboratory.other(PLATFORM)
    namespaces = {each["metadata"]["name"] for each in shared.get("namespaces")["items"]}
    assert {f"{student}-{course}" for student in STUDENTS for course in ("default", "tutorial", "shop")} <= namespaces
    assert '"class": "ws26"' in json.dumps(subscription.store), "Azure's resources carry the name of the class"

    laboratory.lab("class", "down", FILE, "--yes").succeeded()

    laboratory.lab("class", "audit", FILE).succeeded()
