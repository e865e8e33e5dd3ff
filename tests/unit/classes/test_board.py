"""What people see while a class is worked on, by a clock that goes on only when it is told to."""

from __future__ import annotations

import io
import re
import threading
import time
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len
from rich.console import Console

from lab.cli import class_board
from lab.cli.class_board import Board, Row, remaining
from lab.services.classes.plan import Action, Verb
from lab.services.classes.reporter import Phase
from tests.unit.classes import exported

if TYPE_CHECKING:
    from collections.abc import Iterable

WIDTH = 80
LONG = "the Kubernetes API server reported that shop/order failed to become live: " + "0 of 2 Pods are ready; " * 20


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def row(label: str, phase: Phase = Phase.WAITS, **more: object) -> Row:
    found = Row(stack=f"student-{label}", label=label, phase=phase)
    for name, value in more.items():
        setattr(found, name, value)
    return found


def by_stack(rows: Iterable[Row]) -> dict[str, Row]:
    return {each.stack: each for each in rows}


def console(out: io.StringIO, *, terminal: bool = False) -> Console:
    return Console(file=out, width=WIDTH, height=50, force_terminal=terminal, color_system=None, legacy_windows=False)


def drawn(rows: Iterable[Row], *, parallel: int = 4, seconds: float = 0.0) -> list[str]:
    """The lines of the board after so many seconds."""
    clock, out = Clock(), io.StringIO()
    made = Board(by_stack(rows), console(out), parallel=parallel, clock=clock)
    clock.now += seconds
    console(out).print(made.render())
    return [line.rstrip() for line in out.getvalue().splitlines()]


def told(rows: Iterable[Row], **more: float) -> tuple[Board, Clock, io.StringIO]:
    """A board of lines."""
    clock, out = Clock(), io.StringIO()
    made = Board(by_stack(rows), console(out), parallel=4, clock=clock)
    made.heartbeat = more.get("heartbeat", made.heartbeat)
    return made, clock, out


def states(lines: list[str]) -> list[tuple[str, str]]:
    """Who is shown, and where they are."""
    rows = [line.split() for line in lines[1:]]
    return [(words[0], words[1]) for words in rows if len(words) > 1 and words[1] in list(Phase)]


# --- the board ---

EVERY_PHASE = [
    Row(stack="ws26-platform", label="the shared cluster", phase=Phase.DONE, took=61.84, shared=True),
    row("anna-k", Phase.DONE, took=8.96),
    row("bo", Phase.RUNS, began=1000.0, step="12 done, shop-order: Waiting for app ReplicaSet (1/2 Pods available)"),
    row("carl", Phase.FAILED, took=1234.5, step=LONG),
    row("dora", Phase.KEPT, step="it stands as it is to be"),
    row("a234567890123456789z", Phase.SKIPPED, step="it was stopped before"),
    row("fe"),
    row("gi", Phase.RUNS, began=1012.0, step="3 done, 안나의 네임스페이스: 기다리는 중입니다 " * 3),
]


def test_the_board_is_as_reviewed(request: pytest.FixtureRequest) -> None:
    made = "\n".join(drawn(EVERY_PHASE, seconds=12.5)) + "\n"

    assert exported.is_as_reviewed(made, "board-80.txt", request), (
        "meant so? pytest tests/unit --update-golden, then git diff"
    )


def test_no_line_is_wider_than_the_terminal_and_every_row_is_one() -> None:
    lines = drawn(EVERY_PHASE, seconds=12.5)

    assert max(cell_len(line) for line in lines) <= WIDTH
    assert len(states(lines)) == len(EVERY_PHASE) - 1, "the shared cluster's label has spaces"
    assert [line for line in lines if line.startswith("the shared cluster   done")]


def test_a_long_reason_is_cut_with_an_ellipsis() -> None:
    [line] = [line for line in drawn(EVERY_PHASE) if line.startswith("carl")]

    assert line.endswith("…")
    assert "the Kubernetes API server" in line


def test_a_reason_of_several_lines_is_one_row() -> None:
    lines = drawn([row("anna", Phase.FAILED, step="first\nsecond\r\n\tthird\x1b[2J\u2028fourth"), row("bo")])

    assert states(lines) == [("anna", "failed"), ("bo", "waits")]
    assert "first second third [2J fourth" in lines[1]


@pytest.mark.parametrize("text", ["[red]not red[/red]", "[/]", "[bold", ":key: and :smile:", "a\\[b]"])
def test_what_looks_like_markup_is_shown_as_it_is(text: str) -> None:
    assert text in drawn([row("anna", Phase.FAILED, step=text)])[1]
    assert text in drawn([Row(stack="x", label=text)])[1]


def test_a_row_that_runs_shows_how_long_and_one_that_ended_how_long_it_took() -> None:
    lines = drawn([row("anna", Phase.RUNS, began=1001.0), row("bo", Phase.DONE, took=3.21), row("cem")], seconds=9)

    assert [re.findall(r"[\d.]+ s", line) for line in lines[1:4]] == [["8.0 s"], ["3.2 s"], []]


