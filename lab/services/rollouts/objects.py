"""Conversion of Kubernetes objects into the state of a Rollout."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lab.services.rollouts import arguments, complaints, obstacles
from lab.services.rollouts.state import (
    Analysis,
    Condition,
    Container,
    Metric,
    Pause,
    Phase,
    Pod,
    ReplicaSet,
    Role,
    Rollout,
    Step,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Object = Mapping[str, Any]

_HASH = "rollouts-pod-template-hash"
"""The label that tells the ReplicaSets of a Rollout apart."""

_REVISION = "rollout.argoproj.io/revision"
_EVERYTHING = 100
"""Percent."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def find(
    name: str, objects: Iterable[Object], now: datetime, *, around: Sequence[Object] = (), log: Iterable[str] = ()
) -> Rollout | None:
    """Find a Rollout among the objects of its namespace.

    Args:
        name: of the Rollout.
        objects: Rollouts, ReplicaSets, AnalysisRuns and Pods.
        now: the time at which they were read.
        around: those of every kind in `reading.KINDS`, with managed fields; nothing where they cannot be read.
        log: lines of the controller's log, if it can be read.
    """
    every = list(objects)
    found = next((each for each in _of(every, "Rollout") if each["metadata"]["name"] == name), None)
    if found is None:
        return None
    spec, status = found.get("spec") or {}, found.get("status") or {}
    strategy = spec.get("strategy") or {}
    canary = strategy.get("canary") or {}
    blue_green = strategy.get("blueGreen") or {}
    sets = [each for each in _of(every, "ReplicaSet") if _owned(each, found)]
    replica_sets = tuple(
        sorted((_replica_set(each, status, strategy) for each in sets), key=lambda each: each.revision, reverse=True)
    )
    runs = sorted((_analysis(each) for each in _of(every, "AnalysisRun") if _owned(each, found)), key=_age)
    steps = tuple(_step(each) for each in canary.get("steps") or ())
    conditions = tuple(_condition(each) for each in status.get("conditions") or ())
    noticed, unseen = _noticed(found, conditions)
    seconds = blue_green.get("autoPromotionSeconds")
    reference = spec.get("workloadRef") or {}
    namespace = found["metadata"]["namespace"]
    restart = _time(spec.get("restartAt"))
    index = min(status.get("currentStepIndex") or 0, len(steps))
    return Rollout(
        name=name,
        namespace=namespace,
        strategy="blueGreen" if "blueGreen" in strategy else "canary",
        phase=Phase(status["phase"]) if noticed else Phase.PROGRESSING,
        message=status.get("message", "") if noticed else unseen,
        noticed=noticed,
        read=now,
        current=status.get("currentPodHash", ""),
        stable=status.get("stableRS", ""),
        desired=spec.get("replicas", 1),
        steps=steps,
        step_index=index,
        routed="trafficRouting" in canary,
        weight=None if "blueGreen" in strategy else _weight(canary, status, replica_sets, index),
        pauses=tuple(
            Pause(reason=each.get("reason", ""), since=_time(each.get("startTime")))
            for each in status.get("pauseConditions") or ()
        ),
        paused_by_hand=bool(spec.get("paused")),
        aborted=bool(status.get("abort")),
        auto_promotion=blue_green.get("autoPromotionEnabled", True) is not False,
        auto_promotion_seconds=float(seconds) if seconds else None,
        min_ready_seconds=spec.get("minReadySeconds", 0),
        conditions=conditions,
        containers=_containers(spec.get("template") or {}),
        template_of=_template_of(name, reference),
        replica_sets=replica_sets,
        analyses=tuple(reversed(runs)),
        waiting_pods=tuple(_waiting_pods(every, sets)),
        by_stack=_by_stack(name, around),
        restart=restart if restart and restart > now else None,
        obstacles=obstacles.find(found, around) if around else (),
        complaint=complaints.of_log(name, namespace, log) or complaints.of_events(name, around),
    )


def seconds(duration: object) -> float | None:
    """Parse the duration of a pause: a number of seconds, or text such as `1m30s`; none when it is neither.

    >>> seconds("1m30s")
    90.0
    """
    text = str(duration)
    if re.fullmatch(r"\d+", text):
        return float(text)
    if not re.fullmatch(r"(\d+(\.\d+)?(ms|h|m|s))+", text):
        return None
    return sum(float(number) * _UNITS[unit] for number, _, unit in re.findall(r"(\d+(\.\d+)?)(ms|h|m|s)", text))


def _of(objects: Iterable[Object], kind: str) -> list[Object]:
    return [each for each in objects if each.get("kind") == kind]


