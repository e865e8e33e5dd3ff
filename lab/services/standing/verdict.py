"""The verdict on a lab after its update: does it stand, and if not, why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lab.adapters import kubectl, web
from lab.core.errors import LabError
from lab.core.wait import poll
from lab.platforms.dataplane import lifecycle as dataplane
from lab.platforms.dataplane.lifecycle import DataPlane
from lab.platforms.embedded.istiod import Istiod
from lab.platforms.embedded.rollouts import RolloutsController
from lab.services.standing import cluster, compare, expected, healing
from lab.settings import Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lab.adapters.stack import Stack
    from lab.core.manifests import Object
    from lab.core.progress import Progress
    from lab.services.standing.compare import Findings
    from lab.services.standing.expected import Expectation

_PATIENCE = 60.0
"""Seconds for Pods to become ready and for the page to answer; both are usual at once."""

_PAGE_TIMEOUT = 5.0
"""Seconds for one answer of the page."""

_RUNNING = "running"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A problem or a remark, and the command that helps."""

    what: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The findings; a lab without problems stands.

    Attributes:
        problems: what keeps it from standing.
        notes: what is otherwise than the stack has declared, and left alone.
        pods: how many Pods of each namespace are ready, and how many there are; nothing where none could be asked for.
    """

    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()
    pods: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def reach(stack: Stack, progress: Progress) -> Verdict:
    """Judge a lab; what takes a moment, such as Pods that start, is waited for."""

    def judge() -> Verdict:
        return _judged(stack)

    found = judge()
    if not found.problems:
        return found
    with progress.step(f"waiting: {found.problems[0].what}"):
        last = poll(lambda: None if (now := judge()).problems else now, timeout=_PATIENCE, interval=0.3)
        return last or judge()


def _judged(stack: Stack) -> Verdict:
    try:
        looked = healing.look(stack)
    except LabError as error:
        problem = Problem(what=f"the cluster cannot be asked: {error.message}", remedy=error.remedy)
        # Elsewhere the way to the cluster may be closed to this machine, which says nothing of the lab.
        return Verdict(problems=(problem,)) if stack.target == Target.EMBEDDED else Verdict(notes=(problem,))
    if looked is None:
        return Verdict()
    wanted, findings, snapshot = looked
    problems = [
        *_objects(findings, stack),
        *workloads(wanted, snapshot, findings),
        *_processes(wanted.processes, stack),
    ]
    if not problems:
        problems = list(_page(wanted, stack))
    pods = [each for (*kind, _, _), each in snapshot.metadata.items() if tuple(kind) == cluster.POD]
    return Verdict(
        problems=tuple(problems),
        notes=tuple(foreign(findings, stack)),
        pods=kubectl.count_ready(pods, finished=True),
    )


def _objects(findings: Findings, stack: Stack) -> Iterator[Problem]:
    again = f"make up{stack.suffix}"
    if titles := [each.title for each in findings.releases] + [each.title for each in findings.missing]:
        yield Problem(what=f"not there: {healing.listed(titles)}", remedy=again)
    if titles := [each.title for each in findings.ending]:
        yield Problem(
            what=f"still being deleted: {healing.listed(titles)}",
            remedy=f"see what keeps it: kubectl get {findings.ending[0].words} -o yaml; then: {again}",
        )
    if titles := [each.title for each, _ in findings.overwritten]:
        yield Problem(what=f"overwritten by another installer: {healing.listed(titles)}", remedy=again)


def workloads(wanted: Expectation, snapshot: cluster.Snapshot, findings: Findings) -> Iterator[Problem]:
    """Find declared workloads whose Pods are not ready; those of somebody else are theirs."""
    for each in wanted.objects:
        kind = (each.object.group, each.object.kind)
        live = compare.find(snapshot, each) if kind in cluster.WORKLOADS and each not in findings.foreign else None
        if live is None:
            continue
        ready, total = ready_pods(each.object.kind, live)
        if ready < total:
            namespace = str(live["metadata"].get("namespace") or "")
            yield Problem(
                what=f"{each.title}: {ready} of {total} Pods ready",
                remedy=f"see why: kubectl describe pods --namespace {namespace}",
            )


def ready_pods(kind: str, workload: Object) -> tuple[int, int]:
    """Return how many Pods of a workload are ready, and how many should be."""
    spec, status = workload.get("spec") or {}, workload.get("status") or {}
    if kind == "Pod":
        done = status.get("phase") == "Succeeded"
        ready = any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions") or ())
        return int(done or ready), 1
    if kind == "DaemonSet":
        return int(status.get("numberReady", 0)), int(status.get("desiredNumberScheduled", 0))
    return int(status.get("readyReplicas", 0)), int(spec.get("replicas", 1))


def foreign(findings: Findings, stack: Stack) -> Iterator[Problem]:
    """Name objects that somebody else has made under the lab's names, with the choice."""
    for each in findings.foreign:
        yield Problem(
            what=f"{each.title} was not made by the lab, and is left as it is",
            remedy=f"keep yours, or have the lab's: kubectl delete {each.words} && make up{stack.suffix}",
        )


def _processes(outputs: Mapping[str, dict[str, Any]], stack: Stack) -> Iterator[Problem]:
    for title, state in _states(outputs):
        if state != _RUNNING:
            yield Problem(
                what=f"{title} is {state}",
                remedy=f"make up{stack.suffix}; the logs are in {stack.directory}",
            )


def _states(outputs: Mapping[str, dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Ask each process of this machine."""
    for kind, values in outputs.items():
        plane = expected.control_plane(values)
        if kind == "ControlPlane":
            yield from plane.health().items()
        elif kind == "Istiod":
            yield "istiod", Istiod(control_plane=plane).health()
        elif kind == "RolloutsController":
            yield "the controller of Argo Rollouts", RolloutsController(control_plane=plane).health()
        elif kind == "DataPlane":
            process = DataPlane(control_plane=plane, metrics=bool(values.get("metrics")))
            yield "the data plane", _RUNNING if process.healthy else process.health()


def _page(wanted: Expectation, stack: Stack) -> Iterator[Problem]:
    """Ask for Bookinfo's page, where a data plane of this machine serves it."""
    if "DataPlane" not in wanted.processes or not wanted.page or dataplane.agent(stack.directory) is None:
        return
    if not web.answers(wanted.page, timeout=_PAGE_TIMEOUT):
        yield Problem(
            what=f"{wanted.page} does not answer with 200",
            remedy=f"see what differs: lab drift{stack.option}; the logs of the data plane are in "
            f"{stack.directory / 'dataplane'}",
        )
