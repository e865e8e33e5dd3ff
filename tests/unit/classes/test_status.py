"""How each student's lab is: what the last run left, beside what a cluster that only pretends says."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from lab.adapters.stack import Stack
from lab.cli import class_tables
from lab.core import paths
from lab.services.classes import status, workspace
from lab.services.classes.plan import StackRecord, State
from lab.services.classes.roster import Roster
from lab.services.classes.status import Status
from tests.unit.pretended_kubectl import PretendedKubectl

if TYPE_CHECKING:
    from pathlib import Path

PLATFORM = "ws26-platform"


def roster(**more: object) -> Roster:
    given = {"class": "ws26", "students": [{"id": "anna"}, {"id": "bo"}], **more}
    return Roster.model_validate(given, by_alias=True)


def pods(**namespaces: tuple[int, int]) -> dict[str, Any]:
    """So many Pods that are ready, and so many that are not, by namespace with underscores."""
    return {
        "items": [
            {
                "metadata": {"namespace": namespace.replace("_", "-")},
                "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
            }
            for namespace, (up, down) in namespaces.items()
            for ready in ["True"] * up + ["False"] * down
        ]
    }


def left(stack: str, state: State = State.STANDS, **more: Any) -> None:  # noqa: ANN401 - the record's
    """Leave a record as a run does."""
    paths.class_workspace(stack).mkdir(parents=True, exist_ok=True)
    workspace.save(StackRecord(stack=stack, classroom="ws26", student="", name="", state=state, **more))


def stands(stack: str) -> None:
    """Leave credentials of a cluster."""
    Stack(stack).directory.mkdir(parents=True)
    Stack(stack).kubeconfig.touch()


@pytest.fixture(autouse=True)
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PretendedKubectl:
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "home"))
    pretended = PretendedKubectl(tmp_path / "kubectl")
    monkeypatch.setattr("lab.adapters.kubectl.program", lambda: pretended.file)
    return pretended


def test_a_class_that_nobody_has_begun_is_new_and_nobody_is_asked(kubectl: PretendedKubectl) -> None:
    found = status.look(roster())

    assert [(each.stack, each.student, each.state, each.well) for each in found] == [
        (PLATFORM, "", "not begun", False),
        ("student-anna", "anna", "not begun", False),
        ("student-bo", "bo", "not begun", False),
    ]
    assert kubectl.calls == []


def test_every_student_has_the_pods_of_their_own_namespaces_and_the_cluster_all(kubectl: PretendedKubectl) -> None:
    kubectl.answers("get pods", pods(anna_shop=(3, 0), anna_default=(1, 0), bo_shop=(2, 1), istio_system=(4, 0)))
    stands(PLATFORM)
    for stack in (PLATFORM, "student-anna", "student-bo"):
        left(stack, seconds=7.5)
    cluster, anna, bo = status.look(roster())

    assert (cluster.ready, cluster.pods, cluster.well) == (10, 11, False)
    assert (anna.ready, anna.pods, anna.well, anna.state, anna.seconds) == (4, 4, True, "stands", 7.5)
    assert (bo.ready, bo.pods, bo.well, bo.state) == (2, 3, False, "stands")
    assert len(kubectl.calls) == 1


def test_students_with_a_cluster_each_are_asked_for_apart(kubectl: PretendedKubectl) -> None:
    kubectl.answers("get pods", pods(shop=(3, 0), istio_system=(1, 0)))
    stands("student-bo")
    left("student-anna")
    left("student-bo")
    anna, bo = status.look(roster(tenancy="cluster"))

    assert (anna.state, anna.well) == ("does not answer", False)
    assert (bo.ready, bo.pods, bo.well) == (4, 4, True)


def test_a_pod_that_has_done_its_work_is_not_missed(kubectl: PretendedKubectl) -> None:
    found = pods(anna_shop=(2, 1))
    found["items"][-1]["status"]["phase"] = "Succeeded"
    kubectl.answers("get pods", found)
    stands(PLATFORM)
    left("student-anna")

    assert (status.look(roster())[1].pods, status.look(roster())[1].well) == (2, True)


def test_a_pod_of_which_nothing_is_known_yet_is_not_ready(kubectl: PretendedKubectl) -> None:
    kubectl.answers("get pods", {"items": [{"metadata": {"namespace": "anna-shop"}, "status": {}}]})
    stands(PLATFORM)
    left("student-anna")

    assert (status.look(roster())[1].ready, status.look(roster())[1].pods) == (0, 1)


STATES = {
    "stands": (State.STANDS, True, "stands", True),
    "stands, and the cluster is down": (State.STANDS, False, "does not answer", False),
    "cut off": (State.UNFINISHED, True, "unfinished", False),
    "cut off, and the cluster is down": (State.UNFINISHED, False, "unfinished", False),
    "taken down": (State.GONE, True, "not begun", False),
}


@pytest.mark.parametrize(("state", "answers", "told", "well"), STATES.values(), ids=STATES)
def test_the_state_is_what_the_last_run_left_unless_nobody_answers(
    kubectl: PretendedKubectl, state: State, *, answers: bool, told: str, well: bool
) -> None:
    kubectl.answers("get pods", pods(anna_shop=(1, 0)) if answers else "connection refused", code=not answers)
    stands(PLATFORM)
    left("student-anna", state, error="it failed" if state is State.UNFINISHED else "")
    anna = status.look(roster())[1]

    assert (anna.state, anna.well) == (told, well)
    assert anna.error == ("it failed" if state is State.UNFINISHED else "")


ROWS = [
    Status(stack=PLATFORM, student="", state="stands", ready=211, pods=212, seconds=1061.2),
    Status(stack="student-a", student="a234567890123456789z", state="does not answer", seconds=8.9),
    Status(stack="student-b", student="bo", state="stands", ready=14, pods=14, seconds=7.04, well=True),
    Status(stack="student-c", student="c", state="unfinished", error="[red]0 of 2[/red] Pods: " + "not ready " * 20),
    Status(stack="student-d", student="d", state="not begun"),
]


def drawn() -> list[str]:
    out = io.StringIO()
    Console(file=out, width=80, color_system=None).print(class_tables.status_table(ROWS))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_the_table_fits_in_80_columns_with_all_of_what_went_wrong() -> None:
    lines = drawn()
    tail = "".join(line[-40:] for line in lines)

    assert max(len(line) for line in lines) <= 80
    assert "[red]" in "".join(lines)
    assert tail.count("ready") >= 20


def test_the_table_says_how_each_is() -> None:
    lines = drawn()

    assert lines[1].split() == ["(shared", "cluster)", "stands", "211", "of", "212", "1061.2", "s"]
    assert lines[2].split() == ["a234567890123456789z", "does", "not", "answer", "8.9", "s"]
    assert lines[3].split() == ["bo", "stands", "14", "of", "14", "7.0", "s"]
    assert lines[-1].split() == ["d", "not", "begun"]


def test_programs_get_every_part_of_it() -> None:
    assert ROWS[2].as_json() == {
        "stack": "student-b",
        "student": "bo",
        "state": "stands",
        "ready": 14,
        "pods": 14,
        "seconds": 7.04,
        "error": "",
        "well": True,
    }
