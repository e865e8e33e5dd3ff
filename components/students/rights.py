"""Rights of students in their namespaces: all that the lessons need, and no more."""

from __future__ import annotations

from typing import Any, NamedTuple

_READ = ("get", "list", "watch")
_WORK = (*_READ, "create", "update", "patch", "delete", "deletecollection")


class Right(NamedTuple):
    """Verbs on resources (subresources after a slash) of an API group; empty for the core group."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]


RIGHTS = (
    # The course's first steps and its exercises.
    Right("", ("pods", "services", "configmaps", "secrets", "serviceaccounts", "persistentvolumeclaims"), _WORK),
    # `lab load` on a cluster that runs containers enters siege's Pod; `lab open` forwards a port.
    Right("", ("pods/exec", "pods/portforward", "pods/attach"), ("get", "create")),
    Right("", ("pods/log", "pods/status", "events", "endpoints"), _READ),
    # A single namespace: a RoleBinding cannot grant a list of all.
    Right("", ("namespaces",), ("get",)),
    Right("discovery.k8s.io", ("endpointslices",), _READ),
    Right("events.k8s.io", ("events",), _READ),
    Right("apps", ("deployments", "deployments/scale", "replicasets", "replicasets/scale", "statefulsets"), _WORK),
    Right("autoscaling", ("horizontalpodautoscalers",), _WORK),
    Right("batch", ("jobs", "cronjobs"), _WORK),
    # Traffic rules; a Gateway and a Sidecar reach beyond a namespace.
    Right("networking.istio.io", ("virtualservices", "destinationrules", "serviceentries"), _WORK),
    Right("networking.istio.io", ("gateways", "sidecars"), _READ),
    Right("security.istio.io", ("authorizationpolicies", "peerauthentications", "requestauthentications"), _WORK),
    Right("telemetry.istio.io", ("telemetries",), _WORK),
    # Canary and blue/green.
    Right(
        "argoproj.io",
        ("rollouts", "rollouts/status", "rollouts/scale", "analysistemplates", "analysisruns", "experiments"),
        _WORK,
    ),
    Right("metrics.k8s.io", ("pods",), _READ),
    # The instructor's limits, read-only.
    Right("", ("resourcequotas", "limitranges"), _READ),
    Right("networking.k8s.io", ("networkpolicies",), _READ),
    Right("rbac.authorization.k8s.io", ("roles", "rolebindings"), _READ),
)


def rules() -> list[dict[str, Any]]:
    """Return the rules of a ClusterRole."""
    return [
        {"apiGroups": [right.group], "resources": list(right.resources), "verbs": list(right.verbs)} for right in RIGHTS
    ]
