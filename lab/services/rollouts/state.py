"""The state of a Rollout: its versions, steps, Pods and analyses."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

DEFAULT = "example-rollout"
"""The Rollout that commands work on by default."""

NAMESPACES: Mapping[str, str] = {DEFAULT: "default", "delivery": "shop"}
"""Of the lab's own Rollouts."""

CONTROLLER = "argo-rollouts"
"""The controller's Deployment, and its namespace."""

_PAUSE_GRACE = 15.0
"""Seconds that a pause may be overdue before the controller counts as missing."""


def namespace_of(name: str) -> str:
    """Return the namespace of a Rollout unless the user names another."""
    return NAMESPACES.get(name, "default")


def namespace_option(name: str, namespace: str) -> str:
    """Return the option that a command needs for this namespace; empty for the usual one."""
    return "" if namespace == namespace_of(name) else f" -n {namespace}"


class Phase(StrEnum):
    """A Rollout's phase, in the controller's words."""

    HEALTHY = "Healthy"
    PROGRESSING = "Progressing"
    PAUSED = "Paused"
    DEGRADED = "Degraded"


class Role(StrEnum):
    """The purpose of a ReplicaSet."""

    STABLE = "stable"
    CANARY = "canary"
    ACTIVE = "active"
    PREVIEW = "preview"
    OLD = "old"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a canary.

    Attributes:
        kind: its key in the Rollout, such as `setWeight`.
        text: for people: `pause 10s`.
        seconds: of a pause that ends by itself.
    """

    kind: str
    text: str
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container of the Pod template; `field` is `containers` or `initContainers`."""

    name: str
    image: str
    field: str


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A Pod that is not ready.

    Attributes:
        name: of the Pod.
        hash: of its ReplicaSet.
        reason: one word, such as `ImagePullBackOff`, `Unschedulable`, or `NotReady` when nothing better is known.
        message: from the cluster; may be empty.
    """

    name: str
    hash: str
    reason: str
    message: str


@dataclass(frozen=True, kw_only=True)
class ReplicaSet:
    """The Pods of one revision.

    Attributes:
        name: of the object.
        revision: a number that grows with each new template.
        hash: of the Pod template.
        images: of its containers.
        version: the label `version` of its Pods; empty without.
        desired: number of Pods.
        ready: Pods that are ready.
        available: Pods that were ready for `minReadySeconds`.
        roles: its purposes.
        failure: why its Pods cannot be created; empty when they can.
    """

    name: str
    revision: int
    hash: str
    images: tuple[str, ...]
    version: str
    desired: int
    ready: int
    available: int
    roles: tuple[Role, ...]
    failure: str


@dataclass(frozen=True, kw_only=True)
class Metric:
    """The measurements of one metric of an AnalysisRun.

    Attributes:
        name: of the metric.
        phase: Running, Successful, Failed, Error, Inconclusive; Pending before the first measurement.
        successful: measurements that met the success condition.
        failed: measurements that did not.
        inconclusive: measurements that met neither condition.
        errors: measurements that could not be made.
        limit: failures that are tolerated; below zero: any number.
        value: of the last measurement; empty without one.
        message: from the provider; empty if all is well.
        success: the success condition; empty without.
        failure: the failure condition; empty without.
        dry_run: its result does not count.
        provider: such as `prometheus`.
    """

    name: str
    phase: str
    successful: int
    failed: int
    inconclusive: int
    errors: int
    limit: int
    value: str
    message: str
    success: str
    failure: str
    dry_run: bool
    provider: str


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """An AnalysisRun.

    Attributes:
        name: of the object.
        kind: Step, Background, PrePromotion or PostPromotion.
        hash: of the version that it judges.
        phase: Pending, Running, Successful, Failed, Error or Inconclusive.
        message: from the controller.
        created: its creation time.
        metrics: their measurements.
    """

    name: str
    kind: str
    hash: str
    phase: str
    message: str
    created: datetime | None
    metrics: tuple[Metric, ...]


@dataclass(frozen=True, kw_only=True)
class Pause:
    """A pause: CanaryPauseStep, BlueGreenPause, InconclusiveAnalysisRun or InconclusiveExperiment, and its start."""

    reason: str
    since: datetime | None


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A condition of the Rollout's status."""

    type: str
    status: str
    reason: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """A Rollout and all that belongs to it.

    Attributes:
        name: of the object.
        namespace: of the object.
        strategy: `canary` or `blueGreen`.
        phase: Progressing while the controller has not seen the last change.
        message: from the controller.
        noticed: the controller has seen the last change and the last request to promote, abort or retry.
        read: the time of this state.
        current: the hash of the newest version.
        stable: the hash of the last version that was promoted; empty before the first.
        desired: number of Pods.
        steps: of the canary.
        step_index: of the current step, from 0; the number of steps when all are done.
        routed: the mesh splits the traffic, instead of the numbers of Pods.
        weight: percent of the requests that the newest version gets; none for blueGreen.
        pauses: that hold it now.
        paused_by_hand: `spec.paused` is set.
        aborted: the newest version was aborted.
        auto_promotion: a blueGreen is promoted by itself.
        auto_promotion_seconds: after how long; none for at once.
        min_ready_seconds: a Pod must be ready for so long before it counts.
        conditions: of its status.
        containers: of its Pods; none when another object has the template.
        template_of: the object that has the Pod template, as kubectl takes it.
        replica_sets: the newest first.
        analyses: the newest first.
        waiting_pods: Pods that are not ready.
    """

    name: str
    namespace: str
    strategy: str
    phase: Phase
    message: str
    noticed: bool
    read: datetime
    current: str
    stable: str
    desired: int
    steps: tuple[Step, ...]
    step_index: int
    routed: bool
    weight: int | None
    pauses: tuple[Pause, ...]
    paused_by_hand: bool
    aborted: bool
    auto_promotion: bool
    auto_promotion_seconds: float | None
    min_ready_seconds: int
    conditions: tuple[Condition, ...]
    containers: tuple[Container, ...]
    template_of: str
    replica_sets: tuple[ReplicaSet, ...]
    analyses: tuple[Analysis, ...]
    waiting_pods: tuple[Pod, ...]

    @property
    def complete(self) -> bool:
        """Whether the newest version is the stable one, so that nothing is in progress."""
        return self.noticed and bool(self.stable) and self.stable == self.current

    @property
    def step(self) -> Step | None:
        """The current step; none when all are done, or there are none."""
        return None if self.complete or self.step_index >= len(self.steps) else self.steps[self.step_index]

    @property
    def pause_left(self) -> float | None:
        """Seconds until a pause ends by itself; negative when it is overdue, none when it never does."""
        for pause in self.pauses:
            lasting = None
            if pause.reason == "CanaryPauseStep" and self.step:
                lasting = self.step.seconds
            elif pause.reason == "BlueGreenPause" and self.auto_promotion:
                lasting = self.auto_promotion_seconds
            if lasting is not None and pause.since:
                return min(lasting, lasting - (self.read - pause.since).total_seconds())
        return None

    @property
    def neglected(self) -> bool:
        """Whether the controller has not yet done what it should, if only for a moment."""
        left = self.pause_left
        return not self.noticed or (left is not None and left < -_PAUSE_GRACE)

    @property
    def newest(self) -> ReplicaSet | None:
        """The ReplicaSet of the newest version."""
        return next((each for each in self.replica_sets if each.hash == self.current), None)

    @property
    def stable_set(self) -> ReplicaSet | None:
        """The ReplicaSet of the stable version."""
        return next((each for each in self.replica_sets if each.hash == self.stable), None)

    @property
    def former(self) -> ReplicaSet | None:
        """The revision before the newest, which an undo goes back to."""
        return self.replica_sets[1] if len(self.replica_sets) > 1 else None

    @property
    def own_analyses(self) -> tuple[Analysis, ...]:
        """The analyses of the newest version, the newest first."""
        return tuple(each for each in self.analyses if each.hash == self.current)

    def condition(self, kind: str) -> Condition | None:
        """Return a condition of the status by its type."""
        return next((each for each in self.conditions if each.type == kind), None)
