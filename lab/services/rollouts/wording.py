"""Sentences about the Pods, analyses and revisions of a Rollout."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.services.rollouts.state import Analysis, Metric, ReplicaSet, Rollout

_BAD = ("Failed", "Error")
_NO_DATA = re.compile(r"no data returned|nil or empty|index out of range")
"""Of the message of a measurement whose query has an empty result."""

_UNREACHABLE = re.compile(r"dial tcp|connection refused|no such host|deadline exceeded|timeout|EOF|unreachable|50[234]")
"""Of the message of a measurement that nobody answered."""


def look(rollout: Rollout) -> str:
    """Return the kubectl arguments that show why Pods of the newest version do not come; empty when they just start."""
    if rollout.newest and (failure := rollout.newest.failure):
        return "describe resourcequota" if "quota" in failure else f"describe replicaset {rollout.newest.name}"
    pod = stuck(rollout)
    return f"describe pod {pod}" if pod else ""


def stuck(rollout: Rollout) -> str:
    """Name a Pod of the newest version that has a reason of its own for not being ready."""
    return next(
        (each.name for each in rollout.waiting_pods if each.hash == rollout.current and each.reason != "NotReady"), ""
    )


def pods(rollout: Rollout) -> str:
    """Say what the Pods of the newest version wait for; empty when all are available."""
    newest = rollout.newest
    if newest is None:
        return ""
    if newest.failure:
        return f"The cluster refuses Pods of {named(newest)}: {sentence(newest.failure)}"
    pods = [each for each in rollout.waiting_pods if each.hash == rollout.current]
    if blocked := [each for each in pods if each.reason != "NotReady"]:
        first = blocked[0]
        message = f": {sentence(first.message)}" if first.message else "."
        return f"{len(pods)} of {newest.desired} Pods do not become ready. {first.name}: {first.reason}{message}"
    if newest.ready < newest.desired:
        return f"{newest.ready} of {newest.desired} Pods of {named(newest)} are ready; it waits for the others."
    if newest.available < newest.desired:
        return (
            f"The Pods of {named(newest)} are ready, and must stay so for {rollout.min_ready_seconds} s "
            "(minReadySeconds) before they count."
        )
    return ""


def held_up(rollout: Rollout) -> str:
    """Say that the routes wait for Pods of the stable version; empty when they do not."""
    stable = rollout.stable_set
    if rollout.complete or not rollout.routed or stable is None or stable.available >= stable.desired:
        return ""
    return (
        f"{stable.available} of {stable.desired} Pods of the stable {named(stable)} are available; the routes stay as "
        "they are until all of them are."
    )


def culprit(rollout: Rollout, *phases: str) -> tuple[Analysis, Metric] | None:
    """Find the newest analysis of the newest version that did not succeed, and the metric that decided it."""
    wanted = phases or _BAD
    for analysis in rollout.own_analyses:
        for metric in analysis.metrics:
            if analysis.phase in wanted and metric.phase in wanted and not metric.dry_run:
                return analysis, metric
    return None


def verdict(metric: Metric, analysis: Analysis) -> str:
    """Compare the measurements with their conditions."""
    measured = metric.successful + metric.failed + metric.inconclusive
    bad = metric.inconclusive if metric.phase == "Inconclusive" else metric.failed
    kind = "were inconclusive" if metric.phase == "Inconclusive" else "failed"
    allowed = f" ({metric.limit} may fail)" if metric.phase == "Failed" and metric.limit >= 0 else ""
    value = f"; the last value is {metric.value}" if metric.value else ""
    asked = f", it succeeds where {metric.success}" if metric.success else ""
    refused = f", it fails where {metric.failure}" if metric.failure else ""
    return (
        f"{bad} of {measured} measurements of the metric {metric.name} {kind}{allowed}{value}{asked}{refused} "
        f"(AnalysisRun {analysis.name})."
    )


def unmeasured(metric: Metric, analysis: Analysis) -> str:
    """Say why there is no value."""
    nobody = ""
    if _NO_DATA.search(metric.message):
        nobody = " The query found nothing: no request came in that time, or its labels fit none."
    if metric.provider == "prometheus" and unreachable(metric):
        nobody = (
            " Prometheus does not answer the controller; istio-lab:observability.prometheus.enabled switches it on."
        )
    message = sentence(metric.message or analysis.message or "the provider does not say why")
    return f"the metric {metric.name} of AnalysisRun {analysis.name} could not be measured: {message}{nobody}"


def unreachable(metric: Metric) -> bool:
    """Check whether nobody answered a measurement."""
    return bool(_UNREACHABLE.search(metric.message))


def unanswered(running: list[Analysis]) -> tuple[Analysis, Metric] | None:
    """Find an analysis of which measurements fail, and the metric."""
    every = ((each, metric) for each in running for metric in each.metrics)
    return next((found for found in every if found[1].errors and found[1].phase == "Running"), None)


def trouble(rollout: Rollout) -> str:
    """Say what a running analysis has found so far that is not good, as a sentence to append."""
    for analysis in rollout.own_analyses:
        for metric in analysis.metrics:
            if analysis.phase != "Running" or metric.dry_run:
                continue
            if metric.errors:
                return f" But {unmeasured(metric, analysis)}"
            if metric.failed:
                return f" But {verdict(metric, analysis)}"
    return ""


def the_new(rollout: Rollout) -> str:
    """Name the newest version, at the beginning of a sentence."""
    name = named(rollout.newest, "the new version")
    return name[0].upper() + name[1:]


def the_stable(rollout: Rollout) -> str:
    """Name the stable version."""
    return named(rollout.stable_set, "the version before")


def the_active(rollout: Rollout) -> str:
    """Name the active version of a blueGreen."""
    return next((named(each) for each in rollout.replica_sets if "active" in each.roles), "the version before")


def named(replica_set: ReplicaSet | None, otherwise: str = "") -> str:
    """Name a revision, with its version or its images."""
    if replica_set is None:
        return otherwise
    version = replica_set.version or ", ".join(replica_set.images)
    return f"revision {replica_set.revision}{f' ({version})' if version else ''}"


def sentence(text: str) -> str:
    """End a text with a full stop."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
