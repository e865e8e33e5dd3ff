"""Carrying out a plan, with engines that only pretend: what a failure keeps from whom, and what is noted."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from rich.console import Console

from lab.adapters.stack import Stack
from lab.cli import class_
from lab.cli.class_board import Phase
from lab.core import paths
from lab.core.errors import LabError
from lab.services import recovery
from lab.services.classes import plan, workspace
from lab.services.classes import run as running
from lab.services.classes.engine import Progress
from lab.services.classes.plan import Plan, State, Wish
from lab.services.classes.roster import Roster
from lab.services.classes.run import Ended, Outcome, Run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab.services.classes.engine import Job

PLATFORM = "ws26-platform"
PATIENCE = 20.0


class PretendedEngines:
    """They do nothing, or what a test says that a stack does."""

    def __init__(self) -> None:
        self.did: list[tuple[str, str]] = []
        self.made: list[str] = []
        self.started: list[str] = []
        self.cancelled_early: set[str] = set()
        self.making: Callable[[Job], None] = lambda _job: None
        self.jobs: dict[str, Job] = {}
        self.behaviour: dict[str, Callable[[Job], None]] = {}
        self.interrupts = 0
        self.interrupted = threading.Event()
        self.most = 0
        self.now = 0
        self._lock = threading.Lock()

    def followed(self) -> list[str]:
        """Who has started beside the cluster and the first student, in that order."""
        return [each for each in self.started if each not in (PLATFORM, "anna")]

    def fails(self, stack: str, error: Exception) -> None:
        def fail(_job: Job) -> None:
            raise error

        self.behaviour[stack] = fail

    def up(self, job: Job) -> None:
        self._does("up", job)

    def make(self, job: Job) -> None:
        self.making(job)
        with self._lock:
            self.made.append(job.stack.removeprefix("student-"))

    def preview(self, job: Job) -> None:
        self._does("preview", job)

    def destroy(self, job: Job) -> None:
        self._does("destroy", job)

    def forget(self, job: Job) -> None:
        self._does("forget", job)

    def interrupt(self) -> None:
        self.interrupts += 1
        self.interrupted.set()

    def _does(self, verb: str, job: Job) -> None:
        with self._lock:
            self.started.append(job.stack.removeprefix("student-"))
        if job.stack in self.cancelled_early:
            assert self.interrupted.wait(PATIENCE)
            raise LabError("update canceled")
        job.ready()
        with self._lock:
            self.did.append((verb, job.stack.removeprefix("student-")))
            self.jobs[job.stack] = job
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            if behaviour := self.behaviour.get(job.stack):
                behaviour(job)
        finally:
            with self._lock:
                self.now -= 1


@pytest.fixture(autouse=True)
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PretendedEngines:
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "home"))
    found = PretendedEngines()
    monkeypatch.setattr(running, "Engines", lambda **_: found)
    monkeypatch.setattr(recovery, "end_orphans", lambda: 0)
    nothing = SimpleNamespace(before_up=lambda _: None, before_down=lambda _: None, sweep=lambda _: None)
    monkeypatch.setattr(running, "record", nothing)
    monkeypatch.setattr(
        running, "sweep", lambda stack: found.did.append(("sweep", stack.name.removeprefix("student-")))
    )
    return found


def klass(*ids: str, **more: object) -> Roster:
    given = {"class": "ws26", "students": [{"id": each} for each in ids], **more}
    return Roster.model_validate(given, by_alias=True)


FOUR = klass("anna", "bo", "cem", "dora")


def planned(chosen: Roster = FOUR, **wish: Any) -> Plan:  # noqa: ANN401 - the wish's
    return plan.up(chosen, workspace.known(), "program", Wish(**wish))


def made(decided: Plan, *, parallel: int = 2, preview: bool = False) -> Run:
    return Run(decided, Console(file=io.StringIO(), width=200), parallel=parallel, preview=preview)


def carry_out(decided: Plan, **more: Any) -> Outcome:  # noqa: ANN401 - of `made`
    return made(decided, **more).carry_out()


def phases(outcome: Outcome) -> dict[str, Phase]:
    return {each.action.stack.removeprefix("student-"): each.phase for each in outcome.ended}


def states() -> dict[str, State]:
    return {stack.removeprefix("student-"): each.state for stack, each in workspace.known().items()}


def in_the_backend(*stacks: str) -> None:
    """Have the local backend know stacks."""
    folder = paths.state_dir() / ".pulumi" / "stacks" / "istio-lab"
    folder.mkdir(parents=True, exist_ok=True)
    for stack in stacks:
        (folder / f"{stack}.json").write_text("{}", encoding="utf-8")


# --- all goes well ---


def test_the_cluster_is_made_first_then_one_student_then_all_others(engines: PretendedEngines) -> None:
    outcome = carry_out(planned())
    done = [stack for _, stack in engines.did]

    assert done[:2] == [PLATFORM, "anna"]
    assert sorted(done[2:]) == ["bo", "cem", "dora"]
    assert set(phases(outcome).values()) == {Phase.DONE}
    assert outcome.failed == []
    assert outcome.memory > 0
    assert not outcome.interrupted


def test_what_stands_is_noted_so_that_the_next_run_has_nothing_to_do() -> None:
    carry_out(planned())
    noted = workspace.load("student-bo")

    assert set(states().values()) == {State.STANDS}
    assert noted is not None
    assert (noted.classroom, noted.student, noted.error) == ("ws26", "bo", "")
    assert noted.digest == planned(only=frozenset({"bo"})).actions[0].digest
    assert planned().nothing_to_do


def test_no_more_are_worked_on_at_a_time_than_was_said(engines: PretendedEngines) -> None:
    chosen = klass(*(f"s{number}" for number in range(9)))
    together = threading.Event()

    def waits(_job: Job) -> None:
        if engines.now >= 3:
            together.set()
        assert together.wait(PATIENCE)

    engines.behaviour = {each.stack: waits for each in chosen.students[1:]}
    carry_out(planned(chosen), parallel=3)

    assert engines.most == 3


def test_students_of_a_shared_cluster_share_providers_and_the_cluster_has_its_own(engines: PretendedEngines) -> None:
    carry_out(planned())
    shared = {tuple(map(id, job.providers)) for stack, job in engines.jobs.items() if stack != PLATFORM}

    assert len(engines.jobs) == 5
    assert len(shared) == 1
    assert list(engines.jobs[PLATFORM].providers) == []
    assert [each.name for each in engines.jobs["student-bo"].providers] == ["kubernetes", "pulumi-python"]


def test_who_has_a_cluster_of_her_own_has_providers_of_her_own(engines: PretendedEngines) -> None:
    carry_out(planned(klass("anna", "bo", tenancy="cluster")))

    assert [list(job.providers) for job in engines.jobs.values()] == [[], []]


def test_each_stack_has_its_own_folder_and_log(engines: PretendedEngines) -> None:
    carry_out(planned())
    job = engines.jobs["student-bo"]

    assert job.folder == paths.class_workspace("student-bo")
    assert job.log == job.folder / "log" / "create.log"


def test_rows_show_what_the_engine_and_the_shared_provider_say(engines: PretendedEngines) -> None:
    decided = planned(klass("anna"), only=frozenset({"anna"}))
    run = made(decided)
    seen: list[str] = []

    def says(job: Job) -> None:
        row = run._board.rows[job.stack]  # noqa: SLF001 - what people see
        job.told(Progress(done=3, text="default: created"))
        seen.append(row.step)
        run._hear("urn:pulumi:student-anna::istio-lab::a$kubernetes:apps/v1:Deployment::shop-order", "[1/2] waits")  # noqa: SLF001
        seen.append(row.step)
        run._hear("urn:pulumi:student-anna::istio-lab::kubernetes:core/v1:Namespace::x", "")  # noqa: SLF001
        run._hear("", "of nobody")  # noqa: SLF001
        run._hear("urn:pulumi:dev::istio-lab::a:b:C::d", "of another")  # noqa: SLF001
        seen.append(row.step)

    engines.behaviour["student-anna"] = says
    run.carry_out()

    assert seen == ["3 done, default: created", "shop-order: [1/2] waits", "shop-order: [1/2] waits"]


# --- while the first student goes ahead ---


def until(holds: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.005)


def test_the_engines_of_all_others_start_while_the_first_goes_ahead_and_do_nothing(engines: PretendedEngines) -> None:
    then: list[tuple[list[tuple[str, str]], dict[str, State]]] = []

    def all_have_started(_job: Job) -> None:
        until(lambda: len(engines.started) >= 5)
        then.append((list(engines.did), states()))

    engines.behaviour["student-anna"] = all_have_started
    outcome = carry_out(planned(), parallel=4)

    assert engines.started[0] == PLATFORM
    assert engines.followed() == ["bo", "cem", "dora"], "one after the other"
    begun = dict.fromkeys(["anna", "bo", "cem", "dora"], State.UNFINISHED)
    assert then == [([("up", PLATFORM), ("up", "anna")], {PLATFORM: State.STANDS, **begun})]
    assert sorted(engines.did[2:]) == [("up", "bo"), ("up", "cem"), ("up", "dora")]
    assert outcome.failed == []
    assert set(states().values()) == {State.STANDS}


def test_rows_of_those_who_wait_for_the_first_wait_too(engines: PretendedEngines) -> None:
    run = made(planned(), parallel=4)
    seen: list[set[Phase]] = []

    def all_have_started(_job: Job) -> None:
        until(lambda: len(engines.started) >= 5)
        seen.append({run._board.rows[f"student-{each}"].phase for each in ("bo", "cem", "dora")})  # noqa: SLF001

    engines.behaviour["student-anna"] = all_have_started
    run.carry_out()

    assert seen == [{Phase.WAITS}]


def test_no_more_engines_start_early_than_are_worked_on_at_a_time(engines: PretendedEngines) -> None:
    seen: list[list[str]] = []

    def two_have_started(_job: Job) -> None:
        until(lambda: len(engines.started) >= 3)
        time.sleep(0.05)
        seen.append(engines.followed())

    engines.behaviour["student-anna"] = two_have_started
    outcome = carry_out(planned(), parallel=2)

    assert seen == [["bo"]]
    assert outcome.failed == []


def started_with_the_first(engines: PretendedEngines, decided: Plan, **more: Any) -> list[str]:  # noqa: ANN401 - of `made`
    """Who has followed by the time that the first student's engine ends."""
    seen: list[str] = []

    def look(_job: Job) -> None:
        time.sleep(0.05)
        seen.extend(engines.followed())

    engines.started.clear()
    engines.behaviour["student-anna"] = look
    assert carry_out(decided, parallel=4, **more).failed == []
    return seen


