"""`lab drift`: whose hand it was, by managed fields as the API server writes them."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from lab.adapters.stack import Stack
from lab.cli import app
from lab.core.errors import LabError
from lab.services.drift import state
from lab.services.drift.compare import Change, DriftReport, Owned, compare
from lab.services.drift.fields import MISSING, Path, entries, leaves
from tests.unit.pretended_kubectl import PretendedKubectl

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping

    from lab.services.drift.live import Key

Object = dict[str, Any]

SIGNATURE = "4dabf18193072939515e22adb298388d"
ENCRYPTED = {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:qf2:hidden"}
PASSWORD = "aHVudGVyMg=="  # noqa: S105 - of nobody
MONDAY, TUESDAY = "2026-11-23T09:00:00Z", "2026-11-24T10:30:00Z"
PULUMI = "pulumi-kubernetes-1f2e3d4c"


def deployment() -> Object:
    """As the program says it."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "order", "namespace": "shop", "labels": {"app": "order"}},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "order"}},
            "template": {
                "metadata": {"labels": {"app": "order"}},
                "spec": {"containers": [{"name": "order", "image": "order:1", "ports": [{"containerPort": 8080}]}]},
            },
        },
    }


DEPLOYMENT_FIELDS = {
    "f:metadata": {"f:labels": {"f:app": {}}},
    "f:spec": {
        "f:selector": {},
        "f:template": {
            "f:metadata": {"f:labels": {"f:app": {}}},
            "f:spec": {
                "f:containers": {
                    'k:{"name":"order"}': {
                        ".": {},
                        "f:image": {},
                        "f:name": {},
                        "f:ports": {'k:{"containerPort":8080,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
                    }
                }
            },
        },
    },
}
CONTROLLERS_STATUS = {
    "manager": "kube-controller-manager",
    "operation": "Update",
    "apiVersion": "apps/v1",
    "time": TUESDAY,
    "fieldsType": "FieldsV1",
    "subresource": "status",
    "fieldsV1": {
        "f:metadata": {"f:annotations": {".": {}, "f:deployment.kubernetes.io/revision": {}}},
        "f:status": {"f:availableReplicas": {}, "f:conditions": {".": {}, 'k:{"type":"Available"}': {".": {}}}},
    },
}


def entry(manager: str, fields: Object, *, subresource: str = "", operation: str = "Update") -> Object:
    line = {"manager": manager, "operation": operation, "time": TUESDAY, "fieldsType": "FieldsV1", "fieldsV1": fields}
    return {**line, **({"subresource": subresource} if subresource else {})}


def ours(fields: Object) -> Object:
    return {**entry(PULUMI, fields, operation="Apply"), "time": MONDAY}


def stood_up(inputs: Object) -> Object:
    """What the API server makes of a declared object: with defaults, as it was after the last update."""
    made = copy.deepcopy(inputs)
    made["metadata"]["uid"] = "b1f0"
    made["status"] = {"observedGeneration": 1}
    for container in made.get("spec", {}).get("template", {}).get("spec", {}).get("containers", ()):
        container["imagePullPolicy"] = "IfNotPresent"
        for port in container["ports"]:
            port["protocol"] = "TCP"
    return made


def resource(inputs: Object, **more: object) -> Object:
    """An object in the stack's state."""
    group, metadata = inputs["apiVersion"], inputs["metadata"]
    kind = f"kubernetes:{group if '/' in group else f'core/{group}'}:{inputs['kind']}"
    return {
        "urn": f"urn:pulumi:dev::istio-lab::istio-lab:shop:Shop${kind}::{metadata['name']}",
        "custom": True,
        "id": "/".join(filter(None, (metadata.get("namespace"), metadata["name"]))),
        "type": kind,
        "inputs": inputs,
        "outputs": {**stood_up(inputs), "__fieldManager": PULUMI, "__initialApiVersion": group},
        **more,
    }


def release(**names: list[str]) -> Object:
    """A Helm release in the stack's state."""
    return {
        "custom": True,
        "id": "istio-system/istiod",
        "type": "kubernetes:helm.sh/v3:Release",
        "inputs": {"chart": "istiod", "name": "istiod", "namespace": "istio-system"},
        "outputs": {"name": "istiod", "namespace": "istio-system", "resourceNames": names},
    }


def exported(*resources: Object) -> str:
    stack = {"custom": False, "type": "pulumi:pulumi:Stack", "urn": "urn:pulumi:dev::istio-lab::pulumi:pulumi:Stack::x"}
    return json.dumps({"version": 3, "deployment": {"resources": [stack, *resources]}})


def held(live: Object, *lines: Object) -> Object:
    """A live object with the record of who wrote what."""
    return {**live, "metadata": {**live["metadata"], "managedFields": list(lines)}}


def cluster(*objects: Object) -> Mapping[Key, Any]:
    return {
        (
            each["apiVersion"].rpartition("/")[0],
            each["kind"],
            each["metadata"].get("namespace", ""),
            each["metadata"]["name"],
        ): each
        for each in objects
    }


def report(resources: list[Object], objects: list[Object]) -> DriftReport:
    return compare(state.declared(exported(*resources)), cluster(*objects))


def of_deployment(change: dict[str, Any], *lines: Object) -> DriftReport:
    """What is found when a Deployment's spec was changed and recorded so."""
    live = stood_up(deployment())
    live["spec"].update(change)
    return report([resource(deployment())], [held(live, ours(DEPLOYMENT_FIELDS), CONTROLLERS_STATUS, *lines)])


def one(changes: tuple[Change, ...]) -> Change:
    assert len(changes) == 1, changes
    return changes[0]


REPLICAS: Object = {"f:spec": {"f:replicas": {}}}


def test_an_object_that_only_pulumi_and_the_status_of_controllers_wrote_is_no_drift() -> None:
    found = of_deployment({})

    assert (found.objects, found.changed, found.owned) == (1, (), ())


@pytest.mark.parametrize("manager", ["kubectl-edit", "kubectl-patch"])
def test_an_edited_number_of_replicas_is_told_with_both_values_and_the_manager(manager: str) -> None:
    change = one(of_deployment({"replicas": 5}, entry(manager, REPLICAS)).changed)

    assert (change.kind, change.namespace, change.name) == ("Deployment", "shop", "order")
    assert (change.field, change.now, change.declared) == ("spec.replicas", "5", "2")
    assert (change.manager, change.time, change.way) == (manager, TUESDAY, "scaled")


def test_kubectl_scale_writes_through_a_subresource_and_an_update_leaves_the_number() -> None:
    change = one(of_deployment({"replicas": 4}, entry("kubectl", REPLICAS, subresource="scale")).changed)

    assert (change.field, change.now, change.declared) == ("spec.replicas", "4", "2")
    assert (change.manager, change.way) == ("kubectl (scale)", "scaled")


def test_a_value_that_somebody_else_wrote_but_as_it_was_declared_is_no_drift() -> None:
    assert of_deployment({"replicas": 2}, entry("kubectl-edit", REPLICAS)).changed == ()


def test_a_service_that_was_patched_and_patched_back_is_no_drift() -> None:
    patched: Object = {"f:spec": {"f:type": {}, "f:externalTrafficPolicy": {}, "f:allocateLoadBalancerNodePorts": {}}}
    live: Object = stood_up(SERVICE)
    live["spec"]["type"] = "ClusterIP"
    back = held(live, entry("kubectl-patch", patched))
    there = held({**live, "spec": {**live["spec"], "type": "LoadBalancer"}}, entry("kubectl-patch", patched))
    chart = release(**{"Service/v1": ["shop/delivery-stable"]})

    for declared in (resource(SERVICE), chart):
        assert report([declared], [back]).changed == ()
        assert one(report([declared], [there]).changed).field == "spec.type"


def test_a_value_that_the_api_server_writes_in_another_way_is_no_drift_after_it_was_set_back() -> None:
    declared = resource({**deployment(), "spec": {**deployment()["spec"], "minReadySeconds": "1000m"}})
    declared["outputs"]["spec"]["minReadySeconds"] = 1
    live = held({**stood_up(deployment())}, entry("argocd", {"f:spec": {"f:minReadySeconds": {}}}))

    live["spec"]["minReadySeconds"] = 1
    assert report([declared], [live]).changed == ()
    live["spec"]["minReadySeconds"] = 2
    assert one(report([declared], [live]).changed).way == "refresh"


def test_what_a_refresh_took_into_the_state_is_still_drift() -> None:
    line = entry("kubectl-patch", {"f:spec": {"f:type": {}}})
    live: Object = stood_up(SERVICE)
    live["spec"]["type"] = "LoadBalancer"
    live = held(live, line)
    declared = resource(SERVICE)
    declared["outputs"] = live

    assert one(report([declared], [live]).changed).way == "unseen"


def test_a_number_of_pods_that_the_state_forgot_is_declared_all_the_same() -> None:
    inputs = deployment()
    del inputs["spec"]["replicas"]
    inputs["metadata"]["annotations"] = {"istio-lab/replicas": "2"}
    live = held(
        {**stood_up(inputs), "spec": {**inputs["spec"], "replicas": 4}}, entry("kubectl", REPLICAS, subresource="scale")
    )

    change = one(report([resource(inputs)], [live]).changed)

    assert (change.declared, change.now, change.way) == ("2", "4", "scaled")


def test_an_autoscaler_owns_the_number_of_replicas() -> None:
    found = of_deployment({"replicas": 7}, entry("kube-controller-manager", REPLICAS, subresource="scale"))

    assert found.changed == ()
    assert [(each.fields, each.manager) for each in found.owned] == [(("spec.replicas",), "kube-controller-manager")]
    assert "HorizontalPodAutoscaler" in found.owned[0].why


def test_an_added_label_is_told_as_not_declared() -> None:
    live = stood_up(deployment())
    live["metadata"]["labels"]["course/seat"] = "7"
    added = entry("kubectl-label", {"f:metadata": {"f:labels": {"f:course/seat": {}}}})

    change = one(report([resource(deployment())], [held(live, ours(DEPLOYMENT_FIELDS), added)]).changed)

    assert (change.field, change.now) == ('metadata.labels["course/seat"]', "7")
    assert (change.declared, change.way) == ("not declared", "unseen")


def test_who_only_brought_a_map_about_is_not_blamed_for_what_others_put_there() -> None:
    inputs = deployment()
    inputs["metadata"]["annotations"] = {"note": "a"}
    live = stood_up(inputs)
    live["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "1"
    brought = entry("kubectl-annotate", {"f:metadata": {"f:annotations": {}}})

    found = report([resource(inputs)], [held(live, ours(DEPLOYMENT_FIELDS), CONTROLLERS_STATUS, brought)])

    assert found.changed == ()


def test_an_added_container_is_one_change_and_a_changed_image_is_told_by_the_name_of_its_container() -> None:
    live = stood_up(deployment())
    containers = live["spec"]["template"]["spec"]["containers"]
    containers[0]["image"] = "order:2"
    containers.append({"name": "debug", "image": "busybox"})
    held_by_hand: Object = {
        'k:{"name":"debug"}': {".": {}, "f:image": {}, "f:name": {}},
        'k:{"name":"order"}': {"f:image": {}},
    }
    edit = entry("kubectl-edit", {"f:spec": {"f:template": {"f:spec": {"f:containers": held_by_hand}}}})

    found = report([resource(deployment())], [held(live, ours(DEPLOYMENT_FIELDS), edit)]).changed

    assert [(each.field, each.now, each.declared) for each in found] == [
        (
            "spec.template.spec.containers[name=debug]",
            '{"name": "debug", "image": "busybox"}',
            "not declared",
        ),
        ("spec.template.spec.containers[name=order].image", "order:2", "order:1"),
    ]


def test_a_restart_is_by_hand_and_said_to_be_one() -> None:
    live = stood_up(deployment())
    live["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": TUESDAY}
    annotations: Object = {".": {}, "f:kubectl.kubernetes.io/restartedAt": {}}
    restart = entry("kubectl-rollout", {"f:spec": {"f:template": {"f:metadata": {"f:annotations": annotations}}}})

    change = one(report([resource(deployment())], [held(live, ours(DEPLOYMENT_FIELDS), restart)]).changed)

    assert change.field == 'spec.template.metadata.annotations["kubectl.kubernetes.io/restartedAt"]'
    assert "restart" in change.note


def test_a_field_that_was_taken_away_is_drift_though_nobody_holds_it() -> None:
    inputs = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "tutorial", "labels": {"istio-injection": "enabled", "empty": ""}},
    }
    in_state = resource(inputs)
    del in_state["outputs"]["metadata"]["labels"]["empty"]  # as the API server may drop what is empty
    live = stood_up({**inputs, "metadata": {"name": "tutorial", "labels": {"kubernetes.io/metadata.name": "x"}}})

    change = one(report([in_state], [held(live, ours({"f:metadata": {"f:labels": {}}}))]).changed)

    assert (change.field, change.now, change.declared) == ("metadata.labels.istio-injection", "gone", "enabled")
    assert (change.manager, change.way) == ("", "refresh")


