"""Images built in the stack's registry, or by an engine of this machine; both only pretended here."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from lab.core.errors import LabError
from lab.core.progress import Progress
from lab.services.images import build as images
from lab.services.images.engines import Engine
from tests.unit.images.conftest import CONTENT, MARK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.images.conftest import Pretending
    from tests.unit.images.pretended import Pretended

    Put = Callable[..., Pretended]

SAME = "sha256:" + "1" * 64
OTHER = "sha256:" + "2" * 64


def make(stack: Pretending, **given: object) -> images.Built:
    options: dict[str, object] = {"tag": None, "engine": None, "base": None, **given}
    return images.build(stack, "order", Progress(), **options)  # type: ignore[arg-type]


# --- in the registry ---


def test_the_registry_builds_from_the_applications_folder_under_a_tag_of_its_own(
    pretended: Put, azure: Pretending
) -> None:
    programs = pretended("az")

    built = make(azure)

    (command,) = programs.calls("az", "acr", "build")
    assert re.fullmatch(rf"order:\d{{8}}(-dirty)?-{CONTENT[:12]}", built.image)
    assert (built.new, built.local) == (True, False)
    assert f"--registry istiolabdev --subscription {azure.outputs()['azureSubscription']}" in command
    assert "--file order/Dockerfile" in command
    assert f"--image {built.image} --image order:{MARK}" in command
    assert command.endswith(" .")


def test_a_built_tag_can_no_longer_be_written(pretended: Put, azure: Pretending) -> None:
    programs = pretended("az")

    built = make(azure)

    locked = programs.calls("az", "acr", "repository", "update")
    for name in (built.image, f"order:{MARK}"):
        assert [each for each in locked if f"--image {name} --write-enabled false" in each]


def test_the_same_content_is_not_built_twice(pretended: Put, azure: Pretending) -> None:
    programs = pretended("az")
    first = make(azure)

    second = make(azure)

    assert (second.image, second.new) == (first.image, False)
    assert len(programs.calls("az", "acr", "build")) == 1


def test_a_taken_tag_stops_before_anything_is_built(pretended: Put, azure: Pretending) -> None:
    programs = pretended("az")
    programs.hold(order={"v1": OTHER, "content-ffffffffffff": OTHER})

    with pytest.raises(LabError, match="the tag v1 is taken"):
        make(azure, tag="v1")

    assert programs.calls("az", "acr", "build") == []


@pytest.mark.parametrize("tag", ["latest", "v 1"])
def test_a_bad_tag_stops_before_anybody_is_asked(pretended: Put, azure: Pretending, tag: str) -> None:
    programs = pretended("az")

    with pytest.raises(LabError):
        make(azure, tag=tag)

    assert programs.calls() == []


def test_another_base_image_is_another_content(pretended: Put, azure: Pretending) -> None:
    programs = pretended("az")
    make(azure)

    other = make(azure, base="example.test/python:3.13@sha256:0")

    assert other.new
    assert "--build-arg BASE_IMAGE=example.test/python:3.13@sha256:0" in programs.calls("az", "acr", "build")[1]


def test_a_subscription_on_free_credit_is_told_to_build_elsewhere(pretended: Put, azure: Pretending) -> None:
    programs = pretended("az")
    programs.fail(acr_build="ERROR: (TasksOperationsNotAllowed) ACR Tasks requests for the registry are not permitted.")

    with pytest.raises(LabError, match="free credit") as caught:
        make(azure)

    assert "--engine docker" in caught.value.remedy
    assert programs.tags("order") == {}


def test_a_failed_build_chooses_nothing_and_can_be_run_again(pretended: Put, azure: Pretending) -> None:
    programs = pretended("az")
    programs.fail(acr_build="ERROR: failed to run step 3")
    with pytest.raises(LabError, match="failed to run step 3"):
        make(azure)
    assert azure.settings == {}

    programs.fail()

    assert make(azure).new


def test_what_the_builder_says_is_shown(pretended: Put, azure: Pretending, capfd: pytest.CaptureFixture[str]) -> None:
    pretended("az")

    make(azure)

    assert "Step 1/9 : FROM base" in capfd.readouterr().err


def test_an_error_that_is_not_about_a_missing_repository_is_one(pretended: Put, azure: Pretending) -> None:
    programs = pretended("az")
    programs.fail(**{"show-tags": "ERROR: Please run 'az login' to setup account."})

    with pytest.raises(LabError) as caught:
        make(azure)

    assert caught.value.remedy == "az login"
    assert programs.calls("az", "acr", "build") == []


def test_a_stack_on_azure_that_does_not_stand_has_no_registry_yet(pretended: Put, azure: Pretending) -> None:
    pretended("az")
    azure.outputs().clear()

    with pytest.raises(LabError, match="no registry yet") as caught:
        make(azure)

    assert caught.value.remedy == "make up STACK=azure"


# --- on this machine ---


@pytest.mark.parametrize("engine", [Engine.DOCKER, Engine.PODMAN])
def test_an_engine_of_this_machine_builds_and_pushes_to_the_registry(
    pretended: Put, azure: Pretending, engine: Engine
) -> None:
    programs = pretended("az", engine.value)

    built = make(azure, engine=engine)

    (command,) = programs.calls(engine.value, "build")
    pushed = [each.rsplit(" ", 1)[-1] for each in programs.calls(engine.value, "push")]
    assert f"--tag istiolabdev.azurecr.io/{built.image}" in command
    assert pushed == [f"istiolabdev.azurecr.io/{name}" for name in (built.image, f"order:{MARK}")]
    assert len(programs.calls("az", "acr", "repository", "update")) == 2
    assert make(azure, engine=engine).new is False


def test_the_token_of_the_registry_is_on_no_command_line(pretended: Put, azure: Pretending) -> None:
    programs = pretended("az", "docker")

    make(azure, engine=Engine.DOCKER)

    assert (programs.folder / "token").read_text() == "the-token"
    assert [each for each in programs.calls() if "the-token" in each] == []


def test_without_a_registry_the_image_stays_on_this_machine(pretended: Put, embedded: Pretending) -> None:
    programs = pretended("docker")

    built = make(embedded)

    assert (built.new, built.local, built.where) == (True, True, "docker on this machine")
    assert programs.calls("docker", "push") == []
    assert make(embedded).new is False


def test_without_registry_and_engine_it_is_said_what_can_be_done(pretended: Put, embedded: Pretending) -> None:
    pretended()

    with pytest.raises(LabError, match="simulated and need no image") as caught:
        make(embedded)

    assert "stack on azure" in caught.value.remedy


def test_a_registry_that_is_not_there_cannot_build(pretended: Put, embedded: Pretending) -> None:
    pretended("docker")

    with pytest.raises(LabError, match="has no registry"):
        make(embedded, engine=Engine.ACR)


def test_a_chosen_engine_must_be_there(pretended: Put, embedded: Pretending) -> None:
    pretended("docker")

    with pytest.raises(LabError, match="podman is not on PATH"):
        make(embedded, engine=Engine.PODMAN)


def test_an_engine_that_fails_has_changed_nothing(pretended: Put, embedded: Pretending) -> None:
    programs = pretended("docker")
    programs.fail(docker_build="no space left on device")

    with pytest.raises(LabError, match="docker could not build order"):
        make(embedded)

    assert programs.tags("order") == {}


# --- listing, and the way back ---


def test_the_labs_own_marks_are_not_listed(pretended: Put, azure: Pretending) -> None:
    pretended("az").hold(order={"v2": OTHER, MARK: SAME, "v1": SAME})

    assert [each.tag for each in images.stored(azure, "order", Progress())] == ["v2", "v1"]


def test_nothing_is_listed_where_nobody_has_built(pretended: Put, azure: Pretending) -> None:
    pretended("az")

    assert images.stored(azure, "order", Progress()) == []


def test_a_former_tag_is_the_way_back(pretended: Put, azure: Pretending) -> None:
    pretended("az").hold(order={"v2": OTHER, "v1": SAME})

    assert images.use(azure, "order", "v1", Progress()) == "order:v1"
    assert azure.settings == {"shop.order.image": "order:v1"}


@pytest.mark.parametrize(("tag", "said"), [("v3", "there are: v2, v1"), ("latest", "another image tomorrow")])
def test_a_tag_that_is_not_there_is_not_chosen(pretended: Put, azure: Pretending, tag: str, said: str) -> None:
    pretended("az").hold(order={"v2": OTHER, "v1": SAME})

    with pytest.raises(LabError, match=said):
        images.use(azure, "order", tag, Progress())

    assert azure.settings == {}


def test_every_command_is_recorded_as_it_was_given(pretended: Put, azure: Pretending) -> None:
    programs = pretended("az")
    make(azure)

    assert json.loads((programs.folder / "calls").read_text().splitlines()[0])[:3] == ["az", "acr", "repository"]


def test_an_image_says_where_its_sources_are_from_and_never_who_got_them(
    pretended: Put, azure: Pretending, tmp_path: Path
) -> None:
    programs = pretended("az")
    for words in (["init", "--quiet"], ["remote", "add", "origin", "https://kim:hunter2@git.example.test/kim/lab.git"]):
        subprocess.run(["/usr/bin/git", "-C", str(tmp_path), *words], check=True)

    make(azure)

    (command,) = programs.calls("az", "acr", "build")
    assert "--build-arg SOURCE=https://git.example.test/kim/lab.git" in command
    assert "hunter2" not in command
