"""A class, measured: twelve students one after the other by Pulumi's own command, and all of them by `lab class up`."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

import yaml
from rich.table import Column, Table

from benchmarks.approaches import left_out
from benchmarks.machine import Machine
from benchmarks.sandbox import Meter, Sandbox
from lab.cli.board import Progress
from lab.cli.console import styled
from lab.core import paths

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

STUDENTS = ("anna", "ben", "carl", "dora", "emil", "fay", "gus", "hana", "ines", "jon", "kim", "lea")
LIMIT = 0.6
"""Of the time that it takes one after the other."""

_CLASS, _PLATFORM, _FILE = "bench", "bench-platform", "class.yaml"
_ACTIVATED = '. .lab/activate && cd "$1" && shift && exec pulumi "$@"'


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One round. The shared cluster stands before the clock starts, both times.

    Attributes:
        by_hand: seconds for all students, one after the other.
        together: seconds by `lab class up`.
        by_hand_memory: bytes, the most that Pulumi, its providers and the cluster took.
        memory: the same of `lab class up`.
    """

    by_hand: float
    together: float
    by_hand_memory: int
    memory: int

    @property
    def ratio(self) -> float:
        """What is left of the time."""
        return self.together / self.by_hand


def run(rounds: int, console: Console, json_file: Path) -> None:
    """Measure, print a table and write every sample.

    Args:
        rounds: how often each way is measured.
        console: where the table goes; progress goes to standard error.
        json_file: where the samples go.

    Raises:
        LabError: a command failed.
    """
    with Progress() as progress, Sandbox() as sandbox:
        with progress.step("copying the project"):
            project = _copy(sandbox)
        labels = [f"round {number} of {rounds}" for number in range(1, rounds + 1)]
        found = [_round(sandbox, project, progress, label) for label in labels]
    machine = Machine.here()
    samples = [{**asdict(each), "ratio": each.ratio} for each in found]
    document = {"machine": machine.document(), "students": len(STUDENTS), "samples": samples}
    json_file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    console.print(table(found))
    console.print(str(machine), highlight=False, soft_wrap=True)


def table(found: Sequence[Measured]) -> Table:
    """The medians, and the ratio held against its limit."""
    rows = Table(
        Column(f"{len(STUDENTS)} students on one cluster"),
        Column("by hand", justify="right"),
        Column("lab class up", justify="right"),
    )
    rows.add_row(
        "all of them, s",
        f"{median(each.by_hand for each in found):.1f}",
        f"{median(each.together for each in found):.1f}",
    )
    rows.add_row(
        "memory, the cluster's too, MB",
        f"{median(each.by_hand_memory for each in found) / 2**20:.0f}",
        f"{median(each.memory for each in found) / 2**20:.0f}",
    )
    ratio = median(each.ratio for each in found)
    met = styled("{} [green]met[/]" if ratio <= LIMIT else "{} [red]missed[/]", f"{ratio:.2f}")
    rows.add_row(f"ratio; the limit is {LIMIT}", "1", met)
    return rows


def _copy(sandbox: Sandbox) -> Path:
    project = sandbox.folder / "project"
    shutil.copytree(paths.PROJECT, project, symlinks=True, ignore=left_out)
    (project / ".venv").symlink_to(paths.PROJECT / ".venv")
    _lab(sandbox, project, "setup")
    roster = {"class": _CLASS, "students": [{"id": each} for each in STUDENTS]}
    (project / _FILE).write_text(yaml.safe_dump(roster), encoding="utf-8")
    return project


def _round(sandbox: Sandbox, project: Path, progress: Progress, label: str) -> Measured:
    with progress.step(f"{label}: the shared cluster", usual=15):
        _lab(sandbox, project, "class", "up", _FILE, "--yes", "--platform")
        sandbox.wait_until_at_rest()
    with progress.step(f"{label}: by hand", usual=80), Meter(sandbox) as by_hand:
        for student in STUDENTS:
            _by_hand(sandbox, project, student)
    with progress.step(f"{label}: taking it down", usual=10):
        _lab(sandbox, project, "class", "down", _FILE, "--yes", "--platform")
        for student in STUDENTS:
            _pulumi(sandbox, project, project, "stack", "rm", "--yes", "--force", f"student-{student}")
    with progress.step(f"{label}: the shared cluster", usual=15):
        _lab(sandbox, project, "class", "up", _FILE, "--yes", "--platform")
        sandbox.wait_until_at_rest()
    with progress.step(f"{label}: lab class up", usual=35), Meter(sandbox) as together:
        _lab(sandbox, project, "class", "up", _FILE, "--yes")
    with progress.step(f"{label}: taking it down", usual=10):
        _lab(sandbox, project, "class", "down", _FILE, "--yes")
    return Measured(
        by_hand=by_hand.seconds,
        together=together.seconds,
        by_hand_memory=by_hand.memory,
        memory=together.memory,
    )


def _by_hand(sandbox: Sandbox, project: Path, student: str) -> None:
    """As somebody does it who has only Pulumi: a file of settings, a new stack, an update."""
    stack = f"student-{student}"
    settings = {
        "istio-lab:target": "shared",
        "istio-lab:shared": {"platform": _PLATFORM},
        "istio-lab:student": {"id": student, "classroom": _CLASS},
    }
    (project / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"config": settings}), encoding="utf-8")
    _pulumi(sandbox, project, project, "stack", "init", stack)
    _pulumi(sandbox, project, project, "up", "--yes", "--skip-preview", "--stack", stack)


def _lab(sandbox: Sandbox, project: Path, *arguments: str) -> None:
    sandbox.run([".venv/bin/python", "-m", "lab", *arguments], cwd=project)


def _pulumi(sandbox: Sandbox, project: Path, folder: Path, *arguments: str) -> None:
    sandbox.run(["bash", "-c", _ACTIVATED, "pulumi", str(folder), *arguments], cwd=project)
