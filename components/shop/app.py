"""One application of the shop in one namespace: how its Pods run, when they get requests, how they are replaced."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.common.rollout import rollout
from components.rollouts import strategies
from components.shop import configuration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PORT = 8080
"""Of every application and of its Service, as in the notes."""

_DRAIN = 5
"""Seconds that a Pod goes on serving after it was told to end: until every proxy has heard that it is leaving."""

_GRACE = _DRAIN + 30
"""Seconds until a Pod is killed: the application answers what it has accepted in less than 25."""


class Readiness(StrEnum):
    """When a Pod gets requests."""

    HEALTHY = "healthy"
    """While it says that it is: `PUT /actuator/down` takes it out of the Service."""

    LISTENING = "listening"
    """While its port is open: `PUT /actuator/down` leaves it in, for the mesh to find out."""


class Workload(StrEnum):
    """Who replaces a version by the next."""

    DEPLOYMENT = "Deployment"
    """Kubernetes itself."""

    ROLLOUT = "Rollout"
    """The controller of Argo Rollouts."""


_MIN_READY = {Workload.DEPLOYMENT: 2, Workload.ROLLOUT: 5}
"""Seconds that a Pod must be ready before it counts: until every proxy has heard of it. A Rollout leaves less behind
itself for a proxy that has not: a new version may be a single Pod."""


@dataclass(frozen=True, kw_only=True)
class Replacement:
    """How a version is replaced by the next.

    Attributes:
        workload: who does it.
        strategy: how, in that one's own words.
    """

    workload: Workload = Workload.DEPLOYMENT
    strategy: strategies.Strategy = field(default_factory=strategies.ramped)


@dataclass(frozen=True, kw_only=True)
class AppArgs:
    """What an application is in one namespace.

    Attributes:
        app: its name, and the value of its label `app`.
        namespace: where it is.
        image: its image, with the registry it comes from.
        replicas: how many Pods.
        version: value of the label `version`.
        environment: its variables.
        config_digest: of the ConfigMap whose variables it has besides; None when it has none.
        liveness: whether it is restarted when it says that it is down.
        readiness: when it gets requests.
        replacement: how a version is replaced by the next.
    """

    app: str
    namespace: str
    image: pulumi.Input[str]
    replicas: int
    version: str
    environment: Mapping[str, str]
    config_digest: str | None
    liveness: bool
    readiness: Readiness
    replacement: Replacement = field(default_factory=Replacement)


class App(pulumi.ComponentResource):
    """A Deployment or a Rollout with its Service and its ServiceAccount."""

    def __init__(
        self, name: str, args: AppArgs, after: Sequence[pulumi.Resource], opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("istio-lab:shop:App", name, None, opts)
        inside = ResourceOptions(parent=self, depends_on=list(after))
        metadata = {"name": args.app, "namespace": args.namespace, "labels": {"app": args.app}}
        account = k8s.core.v1.ServiceAccount(
            name, metadata=metadata, automount_service_account_token=False, opts=inside
        )
        by_controller = args.replacement.workload is Workload.ROLLOUT
        k8s.core.v1.Service(
            name,
            # Nothing waits for its endpoints, and settling takes ten seconds.
            metadata={**metadata, "annotations": {"pulumi.com/skipAwait": "true"}},
            spec={
                "selector": {"app": args.app},
                "ports": [{"name": "http", "port": PORT, "targetPort": "http", "appProtocol": "http"}],
            },
            # In blue/green the controller says which Pods it leads to, and after that it takes its word back.
            opts=ResourceOptions(
                parent=self, depends_on=list(after), ignore_changes=["spec.selector"] if by_controller else []
            ),
        )
        stands = ResourceOptions(parent=self, depends_on=[*after, account])
        if by_controller:
            rollout(
                name,
                # What people changed by the kubectl plugin, the settings set back: it is theirs, and only theirs.
                metadata={**metadata, "annotations": {"pulumi.com/patchForce": "true"}},
                spec={"revisionHistoryLimit": 3, **deployment(args)},
                opts=stands,
            )
        else:
            k8s.apps.v1.Deployment(name, metadata=metadata, spec=deployment(args), opts=stands)
        self.register_outputs({})


def deployment(args: AppArgs) -> dict[str, Any]:
    """The Deployment's spec; a Rollout's is the same, but for the strategy."""
    return {
        "replicas": args.replicas,
        "minReadySeconds": _MIN_READY[args.replacement.workload],
        "selector": {"matchLabels": {"app": args.app}},
        "strategy": args.replacement.strategy,
        "template": {
            "metadata": {
                "labels": {"app": args.app, "version": args.version},
                "annotations": {
                    "prometheus.io/scrape": "true",
                    "prometheus.io/port": str(PORT),
                    "prometheus.io/path": "/actuator/prometheus",
                    # Variables are read once, at a Pod's start: another configuration needs other Pods.
                    **({"checksum/config": args.config_digest} if args.config_digest else {}),
                },
            },
            "spec": _pod(args),
        },
    }


def _pod(args: AppArgs) -> dict[str, Any]:
    return {
        "serviceAccountName": args.app,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": _GRACE,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "topologySpreadConstraints": [
            _spread(args.app, key) for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
        ],
        "containers": [_container(args)],
        # All that can be written to: a database of its own, where there is no other.
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
    }


def _container(args: AppArgs) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": args.app,
        "image": args.image,
        "ports": [{"name": "http", "containerPort": PORT}],
        "env": [{"name": key, "value": value} for key, value in args.environment.items()],
        "resources": {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"cpu": "1", "memory": "192Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - inside the container
        "lifecycle": {"preStop": {"sleep": {"seconds": _DRAIN}}},
        "readinessProbe": _readiness(args.readiness),
    }
    if args.liveness:
        container["livenessProbe"] = {**_asking("liveness"), "periodSeconds": 10, "failureThreshold": 3}
    if args.config_digest:
        container["envFrom"] = [{"configMapRef": {"name": configuration.NAME}}]
        secret = {"name": configuration.NAME, "key": configuration.PASSWORD_KEY}
        container["env"].append({"name": configuration.PASSWORD_KEY, "valueFrom": {"secretKeyRef": secret}})
    return container


def _readiness(readiness: Readiness) -> dict[str, Any]:
    how = {Readiness.HEALTHY: _asking("readiness"), Readiness.LISTENING: {"tcpSocket": {"port": "http"}}}[readiness]
    return {**how, "periodSeconds": 5, "failureThreshold": 2}


def _asking(group: str) -> dict[str, Any]:
    return {"httpGet": {"path": f"/actuator/health/{group}", "port": "http"}, "timeoutSeconds": 3}


def _spread(app: str, key: str) -> dict[str, Any]:
    return {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": app}},
        # Pods that are about to go do not count.
        "matchLabelKeys": ["pod-template-hash"],
    }