def test_a_container_that_was_taken_away_is_one_change() -> None:
    inputs = deployment()
    containers = inputs["spec"]["template"]["spec"]["containers"]
    containers.append({"name": "side", "image": "side:1", "ports": []})

    change = one(report([resource(inputs)], [held(stood_up(deployment()), ours(DEPLOYMENT_FIELDS))]).changed)

    assert (change.field, change.now) == ("spec.template.spec.containers[name=side]", "gone")


def test_a_deleted_object_is_drift_and_one_that_is_being_deleted_too() -> None:
    deleted = one(report([resource(deployment())], []).changed)
    dying = stood_up(deployment())
    dying["metadata"]["deletionTimestamp"] = TUESDAY
    going = one(report([resource(deployment())], [held(dying, ours(DEPLOYMENT_FIELDS))]).changed)

    assert (deleted.field, deleted.now, deleted.way) == ("the whole object", "deleted", "refresh")
    assert (going.now, going.way) == (f"being deleted since {TUESDAY}", "wait")


VIRTUAL_SERVICE = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "VirtualService",
    "metadata": {"name": "delivery", "namespace": "shop"},
    "spec": {
        "hosts": ["delivery"],
        "http": [
            {
                "route": [
                    {"destination": {"host": "delivery", "subset": "stable"}, "weight": 100},
                    {"destination": {"host": "delivery", "subset": "canary"}, "weight": 0},
                ]
            }
        ],
    },
}
DESTINATION_RULE = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "DestinationRule",
    "metadata": {"name": "delivery", "namespace": "shop"},
    "spec": {"host": "delivery", "subsets": [{"name": "stable", "labels": {"app": "delivery"}}]},
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "delivery-stable", "namespace": "shop"},
    "spec": {"ports": [{"port": 8080}], "selector": {"app": "delivery"}},
}
ROLLOUT = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Rollout",
    "metadata": {"name": "delivery", "namespace": "shop"},
    "spec": {"template": {"spec": {"containers": [{"name": "delivery", "image": "delivery:1", "ports": []}]}}},
}


