"""Refusals of Azure that another try mends, and how long they are waited for."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from components.platform.azure import propagation
from lab.core import patience
from lab.platforms.azure import races
from tests.unit.recorder import record

ENGINE_LIMIT = 100
"""Tries of an error hook, in Pulumi's engine."""

KUBELET = (
    'Code="CustomKubeletIdentityMissingPermissionError" Message="The cluster user assigned identity must be given '
    "permission to assign kubelet identity /subscriptions/x. Check access result not allowed for action "
    'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action."'
)
LINKED = (
    'Code="LinkedAuthorizationFailed" Message="The client has permission to perform action; however, it does not '
    "have permission to perform 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action' on linked scopes\""
)


@pytest.mark.parametrize(
    ("error", "patient"),
    [
        (KUBELET, patience.PATIENCE),
        ("The cluster using user-assigned managed identity must be granted\n 'Managed Identity Operator' role", 600),
        ("Principal 138d87 does not exist in the directory 5a0c", 600),
        ("FailedIdentityOperation: Identity operation for resource 'x' failed with error 'Bad Request'", 600),
        (LINKED, patience.SHORT),
        ("The Resource 'Microsoft.ContainerRegistry/registries/lab' under resource group 'lab' was not found", 180),
        ('Status=404 Code="ParentResourceNotFound"', 180),
        ("Code=ResourceGroupNotFound", 180),
    ],
)
def test_what_is_over_soon_is_known(error: str, patient: float) -> None:
    race = races.find(error)

    assert race is not None
    assert race.patience == patient


@pytest.mark.parametrize(
    "error",
    [
        'Status=400 Code="QuotaExceeded" Message="exceeding approved Total Regional Cores quota"',
        'Status=403 Code="AuthorizationFailed" Message="does not have authorization to perform action"',
        "The registry DNS name lab.azurecr.io is already in use",
        "cannot create already existing resource '/subscriptions/x'",
        'Code="SkuNotAvailable" Message="The requested VM size is currently not available"',
        "The subscription is not registered to use namespace 'Microsoft.ContainerService'",
        "managed cluster lab is on version 1.30 which is not supported in this region",
    ],
)
def test_what_does_not_end_by_itself_is_not_waited_for(error: str) -> None:
    assert races.find(error) is None


def test_ten_minutes_fit_into_the_engines_tries_with_room() -> None:
    asked, seconds = 0, 0.0
    while seconds <= patience.PATIENCE:
        asked += 1
        seconds += patience.pause(asked)

    assert 60 < asked < ENGINE_LIMIT - 10
    assert min(patience.pause(each) for each in range(1, ENGINE_LIMIT)) >= 3


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.pauses = 0.0, list[float]()
        monkeypatch.setattr(patience, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(asyncio, "sleep", self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def tries(monkeypatch: pytest.MonkeyPatch, error: str, operation: str = "create") -> tuple[int, float]:
    """Let a resource fail until the hook gives up; return the number of its tries and the seconds."""
    hook: Any = record(propagation.retry_until_propagated).hooks["azure-propagation"]
    errors = [error]

    async def fail() -> None:
        while await hook(SimpleNamespace(urn="urn", name="cluster", errors=list(errors), failed_operation=operation)):
            errors.append(error)

    with monkeypatch.context() as patched:
        clock = Clock(patched)
        patched.setattr(pulumi.log, "info", lambda _text: None)
        asyncio.run(fail())
    return len(errors), clock.now


def test_a_role_that_is_late_is_waited_for_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    number, seconds = tries(monkeypatch, KUBELET)

    assert 590 < seconds <= 600
    assert number < ENGINE_LIMIT, "the engine would replace Azure's words by its own"


def test_what_may_be_a_missing_right_is_waited_for_three_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    _, seconds = tries(monkeypatch, LINKED)

    assert 170 < seconds <= 180


def test_another_error_and_a_change_of_what_stands_are_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tries(monkeypatch, "QuotaExceeded") == (1, 0.0)
    assert tries(monkeypatch, LINKED, operation="update") == (1, 0.0)
