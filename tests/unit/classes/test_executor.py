"""Executing a plan, with engines that only pretend: what a failure keeps from whom, and what is recorded."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from filelock import FileLock

from lab.adapters.locks import Lock
from lab.adapters.stack import Stack
from lab.cli import class_run
from lab.core import paths
from lab.core.errors import LabError
from lab.services import lifecycle, recovery
from lab.services.classes import engine, executor, plan, workspace
from lab.services.classes.executor import Executor, Outcome, StackResult
from lab.services.classes.plan import Plan, Selection, State
from lab.services.classes.reporter import Phase
from lab.services.classes.roster import Roster

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

PLATFORM = "ws26-platform"
PATIENCE = 20.0
MB, GB = 2**20, 2**30


class PretendedEngines:
    """Engines that do nothing, or what a test says that a stack's does."""

    def __init__(self) -> None:
        self.did: list[tuple[str, str]] = []
        self.logs: dict[str, Path] = {}
        self.steps: dict[str, Callable[[str], None]] = {}
        self.behaviour: dict[str, Callable[[], None]] = {}
        self.interrupts = 0
        self.interrupted = threading.Event()
        self.most = 0
        self.now = 0
        self.lock = threading.Lock()

    def __call__(self, log: Path, on_step: Callable[[str], None]) -> PretendedEngine:
        return PretendedEngine(self, log, on_step)

    def fails(self, stack: str, error: Exception) -> None:
        def fail() -> None:
            raise error

        self.behaviour[stack] = fail

    def interrupt(self) -> None:
        self.interrupts += 1
        self.interrupted.set()


class PretendedEngine:
    """The engine of one stack."""

    def __init__(self, engines: PretendedEngines, log: Path, on_step: Callable[[str], None]) -> None:
        self._engines, self._log, self._on_step = engines, log, on_step

    def up(self, stack: Stack) -> None:
        self._does("up", stack)

    def refresh(self, stack: Stack, urns: Sequence[str]) -> None:
        raise AssertionError(f"nothing of {stack.name} was missing: {urns}")

    def preview(self, stack: Stack) -> None:
        self._does("preview", stack)

    def destroy(self, stack: Stack) -> None:
        self._does("destroy", stack)

    def prune_state(self, stack: Stack) -> None:
        self._does("prune", stack)

    def _does(self, verb: str, stack: Stack) -> None:
        engines = self._engines
        with engines.lock:
            engines.did.append((verb, stack.name.removeprefix("student-")))
            engines.logs[stack.name] = self._log
            engines.steps[stack.name] = self._on_step
            engines.now += 1
            engines.most = max(engines.most, engines.now)
        try:
            engines.behaviour.get(stack.name, lambda: None)()
        finally:
            with engines.lock:
                engines.now -= 1