def mid_rollout() -> list[Object]:
    """The objects above while Argo Rollouts moves the weights; it owns whole lists and maps, for these are atomic."""
    routes, rule, service = stood_up(VIRTUAL_SERVICE), stood_up(DESTINATION_RULE), stood_up(SERVICE)
    routes["spec"]["http"][0]["route"][0]["weight"] = 80
    routes["spec"]["http"][0]["route"][1]["weight"] = 20
    rule["spec"]["subsets"][0]["labels"]["rollouts-pod-template-hash"] = "5d8f"
    service["spec"]["selector"]["rollouts-pod-template-hash"] = "5d8f"
    service["metadata"]["annotations"] = {"argo-rollouts.argoproj.io/managed-by-rollouts": "delivery"}
    managed_by: Object = {"f:annotations": {".": {}, "f:argo-rollouts.argoproj.io/managed-by-rollouts": {}}}
    return [
        held(routes, ours({"f:spec": {"f:hosts": {}}}), entry("rollouts-controller", {"f:spec": {"f:http": {}}})),
        held(rule, ours({"f:spec": {"f:host": {}}}), entry("rollouts-controller", {"f:spec": {"f:subsets": {}}})),
        held(
            service,
            ours({"f:spec": {"f:ports": {'k:{"port":8080,"protocol":"TCP"}': {".": {}, "f:port": {}}}}}),
            entry("rollouts-controller", {"f:metadata": managed_by, "f:spec": {"f:selector": {}}}),
        ),
    ]