def class_of(count: int, **phases: range) -> list[Row]:
    """Students in phases, by number; all others wait."""
    made = [row(f"s{number:03}") for number in range(count)]
    for phase, numbers in phases.items():
        for number in numbers:
            made[number].phase = Phase(phase)
    return made


def test_of_three_hundred_students_those_are_shown_who_run_or_failed() -> None:
    rows = class_of(300, done=range(200), failed=range(50, 53), kept=range(10), runs=range(200, 206))
    shown = states(drawn(rows))

    assert len(shown) == 20
    assert shown[:3] == [("s050", "failed"), ("s051", "failed"), ("s052", "failed")]
    assert shown[3:9] == [(f"s{number}", "runs") for number in range(200, 206)]
    assert {state for _, state in shown[9:]} == {"waits"}, "the next that come, before those who are done"


def test_rows_are_shown_in_the_order_of_the_class_whatever_their_state() -> None:
    shown = [label for label, _ in states(drawn(class_of(300, runs=range(0, 300, 30), failed=range(15, 300, 60))))]

    assert shown == sorted(shown)


@pytest.mark.parametrize(("count", "shown"), [(1, 1), (20, 20), (21, 20), (300, 20)])
def test_never_more_than_twenty_rows_are_shown_and_the_rest_is_counted(count: int, shown: int) -> None:
    lines = drawn(class_of(count))

    assert len(states(lines)) == shown
    assert (f"{count - shown} rows not shown" in " ".join(lines)) == (count > shown)
    assert len(lines) <= 24, "a terminal of 24 lines shows the footer too"


def test_what_runs_is_shown_first_and_then_what_failed_when_not_all_fit() -> None:
    shown = states(drawn(class_of(300, runs=range(200, 219), failed=range(100, 140), done=range(100))))

    assert len([state for _, state in shown if state == "runs"]) == 19
    assert len([state for _, state in shown if state == "failed"]) == 1


def test_the_footer_counts_every_row_and_says_how_long_it_may_take() -> None:
    rows = class_of(300, done=range(100), failed=range(100, 103), runs=range(103, 107))
    for each in rows:
        each.took = 8.0 if each.phase is Phase.DONE else 0.0
        each.began = 1000.0
    footer = " ".join(drawn(rows, seconds=4)[21:])

    assert footer.startswith("193 waits, 4 runs, 100 done, 3 failed, 4 s so far, about 390 s to go, 280 rows not shown")


def test_the_footer_says_nothing_of_an_end_that_nobody_knows() -> None:
    assert drawn(class_of(2))[-1] == "2 waits, 0 s so far"


# --- how long it may take ---

NOW = 1000.0
DONE = row("done", Phase.DONE, took=10.0)
ESTIMATES: dict[str, tuple[list[Row], int, float | None]] = {
    "nothing": ([], 4, 0.0),
    "all done": ([DONE, row("b", Phase.DONE, took=3.0)], 4, 0.0),
    "all kept": ([row("a", Phase.KEPT), row("b", Phase.KEPT)], 4, 0.0),
    "nobody knows": ([row("a"), row("b")], 4, None),
    "one of two is known": ([row("a", usual=9.0), row("b")], 4, None),
    "known from before": ([row("a", usual=8.0), row("b", usual=4.0)], 1, 12.0),
    "what ended today counts more": ([DONE, row("a", usual=99.0)], 1, 10.0),
    "one that took no time says nothing": ([row("d", Phase.DONE), row("a", usual=5.0)], 1, 5.0),
    "one that failed says nothing": ([row("f", Phase.FAILED, took=50.0), row("a")], 1, None),
    "one that was skipped takes nothing": ([DONE, row("s", Phase.SKIPPED), row("a")], 1, 10.0),
    "half of one is left": ([DONE, row("r", Phase.RUNS, began=NOW - 5)], 1, 5.0),
    "one takes longer than the others": ([DONE, row("r", Phase.RUNS, began=NOW - 60)], 1, 0.0),
    "nor does its lateness shorten the others": ([DONE, row("r", Phase.RUNS, began=NOW - 60), row("a")], 1, 10.0),
    "side by side": ([DONE, *[row(str(n)) for n in range(8)]], 4, 20.0),
    "fewer are left than could run": ([DONE, row("r", Phase.RUNS, began=NOW - 2)], 6, 8.0),
    "the longest is waited for": ([row("a", usual=30.0), row("b", usual=3.0)], 2, 30.0),
    "none at a time is one": ([DONE, row("a"), row("b")], 0, 20.0),
    "the cluster says nothing of students": (
        [row("p", Phase.DONE, took=60.0, shared=True), row("a", usual=6.0), row("b", usual=6.0)],
        1,
        12.0,
    ),
    "students say nothing of the cluster": ([DONE, row("p", usual=40.0, shared=True)], 1, 40.0),
}


@pytest.mark.parametrize(("rows", "parallel", "expected"), ESTIMATES.values(), ids=ESTIMATES)
def test_how_long_it_may_take_follows_from_what_took_how_long(
    rows: list[Row], parallel: int, expected: float | None
) -> None:
    assert remaining(rows, parallel, NOW) == pytest.approx(expected)


