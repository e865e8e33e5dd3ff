"""The checks of the lessons on strategies: each compares what happens in the cluster with what its lesson says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.services.grading import evaluation
from lab.services.grading.finding import Finding, counted
from lab.services.rollouts import names

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping

    from lab.services.grading.rollout_inspector import Replacement, RolloutInspector
    from lab.services.rollouts.state import Analysis, ReplicaSet, Rollout

_EXAMPLE, _DELIVERY = names.DEFAULT, "delivery"

STEPS = tuple(text for weight in (10, 20, 30, 40) for text in (f"setWeight {weight}", "pause 10s"))
"""Of the notes' canary."""

_PODS = 10
"""Of the notes' Rollout."""

_VERSION = "v2"
"""That recreate and ramped leave behind."""

_LEAST = 100
"""Requests while Pods are replaced: fewer say nothing about whether any is lost."""

_AFTER, _SHARED, _ABORTED, _PROMOTED = 100, 500, 500, 200
"""Requests of the checks, one after the other."""

_LOOKS = 2
"""At the weights: once more when they changed while it was asked."""


def recreate(name: str, inspector: RolloutInspector) -> Finding:
    """Whether requests are lost while all Pods of delivery are replaced, since they all end first."""
    return _replaced(
        name,
        inspector,
        strategy="Recreate",
        lost="at least 1 is lost",
        kept=lambda found: found.lost > 0,
        hint="lab lesson apply recreate: the Deployment needs this strategy, and its Pods version v2",
    )


def ramped(name: str, inspector: RolloutInspector) -> Finding:
    """Whether no request is lost while the Pods of delivery are replaced one by one."""
    return _replaced(
        name,
        inspector,
        strategy="RollingUpdate",
        lost="none is lost",
        kept=lambda found: found.lost == 0,
        hint="lab lesson apply ramped: the Deployment needs this strategy, and its Pods version v2",
    )


def canary(name: str, inspector: RolloutInspector) -> Finding:
    """Whether the notes' example has gone through its canary to the end."""
    rollout = inspector.rollout(_EXAMPLE)
    passed = bool(
        rollout
        and rollout.strategy == "canary"
        and tuple(each.text for each in rollout.steps) == STEPS
        and _revision(rollout) > 1
        and rollout.complete
        and _available(rollout) == {_revision(rollout): _PODS}
    )
    steps = ", ".join(each.text for each in rollout.steps) if rollout else ""
    return Finding(
        name=name,
        passed=passed,
        expected=f"{_EXAMPLE}: canary, {', '.join(STEPS)}; revision 2 or later complete, with all {_PODS} Pods",
        found=f"{_EXAMPLE}: {_told(rollout, steps)}; {_pods(rollout)}",
        hint=f"lab rollout set-image {_EXAMPLE} nginx=jinyoung/app:blue, then lab rollout watch {_EXAMPLE}",
    )


def blue_green(name: str, inspector: RolloutInspector) -> Finding:
    """Whether a later revision of the notes' example was promoted."""
    rollout, service = inspector.rollout(_EXAMPLE), "nginx-active"
    selected = inspector.selected(names.namespace_of(_EXAMPLE), service)
    newest = rollout.newest if rollout else None
    passed = bool(
        rollout
        and newest
        and rollout.strategy == "blueGreen"
        and newest.revision > 1
        and selected == newest.hash
        and newest.available > 0
    )
    led = next(
        (f"revision {each.revision}" for each in (rollout.replica_sets if rollout else ()) if each.hash == selected), ""
    )
    return Finding(
        name=name,
        passed=passed,
        expected=f"{_EXAMPLE}: blueGreen, revision 2 or later; the Service {service} leads to the newest revision",
        found=f"{_EXAMPLE}: {_told(rollout)}; {service} leads to {led or 'none of its revisions'}",
        hint=f"set its image, look at nginx-preview, then lab rollout promote {_EXAMPLE}; the strategy is set by "
        "istio-lab:rollouts.example.strategy",
    )