def test_argo_rollouts_owns_weights_subsets_and_selectors() -> None:
    found = report([resource(each) for each in (VIRTUAL_SERVICE, DESTINATION_RULE, SERVICE)], mid_rollout())

    assert found.changed == ()
    assert [(each.kind, each.fields) for each in found.owned] == [
        ("VirtualService", ("spec.http",)),
        ("DestinationRule", ("spec.subsets",)),
        (
            "Service",
            ('metadata.annotations["argo-rollouts.argoproj.io/managed-by-rollouts"]', "spec.selector"),
        ),
    ]
    for each, word in zip(found.owned, ("weights", "marks the subsets", "points the Service"), strict=True):
        assert word in each.why


def test_the_same_field_is_by_hand_when_a_person_wrote_it() -> None:
    live = mid_rollout()[0]
    live["metadata"]["managedFields"].append(entry("kubectl-edit", {"f:spec": {"f:hosts": {}}}))
    live["spec"]["hosts"] = ["delivery", "other"]

    found = report([resource(VIRTUAL_SERVICE)], [live])

    assert one(found.changed).now == '["delivery", "other"]'
    assert [each.manager for each in found.owned] == ["rollouts-controller"]


def test_set_image_of_a_rollout_is_a_persons_deed_with_a_note_of_its_own() -> None:
    live = stood_up(ROLLOUT)
    live["spec"]["template"]["spec"]["containers"][0]["image"] = "delivery:2"
    # The kind comes with a definition that knows no keys for lists.
    fields: Object = {"f:spec": {"f:template": {"f:spec": {"f:containers": {}}}}}

    change = one(report([resource(ROLLOUT)], [held(live, entry("kubectl-argo-rollouts", fields))]).changed)

    assert change.field == "spec.template.spec.containers"
    assert "set image" in change.note
    assert change.way == "undo"


