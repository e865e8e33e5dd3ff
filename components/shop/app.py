"""One application of the shop in one namespace."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.common.objects import CONFINED
from components.common.resources import rollout
from components.rollouts import strategies
from components.shop import configuration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.common.namespaces import NamespaceRef

PORT = 8080
"""Of every application and its Service, as in the handout."""

_DRAIN = 5
"""Seconds that a terminating Pod keeps serving, until every proxy knows that it is leaving."""

_GRACE = _DRAIN + 30
"""Seconds until a Pod is killed; the application finishes accepted requests in less than 25."""


class Readiness(StrEnum):
    """The condition on which a Pod gets requests."""

    HEALTHY = "healthy"
    """Its health endpoint says so: `PUT /actuator/down` takes it out of the Service."""

    LISTENING = "listening"
    """Its port is open: `PUT /actuator/down` leaves it in the Service, for the mesh to eject."""


class Workload(StrEnum):
    """The kind of workload, whose controller replaces versions."""

    DEPLOYMENT = "Deployment"
    ROLLOUT = "Rollout"


_MIN_READY = {Workload.DEPLOYMENT: 2, Workload.ROLLOUT: 5}
"""Seconds that a Pod must be ready before it counts, until every proxy knows it. More for a Rollout, whose new version
may be a single Pod."""


@dataclass(frozen=True, kw_only=True)
class Replacement:
    """The workload that replaces versions, and its strategy."""

    workload: Workload = Workload.DEPLOYMENT
    strategy: strategies.Strategy = field(default_factory=strategies.ramped)


@dataclass(frozen=True, kw_only=True)
class AppArgs:
    """Arguments of an application.

    Attributes:
        app: its name, and the value of its label `app`.
        version: value of the label `version`.
        environment: its own variables.
        config_digest: of the ConfigMap with more variables; None for no ConfigMap.
        liveness: whether Pods that say they are down are restarted.
        depends_on: for its Pods; its Service and its ServiceAccount need the namespace alone.
    """

    app: str
    namespace: NamespaceRef
    image: pulumi.Input[str]
    replicas: int
    version: str
    environment: Mapping[str, str]
    config_digest: str | None
    liveness: bool
    readiness: Readiness
    depends_on: Sequence[pulumi.Resource]
    replacement: Replacement = field(default_factory=Replacement)


class App(pulumi.ComponentResource):
    """A Deployment or a Rollout with its Service and its ServiceAccount."""

    def __init__(self, name: str, args: AppArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:shop:App", name, None, opts)
        child_opts = ResourceOptions(parent=self, depends_on=list(args.namespace.depends_on))
        metadata = {"name": args.app, "namespace": args.namespace.name, "labels": {"app": args.app}}
        account = k8s.core.v1.ServiceAccount(
            name, metadata=metadata, automount_service_account_token=False, opts=child_opts
        )
        by_controller = args.replacement.workload is Workload.ROLLOUT
        k8s.core.v1.Service(
            name,
            # Nothing waits for its endpoints, and awaiting them takes ten seconds.
            metadata={**metadata, "annotations": {"pulumi.com/skipAwait": "true"}},
            spec={
                "selector": {"app": args.app},
                "ports": [{"name": "http", "port": PORT, "targetPort": "http", "appProtocol": "http"}],
            },
            # Argo Rollouts owns the selector in blue/green.
            opts=ResourceOptions.merge(
                child_opts, ResourceOptions(ignore_changes=["spec.selector"] if by_controller else [])
            ),
        )
        workload_opts = ResourceOptions(parent=self, depends_on=[*args.depends_on, account])
        if by_controller:
            rollout(
                name,
                metadata=metadata,
                spec={"revisionHistoryLimit": 3, **deployment(args)},
                opts=workload_opts,
            )
        else:
            k8s.apps.v1.Deployment(name, metadata=metadata, spec=deployment(args), opts=workload_opts)
        self.register_outputs({})


def deployment(args: AppArgs) -> dict[str, Any]:
    """Return the Deployment's spec; a Rollout's differs in the strategy only."""
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
                    # Variables are read at a Pod's start: another configuration needs new Pods.
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
        # The only writable folder, with the application's own database if there is no MySQL.
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
    }


def _container(args: AppArgs) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": args.app,
        "image": args.image,
        "ports": [{"name": "http", "containerPort": PORT}],
        "env": [{"name": key, "value": value} for key, value in args.environment.items()],
        "resources": {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"cpu": "1", "memory": "192Mi"}},
        "securityContext": CONFINED,
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - inside the container
        "lifecycle": {"preStop": {"sleep": {"seconds": _DRAIN}}},
        "readinessProbe": _readiness(args.readiness),
    }
    if args.liveness:
        container["livenessProbe"] = {**_probe("liveness"), "periodSeconds": 10, "failureThreshold": 3}
    if args.config_digest:
        container["envFrom"] = [{"configMapRef": {"name": configuration.NAME}}]
        secret = {"name": configuration.NAME, "key": configuration.PASSWORD_KEY}
        container["env"].append({"name": configuration.PASSWORD_KEY, "valueFrom": {"secretKeyRef": secret}})
    return container


def _readiness(readiness: Readiness) -> dict[str, Any]:
    probe = {Readiness.HEALTHY: _probe("readiness"), Readiness.LISTENING: {"tcpSocket": {"port": "http"}}}[readiness]
    return {**probe, "periodSeconds": 5, "failureThreshold": 2}


def _probe(group: str) -> dict[str, Any]:
    return {"httpGet": {"path": f"/actuator/health/{group}", "port": "http"}, "timeoutSeconds": 3}


def _spread(app: str, key: str) -> dict[str, Any]:
    return {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": app}},
        # Terminating Pods of the old version do not count.
        "matchLabelKeys": ["pod-template-hash"],
    }