def _owned(each: Object, owner: Object) -> bool:
    return any(ref.get("uid") == owner["metadata"]["uid"] for ref in each["metadata"].get("ownerReferences") or ())


def _by_stack(name: str, around: Iterable[Object]) -> bool:
    """Check that the provider of Pulumi applied the Rollout."""
    managed = (
        field.get("manager", "")
        for each in _of(around, "Rollout")
        if each["metadata"]["name"] == name
        for field in each["metadata"].get("managedFields") or ()
    )
    return any(each.startswith("pulumi") for each in managed)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _age(analysis: Analysis) -> tuple[datetime, str]:
    return analysis.created or datetime.min.replace(tzinfo=UTC), analysis.name


def _noticed(rollout: Object, conditions: Iterable[Condition]) -> tuple[bool, str]:
    """Check whether the controller has seen everything; if not, say what it has not seen.

    promote, abort and retry patch `status`, which does not bump `generation`: a pending request is detected by the
    fields that the controller has not yet cleared.
    """
    status = rollout.get("status") or {}
    observed, generation = str(status.get("observedGeneration", "")), rollout["metadata"].get("generation", 0)
    phase, full, aborted = status.get("phase"), status.get("promoteFull"), status.get("abort")
    given_up = any(each.type == "Progressing" and each.reason == "RolloutAborted" for each in conditions)
    resumed = status.get("controllerPause") and not status.get("pauseConditions")
    changed = observed.isdigit() and int(observed) < generation
    unseen = (
        ("the controller has not looked at it", not phase),
        ("the controller has not seen the last change", changed),
        ("the controller has not seen the full promotion", full and (aborted or phase == Phase.PAUSED)),
        ("the controller has not seen the abort", aborted and not full and not given_up),
        ("the controller has not seen the retry", given_up and not full and not aborted),
        ("the controller has not seen the promotion", resumed and not full and not aborted),
    )
    missed = next((text for text, holds in unseen if holds), "")
    return not missed, missed


def _step(step: Object) -> Step:
    kind = next(iter(step), "")
    value = step.get(kind)
    if kind == "pause":
        duration = (value or {}).get("duration")
        if duration is None:
            return Step(kind=kind, text="pause until promoted")
        lasting = seconds(duration)
        unit = "s" if str(duration).isdigit() else ""
        return Step(kind=kind, text=f"pause {duration}{unit}", seconds=lasting)
    if kind == "analysis":
        names = [each.get("templateName", "") for each in (value or {}).get("templates") or ()]
        return Step(kind=kind, text=f"analysis {', '.join(names)}".strip())
    if isinstance(value, dict):
        value = value.get("name") or ", ".join(f"{key} {each}" for key, each in value.items() if key != "templates")
    return Step(kind=kind, text=f"{kind} {value}".strip())


def _weight(canary: Object, status: Object, replica_sets: Iterable[ReplicaSet], index: int) -> int | None:
    """Compute the percentage of requests that the newest version gets."""
    current = status.get("currentPodHash", "")
    if current and current == status.get("stableRS"):
        return _EVERYTHING
    weights = (status.get("canary") or {}).get("weights")
    if "trafficRouting" in canary:
        if weights:
            return int((weights.get("canary") or {}).get("weight", 0))
        weights = [each["setWeight"] for each in (canary.get("steps") or ())[: index + 1] if "setWeight" in each]
        return weights[-1] if weights and not status.get("abort") else 0
    available = {each.hash: each.available for each in replica_sets}
    every = sum(available.values())
    return _EVERYTHING * available.get(current, 0) // every if every else None


def _condition(condition: Object) -> Condition:
    return Condition(
        type=condition.get("type", ""),
        status=condition.get("status", ""),
        reason=condition.get("reason", ""),
        message=condition.get("message", ""),
    )


def _containers(template: Object) -> tuple[Container, ...]:
    spec = template.get("spec") or {}
    return tuple(
        Container(name=each.get("name", ""), image=each.get("image", ""), field=field)
        for field in ("containers", "initContainers")
        for each in spec.get(field) or ()
    )


def _template_of(name: str, reference: Object) -> str:
    if reference:
        return f"{reference.get('kind', 'Deployment').lower()}s.apps/{reference.get('name', '')}"
    return f"rollouts.argoproj.io/{name}"


