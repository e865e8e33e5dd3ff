"""Checks of the lessons on deployment strategies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lab.services.grading import evaluation
from lab.services.grading.evaluation import CheckResult, counted
from lab.services.rollouts import state

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping

    from lab.services.grading.rollout_inspector import RolloutInspector
    from lab.services.rollouts.state import Analysis, ReplicaSet, Rollout

_EXAMPLE, _DELIVERY = state.DEFAULT, "delivery"

STEPS = tuple(text for weight in (10, 20, 30, 40) for text in (f"setWeight {weight}", "pause 10s"))
"""Steps of the handout's canary."""

_PODS = 10
"""Replicas of the handout's Rollout."""

_VERSION = "v2"
"""Version after recreate and ramped."""

_LEAST = 100
"""Minimum of requests while Pods are replaced; fewer prove nothing."""

_AFTER, _SHARED, _ABORTED, _PROMOTED = 100, 500, 500, 200
"""Requests by check."""

_LOOKS = 2
"""Attempts to sample between two changes of the weights."""


def replacement(inspector: RolloutInspector, *, lesson: str, strategy: str, loses: bool) -> CheckResult:
    """Requests are lost, or not, while all Pods of the Deployment delivery are replaced."""
    expected = (
        f"delivery: {strategy}; of {_LEAST} requests or more while all its Pods are replaced, "
        f"{'at least 1 is lost' if loses else 'none is lost'}; after it: {_VERSION} {_AFTER} of {_AFTER}"
    )
    hint = f"lab lesson apply {lesson}: the Deployment needs this strategy, and its Pods version {_VERSION}"
    chosen = inspector.strategy()
    if not chosen:
        missing = "no Deployment delivery in the namespace shop"
        return CheckResult(passed=False, expected=expected, found=missing, hint=hint)
    found = inspector.replace()
    after = inspector.versions(_AFTER)
    watched = "" if found.seen else ", and it took longer" if found.over else ", and it did not end"
    enough = found.over and found.requests >= _LEAST
    return CheckResult(
        passed=chosen == strategy and enough and bool(found.lost) is loses and after == {_VERSION: _AFTER},
        expected=expected,
        found=f"delivery: {chosen}; {found.lost} of {found.requests} requests lost in {found.seconds:.0f} s{watched}; "
        f"after it: {counted(after)}",
        hint=hint,
    )


def canary(inspector: RolloutInspector) -> CheckResult:
    """The handout's example has completed its canary."""
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
    return CheckResult(
        passed=passed,
        expected=f"{_EXAMPLE}: canary, {', '.join(STEPS)}; revision 2 or later complete, with all {_PODS} Pods",
        found=f"{_EXAMPLE}: {_describe(rollout, steps)}; {_pods(rollout)}",
        hint=f"lab rollout set-image {_EXAMPLE} nginx=jinyoung/app:blue, then lab rollout watch {_EXAMPLE}",
    )


def blue_green(inspector: RolloutInspector) -> CheckResult:
    """A later revision of the handout's example was promoted."""
    rollout, service = inspector.rollout(_EXAMPLE), "nginx-active"
    selected = inspector.selected(state.namespace_of(_EXAMPLE), service)
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
    return CheckResult(
        passed=passed,
        expected=f"{_EXAMPLE}: blueGreen, revision 2 or later; the Service {service} leads to the newest revision",
        found=f"{_EXAMPLE}: {_describe(rollout)}; {service} leads to {led or 'none of its revisions'}",
        hint=f"set its image, look at nginx-preview, then lab rollout promote {_EXAMPLE}; the strategy is set by "
        "istio-lab:rollouts.example.strategy",
    )


def istio_canary(inspector: RolloutInspector) -> CheckResult:
    """The newest version of delivery gets the share that the routes give it."""
    rollout = inspector.rollout(_DELIVERY)
    hint = "lab rollout status delivery says where it stands; lab lesson show istio-canary how it comes there"
    if rollout is None or rollout.newest is None or not rollout.routed:
        return CheckResult(
            passed=False,
            expected="delivery: canary by the mesh's routes, revision 2 or later",
            found=f"delivery: {_describe(rollout)}",
            hint="apply istio-canary-v1 first, then istio-canary: lab lesson show istio-canary",
        )
    sample = _sampled(inspector, rollout, _SHARED)
    if sample.shares and evaluation.inconclusive(sample.found, sample.shares):
        sample = _sampled(inspector, sample.rollout, evaluation.RETRY_FACTOR * _SHARED)
    rollout, version, requests = sample.rollout, _version(sample.rollout.newest), sample.found.total()
    of = f"of {requests} requests to delivery"
    if sample.shares is None:
        return CheckResult(
            passed=False,
            expected=f"delivery: revision 2 or later; {of}, the share of {version} by the VirtualService's weights",
            found=f"delivery: {_describe(rollout)}; the weights changed while it was asked; {counted(sample.found)}",
            hint="check again: lab check strategies.istio-canary",
        )
    weight = sample.shares[version]
    bound = evaluation.margin(weight / 100, requests)
    return CheckResult(
        passed=_revision(rollout) > 1 and not rollout.aborted and evaluation.fits(sample.found, sample.shares),
        expected=f"delivery: revision 2 or later, not aborted; {of}: {version} {weight} % +- {bound * 100:.1f} "
        f"(confidence {evaluation.CONFIDENCE:.1%})",
        found=f"delivery: {_describe(rollout)}; {version} {sample.found[version] / requests:.1%} "
        f"({counted(sample.found)})",
        hint=hint,
    )


