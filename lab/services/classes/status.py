"""The status of each student's lab: the result of the last run, and the Pods in the cluster."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lab.adapters import kubectl
from lab.adapters.stack import Stack
from lab.core.errors import LabError
from lab.services.classes import workspace
from lab.services.classes.plan import State
from lab.settings import students

if TYPE_CHECKING:
    from pathlib import Path

    from lab.services.classes.roster import Roster

_NEW = "not begun"
_DOWN = "does not answer"


@dataclass(frozen=True, kw_only=True)
class Status:
    """The status of one stack.

    Attributes:
        stack: its name.
        student: id; empty for the shared cluster.
        state: in words.
        ready: Pods that are ready.
        pods: all Pods that should run, without those that have completed.
        seconds: duration of the last update.
        error: why the last run failed.
        well: nothing needs to be done.
    """

    stack: str
    student: str
    state: str
    ready: int = 0
    pods: int = 0
    seconds: float = 0.0
    error: str = ""
    well: bool = False

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def look(roster: Roster) -> list[Status]:
    """The status of every stack of a class, the shared cluster first. A shared cluster is queried once."""
    shared = _counts(Stack(roster.platform_stack).kubeconfig) if roster.shared else None
    rows = [_of(roster.platform_stack, "", _sum(shared, ()))] if roster.shared else []
    for student in roster.students:
        if roster.shared:
            counts = _sum(shared, tuple(students.namespace(student.id, each) for each in students.COURSE))
        else:
            counts = _sum(_counts(Stack(student.stack).kubeconfig), ())
        rows.append(_of(student.stack, student.id, counts))
    return rows


_Counts = dict[str, tuple[int, int]]
"""Ready and all Pods by namespace."""


def _of(stack: str, student: str, counts: tuple[int, int] | None) -> Status:
    found = workspace.load(stack)
    if found is None or found.state is State.GONE:
        return Status(stack=stack, student=student, state=_NEW)
    ready, pods = counts or (0, 0)
    state = found.state.value if counts else _DOWN
    return Status(
        stack=stack,
        student=student,
        state=state if found.state is State.STANDS else found.state.value,
        ready=ready,
        pods=pods,
        seconds=found.seconds,
        error=found.error,
        well=found.state is State.STANDS and counts is not None and ready == pods,
    )


def _counts(kubeconfig: Path) -> _Counts | None:
    """None when the cluster does not answer."""
    if not kubeconfig.is_file():
        return None
    try:
        listing = kubectl.run(kubeconfig, "get", "pods", "-A", "-o", "json", "--request-timeout=10s")
    except LabError:
        return None
    return kubectl.ready_pods(listing, finished=False)


def _sum(counts: _Counts | None, namespaces: tuple[str, ...]) -> tuple[int, int] | None:
    """Add up the Pods of some namespaces, or of all."""
    if counts is None:
        return None
    chosen = [count for name, count in counts.items() if not namespaces or name in namespaces]
    return sum(ready for ready, _ in chosen), sum(total for _, total in chosen)
