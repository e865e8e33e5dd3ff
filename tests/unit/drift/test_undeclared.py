"""Objects beside the stack's own: which of them `lab drift` names, and what each one affects."""

from __future__ import annotations

from typing import Any

import pytest

from lab.services.drift import undeclared
from lab.services.drift.state import Declared

Object = dict[str, Any]


def thing(
    group: str,
    kind: str,
    name: str,
    *,
    namespace: str = "tutorial",
    by: str = "kubectl-create",
    **spec: Any,  # noqa: ANN401 - as in YAML
) -> Object:
    """A live object; what is beside its spec can be changed afterwards."""
    metadata: Object = {
        "name": name,
        "managedFields": [{"manager": by, "time": "2026-11-24T10:30:00Z", "fieldsV1": {}}],
    }
    return {
        "apiVersion": f"{group}/v1".removeprefix("/"),
        "kind": kind,
        "metadata": {**metadata, **({"namespace": namespace} if namespace else {})},
        "spec": spec,
    }


def workload(name: str, *, by: str = "kubectl-create", **labels: str) -> Object:
    return thing("apps", "Deployment", name, by=by, template={"metadata": {"labels": labels}})


REVIEWS = thing("", "Service", "reviews", selector={"app": "reviews"})
REVIEWS_V1 = workload("reviews-v1", app="reviews", version="v1")
DECLARED = (
    Declared(api_version="v1", kind="Namespace", namespaces=("", "default"), name="tutorial"),
    Declared(api_version="v1", kind="Namespace", namespaces=("", "default"), name="istio-system"),
    Declared(api_version="v1", kind="Service", namespaces=("tutorial",), name="reviews"),
    Declared(api_version="apps/v1", kind="Deployment", namespaces=("tutorial",), name="reviews-v1"),
)


def found(*objects: Object) -> dict[str, str]:
    """Titles and effects of what is found beside the stack's own."""
    cluster: Any = {
        (
            each["apiVersion"].rpartition("/")[0],
            each["kind"],
            each["metadata"].get("namespace", ""),
            each["metadata"]["name"],
        ): each
        for each in (REVIEWS, REVIEWS_V1, *objects)
    }
    return {each.title: each.effect for each in undeclared.find(DECLARED, cluster)}


ISTIO, SECURITY = "networking.istio.io", "security.istio.io"


@pytest.mark.parametrize(
    ("each", "effect"),
    [
        (thing(ISTIO, "VirtualService", "mine", hosts=["reviews"]), "requests to reviews.tutorial.svc.cluster.local"),
        (thing(ISTIO, "VirtualService", "in", hosts=["*"], gateways=["gate"]), "at the gateway gate"),
        (thing(ISTIO, "DestinationRule", "mine", host="reviews"), "to reviews.tutorial.svc.cluster.local"),
        (thing(ISTIO, "ServiceEntry", "out", hosts=["example.com"]), "makes example.com known"),
        (thing(ISTIO, "Sidecar", "few"), "every Pod of tutorial"),
        (thing(ISTIO, "EnvoyFilter", "f", workloadSelector={"labels": {"app": "a"}}), "Pods of tutorial with app=a"),
        (thing(SECURITY, "AuthorizationPolicy", "no", action="DENY"), "denies requests to every Pod of tutorial"),
        (thing(SECURITY, "AuthorizationPolicy", "some"), "allows only some requests"),
        (thing(SECURITY, "PeerAuthentication", "all", namespace="istio-system"), "every Pod of the mesh"),
        (
            thing("gateway.networking.k8s.io", "HTTPRoute", "r", parentRefs=[{"kind": "Service", "name": "reviews"}]),
            "reviews.tutorial",
        ),
        (thing("networking.k8s.io", "NetworkPolicy", "none", podSelector={}), "connections of every Pod of tutorial"),
        (
            thing(
                "autoscaling",
                "HorizontalPodAutoscaler",
                "h",
                scaleTargetRef={"kind": "Deployment", "name": "reviews-v1"},
            ),
            "how many Pods Deployment reviews-v1 has",
        ),
        (thing("", "LimitRange", "small"), "new Pods in tutorial"),
        (thing("", "ResourceQuota", "few"), "what can be created in tutorial"),
        (thing("", "Service", "alias", selector={"app": "reviews"}), "Pods of Deployment reviews-v1"),
        (workload("reviews-v4", app="reviews", version="v4"), "requests of the Service reviews"),
    ],
)
def test_an_object_that_changes_how_the_lab_behaves_is_named_with_its_effect(each: Object, effect: str) -> None:
    effects = found(each)

    assert len(effects) == 1
    assert effect in next(iter(effects.values()))


def test_a_webhook_says_what_it_sees() -> None:
    hook = thing("admissionregistration.k8s.io", "MutatingWebhookConfiguration", "mine", namespace="")
    hook["webhooks"] = [{"rules": [{"resources": ["pods"]}]}]

    assert found(hook) == {"MutatingWebhookConfiguration mine": "changes new and changed pods"}


def test_a_rule_elsewhere_counts_when_it_names_a_service_of_the_lab_in_full() -> None:
    near = thing(ISTIO, "DestinationRule", "near", namespace="other", host="reviews.tutorial.svc.cluster.local")
    own = thing(ISTIO, "DestinationRule", "own", namespace="other", host="reviews")

    assert list(found(near, own)) == ["DestinationRule other/near"]


def test_what_changes_nothing_is_not_named() -> None:
    assert found(thing("", "Service", "own", selector={"app": "own"}), workload("own", app="own")) == {}


def test_what_controllers_made_is_not_named() -> None:
    owned = workload("reviews-v1-abc", app="reviews")
    owned["metadata"]["ownerReferences"] = [{"kind": "Rollout", "name": "reviews"}]
    of_the_server = thing("", "Service", "kubernetes", selector={"app": "reviews"}, by="kube-apiserver")

    assert found(owned, of_the_server) == {}


def test_who_made_it_is_a_person_though_a_controller_wrote_into_it_first() -> None:
    each = workload("reviews-v4", app="reviews", by="kube-controller-manager")
    each["metadata"]["managedFields"].append(
        {"manager": "kubectl-create", "time": "2026-11-24T10:30:00Z", "fieldsV1": {}}
    )
    cluster: Any = {
        ("apps", "Deployment", "tutorial", "reviews-v4"): each,
        ("", "Service", "tutorial", "reviews"): REVIEWS,
    }

    assert [each.manager for each in undeclared.find(DECLARED, cluster)] == ["kubectl-create"]