def webhooks() -> Object:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "istio-validator-istio-system"},
        "webhooks": [
            {
                "name": "rev.validation.istio.io",
                "clientConfig": {"caBundle": "LS0t", "service": {"name": "istiod"}},
                "failurePolicy": "Fail",
            }
        ],
    }


ISTIODS: Object = {
    "f:webhooks": {
        'k:{"name":"rev.validation.istio.io"}': {"f:clientConfig": {"f:caBundle": {}}, "f:failurePolicy": {}}
    }
}
HELMS: Object = {
    "f:webhooks": {'k:{"name":"rev.validation.istio.io"}': {".": {}, "f:name": {}, "f:clientConfig": {".": {}}}}
}
WEBHOOKS = "ValidatingWebhookConfiguration.admissionregistration.k8s.io/admissionregistration.k8s.io/v1"


def test_istiod_owns_the_certificate_and_the_policy_of_its_webhooks() -> None:
    live = held(webhooks(), entry("pulumi-resource-kubernetes", HELMS), entry("pilot-discovery", ISTIODS))

    found = report([release(**{WEBHOOKS: ["istio-validator-istio-system"]})], [live])

    assert found.changed == ()
    assert [(each.namespace, each.fields) for each in found.owned] == [
        ("", ("webhooks[].clientConfig.caBundle",)),
        ("", ("webhooks[].failurePolicy",)),
    ]
    assert "certificate authority" in found.owned[0].why
    assert "refuses" in found.owned[1].why


def config_map(data: Mapping[str, str]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "istio", "namespace": "istio-system"},
        "data": dict(data),
    }