class Reports:
    """What a run reported."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.steps: list[tuple[str, str]] = []
        self.ended: dict[str, tuple[Phase, str]] = {}
        self.lines: list[str] = []

    def begin(self, stack: str) -> None:
        self.begun.append(stack)

    def step(self, stack: str, text: str) -> None:
        self.steps.append((stack, text))

    def end(self, stack: str, phase: Phase, reason: str = "") -> None:
        self.ended[stack] = phase, reason

    def line(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(autouse=True)
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PretendedEngines:
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "home"))
    found = PretendedEngines()
    monkeypatch.setattr(engine, "interrupt", found.interrupt)
    monkeypatch.setattr(executor, "_in_foreground", lambda: False)
    monkeypatch.setattr(recovery, "end_orphans", lambda: 0)
    monkeypatch.setattr(Stack, "ensure", lambda _: None)
    monkeypatch.setattr(Stack, "export", lambda _: "{}")
    steps = ("before_up", "before_down", "sweep", "require_empty")
    nothing = SimpleNamespace(**dict.fromkeys(steps, lambda *_: None))
    monkeypatch.setattr(lifecycle, "record", nothing)
    monkeypatch.setattr(
        lifecycle, "sweep", lambda stack: found.did.append(("sweep", stack.name.removeprefix("student-")))
    )
    return found


@pytest.fixture
def reports() -> Reports:
    return Reports()


def roster(*ids: str, **more: object) -> Roster:
    given = {"class": "ws26", "students": [{"id": each} for each in ids], **more}
    return Roster.model_validate(given, by_alias=True)


FOUR = roster("anna", "bo", "cem", "dora")


def planned(chosen: Roster = FOUR, **selection: Any) -> Plan:  # noqa: ANN401 - the selection's
    return plan.up(chosen, workspace.known(), "program", Selection(**selection))


def carry_out(
    decided: Plan,
    engines: PretendedEngines,
    *,
    parallel: int = 2,
    preview: bool = False,
    reports: Reports | None = None,
) -> Outcome:
    reporter = reports or Reports()
    return Executor(decided, reporter, parallel=parallel, preview=preview, engines=engines).run()


def phases(outcome: Outcome) -> dict[str, Phase]:
    return {each.action.stack.removeprefix("student-"): each.phase for each in outcome.results}


def states() -> dict[str, State]:
    return {stack.removeprefix("student-"): each.state for stack, each in workspace.known().items()}


def in_the_backend(*stacks: str) -> None:
    """Have the local backend know stacks."""
    folder = paths.state_dir() / ".pulumi" / "stacks" / "istio-lab"
    folder.mkdir(parents=True, exist_ok=True)
    for stack in stacks:
        (folder / f"{stack}.json").write_text('{"version": 3, "checkpoint": {"stack": "x"}}', encoding="utf-8")


# --- all goes well ---


def test_the_cluster_is_made_first_then_one_student_then_all_others(engines: PretendedEngines) -> None:
    outcome = carry_out(planned(), engines)
    done = [stack for _, stack in engines.did]

    assert done[:2] == [PLATFORM, "anna"]
    assert sorted(done[2:]) == ["bo", "cem", "dora"]
    assert set(phases(outcome).values()) == {Phase.DONE}
    assert outcome.failed == []
    assert outcome.memory > 0
    assert not outcome.interrupted


def test_what_stands_is_noted_so_that_the_next_run_has_nothing_to_do(engines: PretendedEngines) -> None:
    carry_out(planned(), engines)
    noted = workspace.load("student-bo")

    assert set(states().values()) == {State.STANDS}
    assert noted is not None
    assert (noted.classroom, noted.student, noted.error) == ("ws26", "bo", "")
    assert noted.digest == planned(only=frozenset({"bo"})).actions[0].digest
    assert planned().nothing_to_do


def test_no_more_are_worked_on_at_a_time_than_was_said(engines: PretendedEngines) -> None:
    chosen = roster(*(f"s{number}" for number in range(9)))
    together = threading.Event()

    def waits() -> None:
        if engines.now >= 3:
            together.set()
        assert together.wait(PATIENCE)

    engines.behaviour = {each.stack: waits for each in chosen.students[1:]}
    carry_out(planned(chosen), engines, parallel=3)

    assert engines.most == 3


def test_each_stack_has_its_own_folder_and_log(engines: PretendedEngines) -> None:
    carry_out(planned(), engines)

    assert engines.logs["student-bo"] == paths.class_workspace("student-bo") / "log" / "create.log"


def test_what_the_engine_says_is_reported_for_its_own_stack(engines: PretendedEngines, reports: Reports) -> None:
    engines.behaviour["student-anna"] = lambda: engines.steps["student-anna"]("3 done, default: created")
    carry_out(planned(roster("anna"), only=frozenset({"anna"})), engines, reports=reports)

    assert reports.begun == ["student-anna"]
    assert reports.steps == [("student-anna", "3 done, default: created")]
    assert reports.ended == {"student-anna": (Phase.DONE, "")}


# --- something fails ---


def test_a_failure_is_its_own_rows_and_the_others_of_the_wave_go_on(engines: PretendedEngines) -> None:
    engines.fails("student-cem", LabError("no room for cem", "remedy"))
    outcome = carry_out(planned(), engines)

    assert phases(outcome) == {
        PLATFORM: Phase.DONE,
        "anna": Phase.DONE,
        "bo": Phase.DONE,
        "cem": Phase.FAILED,
        "dora": Phase.DONE,
    }
    assert [(each.action.student, each.error) for each in outcome.failed] == [("cem", "no room for cem; do: remedy")]
    assert states()["cem"] is State.UNFINISHED
    assert states()["dora"] is State.STANDS
    noted = workspace.load("student-cem")
    assert noted is not None
    assert (noted.error, noted.digest) == ("no room for cem; do: remedy", "")


def test_the_next_run_does_what_failed_and_nothing_else(engines: PretendedEngines) -> None:
    engines.fails("student-cem", LabError("no room"))
    carry_out(planned(), engines)
    engines.behaviour.clear()
    engines.did.clear()
    carry_out(planned(), engines)

    assert engines.did == [("up", "cem")]
    assert planned().nothing_to_do


def test_an_error_that_nobody_foresaw_is_that_students_alone(engines: PretendedEngines) -> None:
    engines.fails("student-bo", ValueError("odd"))
    outcome = carry_out(planned(), engines)

    assert [(each.action.student, each.error) for each in outcome.failed] == [("bo", "ValueError: odd")]
    assert states()["bo"] is State.UNFINISHED


def test_a_first_student_who_fails_keeps_the_same_from_all_others(engines: PretendedEngines) -> None:
    engines.fails("student-anna", LabError("the image is missing"))
    outcome = carry_out(planned(), engines, parallel=4)

    assert engines.did == [("up", PLATFORM), ("up", "anna")]
    assert [each.phase for each in outcome.results] == [Phase.DONE, Phase.FAILED, *[Phase.SKIPPED] * 3]
    assert {each.error for each in outcome.results[2:]} == {"what goes before it failed"}
    assert len(outcome.failed) == 4
    assert states() == {PLATFORM: State.STANDS, "anna": State.UNFINISHED}, "nothing of the others was touched"


def test_nobody_is_begun_on_a_cluster_that_failed(engines: PretendedEngines) -> None:
    engines.fails(PLATFORM, LabError("no control plane"))
    outcome = carry_out(planned(), engines)

    assert engines.did == [("up", PLATFORM)]
    assert [each.phase for each in outcome.results] == [Phase.FAILED, *[Phase.SKIPPED] * 4]
    assert states() == {PLATFORM: State.UNFINISHED}


# --- somebody stops it ---


def stops(engines: PretendedEngines, times: int = 1, number: signal.Signals = signal.SIGINT) -> Callable[[], None]:
    """Have somebody press Ctrl-C while a stack is worked on, which then comes to an end."""

    def work() -> None:
        for count in range(1, times + 1):
            os.kill(os.getpid(), number)
            deadline = time.monotonic() + PATIENCE
            while engines.interrupts < count and time.monotonic() < deadline:
                time.sleep(0.005)
        assert engines.interrupted.wait(PATIENCE)

    return work


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_stops_it_lets_what_runs_come_to_an_end_and_begins_nothing_new(
    engines: PretendedEngines, number: signal.Signals
) -> None:
    engines.behaviour["student-bo"] = stops(engines, number=number)
    outcome = carry_out(planned(), engines, parallel=1)

    assert phases(outcome) == {
        PLATFORM: Phase.DONE,
        "anna": Phase.DONE,
        "bo": Phase.DONE,
        "cem": Phase.SKIPPED,
        "dora": Phase.SKIPPED,
    }
    assert [each.error for each in outcome.failed] == ["it was stopped before"] * 2
    assert (outcome.interrupted, engines.interrupts) == (True, 1)
    assert [stack for _, stack in engines.did] == [PLATFORM, "anna", "bo"]
    assert states() == dict.fromkeys([PLATFORM, "anna", "bo"], State.STANDS)


def test_no_later_wave_is_begun_once_it_is_stopped(engines: PretendedEngines) -> None:
    engines.behaviour[PLATFORM] = stops(engines)
    outcome = carry_out(planned(), engines)

    assert engines.did == [("up", PLATFORM)]
    assert {each.error for each in outcome.failed} == {"it was stopped before"}


def test_every_further_ctrl_c_reaches_the_engines_too(engines: PretendedEngines) -> None:
    engines.behaviour[PLATFORM] = stops(engines, times=2)
    carry_out(planned(), engines)

    assert engines.interrupts == 2


def test_after_a_run_ctrl_c_is_everybodys_again(engines: PretendedEngines) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    engines.behaviour[PLATFORM] = stops(engines)
    carry_out(planned(), engines)

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_another_command_on_the_same_class_is_refused_and_on_another_is_not(engines: PretendedEngines) -> None:
    with (
        FileLock(paths.class_dir() / "ws26.lock"),
        pytest.raises(LabError, match="another command works on class ws26"),
    ):
        carry_out(planned(), engines)
    assert engines.did == []
    with FileLock(paths.class_dir() / "other.lock"):
        carry_out(planned(), engines)
    assert len(engines.did) == 5


# --- other verbs ---


def test_a_preview_of_what_exists_notes_nothing(engines: PretendedEngines) -> None:
    carry_out(planned(), engines)
    before = {stack: workspace.load(stack) for stack in workspace.known()}
    in_the_backend(*before)
    engines.did.clear()
    engines.fails("student-bo", LabError("it would fail"))
    outcome = carry_out(planned(again=True), engines, preview=True)

    assert len(engines.did) == len(before) == 5
    assert {verb for verb, _ in engines.did} == {"preview"}
    assert engines.logs["student-cem"].name == "preview.log"
    assert [each.action.student for each in outcome.failed] == ["bo"]
    assert {stack: workspace.load(stack) for stack in workspace.known()} == before


def test_a_preview_notes_of_what_does_not_exist_yet_that_it_was_begun_and_no_more(engines: PretendedEngines) -> None:
    engines.fails("student-bo", LabError("it would fail"))
    outcome = carry_out(planned(again=True), engines, preview=True)
    noted = [workspace.load(stack) for stack in workspace.known()]

    assert {verb for verb, _ in engines.did} == {"preview"}
    assert [each.action.student for each in outcome.failed] == ["bo"]
    # An empty stack has to be there to be looked at; whoever takes the class down has to know of it.
    assert states() == dict.fromkeys([PLATFORM, "anna", "bo", "cem", "dora"], State.UNFINISHED)
    assert {(each.digest, each.seconds, each.error) for each in noted if each} == {("", 0.0, "")}


def test_who_goes_takes_the_folder_along_and_who_cannot_go_keeps_it(engines: PretendedEngines) -> None:
    carry_out(planned(), engines)
    in_the_backend("student-anna", "student-bo")
    engines.did.clear()
    engines.fails("student-bo", LabError("it is in use"))
    outcome = carry_out(plan.down(FOUR, workspace.known(), Selection(only=frozenset({"anna", "bo", "cem"}))), engines)

    assert set(engines.did) == {("destroy", "anna"), ("sweep", "anna"), ("destroy", "bo"), ("sweep", "cem")}
    assert [each.action.student for each in outcome.failed] == ["bo"]
    assert states() == {PLATFORM: State.STANDS, "bo": State.UNFINISHED, "dora": State.STANDS}
    assert engines.logs["student-anna"].name == "destroy.log"


def test_what_goes_with_the_cluster_is_forgotten_after_it(engines: PretendedEngines) -> None:
    carry_out(planned(), engines)
    in_the_backend(PLATFORM, "student-anna")
    engines.did.clear()
    carry_out(plan.down(FOUR, workspace.known()), engines)

    assert engines.did[:2] == [("destroy", PLATFORM), ("sweep", PLATFORM)]
    assert ("prune", "anna") in engines.did
    assert ("prune", "bo") not in engines.did, "the backend does not know it"
    assert {("sweep", each.id) for each in FOUR.students} <= set(engines.did)
    assert states() == {PLATFORM: State.GONE}, "an audit has to know where the cluster stood"
    assert [paths.class_workspace(each.stack).exists() for each in FOUR.students] == [False] * 4
    assert Stack(PLATFORM).config()["student"] == {"classroom": "ws26"}


def test_who_has_a_cluster_of_her_own_is_destroyed_and_what_it_was_stays_known(engines: PretendedEngines) -> None:
    chosen = roster("anna", "bo", tenancy="cluster")
    carry_out(planned(chosen), engines)
    in_the_backend("student-anna", "student-bo")
    engines.did.clear()
    carry_out(plan.down(chosen, workspace.known()), engines)

    assert sorted(engines.did) == [("destroy", "anna"), ("destroy", "bo"), ("sweep", "anna"), ("sweep", "bo")]
    assert states() == {"anna": State.GONE, "bo": State.GONE}
    assert Stack("student-anna").config()["student"]["id"] == "anna"
    assert plan.down(chosen, workspace.known()).nothing_to_do


def test_who_still_has_a_cluster_when_the_shared_one_goes_is_destroyed_and_not_forgotten(
    engines: PretendedEngines,
) -> None:
    carry_out(planned(roster("bo", tenancy="cluster")), engines)
    engines.fails("student-bo", LabError("the cluster of her own could not go"))
    carry_out(planned(), engines)
    in_the_backend(PLATFORM, *(each.stack for each in FOUR.students))
    engines.behaviour.clear()
    engines.did.clear()
    carry_out(plan.down(FOUR, workspace.known()), engines)

    assert {verb for verb, stack in engines.did if stack == "bo"} == {"destroy", "sweep"}
    assert {verb for verb, stack in engines.did if stack == "anna"} == {"prune", "sweep"}
    assert states() == {PLATFORM: State.GONE, "bo": State.GONE}


def test_students_stay_known_when_their_cluster_could_not_go(engines: PretendedEngines) -> None:
    carry_out(planned(), engines)
    in_the_backend(PLATFORM)
    engines.fails(PLATFORM, LabError("it is in use"))
    outcome = carry_out(plan.down(FOUR, workspace.known()), engines)

    assert [each.phase for each in outcome.results] == [Phase.FAILED, *[Phase.SKIPPED] * 4]
    assert states() == {PLATFORM: State.UNFINISHED, **dict.fromkeys(["anna", "bo", "cem", "dora"], State.STANDS)}


# --- a killed run before ---


def test_a_stack_that_another_process_holds_is_left_to_it(
    engines: PretendedEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "_ORPHAN_TIMEOUT", 0.0)
    monkeypatch.setattr(Lock, "alive", True)
    monkeypatch.setattr(Stack, "lock", lambda _: Lock(pid=7, since="noon"))
    in_the_backend("student-anna")
    outcome = carry_out(planned(only=frozenset({"anna"})), engines)

    assert engines.did == []
    (error,) = (each.error for each in outcome.failed)
    assert error.startswith("process 7 has worked on stack student-anna since noon; do: wait for it to end")


def test_what_a_killed_run_left_is_put_right_first(engines: PretendedEngines, monkeypatch: pytest.MonkeyPatch) -> None:
    mended: list[str] = []
    monkeypatch.setattr(recovery, "forget_pending", lambda _: mended.append("operations"))
    locks = paths.state_dir() / ".pulumi" / "locks" / "organization" / "istio-lab" / "student-anna"
    locks.mkdir(parents=True)

    def cancel(_: Stack) -> None:
        mended.append("lock")
        (locks / "1.json").unlink()

    monkeypatch.setattr(Stack, "cancel", cancel)
    (locks / "1.json").write_text(json.dumps({"pid": 2**31 - 1, "timestamp": "noon"}), encoding="utf-8")
    in_the_backend("student-anna")
    outcome = carry_out(planned(only=frozenset({"anna"})), engines)

    assert mended == ["lock", "operations"]
    assert outcome.failed == []


# --- how it is told ---


def told(outcome: Outcome, capsys: pytest.CaptureFixture[str]) -> tuple[str, str, str]:
    """What is printed, and the error with what to do."""
    try:
        class_run.report(outcome, "lab class up class.yaml")
    except LabError as error:
        return capsys.readouterr().out, error.message, error.remedy
    return capsys.readouterr().out, "", ""


def test_a_run_that_ended_well_says_how_long_it_took(capsys: pytest.CaptureFixture[str]) -> None:
    ended = [StackResult(action=action, phase=Phase.DONE) for action in planned().actions]

    assert told(Outcome(results=ended, seconds=61.25, memory=900 * 2**20), capsys) == (
        "5 of 5 done in 61.2 s, with at most 900 MB.\n",
        "",
        "",
    )


def test_a_run_that_did_not_names_every_stack_and_the_command_that_goes_on(
    engines: PretendedEngines, capsys: pytest.CaptureFixture[str]
) -> None:
    engines.fails("student-anna", LabError("[red]no room[/red]"))
    out, message, remedy = told(carry_out(planned(), engines), capsys)

    assert out.startswith("1 of 5 done in ")
    assert message.splitlines() == [
        "4 of 5 did not end well:",
        "  student-anna: [red]no room[/red]",
        "  student-bo: what goes before it failed",
        "  student-cem: what goes before it failed",
        "  student-dora: what goes before it failed",
    ]
    assert remedy == "run it again to go on: lab class up class.yaml"


def test_a_run_that_was_stopped_says_that_instead(
    engines: PretendedEngines, capsys: pytest.CaptureFixture[str]
) -> None:
    engines.behaviour["student-bo"] = stops(engines)
    _, message, _ = told(carry_out(planned(), engines, parallel=1), capsys)

    assert message.startswith("it was stopped:\n  student-cem: it was stopped before")


# --- the machine ---


@pytest.mark.parametrize(
    ("cores", "available", "expected"),
    [
        (2, 64 * GB, 6),
        (16, 64 * GB, 48),
        (16, 4 * GB, 6),
        (16, 1200 * MB, 2),
        (16, 1200 * MB - 1, 1),
        (16, 100 * MB, 1),
        (16, 0, 1),
        (1, 64 * GB, 3),
        (None, 64 * GB, 3),
    ],
)
def test_parallelism_follows_cores_and_free_memory_and_is_never_zero(
    monkeypatch: pytest.MonkeyPatch, cores: int | None, available: int, expected: int
) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda: cores)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=available))

    assert executor.default_parallelism() == expected


def test_a_terminals_ctrl_c_is_not_passed_on_because_the_engines_have_it_already(
    engines: PretendedEngines, monkeypatch: pytest.MonkeyPatch, reports: Reports
) -> None:
    monkeypatch.setattr(executor, "_in_foreground", lambda: True)

    def press() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        deadline = time.monotonic() + PATIENCE
        while not reports.lines and time.monotonic() < deadline:
            time.sleep(0.005)

    engines.behaviour[PLATFORM] = press
    outcome = carry_out(planned(), engines, reports=reports)

    assert outcome.interrupted
    assert engines.interrupts == 0
    assert len(reports.lines) == 1
