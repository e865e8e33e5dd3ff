"""Classes to export, and what belongs to them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.services.classes import plan
from lab.services.classes.export.operator import OperatorOptions
from lab.services.classes.roster import Roster

if TYPE_CHECKING:
    import pytest

    from lab.services.classes.plan import Plan

GOLDEN = Path(__file__).parent / "golden"
AZURE = {"target": "azure", "azure": {"location": "koreacentral", "entra": False, "allowedRanges": ["203.0.113.0/24"]}}
BACKEND = "azblob://state?storage_account=labstate"
KEY = "azurekeyvault://labvault.vault.azure.net/keys/pulumi"


def planned(**roster: Any) -> Plan:  # noqa: ANN401 - as a class file has it
    """What is done for a class of which nothing stands; the file's own check is somebody else's."""
    return plan.up(Roster.model_validate(roster, by_alias=True, by_name=False), {}, "program")


def shared(count: int = 3, **more: Any) -> Plan:  # noqa: ANN401 - as a class file has it
    """A class on a cluster of Azure: Anna, one who has a group, one with a setting of his own, and so many more."""
    students = [
        {"id": "anna-k", "name": "Anna Kim", "mail": "anna@example.test"},
        {"id": "bo", "name": "Bo", "group": "11111111-2222-3333-4444-555555555555"},
        {"id": "cem", "name": "Cem", "settings": {"shop": {"order": {"replicas": 2}}}},
        *({"id": f"s{number:04}"} for number in range(3, count)),
    ]
    whole = {"class": "ws26", "expires": "2026-12-24", "platform": AZURE, "students": students[:count]}
    return planned(**{**whole, **more})


def apart() -> Plan:
    """A class of two, each with a cluster of Azure."""
    return planned(
        **{"class": "duo", "tenancy": "cluster", "settings": AZURE, "students": [{"id": "on"}, {"id": "dora"}]}
    )


def operator_options(**more: Any) -> OperatorOptions:  # noqa: ANN401 - any of its fields
    given: dict[str, Any] = {
        "repository": "https://git.example.test/course/istio-lab.git",
        "ref": "main",
        "backend": BACKEND,
        "image": "labregistry.azurecr.io/istio-lab-workspace:1",
        "secrets_provider": KEY,
        "credentials": ("lab-azure",),
    }
    return OperatorOptions(**{**given, **more})


def is_as_reviewed(made: str, name: str, request: pytest.FixtureRequest) -> bool:
    """Whether a text is what somebody has reviewed; with --update-golden it is written for review."""
    file = GOLDEN / name
    if request.config.getoption("--update-golden", default=False):
        file.parent.mkdir(exist_ok=True)
        file.write_text(made, encoding="utf-8")
    return made == file.read_text(encoding="utf-8")
