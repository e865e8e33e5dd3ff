"""Argo Rollouts as it is installed, and the notes' example as it is rolled out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pulumi import ResourceOptions

from components.rollouts import argo_rollouts, strategies
from components.rollouts.argo_rollouts import RolloutsManifests
from components.rollouts.rollouts import Rollouts, RolloutsArgs
from lab.core import versions
from lab.settings.rollouts import Rollouts as RolloutsSettings
from tests.unit.components import support
from tests.unit.components.support import FIXTURES, Elsewhere, after
from tests.unit.recorder import record

if TYPE_CHECKING:
    from pathlib import Path

    from components.common.addon import AddonManifests
    from tests.unit.recorder import Recorded, Recording

FILES = RolloutsManifests(install=FIXTURES / "argo-rollouts.yaml", dashboard=FIXTURES / "argo-rollouts-dashboard.yaml")
RANGES = ["203.0.113.0/24", "198.51.100.7/32"]
PUBLIC = {"serviceType": "LoadBalancer", "sourceRanges": RANGES}
BLUE_GREEN = {"strategy": "blueGreen"}


def elsewhere(folder: Path, **settings: object) -> Recording:
    """Argo Rollouts on a cluster that is not the lab's own and has load balancers."""

    def program() -> None:
        platform = Elsewhere.make()
        chosen = RolloutsSettings.model_validate(settings, by_alias=True, by_name=False)
        args = RolloutsArgs(settings=chosen, platform=platform, manifests=FILES, directory=folder)
        Rollouts("delivery", args, ResourceOptions(providers=[platform.provider]))

    return record(program, answers=support.answers)


def example(**settings: object) -> Recording:
    return support.main(rollouts={"example": settings})


def rollout(recording: Recording) -> Recorded:
    return recording.one("example-rollout", ":Rollout")


def spec(recording: Recording, name: str) -> dict[str, Any]:
    found: dict[str, Any] = recording.one(name).inputs["spec"]
    return found


def nginx_services(recording: Recording) -> dict[str, Recorded]:
    parent = recording.one("example", ":Example").urn
    return {each.name: each for each in recording.resources if each.parent == parent and each.type.endswith(":Service")}


# --- the notes' canary ---


def test_the_notes_rollout_is_a_canary_of_ten_pods_unless_asked_otherwise(dev: Recording) -> None:
    found = rollout(dev).inputs

    annotations = {**support.AT_ONCE, **support.SHARED_FIELDS, "istio-lab/replicas": "10"}
    assert found["metadata"] == {"name": "example-rollout", "namespace": "default", "annotations": annotations}
    assert found["spec"]["replicas"] == 10
    assert found["spec"]["template"]["spec"]["containers"] == [
        {"name": "nginx", "image": "nginx:1.19.10", "ports": [{"containerPort": 80}]}
    ]


def test_the_canary_has_the_notes_values_and_no_others(dev: Recording) -> None:
    found = spec(dev, "example-rollout")
    pause = {"pause": {"duration": "10s"}}

    assert (found["minReadySeconds"], found["revisionHistoryLimit"]) == (30, 3)
    assert found["strategy"] == {
        "canary": {
            "maxSurge": "25%",
            "maxUnavailable": 0,
            "steps": [
                *({"setWeight": 10}, pause),
                *({"setWeight": 20}, pause),
                *({"setWeight": 30}, pause),
                *({"setWeight": 40}, pause),
            ],
        }
    }


def test_the_canary_has_one_service_for_both_versions(dev: Recording) -> None:
    (service,) = nginx_services(dev).values()
    labels = spec(dev, "example-rollout")["template"]["metadata"]["labels"]

    assert (service.inputs["metadata"]["name"], service.inputs["metadata"]["namespace"]) == ("nginx", "default")
    assert service.inputs["spec"]["selector"] == labels == spec(dev, "example-rollout")["selector"]["matchLabels"]
    assert service.inputs["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": 80}]
    assert service.ignored == (), "nobody but the lab says where it leads to"


# --- the notes' blue/green ---


