"""Copies of Docker Hub's images: what az is asked, and how a refusal is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.core.errors import LabError
from lab.platforms.azure import imports, races
from lab.platforms.azure.error_catalog import explain
from lab.platforms.azure.imports import Import

if TYPE_CHECKING:
    from tests.unit.azure.support import FakeAz

WANTED = Import(
    registry="istiolabkim",
    group="rg-kim",
    subscription="5a0c1a4e-7d1b-4c0a-9b1f-2f6f0f8b6f11",
    source="library/nginx@sha256:" + "ab" * 32,
    copy="library/nginx:1.29",
)
BROKEN = "ERROR: (InvalidParameters) Operation registries-1f0c failed. Resource /subscriptions/5a0c/providers/x "


def test_az_copies_an_image_from_docker_hub_whether_it_is_there_already_or_not(az: FakeAz) -> None:
    az.answers("acr import")

    imports.run(WANTED)

    [call] = az.asked("acr import")
    assert call.startswith(
        "acr import --name istiolabkim --resource-group rg-kim --subscription 5a0c1a4e-7d1b-4c0a-9b1f-2f6f0f8b6f11 "
        f"--source docker.io/{WANTED.source} --image library/nginx:1.29 --force"
    )


@pytest.mark.parametrize(
    ("complaint", "code", "words"),
    [
        (f'{BROKEN}{{"errors":[{{"code":"TOOMANYREQUESTS"}}]}}', "DockerHubLimit", "pull rate limit"),
        (f'{BROKEN}{{"errors":[{{"code":"MANIFEST_UNKNOWN"}}]}}', "ImageNotFound", f"no image {WANTED.source},"),
    ],
)
def test_a_refusal_names_the_image_and_the_lab_knows_it_again(
    az: FakeAz, complaint: str, code: str, words: str
) -> None:
    az.answers("acr import", error=complaint, code=1)

    with pytest.raises(LabError, match="could not be copied into the registry istiolabkim") as raised:
        imports.run(WANTED)

    assert raised.value.message.startswith(WANTED.source)
    assert raised.value.remedy
    found = explain(f"error: Exception calling application: {raised.value}")
    assert found is not None
    assert found.code == code
    assert words in found.cause
    assert races.find(str(raised.value)) is None


def test_a_registry_that_is_not_known_everywhere_yet_is_worth_another_try(az: FakeAz) -> None:
    missing = (
        "ERROR: (ResourceNotFound) The Resource 'Microsoft.ContainerRegistry/registries/istiolabkim' under resource "
        "group 'rg-kim' was not found."
    )
    az.answers("acr import", error=missing, code=1)

    with pytest.raises(LabError) as raised:
        imports.run(WANTED)

    assert races.find(str(raised.value)) is not None
