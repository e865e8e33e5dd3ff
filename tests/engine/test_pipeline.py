"""The pipelines' one script, from its first stage to its last, against a lab that stands: as a host would run it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from lab.core import paths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engine.laboratory import Laboratory, Result

PASSES = "def test_it_works() -> None:\n    assert True\n"
FAILS = "def test_it_works() -> None:\n    assert False, 'somebody broke it'\n"


@pytest.fixture
def project(standing: Laboratory) -> Iterator[Laboratory]:
    """A lab that stands, whose applications have one quick test, and whose settings ask for something new."""
    tests, settings = standing.project / "apps" / "tests", standing.project / "Pulumi.dev.yaml"
    before = settings.read_text()
    shutil.rmtree(tests)
    tests.mkdir()
    (tests / "test_one.py").write_text(PASSES)
    config = yaml.safe_load(before)
    config["config"]["istio-lab:shop"] = {"delivery": {"replicas": 3}}
    settings.write_text(yaml.safe_dump(config))
    yield standing
    settings.write_text(before)
    shutil.rmtree(tests)
    shutil.copytree(paths.PROJECT / "apps" / "tests", tests)


def job(project: Laboratory, name: str) -> Result:
    """Run the commands of a job of GitHub's, as its machine does: until one fails. What the last stage does is left."""
    workflow = yaml.safe_load((paths.PROJECT / ".github/workflows/shop.yml").read_text(encoding="utf-8"))
    commands = [step["run"] for step in workflow["jobs"][name]["steps"] if "run" in step and "if" not in step]
    return project.run("\n".join(commands))


def replicas(project: Laboratory) -> int:
    return int(project.get("deployment", "delivery", "-n", "shop")["spec"]["replicas"])


def test_a_pull_request_is_tested_and_previewed_to_a_file_and_changes_nothing(project: Laboratory) -> None:
    job(project, "preview").succeeded()
    preview = (project.project / "preview.md").read_text()

    assert "`pulumi preview` of stack `dev`" in preview
    assert "| update | 1 |" in preview
    assert "`shop-delivery`" in preview
    assert "`spec.replicas`" in preview
    assert replicas(project) == 2


def test_main_is_tested_and_deployed(project: Laboratory) -> None:
    said = job(project, "deploy").succeeded().output

    assert "stack dev needs no login" in said
    assert "stack dev has no registry" in said
    assert "The lab stands" in said
    assert replicas(project) == 3


@pytest.mark.parametrize("name", ["preview", "deploy"])
def test_a_failing_test_stops_everything_behind_it(project: Laboratory, name: str) -> None:
    (project.project / "apps" / "tests" / "test_one.py").write_text(FAILS)
    (project.project / "preview.md").unlink(missing_ok=True)
    before = replicas(project)

    result = job(project, name)

    assert result.code != 0
    assert "somebody broke it" in result.output
    assert "a test of the applications failed, so the pipeline ends here" in result.output
    assert "needs no login" not in result.output
    assert not (project.project / "preview.md").exists()
    assert replicas(project) == before