def test_only_a_new_share_of_a_cluster_starts_early(engines: PretendedEngines) -> None:
    assert started_with_the_first(engines, planned(), preview=True) == []
    carry_out(planned())

    assert started_with_the_first(engines, planned(again=True)) == []
    assert started_with_the_first(engines, planned(klass("anna", "x", "y", "z", tenancy="cluster"))) == []


def test_nobody_starts_ahead_of_the_cluster(engines: PretendedEngines) -> None:
    engines.behaviour[PLATFORM] = lambda _job: engines.did.append(("started", str(engines.started)))
    carry_out(planned(), parallel=4)

    assert ("started", f"['{PLATFORM}']") in engines.did


def test_an_early_start_that_fails_is_its_own_rows(engines: PretendedEngines) -> None:
    def refused(job: Job) -> None:
        if job.stack == "student-cem":
            raise LabError("no room")

    engines.making = refused
    engines.behaviour["student-anna"] = lambda _job: until(lambda: len(engines.started) >= 4)
    outcome = carry_out(planned(), parallel=4)

    assert [(each.action.student, each.error) for each in outcome.failed] == [("cem", "no room")]
    assert sorted(engines.did[2:]) == [("up", "bo"), ("up", "dora")]


# --- empty stacks ---


def test_pulumi_makes_one_empty_stack_for_all_who_have_the_same_key(engines: PretendedEngines) -> None:
    folder = paths.class_workspace(PLATFORM)
    folder.mkdir(parents=True)
    file = folder / f"Pulumi.{PLATFORM}.yaml"

    def with_a_key(job: Job) -> None:
        in_the_backend(job.stack)
        state = {"version": 3, "checkpoint": {"stack": f"organization/istio-lab/{job.stack}"}}
        (paths.stacks_dir() / f"{job.stack}.json").write_text(json.dumps(state), encoding="utf-8")
        if job.stack == PLATFORM:
            file.write_text("encryptionsalt: v1:of-the-class\n" + file.read_text())

    engines.making = with_a_key
    carry_out(planned(), parallel=4)

    assert engines.made[0] == PLATFORM
    assert len(engines.made) == 2
    for student in ("anna", "bo", "cem", "dora"):
        state = json.loads(Stack(f"student-{student}").state_file.read_text())
        assert state["checkpoint"]["stack"] == f"organization/istio-lab/student-{student}"
        assert workspace.salt(f"student-{student}") == "v1:of-the-class"


