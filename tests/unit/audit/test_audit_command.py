"""What `lab audit` prints, and how it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from lab.cli import app
from lab.cli import audit as commands
from lab.core.errors import LabError
from lab.services import lifecycle
from lab.services.audit.finding import AuditReport, AuditVerdict, Finding
from tests.unit.audit.conftest import resource

if TYPE_CHECKING:
    from tests.unit.audit.conftest import PretendedStack


@pytest.fixture(autouse=True)
def _only_this_stack(stack: PretendedStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "Stack", lambda _: stack)
    monkeypatch.setattr(lifecycle, "prepare", lambda _progress: None)


def audit(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app.app, ["audit", "--stack", "kim", *words])
    if isinstance(result.exception, LabError):
        raise result.exception
    return result.exit_code, result.stdout


def test_nothing_left_ends_with_zero() -> None:
    code, told = audit()

    assert code == 0
    assert "Nothing is left of stack kim." in told


def test_anything_left_ends_with_one_and_names_it(stack: PretendedStack) -> None:
    stack.directory.mkdir(parents=True)

    code, told = audit()

    assert code == 1
    assert "files: lab down --stack kim" in told
    assert "Something is left of stack kim: files." in told


def test_programs_get_everything_that_was_looked_at(stack: PretendedStack) -> None:
    assert json.loads(audit("--json")[1])["clean"] is True
    stack.directory.mkdir(parents=True)

    code, told = audit("--json")

    found = json.loads(told)
    assert (code, found["clean"], found["target"]) == (1, False, "embedded")
    assert [each["looked_at"] for each in found["findings"] if each["verdict"] == "left"] == ["files"]


def test_a_lab_that_stands_is_no_leftover(stack: PretendedStack) -> None:
    stack.resources, stack.last = [resource("kubernetes:core/v1:Namespace", "tutorial")], "update"

    with pytest.raises(LabError) as refused:
        audit()

    assert refused.value.message.startswith("stack kim still stands, with 1 resources")
    assert refused.value.remedy == "make down STACK=kim"


def test_what_a_down_did_not_come_to_is_left(stack: PretendedStack) -> None:
    stack.resources = [resource("kubernetes:core/v1:Namespace", "tutorial")]

    code, told = audit("--json")

    assert code == 1
    assert json.loads(told)["findings"][0]["left"] == ["tutorial"]


def test_a_stack_that_nobody_knows_has_nothing_left(stack: PretendedStack) -> None:
    stack.there = False

    assert audit()[0] == 0


def test_a_state_and_locks_that_cannot_be_seen_are_not_said_to_be_clean(
    stack: PretendedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.there = False
    monkeypatch.setenv("ISTIO_LAB_BACKEND_URL", "s3://team-state")

    found = {each["looked_at"]: each for each in json.loads(audit("--json")[1])["findings"]}

    assert found["state"]["verdict"] == found["locks"]["verdict"] == "not seen"
    assert found["state"]["note"] == "there is no stack kim in ISTIO_LAB_BACKEND_URL=s3://team-state"


def test_a_share_of_another_cluster_says_what_was_not_looked_at(stack: PretendedStack) -> None:
    stack.configure(target="shared")

    code, told = audit("--json")

    assert code == 0
    assert json.loads(told)["findings"][-1]["verdict"] == "not seen"


@pytest.mark.parametrize(
    ("verdict", "clean"),
    [(AuditVerdict.CLEAN, True), (AuditVerdict.KEPT, True), (AuditVerdict.UNSEEN, True), (AuditVerdict.LEFT, False)],
)
def test_only_what_is_left_fails(verdict: AuditVerdict, *, clean: bool) -> None:
    finding = Finding(looked_at="x", verdict=verdict)

    assert AuditReport(stack="kim", target="embedded", findings=(finding,)).clean is clean
