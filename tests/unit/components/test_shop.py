"""The shop: its applications, their configuration, their database, and what is particular in `tutorial`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
from pulumi import ResourceOptions

from components.mesh.istio import Istio, IstioArgs, IstioCharts
from components.platform.base import Capabilities
from components.shop.shop import Shop, ShopArgs
from lab.core.docker_hub import names_registry
from lab.settings.shop import Shop as ShopSettings
from tests.unit.components import support
from tests.unit.components.support import Elsewhere, after
from tests.unit.recorder import record

if TYPE_CHECKING:
    from tests.unit.recorder import Recorded, Recording

NOTES_URL = "jdbc:mysql://mysql:3306/connectdb1?serverTimezone=Asia/Seoul&useSSL=false"
REGISTRY = "istiolabseoul.azurecr.io"
BUILT = {"order": {"image": "order:v7"}, "delivery": {"image": "example.test/delivery:v2"}}
NAMESPACES = ("shop", "tutorial")
APPS = ("order", "delivery")


def elsewhere(*, registry: str | None = REGISTRY, **settings: object) -> Recording:
    """The shop on a cluster that runs containers, as it does on Azure."""

    def program() -> None:
        platform = Elsewhere.make(
            registry=pulumi.Output.from_input(registry) if registry else None,
            capabilities=Capabilities(load_balancers=True, runs_containers=True, metrics=True),
        )
        cluster_opts = ResourceOptions(providers=[platform.provider])
        charts = IstioCharts(base=Path("base"), istiod=Path("istiod"), gateway=Path("gateway"))
        istio = Istio(
            "istio",
            IstioArgs(
                platform=platform,
                charts=charts,
                version="1.31.9",
                hub="example.test/mesh",
                access_log=True,
                tracing=True,
                trace_sampling=100.0,
                egress_gateway=True,
            ),
            cluster_opts,
        )
        chosen = ShopSettings.model_validate(settings, by_alias=True, by_name=False)
        Shop("shop", ShopArgs(settings=chosen, platform=platform, mesh_ready=istio.ready), cluster_opts)

    return record(program, answers=support.answers)


def spec(recording: Recording, namespace: str, app: str) -> dict[str, Any]:
    found: dict[str, Any] = recording.one(f"{namespace}-{app}", ":Deployment").inputs["spec"]
    return found


def pod(recording: Recording, namespace: str, app: str) -> dict[str, Any]:
    found: dict[str, Any] = spec(recording, namespace, app)["template"]["spec"]
    return found


def container(recording: Recording, namespace: str, app: str) -> dict[str, Any]:
    (found,) = pod(recording, namespace, app)["containers"]
    return dict(found)


def kubernetes(recording: Recording, type_: str) -> list[Recorded]:
    return [each for each in recording.kubernetes() if each.type.endswith(type_)]


# --- what the notes have ---


def test_the_shop_is_a_namespace_of_the_mesh(dev: Recording) -> None:
    metadata = dev.one("shop", ":Namespace").inputs["metadata"]

    assert (metadata["name"], metadata["labels"]["istio-injection"]) == ("shop", "enabled")


def test_my_config_is_as_typed_in_the_notes(dev: Recording) -> None:
    found = dev.one("my-config", ":ConfigMap").inputs

    assert found["metadata"] == {"name": "my-config", "namespace": "default", "annotations": support.SHARED_FIELDS}
    assert found["data"] == {"class": "MSA", "Lab": "ConfigMap"}


@pytest.mark.parametrize("namespace", ["default", *NAMESPACES])
def test_config_dev_has_the_keys_and_values_of_the_notes_but_not_the_password(dev: Recording, namespace: str) -> None:
    found = dev.one(f"config-dev-{namespace}", ":ConfigMap").inputs

    assert found["metadata"] == {"name": "config-dev", "namespace": namespace, "annotations": support.SHARED_FIELDS}
    assert found["data"] == {"ORDER_DB_URL": NOTES_URL, "ORDER_DB_USER": "myuser", "ORDER_LOG_LEVEL": "DEBUG"}


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_the_password_reaches_order_through_a_secret(dev: Recording, namespace: str) -> None:
    secret = dev.one(f"config-dev-{namespace}", ":Secret")
    by_name = {each["name"]: each for each in container(dev, namespace, "order")["env"]}

    annotations = support.SHARED_FIELDS
    assert secret.inputs["metadata"] == {"name": "config-dev", "namespace": namespace, "annotations": annotations}
    assert "stringData" in secret.secrets
    assert set(secret.inputs["stringData"]) == {"ORDER_DB_PASS"}
    assert by_name["ORDER_DB_PASS"]["valueFrom"]["secretKeyRef"] == {"name": "config-dev", "key": "ORDER_DB_PASS"}
    assert container(dev, namespace, "order")["envFrom"] == [{"configMapRef": {"name": "config-dev"}}]


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize("app", APPS)
def test_every_application_answers_on_port_8080(dev: Recording, namespace: str, app: str) -> None:
    service = dev.one(f"{namespace}-{app}", ":Service").inputs
    ports = {each["name"]: each["containerPort"] for each in container(dev, namespace, app)["ports"]}

    assert service["metadata"]["name"] == app
    assert [(each["port"], ports[each["targetPort"]]) for each in service["spec"]["ports"]] == [(8080, 8080)]
    assert service["spec"]["selector"].items() <= spec(dev, namespace, app)["template"]["metadata"]["labels"].items()


def test_tutorial_has_one_order_and_two_deliveries_whatever_the_shop_has() -> None:
    many = support.main(shop={"order": {"replicas": 5}, "delivery": {"replicas": 7}})

    assert [spec(many, "tutorial", app)["replicas"] for app in APPS] == [1, 2]
    assert [spec(many, "shop", app)["replicas"] for app in APPS] == [5, 7]


def test_in_the_shop_order_is_restarted_and_delivery_gets_no_requests_while_it_says_that_it_is_down(
    dev: Recording,
) -> None:
    order, delivery = (container(dev, "shop", app) for app in APPS)

    assert order["livenessProbe"]["httpGet"]["path"] == "/actuator/health/liveness"
    assert delivery["readinessProbe"]["httpGet"]["path"] == "/actuator/health/readiness"
    assert "livenessProbe" not in delivery


def test_in_tutorial_only_the_mesh_finds_out_that_a_pod_is_down(dev: Recording) -> None:
    for app in APPS:
        found = container(dev, "tutorial", app)
        assert "livenessProbe" not in found
        assert found["readinessProbe"]["tcpSocket"] == {"port": "http"}


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_there_is_the_notes_load_generator(dev: Recording, namespace: str) -> None:
    found = dev.one(f"siege-{namespace}", ":Pod").inputs

    assert (found["metadata"]["name"], found["metadata"]["namespace"]) == ("siege", namespace)
    assert [(each["name"], each["image"]) for each in found["spec"]["containers"]] == [
        ("siege", "apexacme/siege-nginx")
    ]


# --- what the lab adds ---


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize("app", APPS)
def test_a_new_version_takes_over_without_a_gap(dev: Recording, namespace: str, app: str) -> None:
    found = spec(dev, namespace, app)
    drain = container(dev, namespace, app)["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert found["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert found["template"]["spec"]["terminationGracePeriodSeconds"] >= drain + 25
    assert "readinessProbe" in container(dev, namespace, app)


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize("app", APPS)
def test_an_application_may_do_nothing_but_answer(dev: Recording, namespace: str, app: str) -> None:
    found, only = pod(dev, namespace, app), container(dev, namespace, app)

    assert found["automountServiceAccountToken"] is False
    assert found["securityContext"]["runAsNonRoot"] is True
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"requests", "limits"} == set(only["resources"])
    assert {each["topologyKey"] for each in found["topologySpreadConstraints"]} == {
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    }


def test_another_log_level_makes_new_pods_of_order_alone() -> None:
    def annotations(recording: Recording) -> list[object]:
        return [
            spec(recording, namespace, app)["template"]["metadata"]["annotations"].get("checksum/config")
            for namespace in NAMESPACES
            for app in APPS
        ]

    debug, info = (support.main(shop={"order": {"logLevel": level}}) for level in ("DEBUG", "INFO"))

    for before, now, app in zip(annotations(debug), annotations(info), APPS * 2, strict=True):
        assert (before != now) == (app == "order")
    assert info.one("config-dev-default", ":ConfigMap").inputs["data"]["ORDER_LOG_LEVEL"] == "INFO"


def test_an_application_says_which_version_it_is() -> None:
    chosen = support.main(shop={"delivery": {"version": "v2", "colour": "green", "variant": "failing"}})
    given = {each["name"]: each.get("value") for each in container(chosen, "shop", "delivery")["env"]}

    assert spec(chosen, "shop", "delivery")["template"]["metadata"]["labels"] == {"app": "delivery", "version": "v2"}
    assert given == {"APP_VERSION": "v2", "APP_COLOUR": "green", "VARIANT": "failing", "DELIVERY_LOG_LEVEL": "INFO"}
    assert spec(chosen, "shop", "delivery")["selector"]["matchLabels"] == {"app": "delivery"}, "it can never change"


def test_pods_of_the_shop_wait_for_their_namespace_and_for_istiod(dev: Recording) -> None:
    for each in (*kubernetes(dev, ":Deployment"), *kubernetes(dev, ":StatefulSet"), *kubernetes(dev, ":Pod")):
        namespace = each.inputs["metadata"]["namespace"]
        if namespace in NAMESPACES:
            assert after(dev, each, dev.one(namespace, ":Namespace")), each.name
            assert after(dev, each, dev.one("istiod-process")), f"{each.name} would come up without a sidecar"


def test_services_and_accounts_of_applications_are_made_while_istiod_starts(dev: Recording) -> None:
    for app in APPS:
        for kind in (":Service", ":ServiceAccount"):
            each = dev.one(f"shop-{app}", kind)
            assert after(dev, each, dev.one("shop", ":Namespace"))
            assert not after(dev, each, dev.one("istiod"))


# --- the database ---


def test_order_and_mysql_know_the_same_database_user_and_password(dev: Recording) -> None:
    (mysql,) = dev.one("mysql", ":StatefulSet").inputs["spec"]["template"]["spec"]["containers"]
    given = {each["name"]: each for each in mysql["env"]}

    assert f"/{given['MYSQL_DATABASE']['value']}?" in NOTES_URL
    assert given["MYSQL_USER"]["value"] == "myuser"
    assert given["MYSQL_PASSWORD"]["valueFrom"]["secretKeyRef"] == {"name": "config-dev", "key": "ORDER_DB_PASS"}


def test_mysql_is_found_by_its_name_in_both_namespaces(dev: Recording) -> None:
    here, there = dev.one("mysql", ":Service").inputs, dev.one("mysql-tutorial", ":Service").inputs

    assert {each["metadata"]["name"] for each in (here, there)} == {"mysql"}
    assert there["spec"]["externalName"] == "mysql.shop.svc.cluster.local"
    for each in (here, there):
        assert [(port["name"], port["port"]) for port in each["spec"]["ports"]] == [("tcp-mysql", 3306)]


def test_without_mysql_order_is_told_of_no_database() -> None:
    without = support.main(shop={"mysql": {"enabled": False}})

    assert not without.has("mysql")
    assert without.one("config-dev-shop", ":ConfigMap").inputs["data"] == {"ORDER_LOG_LEVEL": "DEBUG"}


def test_orders_outlive_mysqls_pod_only_when_asked_and_only_where_there_are_volumes() -> None:
    asked = {"mysql": {"persistence": {"enabled": True, "storageClass": "managed-csi", "size": "4Gi"}}}
    (claim,) = elsewhere(**asked).one("mysql", ":StatefulSet").inputs["spec"]["volumeClaimTemplates"]

    assert claim["spec"]["storageClassName"] == "managed-csi"
    assert claim["spec"]["resources"]["requests"] == {"storage": "4Gi"}
    assert "volumeClaimTemplates" not in elsewhere().one("mysql", ":StatefulSet").inputs["spec"]
    assert "volumeClaimTemplates" not in support.main(shop=asked).one("mysql", ":StatefulSet").inputs["spec"]


# --- images ---


def test_an_image_comes_from_the_stacks_registry_unless_it_names_another() -> None:
    built = elsewhere(**BUILT)

    assert container(built, "shop", "order")["image"] == f"{REGISTRY}/order:v7"
    assert container(built, "shop", "delivery")["image"] == "example.test/delivery:v2"


def test_without_a_registry_an_image_is_taken_as_it_is_named() -> None:
    assert container(elsewhere(registry=None, **BUILT), "shop", "order")["image"] == "order:v7"


def test_an_application_without_an_image_is_not_deployed_and_the_program_says_what_to_do() -> None:
    bare = elsewhere(delivery=BUILT["delivery"])

    assert [each.name for each in kubernetes(bare, ":Deployment")] == ["shop-delivery"]
    assert [line for line in bare.log if "istio-lab:shop.order.image" in line and "lab image build order" in line]
    assert [line for line in bare.log if "delivery" in line] == []


def test_simulated_pods_need_no_image(dev: Recording) -> None:
    assert container(dev, "shop", "order")["image"] == "order:v1"


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("order:v1", False),
        ("team/order:v1", False),
        ("localhost/order:v1", True),
        ("registry:5000/order:v1", True),
        ("example.test/order:v1", True),
        ("order@sha256:" + "0" * 64, False),
    ],
)
def test_a_registry_is_told_from_a_folder_as_docker_does(image: str, *, expected: bool) -> None:
    assert names_registry(image) is expected


# --- switches ---


def test_the_whole_shop_can_be_left_out() -> None:
    without = support.main(shop={"enabled": False})

    assert [each.name for each in without.resources if "shop" in each.urn or "siege" in each.urn] == []


def test_tutorial_can_do_without_it() -> None:
    without = support.main(tutorial={"shop": False})

    assert without.has("shop-order")
    assert [name for name in ("tutorial-order", "siege-tutorial", "mysql-tutorial") if without.has(name)] == []


def test_siege_can_be_left_out() -> None:
    without = support.main(shop={"siege": {"enabled": False}})

    assert not without.has("siege-shop")
    assert not without.has("siege-tutorial")
