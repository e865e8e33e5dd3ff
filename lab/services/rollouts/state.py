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
    """One step of a canary, for people in `text`; `seconds` are those of a pause that ends by itself."""

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
    """A Pod that is not ready; `reason` is such as `ImagePullBackOff`, or `NotReady` when nothing better is known."""

    name: str
    hash: str
    reason: str
    message: str


@dataclass(frozen=True, kw_only=True)
class ReplicaSet:
    """The Pods of one revision; `hash` is that of their template.

    `available` Pods were ready for `minReadySeconds`, and `failure` says why Pods cannot be created.
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
    """The measurements of one metric of an AnalysisRun, and its conditions.

    `limit` is the number of failures that are tolerated (below zero: any number), `value` is that of the last
    measurement, and with `dry_run` the result does not count.
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
    """An AnalysisRun of kind Step, Background, PrePromotion or PostPromotion, with the hash of its version."""

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
class Obstacle:
    """Something around a Rollout that stops it or misleads requests, as a sentence.

    Attributes:
        text: the sentence.
        remedy: kubectl arguments in the Rollout's namespace that look at it or mend it.
        blocks: it has to be mended; otherwise it is a caution.
    """

    text: str
    remedy: str
    blocks: bool = True


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """A Rollout and all that belongs to it; ReplicaSets and analyses with the newest first.

    Some of its attributes:
        phase: Progressing while the controller has not seen the last change.
        noticed: the controller has seen the last change and the last request to promote, abort or retry.
        read: the time of this state.
        current: the hash of the newest version.
        stable: the hash of the last version that was promoted; empty before the first.
        step_index: of the current step, from 0; the number of steps when all are done.
        routed: the mesh splits the traffic, instead of the numbers of Pods.
        weight: percent of the requests that the newest version gets; none for blueGreen.
        paused_by_hand: `spec.paused` is set.
        auto_promotion_seconds: of a blueGreen; none for at once.
        containers: of its Pods; none when another object, `template_of`, has the template.
        by_stack: a stack of Pulumi made it, not a person with kubectl.
        restart: the time of a restart of all Pods that is still to come.
        complaint: the controller's last error about it that the status does not have.
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
    by_stack: bool
    restart: datetime | None
    obstacles: tuple[Obstacle, ...]
    complaint: str

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