def istio_canary(name: str, inspector: RolloutInspector) -> Finding:
    """Whether the mesh gives the newest version of delivery the share that the routes say at the moment."""
    rollout = inspector.rollout(_DELIVERY)
    hint = "lab rollout status delivery says where it stands; lab lesson show istio-canary how it comes there"
    if rollout is None or rollout.newest is None or not rollout.routed:
        return Finding(
            name=name,
            passed=False,
            expected="delivery: canary by the mesh's routes, revision 2 or later",
            found=f"delivery: {_told(rollout)}",
            hint="apply istio-canary-v1 first, then istio-canary: lab lesson show istio-canary",
        )
    look = _shared(inspector, rollout, _SHARED)
    if look.shares and evaluation.inconclusive(look.found, look.shares):
        look = _shared(inspector, look.rollout, evaluation.RETRY_FACTOR * _SHARED)
    rollout, version, requests = look.rollout, _version(look.rollout.newest), look.found.total()
    of = f"of {requests} requests to delivery"
    if look.shares is None:
        return Finding(
            name=name,
            passed=False,
            expected=f"delivery: revision 2 or later; {of}, the share of {version} by the VirtualService's weights",
            found=f"delivery: {_told(rollout)}; the weights changed while it was asked; {counted(look.found)}",
            hint="check again: lab check strategies.istio-canary",
        )
    weight = look.shares[version]
    bound = evaluation.margin(weight / 100, requests)
    return Finding(
        name=name,
        passed=_revision(rollout) > 1 and not rollout.aborted and evaluation.fits(look.found, look.shares),
        expected=f"delivery: revision 2 or later, not aborted; {of}: {version} {weight} % +- {bound * 100:.1f} "
        f"(confidence {evaluation.CONFIDENCE:.1%})",
        found=f"delivery: {_told(rollout)}; {version} {look.found[version] / requests:.1%} ({counted(look.found)})",
        hint=hint,
    )


def istio_canary_failing(name: str, inspector: RolloutInspector) -> Finding:
    """Whether a version of delivery that fails was given up by its analysis, and reaches nobody any more."""
    rollout = inspector.rollout(_DELIVERY)
    hint = "keep lab load delivery -n shop going, and see lab rollout status delivery: the analysis needs requests"
    if rollout is None or not rollout.routed or not rollout.aborted:
        return Finding(
            name=name,
            passed=False,
            expected="delivery: canary by the mesh's routes, its newest revision aborted by a failed analysis",
            found=f"delivery: {_told(rollout)}",
            hint=hint,
        )
    failed = next((each for each in rollout.own_analyses if each.phase == "Failed"), None)
    stable = _version(rollout.stable_set)
    found = inspector.versions(_ABORTED)
    told = f"analysis {failed.name} failed: {_measured(failed)}" if failed else "no analysis of it failed"
    return Finding(
        name=name,
        # Were both of one version, the answers would not say which of them it was.
        passed=failed is not None and stable != _version(rollout.newest) and found == {stable: _ABORTED},
        expected=f"delivery: aborted, its analysis failed; the stable version: {stable} {_ABORTED} of {_ABORTED}",
        found=f"delivery: {_told(rollout)}; {told}; {counted(found)}",
        hint=hint,
    )


def istio_blue_green(name: str, inspector: RolloutInspector) -> Finding:
    """Whether a later version of delivery was promoted after its analysis, and answers everybody."""
    rollout = inspector.rollout(_DELIVERY)
    hint = "keep requests to http://delivery-preview:8080 going for two minutes, and see lab rollout status delivery"
    if rollout is None or rollout.strategy != "blueGreen" or _revision(rollout) < 2:  # noqa: PLR2004 - one that replaced another
        return Finding(
            name=name,
            passed=False,
            expected="delivery: blueGreen, revision 2 or later, complete after its analysis",
            found=f"delivery: {_told(rollout)}",
            hint="apply istio-blue-green-v1 first, then istio-blue-green: lab lesson show istio-blue-green",
        )
    before = next((each for each in rollout.own_analyses if each.kind == "PrePromotion"), None)
    version = _version(rollout.newest)
    found = inspector.versions(_PROMOTED)
    succeeded = before is not None and before.phase == "Successful"
    told = f"analysis before the promotion: {before.phase if before else 'none'}"
    return Finding(
        name=name,
        passed=rollout.complete and succeeded and found == {version: _PROMOTED},
        expected="delivery: revision 2 or later complete; analysis before the promotion: Successful; "
        f"{version} {_PROMOTED} of {_PROMOTED}",
        found=f"delivery: {_told(rollout)}; {told}; {counted(found)}",
        hint=hint,
    )