@pytest.mark.parametrize("name", ["istio-system/istio", "istio"])
def test_a_changed_object_of_a_helm_release_is_told_without_a_declared_value(name: str) -> None:
    line = entry("kubectl-edit", {"f:data": {"f:mesh": {}}})
    live = held(config_map({"mesh": "accessLogFile: ''"}), line)

    change = one(report([release(**{"ConfigMap/v1": [name]})], [live]).changed)

    assert (change.release, change.field, change.now) == ("istiod", "data.mesh", "accessLogFile: ''")
    assert (change.declared, change.way) == ("known to the chart only", "release")


def test_a_deleted_object_of_a_helm_release_is_drift() -> None:
    change = one(report([release(**{"Deployment.apps/apps/v1": ["istio-system/istiod"]})], []).changed)

    assert (change.kind, change.namespace, change.name) == ("Deployment", "istio-system", "istiod")
    assert (change.now, change.release) == ("deleted", "istiod")


def test_a_helm_of_the_users_own_is_no_pulumi() -> None:
    live = held(config_map({"mesh": "x"}), entry("helm", {"f:data": {"f:mesh": {}}}))

    assert "helm upgrade" in one(report([release(**{"ConfigMap/v1": ["istio"]})], [live]).changed).note


def test_a_key_of_a_release_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(LabError, match="istiod"):
        state.declared(exported(release(Deployment=["x"])))


def secret(**content: Any) -> Object:  # noqa: ANN401 - as a state has it
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mysql", "namespace": "shop"}, **content}


@pytest.mark.parametrize(
    "content",
    [{"data": {"root": ENCRYPTED}}, {"stringData": ENCRYPTED}, {"stringData": {"root": "old"}}, {"data": ENCRYPTED}],
)
def test_what_a_secret_holds_is_never_told(content: dict[str, Any]) -> None:
    live = held(secret(data={"root": PASSWORD}), entry("kubectl-edit", {"f:data": {"f:root": {}}}))

    found = report([resource(secret(**content))], [live])

    change = one(found.changed)
    assert (change.field, change.now, change.declared) == ("data.root", "a secret value", "a secret value")
    assert PASSWORD not in repr(found)
    assert "hidden" not in repr(found)


def test_what_a_secret_was_declared_to_hold_is_compared_in_the_clusters_words() -> None:
    live = held(secret(data={"root": PASSWORD}), entry("kubectl-edit", {"f:data": {"f:root": {}}}))

    assert report([resource(secret(stringData={"root": "hunter2"}))], [live]).changed == ()


def test_a_value_that_the_stack_keeps_secret_is_not_told_in_another_kind_either() -> None:
    live = held(config_map({"mesh": "hunter2"}), entry("kubectl-patch", {"f:data": {"f:mesh": {}}}))
    declared: Object = {**config_map({}), "data": {"mesh": ENCRYPTED}}

    found = report([resource(declared)], [live])

    assert one(found.changed).now == "a secret value"
    assert "hunter2" not in repr(found)


def test_what_kubectl_apply_notes_for_itself_is_not_repeated() -> None:
    live = config_map({"mesh": "a"})
    live["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": '{"data": "hunter2"}'}
    annotations: Object = {".": {}, "f:kubectl.kubernetes.io/last-applied-configuration": {}}
    line = entry("kubectl-client-side-apply", {"f:metadata": {"f:annotations": annotations}})

    found = report([resource(config_map({"mesh": "a"}))], [held(live, line)])

    assert one(found.changed).now == "all that it was given"
    assert "hunter2" not in repr(found)


def test_a_long_value_is_cut_and_stays_on_one_line() -> None:
    line = entry("kubectl-edit", {"f:data": {"f:mesh": {}}})
    live = held(config_map({"mesh": "a\n" * 500}), line)

    now = one(report([resource(config_map({"mesh": "a"}))], [live]).changed).now

    assert len(now) < 120
    assert "\n" not in now


