"""The files of a state: which of them can be used, which copy takes the place of a broken one, and what is said."""

from __future__ import annotations

import gzip
import json
import os
from typing import TYPE_CHECKING

import pytest

from lab.adapters import state_damage
from lab.adapters.checkpoints import UnreadableError
from lab.adapters.state_files import StateFiles, all_of

if TYPE_CHECKING:
    from pathlib import Path

    from lab.adapters.state_damage import Damage

RESOURCE = {"urn": "urn:pulumi:dev::istio-lab::a:b:C::d", "type": "a:b:C"}


def checkpoint(*resources: object, pending: int = 0) -> bytes:
    latest = {"manifest": {}, "resources": list(resources), "pending_operations": [{}] * pending}
    return json.dumps({"version": 3, "checkpoint": {"stack": "organization/istio-lab/dev", "latest": latest}}).encode()


NEW = b'{"version": 3, "checkpoint": {"stack": "organization/istio-lab/dev"}}'
"""The state of a stack that nothing was made of."""


@pytest.fixture
def files(tmp_path: Path) -> StateFiles:
    for kind in ("stacks", "backups", "history"):
        folder = tmp_path / ".pulumi" / kind / "istio-lab"
        folder.mkdir(parents=True)
        if kind != "stacks":
            (folder / "dev").mkdir()
    return StateFiles(root=tmp_path, stack="dev")


def put(files: StateFiles, where: str, content: bytes, *, minutes: int = 0) -> Path:
    """Write a file below the backend's folder, of some minutes after noon."""
    file = files.root / ".pulumi" / where
    file.write_bytes(content)
    os.utime(file, (43200 + 60 * minutes,) * 2)
    return file


def state(files: StateFiles, content: bytes, form: str = "") -> Path:
    return put(files, f"stacks/istio-lab/dev.json{form}", content)


def damage(files: StateFiles, directory: Path, target: str = "embedded") -> Damage | None:
    return state_damage.of(files, directory=directory, target=lambda: target)


@pytest.mark.parametrize("form", ["", ".gz"])
@pytest.mark.parametrize(
    ("content", "resources", "pending"), [(NEW, 0, 0), (checkpoint(RESOURCE), 1, 0), (checkpoint(pending=2), 0, 2)]
)
def test_a_good_state_is_read_in_each_of_its_forms(
    files: StateFiles, form: str, content: bytes, resources: int, pending: int
) -> None:
    state(files, gzip.compress(content) if form else content, form)

    found = files.read()

    assert (found.resources, found.pending) == (resources, pending)
    assert json.loads(found.exported)["version"] == 3


def test_the_stack_and_its_providers_are_no_resources_of_a_lab(files: StateFiles) -> None:
    providers = [{"urn": "x", "type": kind} for kind in ("pulumi:pulumi:Stack", "pulumi:providers:kubernetes")]
    state(files, checkpoint(*providers))

    assert files.read().resources == 0


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (checkpoint(RESOURCE)[:80], "it is cut off"),
        (b"\0" * 9, "it is no JSON (line 1)"),
        (b"<html>", "it is no JSON (line 1)"),
        (b"\xff\xfe\x00", "it is no text"),
        (b"[" * 100_000, "it is no JSON"),
        (gzip.compress(checkpoint(RESOURCE), mtime=0)[:50], "its compressed content is cut off or damaged"),
        (b"\x1f\x8b", "its compressed content is cut off or damaged"),
        *(
            (shape, "it is no checkpoint of a stack")
            for shape in (
                b"{}",
                b"[]",
                b"7",
                b'"text"',
                b'{"version": 3}',
                b'{"version": 9, "checkpoint": {"stack": "x"}}',
                b'{"version": [3], "checkpoint": {"stack": "x"}}',
                b'{"version": 3, "checkpoint": []}',
                b'{"version": 3, "checkpoint": {"stack": 7}}',
                b'{"version": 3, "checkpoint": {"stack": "x", "latest": []}}',
                b'{"version": 3, "checkpoint": {"stack": "x", "latest": {"resources": {}}}}',
                checkpoint("text"),
            )
        ),
        (checkpoint({"urn": 7}), "it has a resource without a name or a type"),
    ],
)
def test_a_broken_state_is_told_by_its_cause(files: StateFiles, tmp_path: Path, content: bytes, cause: str) -> None:
    state(files, content)

    with pytest.raises(UnreadableError) as refused:
        files.read()
    found = damage(files, tmp_path / "lab")

    assert str(refused.value) == cause
    assert found
    assert found.cause == cause