CHECKS: Mapping[str, Callable[[str, RolloutInspector], Finding]] = {
    "strategies.recreate": recreate,
    "strategies.ramped": ramped,
    "strategies.canary": canary,
    "strategies.blue-green": blue_green,
    "strategies.istio-canary": istio_canary,
    "strategies.istio-canary-failing": istio_canary_failing,
    "strategies.istio-blue-green": istio_blue_green,
}
"""By name: that of the lesson without its number."""


def _replaced(  # noqa: PLR0913 - what tells the two apart
    name: str,
    inspector: RolloutInspector,
    *,
    strategy: str,
    lost: str,
    kept: Callable[[Replacement], bool],
    hint: str,
) -> Finding:
    """What becomes of the requests while all Pods of the Deployment of delivery are replaced."""
    expected = (
        f"delivery: {strategy}; of {_LEAST} requests or more while all its Pods are replaced, {lost}; "
        f"after it: {_VERSION} {_AFTER} of {_AFTER}"
    )
    chosen = inspector.strategy()
    if not chosen:
        told = "no Deployment delivery in the namespace shop"
        return Finding(name=name, passed=False, expected=expected, found=told, hint=hint)
    found = inspector.replace()
    after = inspector.versions(_AFTER)
    watched = "" if found.seen else ", and it took longer" if found.over else ", and it did not end"
    return Finding(
        name=name,
        passed=chosen == strategy
        and found.over
        and found.requests >= _LEAST
        and kept(found)
        and after == {_VERSION: _AFTER},
        expected=expected,
        found=f"delivery: {chosen}; {found.lost} of {found.requests} requests lost in {found.seconds:.0f} s{watched}; "
        f"after it: {counted(after)}",
        hint=hint,
    )


@dataclass(frozen=True, kw_only=True)
class _Look:
    """What the mesh gave the versions of delivery.

    Attributes:
        rollout: as it was afterwards.
        shares: of the versions, in per cent, by the VirtualService; none when they did not stay while it was asked.
        found: which version answered how often.
    """

    rollout: Rollout
    shares: Mapping[str, int] | None
    found: Counter[str]


def _shared(inspector: RolloutInspector, rollout: Rollout, requests: int) -> _Look:
    """Ask so often, once more when the weights changed meanwhile."""
    for _ in range(_LOOKS):
        before = _weight(inspector, rollout)
        found = inspector.versions(requests)
        rollout = inspector.rollout(_DELIVERY) or rollout
        if before == _weight(inspector, rollout):
            shares = {_version(rollout.stable_set): 100 - before, _version(rollout.newest): before}
            return _Look(rollout=rollout, shares=shares, found=found)
    return _Look(rollout=rollout, shares=None, found=found)


def _weight(inspector: RolloutInspector, rollout: Rollout) -> int:
    """Percent of the requests that the newest version gets by the VirtualService."""
    # When all is done, the newest version is the stable one.
    return inspector.weights().get("stable" if rollout.complete else "canary", 0)


def _revision(rollout: Rollout) -> int:
    return rollout.newest.revision if rollout.newest else 0


def _version(replica_set: ReplicaSet | None) -> str:
    return (replica_set.version if replica_set else "") or "no version"


def _available(rollout: Rollout) -> dict[int, int]:
    """Pods that serve, by their revision."""
    return {each.revision: each.available for each in rollout.replica_sets if each.available}


def _pods(rollout: Rollout | None) -> str:
    found = _available(rollout) if rollout else {}
    return f"Pods: {counted({f'revision {revision}:': count for revision, count in found.items()})}"


def _told(rollout: Rollout | None, steps: str = "") -> str:
    """What stands of a Rollout, in a few words."""
    if rollout is None:
        return "no Rollout"
    how = f"{rollout.strategy}{f', {steps}' if steps else ''}"
    stands = "aborted" if rollout.aborted else "complete" if rollout.complete else str(rollout.phase)
    return f"{how}, revision {_revision(rollout)} {stands}"


def _measured(analysis: Analysis) -> str:
    """The metrics that failed, with what was measured last."""
    bad = [each for each in analysis.metrics if each.phase == "Failed"]
    return (
        ", ".join(f"{each.name} {each.value or 'without a value'}" for each in bad) or analysis.message or "no metric"
    )