def test_only_objects_that_the_stack_itself_made_are_looked_at() -> None:
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "x.io"},
    }
    provider = {"custom": True, "type": "pulumi:providers:kubernetes", "id": "a", "inputs": {}, "outputs": {}}
    component = {"custom": False, "type": "kubernetes:yaml/v2:ConfigGroup", "id": ""}

    found = state.declared(
        exported(
            resource(SERVICE, external=True),
            resource(SERVICE, delete=True),
            resource(definition),
            provider,
            component,
            resource(deployment()),
        )
    )

    assert [(each.api_version, each.kind, each.namespaces, each.name) for each in found] == [
        ("apps/v1", "Deployment", ("shop",), "order")
    ]


def test_a_path_is_read_with_what_the_api_server_filled_in() -> None:
    declared: Any = deployment()
    steps = ("f:spec", "f:template", "f:spec", "f:containers", 'k:{"name":"order"}', "f:ports")
    port = Path((*steps, 'k:{"containerPort":8080,"protocol":"TCP"}', "f:containerPort"))

    assert port.read(declared) == 8080
    assert str(port).endswith("containers[name=order].ports[containerPort=8080,protocol=TCP].containerPort")
    assert port.general == "spec.template.spec.containers[].ports[].containerPort"
    assert Path((*steps, 'k:{"containerPort":9090,"protocol":"TCP"}')).read(declared) is MISSING


def test_elements_of_sets_and_positions_are_paths_too() -> None:
    live: Any = {"metadata": {"finalizers": ["a/b"]}, "spec": {"rules": ["first"], "ports": [{"protocol": "TCP"}]}}
    finalizer = Path(("f:metadata", "f:finalizers", 'v:"a/b"'))

    assert finalizer.read(live) == "a/b"
    assert str(finalizer) == 'metadata.finalizers["a/b"]'
    assert Path(("f:spec", "f:rules", "i:0")).read(live) == "first"
    assert Path(("f:spec", "f:rules", "i:1")).read(live) is MISSING
    assert Path(("f:spec", "f:ports", 'k:{"port":80}')).read(live) is MISSING


def test_what_was_declared_is_walked_down_to_the_last_value() -> None:
    declared: Any = {"a": {"b": 1, "c": {}}, "d": [{"name": "x", "v": 1}, {"name": "y", "v": 2}], "e": [1, 2]}

    assert [str(path) for path in leaves(declared)] == [
        "a.b",
        "a.c",
        "d[name=x].name",
        "d[name=x].v",
        "d[name=y].name",
        "d[name=y].v",
        "e",
    ]


def test_entries_come_in_the_order_in_which_they_were_written() -> None:
    live: Any = held(deployment(), entry("kubectl-edit", REPLICAS), ours(DEPLOYMENT_FIELDS))

    assert [each.manager for each in entries(live)] == [PULUMI, "kubectl-edit"]


STATE = exported(
    resource(deployment()), resource(VIRTUAL_SERVICE), release(**{WEBHOOKS: ["istio-validator-istio-system"]})
)
KINDS = (
    "deployment.v1.apps,validatingwebhookconfiguration.v1.admissionregistration.k8s.io,"
    "virtualservice.v1.networking.istio.io"
)


