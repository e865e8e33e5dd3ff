"""What stands of a Rollout: its version, its steps, its Pods, its analyses."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

LATE = 15.0
"""Seconds that a pause may be over without anything happening, before the controller is taken for one that is gone."""


class Phase(StrEnum):
    """How a Rollout is, as the controller calls it."""

    HEALTHY = "Healthy"
    PROGRESSING = "Progressing"
    PAUSED = "Paused"
    DEGRADED = "Degraded"


class Role(StrEnum):
    """What a ReplicaSet is for."""

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
        text: as people read it: `pause 10s`.
        seconds: how long a pause takes; none for a pause until somebody promotes, and for other steps.
    """

    kind: str
    text: str
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Container:
    """One container of the Pods.

    Attributes:
        name: as `set-image` takes it.
        image: what it runs.
        field: the list that it stands in: `containers` or `initContainers`.
        index: where in that list.
    """

    name: str
    image: str
    field: str
    index: int


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A Pod that is not ready.

    Attributes:
        name: of the Pod.
        hash: of its ReplicaSet.
        reason: one word, such as `ImagePullBackOff`, `Unschedulable`, or `NotReady` when nothing better is known.
        message: what the cluster says to it; may be empty.
    """

    name: str
    hash: str
    reason: str
    message: str


@dataclass(frozen=True, kw_only=True)
class ReplicaSet:
    """One revision's Pods.

    Attributes:
        name: of the object.
        revision: counted up by the controller; the newest has the highest.
        hash: of its Pods' template.
        images: of its containers.
        version: the label `version` of its Pods; empty without.
        desired: how many Pods it shall have.
        ready: how many are ready.
        available: how many were ready for as long as they have to be.
        roles: what it is for.
        failure: why it cannot make its Pods; empty when it can.
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
    """What an analysis measured of one metric.

    Attributes:
        name: of the metric.
        phase: Running, Successful, Failed, Error, Inconclusive; Pending before the first measurement.
        successful: how many measurements were good.
        failed: how many were bad.
        inconclusive: how many were neither.
        errors: how many could not be made.
        limit: how many may be bad; below zero: any number.
        value: of the last measurement; empty without one.
        message: what the provider said; empty if all is well.
        success: the condition of a good measurement; empty without.
        failure: the condition of a bad one; empty without.
        dry_run: whether its outcome counts for nothing.
        provider: where it is measured, such as `prometheus`.
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
    """One AnalysisRun.

    Attributes:
        name: of the object.
        kind: Step, Background, PrePromotion or PostPromotion.
        hash: of the version that it judges.
        phase: Pending, Running, Successful, Failed, Error or Inconclusive.
        message: what the controller says to it.
        created: when it began.
        metrics: what it measures.
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
    """Something that the Rollout waits for.

    Attributes:
        reason: CanaryPauseStep, BlueGreenPause, InconclusiveAnalysisRun or InconclusiveExperiment.
        since: when it began to wait.
    """

    reason: str
    since: datetime | None


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One condition of the Rollout's status.

    Attributes:
        type: such as `Progressing`.
        status: `True`, `False` or `Unknown`.
        reason: one word.
        message: a sentence.
    """

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
        phase: how it is; what the controller has not yet seen counts as progress.
        message: what the controller says to it.
        noticed: whether the controller has seen the last change and the last wish (promote, abort, retry).
        read: when all this was so.
        current: the hash of the version that is wanted.
        stable: the hash of the version that stood its trial; empty before the first did.
        desired: how many Pods it shall have.
        steps: of the canary.
        step_index: of the step that it is at, from 0; as many as there are steps when all are done.
        routed: whether requests are split by rules of the mesh, not by numbers of Pods.
        weight: percent of the requests that the wanted version gets; none for blueGreen.
        pauses: what it waits for.
        paused_by_hand: whether `spec.paused` is set.
        aborted: whether the wanted version was given up.
        auto_promotion: whether a blueGreen goes on by itself.
        auto_promotion_seconds: after how long; none for at once.
        min_ready_seconds: how long a Pod must be ready before it counts.
        conditions: of its status.
        containers: of its Pods; none when another object has the template.
        template_of: the object that has the Pods' template, as kubectl takes it.
        replica_sets: the newest first.
        analyses: the newest first.
        waiting_pods: the Pods that are not ready.
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
        """Whether the wanted version is the one that stood its trial, so that nothing is under way."""
        return self.noticed and bool(self.stable) and self.stable == self.current

    @property
    def step(self) -> Step | None:
        """The step that it is at; none when all are done, or there are none."""
        return None if self.complete or self.step_index >= len(self.steps) else self.steps[self.step_index]

    @property
    def pause_left(self) -> float | None:
        """Seconds until a pause ends by itself, below zero when it should have ended; none when it never does."""
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
        """Whether something is to be done that the controller has not done, be it only for a moment."""
        left = self.pause_left
        return not self.noticed or (left is not None and left < -LATE)

    @property
    def newest(self) -> ReplicaSet | None:
        """The Pods of the wanted version."""
        return next((each for each in self.replica_sets if each.hash == self.current), None)

    @property
    def stable_set(self) -> ReplicaSet | None:
        """The Pods of the version that stood its trial."""
        return next((each for each in self.replica_sets if each.hash == self.stable), None)

    @property
    def former(self) -> ReplicaSet | None:
        """The revision before the newest, which an undo goes back to; none when there was only one."""
        return self.replica_sets[1] if len(self.replica_sets) > 1 else None

    @property
    def own_analyses(self) -> tuple[Analysis, ...]:
        """The analyses of the wanted version, the newest first."""
        return tuple(each for each in self.analyses if each.hash == self.current)

    def condition(self, kind: str) -> Condition | None:
        """One condition of the status by its type."""
        return next((each for each in self.conditions if each.type == kind), None)