def test_the_newest_form_is_the_state_as_for_pulumi(files: StateFiles) -> None:
    put(files, "stacks/istio-lab/dev.json", NEW)
    newer = put(files, "stacks/istio-lab/dev.json.gz", gzip.compress(NEW), minutes=1)

    assert files.file == newer
    assert [each.stack for each in all_of(files.root)] == ["dev"]


def test_the_newest_copy_that_can_be_read_is_restored_and_the_broken_state_is_kept(files: StateFiles) -> None:
    broken = state(files, b"")
    put(files, "stacks/istio-lab/dev.json.bak", checkpoint(), minutes=1)
    copy = put(files, "history/istio-lab/dev/dev-17.checkpoint.json.gz", gzip.compress(checkpoint(RESOURCE)), minutes=2)
    put(files, "history/istio-lab/dev/dev-17.history.json", b"{}", minutes=3)
    put(files, "backups/istio-lab/dev/dev.18.json", checkpoint(RESOURCE)[:50], minutes=4)

    found = files.backup()
    assert found
    kept = files.restore(found)

    assert found.file == copy
    assert files.read().resources == 1
    assert kept == broken.with_name("dev.json.unreadable")
    assert kept.read_bytes() == b""
    assert oct(files.file.stat().st_mode & 0o777) == oct(0o600)


def test_a_state_that_is_put_aside_is_neither_a_state_nor_a_copy(files: StateFiles) -> None:
    state(files, checkpoint(RESOURCE))
    state(files, gzip.compress(checkpoint(RESOURCE)), ".gz")

    files.forget()

    assert not files.file.exists()
    assert files.backup() is None
    assert list(all_of(files.root)) == []


@pytest.mark.parametrize(
    ("target", "content", "remedy"),
    [
        ("embedded", b"{", "make down && make up"),
        ("azure", b"{", "lab audit"),
        ("shared", b"{", "lab audit"),
        ("embedded", b'{"azure-native:resources:ResourceGroup"', "lab audit"),
        ("embedded", b'{"pulumi-python:dynamic/kubeconfig:ExistingCluster"', "lab audit"),
    ],
)
def test_the_way_out_of_a_broken_state_depends_on_whether_there_is_a_copy_and_where_the_lab_is(
    files: StateFiles, tmp_path: Path, target: str, content: bytes, remedy: str
) -> None:
    state(files, content)
    without = damage(files, tmp_path / "lab", target)
    put(files, "stacks/istio-lab/dev.json.bak", checkpoint(RESOURCE))
    with_copy = damage(files, tmp_path / "lab", target)

    assert without
    assert with_copy
    assert without.error("dev", "").remedy.endswith(remedy)
    assert "There is no backup" in without.error("dev", "").message
    assert with_copy.error("kim", " STACK=kim").remedy.endswith("make recover STACK=kim")
    assert "There is a backup with 1 resources" in with_copy.error("dev", "").message


@pytest.mark.parametrize(
    ("copy", "stands", "target", "lost"),
    [
        (b"", False, "embedded", False),
        (b"", True, "embedded", True),
        (checkpoint(), False, "azure", False),
        (checkpoint(RESOURCE), False, "embedded", False),
        (checkpoint(RESOURCE), True, "embedded", True),
        (checkpoint(RESOURCE), False, "azure", True),
    ],
)
def test_a_state_is_lost_only_where_a_lab_stood(  # noqa: PLR0913 - a table
    files: StateFiles, tmp_path: Path, copy: bytes, target: str, *, stands: bool, lost: bool
) -> None:
    put(files, "stacks/istio-lab/dev.json.bak", copy)
    if stands:
        (tmp_path / "lab").mkdir()
        (tmp_path / "lab" / "kwokctl.yaml").touch()

    found = damage(files, tmp_path / "lab", target)

    assert (found is not None) is lost
    assert found is None or found.cause == "it is not there"


def test_a_lab_whose_state_another_backend_keeps_is_not_lost(files: StateFiles, tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "kwokctl.yaml").touch()
    assert damage(files, folder, "embedded")

    (folder / "backend").write_text("file:///somebody/else")

    assert damage(files, folder, "embedded") is None