def test_blue_green_has_the_notes_values_and_no_others() -> None:
    found = spec(example(**BLUE_GREEN), "example-rollout")

    assert found["strategy"] == {
        "blueGreen": {
            "activeService": "nginx-active",
            "previewService": "nginx-preview",
            "autoPromotionEnabled": False,
            "previewReplicaCount": 2,
        }
    }
    assert {"minReadySeconds", "revisionHistoryLimit"}.isdisjoint(found)
    assert found["replicas"] == 10


def test_in_blue_green_the_controller_says_where_both_services_lead_to() -> None:
    recording = example(**BLUE_GREEN)

    found = nginx_services(recording)
    assert set(found) == {"nginx-active", "nginx-preview"}
    assert {each.inputs["metadata"]["name"] for each in found.values()} == set(found)
    assert [each.ignored for each in found.values()] == [("spec.selector",)] * 2


# --- who writes and who replaces ---


@pytest.mark.parametrize("settings", [{}, BLUE_GREEN])
def test_a_version_that_was_rolled_out_by_hand_is_left_alone(settings: dict[str, object]) -> None:
    assert rollout(example(**settings)).ignored == ("spec.template",)


def test_another_strategy_deletes_the_rollout_and_makes_it_anew_as_the_notes_do(dev: Recording) -> None:
    assert rollout(dev).replaced_by == ("spec.strategy",)
    assert rollout(dev).deleted_first


def test_another_image_is_the_one_to_begin_with() -> None:
    (container,) = spec(example(image="nginx:1.29.1"), "example-rollout")["template"]["spec"]["containers"]

    assert container["image"] == "nginx:1.29.1"


@pytest.mark.parametrize("settings", [{}, BLUE_GREEN])
def test_a_rollout_comes_when_its_services_and_its_controller_are_there(settings: dict[str, object]) -> None:
    recording = example(**settings)
    found = rollout(recording)

    for service in nginx_services(recording).values():
        assert after(recording, found, service)
    assert after(recording, found, recording.one("argo-rollouts", ":Release")), "it brings the CRD"
    assert after(recording, found, recording.one("rollouts-process"))


# --- exposure ---


def test_nobody_reaches_the_example_from_outside_the_cluster(tmp_path: Path) -> None:
    for settings in ({}, {"example": BLUE_GREEN}):
        for service in nginx_services(elsewhere(tmp_path, **settings)).values():
            assert service.inputs["spec"]["type"] == "ClusterIP"
            assert "loadBalancerSourceRanges" not in service.inputs["spec"]


def test_a_public_example_lets_in_the_named_ranges_only(tmp_path: Path) -> None:
    found = spec(elsewhere(tmp_path, example=PUBLIC), "nginx")

    assert (found["type"], found["loadBalancerSourceRanges"]) == ("LoadBalancer", RANGES)


def test_a_preview_is_never_public(tmp_path: Path) -> None:
    recording = elsewhere(tmp_path, example={**PUBLIC, **BLUE_GREEN})

    assert spec(recording, "nginx-active")["loadBalancerSourceRanges"] == RANGES
    assert spec(recording, "nginx-preview")["type"] == "ClusterIP"


def test_where_there_are_no_load_balancers_a_public_example_waits_for_none() -> None:
    assert spec(example(**PUBLIC), "nginx")["type"] == "ClusterIP"


# --- Argo Rollouts ---


def composed() -> AddonManifests:
    return argo_rollouts.compose(FILES)


def pod(deployment: str) -> dict[str, Any]:
    expected = ("Deployment", deployment)
    (found,) = (each for each in composed().objects if (each["kind"], each["metadata"]["name"]) == expected)
    return dict(found["spec"]["template"]["spec"])


def test_images_are_pinned_although_the_manifests_say_latest() -> None:
    names = {each["metadata"]["name"] for each in composed().objects if each["kind"] == "Deployment"}
    containers = {name: container for name in names for container in pod(name)["containers"]}

    assert {name: each["image"] for name, each in containers.items()} == {
        "argo-rollouts": f"quay.io/argoproj/argo-rollouts:v{versions.ARGO_ROLLOUTS}",
        "argo-rollouts-dashboard": f"quay.io/argoproj/kubectl-argo-rollouts:v{versions.ARGO_ROLLOUTS}",
    }
    assert {each["imagePullPolicy"] for each in containers.values()} == {"IfNotPresent"}