def _replica_set(found: Object, status: Object, strategy: Object) -> ReplicaSet:
    metadata, spec, now = found["metadata"], found.get("spec") or {}, found.get("status") or {}
    template = spec.get("template") or {}
    pod_hash = (metadata.get("labels") or {}).get(_HASH, "")
    failure = next(
        (
            each.get("message", "")
            for each in now.get("conditions") or ()
            if each.get("type") == "ReplicaFailure" and each.get("status") == "True"
        ),
        "",
    )
    return ReplicaSet(
        name=metadata["name"],
        revision=int((metadata.get("annotations") or {}).get(_REVISION, 0)),
        hash=pod_hash,
        images=tuple(each.image for each in _containers(template) if each.field == "containers"),
        version=((template.get("metadata") or {}).get("labels") or {}).get("version", ""),
        desired=spec.get("replicas", 1),
        ready=now.get("readyReplicas", 0),
        available=now.get("availableReplicas", 0),
        roles=_roles(pod_hash, status, strategy),
        failure=failure,
    )


def _roles(pod_hash: str, status: Object, strategy: Object) -> tuple[Role, ...]:
    roles = [Role.STABLE] if pod_hash == status.get("stableRS") else []
    if "blueGreen" in strategy:
        services = status.get("blueGreen") or {}
        if pod_hash == services.get("activeSelector"):
            roles.append(Role.ACTIVE)
        elif pod_hash == services.get("previewSelector"):
            roles.append(Role.PREVIEW)
    elif not roles and pod_hash == status.get("currentPodHash"):
        roles.append(Role.CANARY)
    return tuple(roles) or (Role.OLD,)


def _analysis(found: Object) -> Analysis:
    metadata, spec, status = found["metadata"], found.get("spec") or {}, found.get("status") or {}
    labels = metadata.get("labels") or {}
    results = {each["name"]: each for each in status.get("metricResults") or ()}
    return Analysis(
        name=metadata["name"],
        kind=labels.get("rollout-type", ""),
        hash=labels.get(_HASH, ""),
        phase=status.get("phase") or "Pending",
        message=status.get("message", ""),
        created=_time(metadata.get("creationTimestamp")),
        metrics=tuple(_metric(each, results.get(each["name"], {})) for each in arguments.metrics(spec)),
    )


def _metric(metric: Object, result: Object) -> Metric:
    measured = result.get("measurements") or ()
    last: Object = measured[-1] if measured else {}
    return Metric(
        name=metric["name"],
        phase=result.get("phase") or "Pending",
        successful=result.get("successful", 0),
        failed=result.get("failed", 0),
        inconclusive=result.get("inconclusive", 0),
        errors=result.get("error", 0),
        limit=arguments.whole(metric.get("failureLimit")),
        value=next((each["value"] for each in reversed(measured) if each.get("value")), ""),
        message=result.get("message") or last.get("message", ""),
        success=metric.get("successCondition", ""),
        failure=metric.get("failureCondition", ""),
        dry_run=bool(result.get("dryRun")),
        provider=next(iter(metric.get("provider") or {}), ""),
    )


def _waiting_pods(objects: Iterable[Object], sets: Iterable[Object]) -> Iterable[Pod]:
    owners = list(sets)
    for each in _of(objects, "Pod"):
        status = each.get("status") or {}
        ready = any(
            known.get("type") == "Ready" and known.get("status") == "True" for known in status.get("conditions") or ()
        )
        owner = next((owner for owner in owners if _owned(each, owner)), None)
        if ready or owner is None or each["metadata"].get("deletionTimestamp"):
            continue
        reason, message = _why_not_ready(status)
        pod_hash = (owner["metadata"].get("labels") or {}).get(_HASH, "")
        yield Pod(name=each["metadata"]["name"], hash=pod_hash, reason=reason, message=message)


def _why_not_ready(status: Object) -> tuple[str, str]:
    """Find the best reason of a Pod that is not ready, and its message."""
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    reasons: list[tuple[str, str]] = []
    for each in containers:
        state = each.get("state") or {}
        for kind in ("waiting", "terminated"):
            found = state.get(kind) or {}
            # An init container that is done, and containers that wait for one, are as they should be.
            if found and found.get("reason") not in {"Completed", "PodInitializing", "ContainerCreating"}:
                reasons.append((found.get("reason") or kind, found.get("message", "")))
    reasons.extend(
        (each.get("reason") or "Unschedulable", each.get("message", ""))
        for each in status.get("conditions") or ()
        if each.get("type") == "PodScheduled" and each.get("status") == "False"
    )
    if not reasons and status.get("reason"):  # such as Evicted
        reasons.append((status["reason"], status.get("message", "")))
    return reasons[0] if reasons else ("NotReady", "")