def test_elsewhere_pulumi_makes_every_empty_stack(engines: PretendedEngines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTIO_LAB_BACKEND_URL", "azblob://states")
    monkeypatch.setattr(Stack, "exists", lambda _: False)
    monkeypatch.setattr(workspace, "salt", lambda _: "v1:of-the-class")
    carry_out(planned())

    assert sorted(engines.made) == sorted([PLATFORM, "anna", "bo", "cem", "dora"])


# --- something fails ---


def test_a_failure_is_its_own_rows_and_the_others_of_the_wave_go_on(engines: PretendedEngines) -> None:
    engines.fails("student-cem", LabError("no room for cem", "remedy"))
    outcome = carry_out(planned())

    assert phases(outcome) == {
        PLATFORM: Phase.DONE,
        "anna": Phase.DONE,
        "bo": Phase.DONE,
        "cem": Phase.FAILED,
        "dora": Phase.DONE,
    }
    assert [(each.action.student, each.error) for each in outcome.failed] == [("cem", "no room for cem")]
    assert states()["cem"] is State.UNFINISHED
    assert states()["dora"] is State.STANDS
    noted = workspace.load("student-cem")
    assert noted is not None
    assert (noted.error, noted.digest) == ("no room for cem", "")


def test_the_next_run_does_what_failed_and_nothing_else(engines: PretendedEngines) -> None:
    engines.fails("student-cem", LabError("no room"))
    carry_out(planned())
    engines.behaviour.clear()
    engines.did.clear()
    carry_out(planned())

    assert engines.did == [("up", "cem")]
    assert planned().nothing_to_do


def test_an_error_that_nobody_foresaw_is_that_students_alone(engines: PretendedEngines) -> None:
    engines.fails("student-bo", ValueError("odd"))
    outcome = carry_out(planned())

    assert [(each.action.student, each.error) for each in outcome.failed] == [("bo", "ValueError: odd")]
    assert states()["bo"] is State.UNFINISHED


def test_a_first_student_who_fails_keeps_the_same_from_all_others(engines: PretendedEngines) -> None:
    def fails(_job: Job) -> None:
        until(lambda: len(engines.started) >= 5)
        raise LabError("the image is missing")

    engines.behaviour["student-anna"] = fails
    outcome = carry_out(planned(), parallel=4)

    assert engines.did == [("up", PLATFORM), ("up", "anna")]
    assert [each.phase for each in outcome.ended] == [Phase.DONE, Phase.FAILED, *[Phase.SKIPPED] * 3]
    assert {each.error for each in outcome.ended[2:]} == {"what goes before it failed"}
    assert len(outcome.failed) == 4
    # The others' stacks are there, with nothing in them.
    assert states() == {PLATFORM: State.STANDS, **dict.fromkeys(["anna", "bo", "cem", "dora"], State.UNFINISHED)}
    assert {action.verb for action in planned().actions if action.acts} == {plan.Verb.RESUME}


def test_nobody_is_begun_on_a_cluster_that_failed(engines: PretendedEngines) -> None:
    engines.fails(PLATFORM, LabError("no control plane"))
    outcome = carry_out(planned())

    assert engines.did == [("up", PLATFORM)]
    assert [each.phase for each in outcome.ended] == [Phase.FAILED, *[Phase.SKIPPED] * 4]
    assert states() == {PLATFORM: State.UNFINISHED}


# --- somebody stops it ---


def stops(engines: PretendedEngines, times: int = 1, number: signal.Signals = signal.SIGINT) -> Callable[[Job], None]:
    """Have somebody press Ctrl-C while a stack is worked on, which then comes to an end."""

    def work(_job: Job) -> None:
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
    outcome = carry_out(planned(), parallel=1)

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


def test_who_stops_it_while_the_first_goes_ahead_lets_nobody_follow(engines: PretendedEngines) -> None:
    stopping = stops(engines)

    def stop(job: Job) -> None:
        until(lambda: len(engines.started) >= 4)
        stopping(job)

    engines.behaviour["student-anna"] = stop
    outcome = carry_out(planned(), parallel=3)

    assert engines.followed() == ["bo", "cem"]
    assert engines.did == [("up", PLATFORM), ("up", "anna")]
    assert {each.error for each in outcome.failed} == {"it was stopped before"}
    assert states() == {
        PLATFORM: State.STANDS,
        "anna": State.STANDS,
        "bo": State.UNFINISHED,
        "cem": State.UNFINISHED,
    }


def test_whose_engine_is_stopped_at_the_gate_has_not_failed(engines: PretendedEngines) -> None:
    stopping = stops(engines)

    def stop(job: Job) -> None:
        until(lambda: len(engines.started) >= 3)
        stopping(job)

    engines.cancelled_early = {"student-bo"}
    engines.behaviour["student-anna"] = stop
    outcome = carry_out(planned(), parallel=2)

    assert phases(outcome)["bo"] is Phase.SKIPPED
    assert {each.error for each in outcome.failed} == {"it was stopped before"}


def test_who_stops_it_stops_what_the_shared_providers_wait_for(
    engines: PretendedEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled: list[str] = []
    monkeypatch.setattr(running.SharedProvider, "cancel", lambda self: cancelled.append(self.name))
    stopping = stops(engines)

    def stop(job: Job) -> None:
        stopping(job)
        until(lambda: len(cancelled) >= 2)

    engines.behaviour[PLATFORM] = stop
    carry_out(planned())

    assert cancelled == ["kubernetes", "pulumi-python"]


def test_no_later_wave_is_begun_once_it_is_stopped(engines: PretendedEngines) -> None:
    engines.behaviour[PLATFORM] = stops(engines)
    outcome = carry_out(planned())

    assert engines.did == [("up", PLATFORM)]
    assert {each.error for each in outcome.failed} == {"it was stopped before"}


def test_every_further_ctrl_c_reaches_the_engines_too(engines: PretendedEngines) -> None:
    engines.behaviour[PLATFORM] = stops(engines, times=2)
    carry_out(planned())

    assert engines.interrupts == 2


def test_after_a_run_ctrl_c_is_everybodys_again(engines: PretendedEngines) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    engines.behaviour[PLATFORM] = stops(engines)
    carry_out(planned())

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_another_command_on_the_same_class_is_refused_and_on_another_is_not(engines: PretendedEngines) -> None:
    with (
        FileLock(paths.class_dir() / "ws26.lock"),
        pytest.raises(LabError, match="another command works on class ws26"),
    ):
        carry_out(planned())
    assert engines.did == []
    with FileLock(paths.class_dir() / "other.lock"):
        carry_out(planned())
    assert len(engines.did) == 5


# --- other verbs ---


def test_a_preview_of_what_exists_notes_nothing(engines: PretendedEngines) -> None:
    carry_out(planned())
    before = {stack: workspace.load(stack) for stack in workspace.known()}
    in_the_backend(*before)
    engines.did.clear()
    engines.fails("student-bo", LabError("it would fail"))
    outcome = carry_out(planned(again=True), preview=True)

    assert len(engines.did) == len(before) == 5
    assert {verb for verb, _ in engines.did} == {"preview"}
    assert engines.jobs["student-cem"].log.name == "preview.log"
    assert [each.action.student for each in outcome.failed] == ["bo"]
    assert {stack: workspace.load(stack) for stack in workspace.known()} == before


def test_a_preview_notes_of_what_does_not_exist_yet_that_it_was_begun_and_no_more(engines: PretendedEngines) -> None:
    engines.fails("student-bo", LabError("it would fail"))
    outcome = carry_out(planned(again=True), preview=True)
    noted = [workspace.load(stack) for stack in workspace.known()]

    assert {verb for verb, _ in engines.did} == {"preview"}
    assert sorted(engines.made) == sorted([PLATFORM, "anna", "bo", "cem", "dora"])
    assert [each.action.student for each in outcome.failed] == ["bo"]
    # An empty stack has to be there to be looked at; whoever takes the class down has to know of it.
    assert states() == dict.fromkeys([PLATFORM, "anna", "bo", "cem", "dora"], State.UNFINISHED)
    assert {(each.digest, each.seconds, each.error) for each in noted if each} == {("", 0.0, "")}


def test_who_goes_takes_the_folder_along_and_who_cannot_go_keeps_it(engines: PretendedEngines) -> None:
    carry_out(planned())
    in_the_backend("student-anna", "student-bo")
    engines.did.clear()
    engines.fails("student-bo", LabError("it is in use"))
    outcome = carry_out(plan.down(FOUR, workspace.known(), Wish(only=frozenset({"anna", "bo", "cem"}))))

    assert set(engines.did) == {("destroy", "anna"), ("sweep", "anna"), ("destroy", "bo"), ("sweep", "cem")}
    assert [each.action.student for each in outcome.failed] == ["bo"]
    assert states() == {PLATFORM: State.STANDS, "bo": State.UNFINISHED, "dora": State.STANDS}
    assert engines.jobs["student-anna"].log.name == "destroy.log"


def test_what_goes_with_the_cluster_is_forgotten_after_it(engines: PretendedEngines) -> None:
    carry_out(planned())
    in_the_backend(PLATFORM, "student-anna")
    engines.did.clear()
    carry_out(plan.down(FOUR, workspace.known()))

    assert engines.did[:2] == [("destroy", PLATFORM), ("sweep", PLATFORM)]
    assert ("forget", "anna") in engines.did
    assert ("forget", "bo") not in engines.did, "the backend does not know it"
    assert {("sweep", each.id) for each in FOUR.students} <= set(engines.did)
    assert states() == {PLATFORM: State.GONE}, "an audit has to know where the cluster stood"
    assert [paths.class_workspace(each.stack).exists() for each in FOUR.students] == [False] * 4
    assert Stack(PLATFORM).config()["student"] == {"classroom": "ws26"}


def test_who_has_a_cluster_of_her_own_is_destroyed_and_what_it_was_stays_known(engines: PretendedEngines) -> None:
    chosen = klass("anna", "bo", tenancy="cluster")
    carry_out(planned(chosen))
    in_the_backend("student-anna", "student-bo")
    engines.did.clear()
    carry_out(plan.down(chosen, workspace.known()))

    assert sorted(engines.did) == [("destroy", "anna"), ("destroy", "bo"), ("sweep", "anna"), ("sweep", "bo")]
    assert states() == {"anna": State.GONE, "bo": State.GONE}
    assert Stack("student-anna").config()["student"]["id"] == "anna"
    assert plan.down(chosen, workspace.known()).nothing_to_do


def test_who_still_has_a_cluster_when_the_shared_one_goes_is_destroyed_and_not_forgotten(
    engines: PretendedEngines,
) -> None:
    carry_out(planned(klass("bo", tenancy="cluster")))
    engines.fails("student-bo", LabError("the cluster of her own could not go"))
    carry_out(planned())
    in_the_backend(PLATFORM, *(each.stack for each in FOUR.students))
    engines.behaviour.clear()
    engines.did.clear()
    carry_out(plan.down(FOUR, workspace.known()))

    assert {verb for verb, stack in engines.did if stack == "bo"} == {"destroy", "sweep"}
    assert {verb for verb, stack in engines.did if stack == "anna"} == {"forget", "sweep"}
    assert states() == {PLATFORM: State.GONE, "bo": State.GONE}


def test_students_stay_known_when_their_cluster_could_not_go(engines: PretendedEngines) -> None:
    carry_out(planned())
    in_the_backend(PLATFORM)
    engines.fails(PLATFORM, LabError("it is in use"))
    outcome = carry_out(plan.down(FOUR, workspace.known()))

    assert [each.phase for each in outcome.ended] == [Phase.FAILED, *[Phase.SKIPPED] * 4]
    assert states() == {PLATFORM: State.UNFINISHED, **dict.fromkeys(["anna", "bo", "cem", "dora"], State.STANDS)}


# --- a killed run before ---


def test_a_stack_that_another_process_holds_is_left_to_it(
    engines: PretendedEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_ORPHAN", 0.0)
    monkeypatch.setattr(Stack, "lock", lambda _: SimpleNamespace(alive=True, pid=7, since="noon"))
    in_the_backend("student-anna")
    outcome = carry_out(planned(only=frozenset({"anna"})))

    assert engines.did == []
    assert [each.error for each in outcome.failed] == ["process 7 has worked on it since noon"]


def test_what_a_killed_run_left_is_put_right_first(engines: PretendedEngines, monkeypatch: pytest.MonkeyPatch) -> None:
    mended: list[str] = []
    monkeypatch.setattr(Stack, "cancel", lambda _: mended.append("lock"))
    monkeypatch.setattr(recovery, "forget_pending", lambda _: mended.append("operations"))
    locks = paths.state_dir() / ".pulumi" / "locks" / "organization" / "istio-lab" / "student-anna"
    locks.mkdir(parents=True)
    (locks / "1.json").write_text(json.dumps({"pid": 2**31 - 1, "timestamp": "noon"}), encoding="utf-8")
    in_the_backend("student-anna")
    outcome = carry_out(planned(only=frozenset({"anna"})))

    assert mended == ["lock", "operations"]
    assert outcome.failed == []
    assert engines.made == []


# --- how it is told ---


def told(outcome: Outcome, capsys: pytest.CaptureFixture[str]) -> tuple[str, str, str]:
    """What is printed, and the error with what to do."""
    try:
        class_.report(outcome, "lab class up class.yaml")
    except LabError as error:
        return capsys.readouterr().out, error.message, error.remedy
    return capsys.readouterr().out, "", ""


def test_a_run_that_ended_well_says_how_long_it_took(capsys: pytest.CaptureFixture[str]) -> None:
    ended = [Ended(action=action, phase=Phase.DONE) for action in planned().actions]

    assert told(Outcome(ended=ended, seconds=61.25, memory=900 * 2**20), capsys) == (
        "5 of 5 done in 61.2 s, with at most 900 MB.\n",
        "",
        "",
    )


def test_a_run_that_did_not_names_every_stack_and_the_command_that_goes_on(
    engines: PretendedEngines, capsys: pytest.CaptureFixture[str]
) -> None:
    engines.fails("student-anna", LabError("[red]no room[/red]"))
    out, message, remedy = told(carry_out(planned()), capsys)

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
    _, message, _ = told(carry_out(planned(), parallel=1), capsys)

    assert message.startswith("it was stopped:\n  student-cem: it was stopped before")