def istio_canary_failing(inspector: RolloutInspector) -> CheckResult:
    """A failing version of delivery was aborted by its analysis, and gets no requests."""
    rollout = inspector.rollout(_DELIVERY)
    hint = "keep lab load delivery -n shop going, and see lab rollout status delivery: the analysis needs requests"
    if rollout is None or not rollout.routed or not rollout.aborted:
        return CheckResult(
            passed=False,
            expected="delivery: canary by the mesh's routes, its newest revision aborted by a failed analysis",
            found=f"delivery: {_describe(rollout)}",
            hint=hint,
        )
    failed = next((each for each in rollout.own_analyses if each.phase == "Failed"), None)
    stable = _version(rollout.stable_set)
    found = inspector.versions(_ABORTED)
    analysis = f"analysis {failed.name} failed: {_measured(failed)}" if failed else "no analysis of it failed"
    return CheckResult(
        # Were both of one version, the answers would not say which of them it was.
        passed=failed is not None and stable != _version(rollout.newest) and found == {stable: _ABORTED},
        expected=f"delivery: aborted, its analysis failed; the stable version: {stable} {_ABORTED} of {_ABORTED}",
        found=f"delivery: {_describe(rollout)}; {analysis}; {counted(found)}",
        hint=hint,
    )


def istio_blue_green(inspector: RolloutInspector) -> CheckResult:
    """A later version of delivery was promoted after its analysis, and gets all requests."""
    rollout = inspector.rollout(_DELIVERY)
    hint = "keep requests to http://delivery-preview:8080 going for two minutes, and see lab rollout status delivery"
    if rollout is None or rollout.strategy != "blueGreen" or _revision(rollout) < 2:  # noqa: PLR2004 - one that replaced another
        return CheckResult(
            passed=False,
            expected="delivery: blueGreen, revision 2 or later, complete after its analysis",
            found=f"delivery: {_describe(rollout)}",
            hint="apply istio-blue-green-v1 first, then istio-blue-green: lab lesson show istio-blue-green",
        )
    before = next((each for each in rollout.own_analyses if each.kind == "PrePromotion"), None)
    version = _version(rollout.newest)
    found = inspector.versions(_PROMOTED)
    succeeded = before is not None and before.phase == "Successful"
    analysis = f"analysis before the promotion: {before.phase if before else 'none'}"
    return CheckResult(
        passed=rollout.complete and succeeded and found == {version: _PROMOTED},
        expected="delivery: revision 2 or later complete; analysis before the promotion: Successful; "
        f"{version} {_PROMOTED} of {_PROMOTED}",
        found=f"delivery: {_describe(rollout)}; {analysis}; {counted(found)}",
        hint=hint,
    )


CHECKS: Mapping[str, Callable[[RolloutInspector], CheckResult]] = {
    "strategies.recreate": partial(replacement, lesson="recreate", strategy="Recreate", loses=True),
    "strategies.ramped": partial(replacement, lesson="ramped", strategy="RollingUpdate", loses=False),
    "strategies.canary": canary,
    "strategies.blue-green": blue_green,
    "strategies.istio-canary": istio_canary,
    "strategies.istio-canary-failing": istio_canary_failing,
    "strategies.istio-blue-green": istio_blue_green,
}
"""By the lesson's name without its number."""


@dataclass(frozen=True, kw_only=True)
class _Sample:
    """Answers by version, with the Rollout afterwards; `shares` is None if the weights changed meanwhile."""

    rollout: Rollout
    shares: Mapping[str, int] | None
    found: Counter[str]


def _sampled(inspector: RolloutInspector, rollout: Rollout, requests: int) -> _Sample:
    """Sample the versions, again if the weights changed meanwhile."""
    for _ in range(_LOOKS):
        before = _weight(inspector, rollout)
        found = inspector.versions(requests)
        rollout = inspector.rollout(_DELIVERY) or rollout
        if before == _weight(inspector, rollout):
            shares = {_version(rollout.stable_set): 100 - before, _version(rollout.newest): before}
            return _Sample(rollout=rollout, shares=shares, found=found)
    return _Sample(rollout=rollout, shares=None, found=found)


def _weight(inspector: RolloutInspector, rollout: Rollout) -> int:
    """The newest version's weight in the VirtualService, in per cent."""
    # At the end of a rollout the newest version is the stable one.
    return inspector.weights().get("stable" if rollout.complete else "canary", 0)


def _revision(rollout: Rollout) -> int:
    return rollout.newest.revision if rollout.newest else 0


def _version(replica_set: ReplicaSet | None) -> str:
    return (replica_set.version if replica_set else "") or "no version"


def _available(rollout: Rollout) -> dict[int, int]:
    """Available Pods by revision."""
    return {each.revision: each.available for each in rollout.replica_sets if each.available}


def _pods(rollout: Rollout | None) -> str:
    found = _available(rollout) if rollout else {}
    return f"Pods: {counted({f'revision {revision}:': count for revision, count in found.items()})}"


def _describe(rollout: Rollout | None, steps: str = "") -> str:
    """Describe the state of a Rollout."""
    if rollout is None:
        return "no Rollout"
    how = f"{rollout.strategy}{f', {steps}' if steps else ''}"
    state = "aborted" if rollout.aborted else "complete" if rollout.complete else str(rollout.phase)
    return f"{how}, revision {_revision(rollout)} {state}"


def _measured(analysis: Analysis) -> str:
    """Failed metrics with their last value."""
    bad = [each for each in analysis.metrics if each.phase == "Failed"]
    return (
        ", ".join(f"{each.name} {each.value or 'without a value'}" for each in bad) or analysis.message or "no metric"
    )
