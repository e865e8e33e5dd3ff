"""Mending a lab around its update: what is missing in the cluster is made again by the same `up`."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Protocol

from lab.adapters import kubectl
from lab.core.errors import LabError
from lab.core.wait import poll
from lab.platforms.embedded.control_plane import DEAD, FROZEN
from lab.services.standing import cluster, expected, helm
from lab.services.standing.compare import Findings, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lab.adapters.stack import Stack
    from lab.core.progress import Progress
    from lab.services.standing.expected import Expectation, Resource

_PATIENCE = 120.0
"""Seconds for what is being deleted to be gone: a namespace takes as long as the Pods in it."""

_NAMED = 3
"""Number of objects that are named before the rest is only counted."""

_SHARED = "shared"
"""The target whose cluster is another stack's."""


class Refresh(Protocol):
    """The part of an engine that is needed here."""

    def refresh(self, stack: Stack, urns: Sequence[str]) -> None:
        """Run `pulumi refresh` on a few resources."""


class _Seen(enum.Enum):
    """The findings about a cluster, and the repairs."""

    NOTHING = enum.auto()
    """There is none yet."""
    NO_ANSWER = enum.auto()
    WHOLE = enum.auto()
    MENDED = enum.auto()
    """Objects of Helm releases were put back; there may be more to do after the update."""
    REFRESHED = enum.auto()
    """The engine knows now that resources are gone, and makes them in its next update."""


def up(stack: Stack, engine: Refresh, progress: Progress, update: Callable[[], None]) -> None:
    """Run an update of a stack, and see to it that what is missing in the cluster is made again.

    Args:
        stack: its state says what there should be.
        engine: refreshes resources, so that the update makes them again.
        progress: says what was missing.
        update: runs once; twice if only then more is seen.
    """
    before = _mend(stack, engine, progress)
    update()
    if before in (_Seen.NOTHING, _Seen.WHOLE):
        return
    # A cluster whose API server was down could not be asked before, and what is made into a namespace comes after it.
    if _mend(stack, engine, progress) is _Seen.REFRESHED:
        update()


def look(stack: Stack) -> tuple[Expectation, Findings, cluster.Snapshot] | None:
    """Compare what a stack has declared with its cluster; None where there is none yet, or it is another stack's.

    Raises:
        LabError: the cluster cannot be asked.
    """
    if stack.target == _SHARED or not stack.kubeconfig.is_file():
        return None
    wanted = expected.read(stack)
    if not wanted.objects:
        return None
    if (plane := wanted.processes.get("ControlPlane")) and (down := _down(plane)):
        # It would only answer after every time limit of this and of its own questions, if at all.
        raise LabError(f"{down[0]} of the embedded control plane does not run", f"make up{stack.suffix}")
    snapshot = cluster.look(stack.kubeconfig, {(each.object.group, each.object.kind) for each in wanted.objects})
    return wanted, compare(wanted, snapshot), snapshot


def _down(plane: Resource) -> list[str]:
    states = expected.control_plane(plane).processes()
    return [name for name, state in states.items() if state in (DEAD, FROZEN)]


def _mend(stack: Stack, engine: Refresh, progress: Progress) -> _Seen:
    try:
        if (looked := look(stack)) is None:
            return _Seen.NOTHING
        findings = looked[1]
        if findings.none:
            return _Seen.WHOLE
        if findings.ending:
            findings = _settled(stack, findings, progress)
    except LabError:
        # The update says why, or mends it.
        return _Seen.NO_ANSWER
    try:
        _mend_releases(stack, findings, progress)
    except LabError as error:
        # A webhook of a process that is down refuses it, for example; the update starts that, then it is tried again.
        progress.line(error.message)
    if not (titles := [each.title for each in findings.resources]):
        return _Seen.MENDED
    progress.line(f"missing in the cluster, and made again: {listed(titles)}")
    engine.refresh(stack, list(dict.fromkeys(each.urn for each in findings.resources)))
    return _Seen.REFRESHED


def _settled(stack: Stack, findings: Findings, progress: Progress) -> Findings:
    """Wait until nothing of the lab is being deleted any more."""
    with progress.step(f"waiting for what is being deleted: {listed([each.title for each in findings.ending])}"):

        def settled() -> Findings | None:
            looked = look(stack)
            return looked[1] if looked and not looked[1].ending else None

        return poll(settled, timeout=_PATIENCE, interval=0.5) or findings


def _mend_releases(stack: Stack, findings: Findings, progress: Progress) -> None:
    """Put the objects of installed releases back; a release that is gone is installed again by the engine."""
    absent = {each.name for each in findings.releases}
    gone = {each.object.name for each in findings.missing if each.object.kind == "Namespace"}
    missing = [
        each
        for each in findings.missing
        if each.object.release and each.object.release not in absent and not gone.intersection(each.object.namespaces)
    ]
    changed = [each for each, _ in findings.overwritten if each.object.release not in absent]
    if missing:
        progress.line(f"missing in the cluster, and made again: {listed([each.title for each in missing])}")
        helm.make_again(stack.kubeconfig, missing)
        if definitions := [each.object.name for each in missing if each.object.kind == "CustomResourceDefinition"]:
            kubectl.run(stack.kubeconfig, "wait", "--for=condition=established", "--timeout=60s", "crd", *definitions)
    if changed:
        by = ", ".join(dict.fromkeys(who for _, who in findings.overwritten))
        progress.line(f"overwritten by {by}, and put back: {listed([each.title for each in changed])}")
        helm.put_back(stack.kubeconfig, changed)


def listed(titles: Sequence[str]) -> str:
    """Name the first of many, and count the rest."""
    more = len(titles) - _NAMED
    return ", ".join(titles[:_NAMED]) + (f" and {more} more" if more > 0 else "")