@pytest.fixture
def kubectl(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> PretendedKubectl:
    """Of a cluster where Argo Rollouts and istiod did their work and nobody else did anything."""
    (tmp_path / "kubeconfig").touch()
    pretended = PretendedKubectl(tmp_path / "kubectl")
    monkeypatch.setattr("lab.adapters.kubectl.program", lambda: pretended.file)
    monkeypatch.setattr(Stack, "directory", tmp_path)
    monkeypatch.setattr(Stack, "export", lambda _: STATE)
    pretended.answers(f"get {KINDS} ", {"items": standing()})
    pretended.answers("api-resources", "deployments deploy apps/v1 true Deployment\nnodes no v1 false Node\n")
    return pretended


def standing(**spec: object) -> list[Object]:
    live = stood_up(deployment())
    live["spec"].update(spec)
    return [
        held(live, ours(DEPLOYMENT_FIELDS), CONTROLLERS_STATUS, *([entry("kubectl-edit", REPLICAS)] if spec else [])),
        mid_rollout()[0],
        held(webhooks(), entry("pulumi-resource-kubernetes", HELMS), entry("pilot-discovery", ISTIODS)),
    ]


def test_nothing_by_hand_ends_with_0_and_says_what_controllers_own(kubectl: PretendedKubectl) -> None:
    result = CliRunner().invoke(app.app, ["drift"])

    assert result.exit_code == 0, result.output
    assert "Changed by hand" not in result.stdout
    assert "VirtualService shop/delivery: spec.http\n    by        rollouts-controller: Argo" in result.stdout
    assert "Nothing was changed by hand in 3 objects of stack dev." in result.stdout
    assert [call[1] for call in kubectl.calls] == ["api-resources", "get"]


def test_all_kinds_are_asked_for_in_one_call_with_their_groups(kubectl: PretendedKubectl) -> None:
    CliRunner().invoke(app.app, ["drift"])

    assert kubectl.calls[1][1:3] == ["get", KINDS]
    assert {"--all-namespaces", "--show-managed-fields"} <= set(kubectl.calls[1])


def test_a_change_by_hand_ends_with_1_and_says_what_sets_it_back(kubectl: PretendedKubectl) -> None:
    kubectl.answers(f"get {KINDS} ", {"items": standing(replicas=5)})

    result = CliRunner().invoke(app.app, ["drift"])

    assert result.exit_code == 1
    said = " ".join(result.stdout.split())
    assert f"Deployment shop/order spec.replicas now 5 declared 2 by kubectl-edit, {TUESDAY}" in said
    assert "By hand: 1 change of 1 object, of 3 that were looked at." in said
    assert "set back by: kubectl scale" in said


def test_a_program_gets_both_lists_and_the_same_exit_code(kubectl: PretendedKubectl) -> None:
    kubectl.answers(f"get {KINDS} ", {"items": standing(replicas=5)})

    result = CliRunner().invoke(app.app, ["drift", "--json"])

    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert [Change(**each).field for each in found["changed"]] == ["spec.replicas"]
    assert [Owned(**each).manager for each in found["owned"]] == ["rollouts-controller", *["pilot-discovery"] * 2]


def test_a_kind_whose_definition_was_deleted_is_asked_for_alone_and_its_objects_are_gone(
    kubectl: PretendedKubectl,
) -> None:
    unknown = 'error: the server doesn\'t have a resource type "virtualservice"'
    present = standing()
    kubectl.answers(f"get {KINDS} ", unknown, code=1)
    kubectl.answers("get virtualservice", unknown, code=1)
    kubectl.answers("get deployment", {"items": present[:1]})
    kubectl.answers("get validatingwebhook", {"items": present[2:]})

    result = CliRunner().invoke(app.app, ["drift", "--json"])

    assert [(each["kind"], each["now"]) for each in json.loads(result.stdout)["changed"]] == [
        ("VirtualService", "deleted")
    ]


def test_a_lab_that_does_not_stand_is_told_with_what_makes_it_stand(
    kubectl: PretendedKubectl, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kubeconfig").unlink()
    absent = CliRunner().invoke(app.app, ["drift", "--stack", "other"])
    (tmp_path / "kubeconfig").touch()
    monkeypatch.setattr(Stack, "export", lambda _: exported())
    empty = CliRunner().invoke(app.app, ["drift", "--stack", "other"])

    for result, words in ((absent, "does not stand"), (empty, "has nothing in its cluster")):
        assert isinstance(result.exception, LabError)
        assert words in result.exception.message
        assert result.exception.remedy == "make up STACK=other"
    assert kubectl.calls == []


def test_a_cluster_that_does_not_answer_is_an_error_not_a_finding(kubectl: PretendedKubectl) -> None:
    kubectl.answers(f"get {KINDS} ", "Unable to connect to the server", code=1)

    result = CliRunner().invoke(app.app, ["drift"])

    assert isinstance(result.exception, LabError)
    assert "Unable to connect" in result.exception.message
    assert "make up" in result.exception.remedy
