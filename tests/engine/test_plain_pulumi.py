"""Plain Pulumi in a fresh clone: neither `make` nor `lab` ever ran there. Each target, through its whole life."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
import yaml

from lab.core import paths
from tests.engine.laboratory import runs
from tests.engine.plain import PlainPulumi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engine.existing_cluster import ByHand

_DOOR = re.compile(r"### If you know Pulumi\n.*?```sh\n(?P<commands>.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def commands() -> list[list[str]]:
    """The words of the README's commands for people who know Pulumi."""
    found = _DOOR.search((paths.PROJECT / "README.md").read_text())
    assert found
    return [line.split() for line in found["commands"].splitlines()]


@pytest.fixture(scope="module")
def fresh(commands: list[list[str]]) -> Iterator[PlainPulumi]:
    folder = Path(tempfile.mkdtemp(prefix="plain-"))
    clone, *install_and_init, up = commands
    assert clone[:2] == ["git", "clone"]
    assert up == ["pulumi", "up"]
    copy = PlainPulumi.copy_to(folder, virtualenv=None)
    for _, *arguments in install_and_init:
        copy.pulumi(*arguments).succeeded()
    yield copy
    for process in left(copy):
        process.kill()
    shutil.rmtree(folder)


def left(copy: PlainPulumi) -> list[psutil.Process]:
    """Every process that has the copy's folder on its command line."""
    mark = f"{copy.project}/"
    found = psutil.process_iter(["cmdline"])
    return [each for each in found if any(mark in word for word in each.info["cmdline"] or ()) and runs(each)]


def test_a_preview_starts_no_process_and_says_what_up_will_make(fresh: PlainPulumi, tmp_path: Path) -> None:
    starts = tmp_path / "starts"

    preview = fresh.noting_starts(starts).pulumi("preview", "--stack", "dev").succeeded().output

    assert starts.read_text() == ""
    assert re.search(r"\+ \d\d+ to create", preview)
    assert "Traceback" not in preview


def test_it_stands_by_plain_pulumi_and_leaves_nothing(fresh: PlainPulumi) -> None:
    fresh.pulumi("up", "--yes", "--skip-preview", "--stack", "dev").succeeded()
    fresh.pulumi("up", "--yes", "--stack", "dev", "--expect-no-changes").succeeded()
    outputs = json.loads(fresh.pulumi("stack", "output", "--json", "--stack", "dev").succeeded().output)
    fresh.pulumi("refresh", "--yes", "--stack", "dev").succeeded()
    fresh.pulumi("preview", "--stack", "dev", "--expect-no-changes").succeeded()
    stood = len(left(fresh))
    fresh.pulumi("destroy", "--yes", "--stack", "dev").succeeded()

    assert outputs["kubeconfig"] == "[secret]"
    assert outputs["bookinfoUrl"] in outputs["README"]
    assert "pulumi destroy" in outputs["README"]
    assert stood >= 8
    assert left(fresh) == []
    assert not (fresh.project / ".lab" / "stacks" / "dev").exists()
    audit = fresh.run(".venv/bin/python", "-m", "lab", "audit").succeeded()
    assert "clean" in audit.output


def test_a_wrong_setting_is_one_line_of_the_engine(fresh: PlainPulumi) -> None:
    fresh.pulumi("config", "set", "--stack", "dev", "--path", "istio-lab:nodes.count", "0").succeeded()

    refused = fresh.pulumi("preview", "--stack", "dev")

    fresh.pulumi("config", "rm", "--stack", "dev", "--path", "istio-lab:nodes.count").succeeded()
    fresh.pulumi("config", "rm", "--stack", "dev", "istio-lab:nodes").succeeded()
    assert refused.code
    assert "nodes.count" in refused.output
    assert "Traceback" not in refused.output


def test_an_artifact_that_cannot_be_had_is_one_message_with_a_remedy(fresh: PlainPulumi, tmp_path: Path) -> None:
    alone = fresh.with_environment(ISTIO_LAB_CACHE=str(tmp_path), ISTIO_LAB_HOME=str(tmp_path / "lab"), PATH="/bin")

    refused = alone.pulumi("preview", "--stack", "dev")

    assert refused.code
    assert "No source has" in refused.output
    assert "HTTPS_PROXY" in refused.output
    assert "Traceback" not in refused.output


def test_the_same_on_a_cluster_that_was_there_before(fresh: PlainPulumi, by_hand: ByHand, tmp_path: Path) -> None:
    cluster = {"file": str(by_hand.kubeconfig), "context": "kwok-lab", "purgeCrds": True}
    settings = {"istio-lab:target": "kubeconfig", "istio-lab:kubeconfig": cluster}
    (fresh.project / "Pulumi.mine.yaml").write_text(yaml.safe_dump({"config": settings}))
    fresh.pulumi("stack", "init", "mine").succeeded()
    before, starts = by_hand.objects(), tmp_path / "starts"

    fresh.noting_starts(starts).pulumi("preview", "--stack", "mine").succeeded()
    fresh.pulumi("up", "--yes", "--skip-preview", "--stack", "mine").succeeded()
    fresh.pulumi("up", "--yes", "--stack", "mine", "--expect-no-changes").succeeded()
    fresh.pulumi("refresh", "--yes", "--stack", "mine").succeeded()
    fresh.pulumi("destroy", "--yes", "--stack", "mine").succeeded()

    assert starts.read_text() == ""
    assert by_hand.objects() == before
    assert left(fresh) == []
