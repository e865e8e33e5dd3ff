"""A cluster that another stack has made: what it says of itself, and what is made of that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pytest

from components.platform import shared
from components.platform.base import Capabilities
from tests.unit.components import support
from tests.unit.components.support import Elsewhere
from tests.unit.recorder import ORGANIZATION, PROJECT, record, without_secrets

if TYPE_CHECKING:
    from tests.unit.recorder import Recording

REGISTRY = "istiolabseoul.azurecr.io"
IMAGES = {"order": {"image": "order:v7"}, "delivery": {"image": "example.test/delivery:v2"}}


def share(monkeypatch: pytest.MonkeyPatch, *, facts: dict[str, object], **settings: object) -> Recording:
    """A share of a cluster of which the other stack says something else."""
    outputs = {**support.CLASSROOM, "platform": {**support.FACTS, **facts}}
    monkeypatch.setattr(support, "CLASSROOM", outputs)
    return support.share(**settings)


def test_the_stack_that_the_settings_name_is_asked(anna: Recording) -> None:
    (reference,) = (each for each in anna.resources if each.type == "pulumi:pulumi:StackReference")

    assert reference.name == reference.inputs["name"] == f"{ORGANIZATION}/{PROJECT}/ws26-platform"
    assert reference.read


def test_everything_goes_through_one_provider_with_the_other_stacks_credentials(anna: Recording) -> None:
    providers = [each for each in anna.resources if each.type.startswith("pulumi:providers:")]

    assert [each.name for each in providers] == ["kubernetes"]
    assert {frozenset(each.providers) for each in anna.kubernetes()} == {frozenset({providers[0].urn})}
    assert providers[0].inputs["kubeconfig"] == support.KUBECONFIG
    assert providers[0].inputs["clusterIdentifier"] == "id-of-another-stacks-cluster"
    assert "kubeconfig" in providers[0].secrets


def test_the_kubeconfig_is_nowhere_in_the_open_and_no_output_of_the_student(anna: Recording) -> None:
    inputs = [each.name for each in anna.resources if support.KUBECONFIG in each.plain]
    outputs = [urn for urn, found in anna.outputs.items() if support.KUBECONFIG in str(without_secrets(found))]

    assert (inputs, outputs) == ([], [])
    assert support.KUBECONFIG not in str(anna.stack_outputs)
    assert set(anna.stack_outputs) == {"namespaces", "bookinfoUrl", "bookinfoCommand", "ingress", "tags"}


def test_a_student_is_told_where_the_ingress_gateway_is(anna: Recording) -> None:
    assert anna.stack_outputs["ingress"] == support.FACTS["ingress"]


def test_a_student_is_told_how_to_reach_the_page_though_nobody_serves_its_name(anna: Recording) -> None:
    command = f"curl --header 'Host: anna.lab.internal' http://{support.FACTS['ingress']}/productpage"

    assert anna.stack_outputs["bookinfoCommand"] == command


def test_two_settings_are_enough_for_a_student() -> None:
    found = support.main(stack="student-07", target="shared", shared={"platform": "ws26-platform"})

    assert found.stack_outputs["namespaces"] == ["student-07-default", "student-07-tutorial", "student-07-shop"]
    assert found.stack_outputs["tags"] == {
        "project": PROJECT,
        "stack": "student-07",
        "student": "student-07",
        "class": "ws26",
    }


def test_a_stack_whose_name_is_no_id_is_asked_for_one() -> None:
    with pytest.raises(pulumi.RunError, match=r'istio-lab:student\.id: found ""'):
        support.main(stack="Seminar", target="shared", shared={"platform": "ws26-platform"})


@pytest.mark.parametrize("outputs", [{}, {"kubeconfig": support.KUBECONFIG}, {"platform": ""}], ids=str)
def test_a_cluster_that_does_not_stand_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, outputs: dict[str, object]
) -> None:
    monkeypatch.setattr(support, "CLASSROOM", outputs)

    with pytest.raises(pulumi.RunError, match=r"stack ws26-platform.* does not stand: make up STACK=ws26-platform"):
        support.share()


def test_images_come_from_the_registry_of_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    found = share(monkeypatch, facts={"registry": REGISTRY, "runsContainers": True}, shop=IMAGES)

    assert [image(found, app) for app in ("order", "delivery")] == [f"{REGISTRY}/order:v7", "example.test/delivery:v2"]


def test_without_a_registry_an_image_is_taken_as_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert image(share(monkeypatch, facts={"runsContainers": True}, shop=IMAGES), "order") == "order:v7"


def image(recording: Recording, app: str) -> object:
    (container,) = recording.one(f"shop-{app}", ":Deployment").inputs["spec"]["template"]["spec"]["containers"]
    return container["image"]


@pytest.mark.parametrize("runs_containers", [True, False])
def test_orders_are_kept_where_there_are_volumes(monkeypatch: pytest.MonkeyPatch, *, runs_containers: bool) -> None:
    kept = {**IMAGES, "mysql": {"persistence": {"enabled": True}}}
    found = share(monkeypatch, facts={"runsContainers": runs_containers}, shop=kept)

    assert ("volumeClaimTemplates" in found.one("mysql", ":StatefulSet").inputs["spec"]) is runs_containers


def test_an_image_that_nobody_has_built_is_missed_where_containers_run(monkeypatch: pytest.MonkeyPatch) -> None:
    found = share(monkeypatch, facts={"runsContainers": True})

    assert [line for line in found.log if "istio-lab:shop.order.image" in line]
    assert not found.has("shop-order")


# --- what a stack says for others ---


def test_the_dev_stack_says_all_that_a_share_needs(dev: Recording) -> None:
    said = dev.stack_outputs[shared.OUTPUT]

    assert said == {
        "identity": "id-of-control-plane",
        "loadBalancers": False,
        "runsContainers": False,
        "metrics": True,
        "registry": "",
        "ingress": f"127.0.0.1:{support.INGRESS_PORT}",
    }
    assert said.keys() == support.FACTS.keys()


@pytest.mark.parametrize("registry", [REGISTRY, None])
@pytest.mark.parametrize("able", [True, False])
def test_what_a_stack_says_is_what_its_cluster_is(registry: str | None, *, able: bool) -> None:
    capabilities = Capabilities(load_balancers=able, runs_containers=not able, metrics=able)

    def program() -> None:
        platform = Elsewhere.make(
            capabilities=capabilities,
            registry=pulumi.Output.from_input(registry) if registry else None,
            identity=pulumi.Output.from_input("this one"),
        )
        pulumi.export("said", shared.facts(platform, pulumi.Output.from_input("203.0.113.7")))

    said: dict[str, Any] = record(program).stack_outputs["said"]

    assert said == {
        "identity": "this one",
        "loadBalancers": able,
        "runsContainers": not able,
        "metrics": able,
        "registry": registry or "",
        "ingress": "203.0.113.7",
    }
