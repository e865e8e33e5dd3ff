"""The comparison of this stack with the commands of the course, in turn on one machine."""

from __future__ import annotations

import contextlib
import json
import signal
from typing import TYPE_CHECKING

from benchmarks import results
from benchmarks.approaches import ManualBaseline, PulumiRun
from benchmarks.cluster import require_same
from benchmarks.machine import Machine
from benchmarks.results import Measure, Sample
from benchmarks.sandbox import Meter, Sandbox
from lab import toolchain
from lab.cli.board import Progress
from lab.toolchain import artifacts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import Console

    from benchmarks.approaches import Approach

_USUAL = {Measure.UP: 20, Measure.PREVIEW: 4, Measure.UP_AGAIN: 4, Measure.DESTROY: 5, Measure.NOTES: 25}
"""Seconds on two cores, to tell people what to wait for."""


def run(rounds: int, console: Console, json_file: Path) -> None:
    """Measure, print a table and write a JSON file. A missed limit is marked in both; it is no failure.

    Args:
        rounds: how often each is measured; from three on a median says something.
        console: where the table goes; progress goes to standard error.
        json_file: where the document goes.

    Raises:
        LabError: a command failed, or the two approaches did different work.
    """
    machine = Machine.here()
    with _terminated_like_interrupted():
        samples = _measure(rounds)
    json_file.parent.mkdir(parents=True, exist_ok=True)
    json_file.write_text(json.dumps(results.document(samples, machine.document()), indent=2) + "\n", encoding="utf-8")
    console.print(results.table(samples))
    console.print(str(machine), highlight=False, soft_wrap=True)
    console.print(f"Every sample is in {json_file}", highlight=False, soft_wrap=True)


def _measure(rounds: int) -> list[Sample]:
    samples: list[Sample] = []
    with Progress() as progress:
        toolchain.ensure((*toolchain.DEFAULT, "helm"), progress=progress)
        artifacts.ensure(progress=progress)
        with Sandbox() as sandbox:
            with progress.step("copying the project"):
                approaches: list[Approach] = [PulumiRun(sandbox), ManualBaseline(sandbox)]
            for number in range(1, rounds + 1):
                recorder = _Recorder(sandbox, progress, samples, label=f"round {number} of {rounds}", number=number)
                # In turn, so that neither always runs on the disk cache that the other has warmed.
                order = approaches if number % 2 else approaches[::-1]
                require_same({each.name: each.measure(recorder.record) for each in order})
    return samples


class _Recorder:
    """Turns the measured blocks of one round into samples."""

    def __init__(self, sandbox: Sandbox, progress: Progress, samples: list[Sample], *, label: str, number: int) -> None:
        self._sandbox = sandbox
        self._progress = progress
        self._samples = samples
        self._label = label
        self._number = number

    @contextlib.contextmanager
    def record(self, measure: Measure) -> Iterator[None]:
        label = f"{self._label}: {measure.value}"
        with self._progress.step(label, usual=_USUAL[measure]), Meter(self._sandbox) as meter:
            yield
        self._samples.append(Sample(measure=measure, round=self._number, seconds=meter.seconds, memory=meter.memory))


@contextlib.contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """`kill` and a CI system's time limit clean up as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
