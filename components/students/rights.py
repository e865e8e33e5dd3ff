"""What a student may do in namespaces of their own on a shared cluster: all that the lessons need, and no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_READ = ("get", "list", "watch")
_WORK = (*_READ, "create", "update", "patch", "delete", "deletecollection")


@dataclass(frozen=True, kw_only=True)
class Right:
    """What may be done with some resources of an API group.

    Attributes:
        group: empty for the core group.
        resources: in the plural, with a subresource behind a slash.
        verbs: Kubernetes' own.
    """

    group: str
    resources: Sequence[str]
    verbs: Sequence[str]


RIGHTS = (
    # Deployments, Services, ConfigMaps: the course's first steps and its exercises.
    Right(
        group="",
        resources=("pods", "services", "configmaps", "secrets", "serviceaccounts", "persistentvolumeclaims"),
        verbs=_WORK,
    ),
    # `lab load` on a cluster that runs containers enters siege's Pod; `lab open` forwards a port.
    Right(group="", resources=("pods/exec", "pods/portforward", "pods/attach"), verbs=("get", "create")),
    Right(group="", resources=("pods/log", "pods/status", "events", "endpoints"), verbs=_READ),
    # Of its own namespace alone: a list of all of them is not a RoleBinding's to give.
    Right(group="", resources=("namespaces",), verbs=("get",)),
    Right(group="discovery.k8s.io", resources=("endpointslices",), verbs=_READ),
    Right(group="events.k8s.io", resources=("events",), verbs=_READ),
    Right(
        group="apps",
        resources=("deployments", "deployments/scale", "replicasets", "replicasets/scale", "statefulsets"),
        verbs=_WORK,
    ),
    Right(group="autoscaling", resources=("horizontalpodautoscalers",), verbs=_WORK),
    Right(group="batch", resources=("jobs", "cronjobs"), verbs=_WORK),
    # Weights, headers, time-outs, retries, circuit breakers. A Gateway and a Sidecar reach beyond a namespace.
    Right(
        group="networking.istio.io",
        resources=("virtualservices", "destinationrules", "serviceentries"),
        verbs=_WORK,
    ),
    Right(group="networking.istio.io", resources=("gateways", "sidecars"), verbs=_READ),
    Right(
        group="security.istio.io",
        resources=("authorizationpolicies", "peerauthentications", "requestauthentications"),
        verbs=_WORK,
    ),
    Right(group="telemetry.istio.io", resources=("telemetries",), verbs=_WORK),
    # Canary and blue/green.
    Right(
        group="argoproj.io",
        resources=(
            "rollouts",
            "rollouts/status",
            "rollouts/scale",
            "analysistemplates",
            "analysisruns",
            "experiments",
        ),
        verbs=_WORK,
    ),
    Right(group="metrics.k8s.io", resources=("pods",), verbs=_READ),
    # What the instructor has set: to be seen, not to be widened.
    Right(group="", resources=("resourcequotas", "limitranges"), verbs=_READ),
    Right(group="networking.k8s.io", resources=("networkpolicies",), verbs=_READ),
    Right(group="rbac.authorization.k8s.io", resources=("roles", "rolebindings"), verbs=_READ),
)


def rules() -> list[dict[str, Any]]:
    """The rights as a ClusterRole has them."""
    return [
        {"apiGroups": [right.group], "resources": list(right.resources), "verbs": list(right.verbs)} for right in RIGHTS
    ]
