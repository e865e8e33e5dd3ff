"""Objects that a student has no rights for, or not where they are made."""

from __future__ import annotations

from tests.engine.attempts.tried import SHOP, Object, Refused, made, pod, template

_NO_RIGHT = "cannot create resource"
_CLUSTER_WIDE = {"metadata": {"name": "tried"}}


def _any(kind: str, version: str, spec: Object | None = None, namespace: str = SHOP) -> Object:
    return made(kind, version, spec or {}, namespace=namespace)


def _binding(kind: str, **metadata: str) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "tried", **metadata},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "student", "namespace": "anna-default"}],
    }


_NETWORKING = "networking.istio.io/v1"
_SELECTED = {"selector": {"istio": "ingressgateway"}, "servers": []}

REFUSED = [
    Refused("a Gateway", _any("Gateway", _NETWORKING, _SELECTED), _NO_RIGHT),
    Refused("a Sidecar", _any("Sidecar", _NETWORKING, {"egress": [{"hosts": ["*/*"]}]}), _NO_RIGHT),
    Refused("an EnvoyFilter", _any("EnvoyFilter", "networking.istio.io/v1alpha3"), _NO_RIGHT),
    Refused("a WasmPlugin", _any("WasmPlugin", "extensions.istio.io/v1alpha1"), _NO_RIGHT),
    Refused("a ProxyConfig", _any("ProxyConfig", "networking.istio.io/v1beta1"), _NO_RIGHT),
    Refused("a WorkloadEntry", _any("WorkloadEntry", _NETWORKING, {"address": "169.254.169.254"}), _NO_RIGHT),
    Refused("a WorkloadGroup", _any("WorkloadGroup", _NETWORKING), _NO_RIGHT),
    Refused("an Ingress", _any("Ingress", "networking.k8s.io/v1"), _NO_RIGHT),
    Refused("a NetworkPolicy", _any("NetworkPolicy", "networking.k8s.io/v1", {"podSelector": {}}), _NO_RIGHT),
    Refused(
        "Endpoints", {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "a", "namespace": SHOP}}, _NO_RIGHT
    ),
    Refused(
        "an EndpointSlice",
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": "tried", "namespace": SHOP},
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["169.254.169.254"]}],
        },
        _NO_RIGHT,
    ),
    Refused("a DaemonSet", _any("DaemonSet", "apps/v1", {"template": template({})}), _NO_RIGHT),
    Refused("a ResourceQuota", _any("ResourceQuota", "v1"), _NO_RIGHT),
    Refused("a RoleBinding", _binding("RoleBinding", namespace=SHOP), _NO_RIGHT),
    Refused("a ClusterRoleBinding", _binding("ClusterRoleBinding"), _NO_RIGHT),
    Refused("a Namespace", {"apiVersion": "v1", "kind": "Namespace", **_CLUSTER_WIDE}, _NO_RIGHT),
    Refused("a Node", {"apiVersion": "v1", "kind": "Node", **_CLUSTER_WIDE}, _NO_RIGHT),
    Refused("a PersistentVolume", {"apiVersion": "v1", "kind": "PersistentVolume", **_CLUSTER_WIDE}, _NO_RIGHT),
    Refused(
        "a PriorityClass",
        {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "value": 1, **_CLUSTER_WIDE},
        _NO_RIGHT,
    ),
    Refused(
        "a policy of one's own",
        {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", **_CLUSTER_WIDE},
        _NO_RIGHT,
    ),
    Refused("a Pod of another student", pod(namespace="ben-shop"), _NO_RIGHT),
    Refused("a Pod of the platform", pod(namespace="istio-system"), _NO_RIGHT),
    Refused("a Rollout of the platform", _any("Rollout", "argoproj.io/v1alpha1", namespace="argo-rollouts"), _NO_RIGHT),
    Refused("a route of the platform", _any("VirtualService", _NETWORKING, namespace="istio-system"), _NO_RIGHT),
    Refused("a route in default", _any("VirtualService", _NETWORKING, namespace="default"), _NO_RIGHT),
]