def test_the_board_tells_how_long_it_may_take() -> None:
    made, clock, _ = told([row("anna", usual=10.0)])
    made.begin("student-anna")
    clock.now += 4

    assert remaining(list(made.rows.values()), 4, clock.now) == pytest.approx(6.0)


# --- rows of a plan ---


def test_each_stack_of_a_plan_has_a_row_and_what_is_kept_says_why() -> None:
    actions = [
        Action(stack="ws26-platform", student="", name="the shared cluster", verb=Verb.CREATE, reason="new", wave=0),
        Action(stack="student-anna", student="anna", name="Anna Kim", verb=Verb.KEEP, reason="it stands", wave=2),
    ]
    cluster, anna = class_board.rows(actions, {"student-anna": 7.0}).values()

    assert (cluster.label, cluster.phase, cluster.step, cluster.usual) == ("the shared cluster", Phase.WAITS, "", 0.0)
    assert (anna.label, anna.phase, anna.step, anna.usual) == ("anna", Phase.KEPT, "it stands", 7.0)
    assert (cluster.shared, anna.shared) == (True, False)


# --- lines ---


def test_without_a_terminal_there_are_lines_with_the_time() -> None:
    made, clock, out = told([row("anna"), row("bo")])
    with made:
        made.begin("student-anna")
        clock.now += 12.25
        made.step("student-anna", "3 done, shop-order: created")
        assert made.end("student-anna", Phase.DONE) == 12.25
        made.end("student-bo", Phase.SKIPPED, "what goes before it failed")
        made.line("stopping")

    assert out.getvalue().splitlines() == [
        "[   0.0s] anna: begun",
        "[  12.2s] anna: done in 12.2 s",
        "[  12.2s] bo: skipped: what goes before it failed",
        "[  12.2s] stopping",
    ]


@pytest.mark.parametrize("text", ["[red]x[/red]", "[/]", ":key:", LONG.strip(), "first second"])
def test_a_reason_is_one_line_and_said_as_it_is(text: str) -> None:
    made, _, out = told([row("anna")])
    with made:
        made.begin("student-anna")
        made.end("student-anna", Phase.FAILED, text.replace("first ", "\x1b[1mfirst\r\n ").replace("\x1b[1m", "\x07"))
        made.line(text)

    begun, failed, line = out.getvalue().splitlines()
    assert (begun, failed, line) == ("[   0.0s] anna: begun", f"[   0.0s] anna: failed: {text}", f"[   0.0s] {text}")


def test_lines_have_no_control_characters() -> None:
    made, _, out = told([row("anna")])
    with made:
        made.begin("student-anna")
        made.end("student-anna", Phase.FAILED, "\x1b[31mred\x1b[0m\b\x07 \x9b2J \u202e\r\nand")

    assert out.getvalue().replace("\n", "").isprintable()
    assert "red" in out.getvalue()


def test_a_sign_of_life_names_what_runs_and_what_it_is_at() -> None:
    made, _, out = told([row("anna"), row("bo"), row("cem")], heartbeat=0.02)
    with made:
        made.begin("student-anna")
        made.begin("student-bo")
        made.step("student-bo", "3 done, shop-order:\nWaiting")
        deadline = time.monotonic() + 20
        while "Waiting" not in out.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)

    line = out.getvalue().splitlines()[-1]
    assert line.endswith("1 waits, 2 runs, 0 s so far; anna (starting), bo (3 done, shop-order: Waiting)")


def test_a_step_of_what_does_not_run_is_not_shown() -> None:
    made, _, _ = told([row("anna", Phase.DONE, step="")])
    made.step("student-anna", "late")
    made.step("no-stack-of-this-class", "stray")

    assert made.rows["student-anna"].step == ""


def tell(made: Board, labels: list[str]) -> None:
    """All that happens to rows, from a thread for each."""

    def work(label: str) -> None:
        made.begin(f"student-{label}")
        for number in range(50):
            made.step(f"student-{label}", f"{number} done")
            made.render()
        made.end(f"student-{label}", Phase.DONE)

    threads = [threading.Thread(target=work, args=(label,)) for label in labels]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_lines_of_several_threads_never_mix() -> None:
    labels = [f"s{number}" for number in range(12)]
    made, _, out = told([row(label) for label in labels])
    with made:
        tell(made, labels)
    lines = out.getvalue().splitlines()

    assert sorted(lines) == sorted(f"[   0.0s] {label}: {what}" for label in labels for what in ("begun", "done"))


def test_on_a_terminal_the_board_is_live_and_what_is_said_stays() -> None:
    labels = [f"s{number}" for number in range(12)]
    out = io.StringIO()
    made = Board(by_stack(row(label) for label in labels), console(out, terminal=True), parallel=4)
    with made:
        tell(made, labels)
        made.line("stopping [red]:key:")

    assert "stopping [red]:key:" in out.getvalue()
    assert "\x1b[" in out.getvalue()
    assert "begun" not in out.getvalue()
    assert "12 done, " in out.getvalue()