def test_what_lies_in_a_namespace_lies_in_that_of_the_notes() -> None:
    for each in composed().objects:
        expected = None if each["kind"] == "ClusterRole" else "argo-rollouts"
        assert each["metadata"].get("namespace") == expected, each["kind"]


def test_nothing_keeps_a_secret_for_notifications_that_nobody_sends() -> None:
    assert "Secret" not in {each["kind"] for each in composed().objects}


def test_the_dashboard_does_not_run_as_root() -> None:
    assert pod("argo-rollouts-dashboard")["securityContext"]["runAsNonRoot"] is True


def test_the_controller_is_found_in_the_namespace_that_is_made_for_it(dev: Recording) -> None:
    release = dev.one("argo-rollouts", ":Release")

    assert release.inputs["namespace"] == "argo-rollouts"
    assert after(dev, release, dev.one("argo-rollouts", ":Namespace"))
    assert any("quay.io/argoproj" in text for text in release.inputs["values"]["objects"].values())


def test_definitions_are_no_resources_and_only_their_digest_is_in_the_release(dev: Recording) -> None:
    given = support.values(dev, "argo-rollouts")

    assert not any("CustomResourceDefinition" in each.type for each in dev.resources)
    assert not any("CustomResourceDefinition" in text for text in given["objects"].values())
    assert set(given["definitions"]) == {"definitions.yaml"}
    assert len(given["definitions"]["definitions.yaml"]) == 16


def test_the_chart_has_the_definitions_as_they_were_published(tmp_path: Path) -> None:
    recording = elsewhere(tmp_path)

    (file,) = tmp_path.rglob("definitions.yaml")
    assert file.parent.parent.as_posix() == recording.one("argo-rollouts", ":Release").inputs["chart"]
    (definition,) = yaml.safe_load_all(file.read_text())
    assert definition["metadata"]["name"] == "rollouts.argoproj.io"


def test_another_definition_changes_the_release(tmp_path: Path) -> None:
    changed = tmp_path / "install.yaml"
    changed.write_text(FILES.install.read_text().replace("group: argoproj.io", "group: argoproj.io # changed"))

    files = RolloutsManifests(install=changed, dashboard=FILES.dashboard)
    before, now = composed().definitions, argo_rollouts.compose(files).definitions

    assert set(before) == set(now)
    assert before != now


def test_on_the_embedded_target_the_controller_is_a_process_beside_the_simulated_pod(dev: Recording) -> None:
    process = dev.one("rollouts-process", ":RolloutsController")

    assert after(dev, process, dev.one("argo-rollouts", ":Release")), "without its CRDs it ends"
    assert process.deleted_with == dev.one("control-plane").urn
    assert process.inputs["directory"] == dev.one("control-plane").inputs["directory"]


def test_elsewhere_the_pod_of_the_release_is_the_controller(tmp_path: Path) -> None:
    recording = elsewhere(tmp_path)

    assert not recording.has("rollouts-process")
    assert recording.one("argo-rollouts", ":Release").inputs["skipAwait"] is False, "it is waited for until it runs"
    assert after(recording, rollout(recording), recording.one("argo-rollouts", ":Release"))


# --- switches ---


def test_without_argo_rollouts_there_is_neither_controller_nor_example() -> None:
    without = support.main(rollouts={"enabled": False})

    inside = [each.name for each in without.resources if each.parent == without.one("delivery", ":Delivery").urn]
    assert inside == []
    names = ("argo-rollouts", "rollouts-process", "example", "example-rollout", "nginx")
    assert [name for name in names if without.has(name)] == []


def test_the_example_can_be_left_out_alone() -> None:
    without = example(enabled=False)

    assert [name for name in ("example", "example-rollout", "nginx") if without.has(name)] == []
    assert without.has("rollouts-process")


# --- Kubernetes' own strategies ---


def test_ramped_never_has_fewer_pods_than_wanted_and_recreate_never_two_versions() -> None:
    assert strategies.ramped() == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert strategies.recreate() == {"type": "Recreate"}
