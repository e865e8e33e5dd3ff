"""What holds for every component and every resource, whatever it is."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi
from pulumi.dynamic import ResourceProvider

import components
from tests.unit.components import support
from tests.unit.recorder import STACK, is_secret, without_secrets

if TYPE_CHECKING:
    import pytest

    from tests.unit.recorder import Recording

GOLDEN = Path(__file__).parent / "golden" / "dev.txt"

TYPE_TOKENS = {
    "components.students.policy.StudentPolicies": "istio-lab:student:Confinement",
    "components.mesh.istio.Istio": "istio-lab:mesh:Istio",
    "components.common.addon.Addon": "computed: token",
    "components.observability.collector.Collector": "istio-lab:observability:Collector",
    "components.observability.grafana.Grafana": "istio-lab:observability:Grafana",
    "components.observability.jaeger.Jaeger": "istio-lab:observability:Jaeger",
    "components.observability.kiali.Kiali": "istio-lab:observability:Kiali",
    "components.observability.kube_state_metrics.KubeStateMetrics": "istio-lab:observability:KubeStateMetrics",
    "components.observability.loki.Loki": "istio-lab:observability:Loki",
    "components.observability.node_exporter.NodeExporter": "istio-lab:observability:NodeExporter",
    "components.observability.observability.Observability": "istio-lab:observability:Observability",
    "components.observability.prometheus.Prometheus": "istio-lab:observability:Prometheus",
    "components.platform.azure.Azure": "istio-lab:platform:Azure",
    "components.platform.embedded.Embedded": "istio-lab:platform:Embedded",
    "components.platform.kubeconfig.Kubeconfig": "istio-lab:platform:Kubeconfig",
    "components.platform.shared.Shared": "istio-lab:platform:Shared",
    "components.rollouts.argo_rollouts.ArgoRollouts": "istio-lab:delivery:ArgoRollouts",
    "components.rollouts.rollouts.Rollouts": "istio-lab:delivery:Delivery",
    "components.rollouts.example.Example": "istio-lab:delivery:Example",
    "components.rollouts.progressive.Progressive": "istio-lab:delivery:Progressive",
    "components.shop.app.App": "istio-lab:shop:App",
    "components.shop.configuration.Configuration": "istio-lab:shop:Configuration",
    "components.shop.mysql.Mysql": "istio-lab:shop:Mysql",
    "components.shop.shop.Shop": "istio-lab:shop:Shop",
    "components.students.access.StudentAccess": "istio-lab:student:Access",
    "components.students.access.StudentClusterRole": "istio-lab:student:Rights",
    "components.students.guardrails.Student": "istio-lab:student:Student",
    "components.students.guardrails.StudentObjectCounts": "istio-lab:student:ObjectCounts",
    "components.traffic.traffic.Traffic": "istio-lab:traffic:Traffic",
    "components.tutorial.Tutorial": "istio-lab:tutorial:Tutorial",
}
"""Frozen: another token means that everybody's resources are deleted and made again, unless an alias says otherwise."""


def component_classes() -> dict[str, type[pulumi.ComponentResource]]:
    found = {}
    for module in pkgutil.walk_packages(components.__path__, "components."):
        for name, member in vars(importlib.import_module(module.name)).items():
            own = inspect.isclass(member) and member.__module__ == module.name
            if own and issubclass(member, pulumi.ComponentResource):
                found[f"{module.name}.{name}"] = member
    return found


def type_token(component: type[pulumi.ComponentResource]) -> object:
    """The literal that a component's constructor hands to Pulumi's."""
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(component)))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__":
            token = node.args[0]
            return token.value if isinstance(token, ast.Constant) else f"computed: {ast.unparse(token)}"
    return None


def test_the_type_token_of_every_component_is_in_the_table() -> None:
    assert {name: type_token(found) for name, found in component_classes().items()} == TYPE_TOKENS


def test_every_component_is_constructed_in_one_way() -> None:
    for path, component in component_classes().items():
        if TYPE_TOKENS[path] == "computed: token":
            continue  # the base of the addons, which nothing constructs
        name, args, opts = inspect.signature(component).parameters.values()

        assert (name.name, args.name, opts.name) == ("name", "args", "opts"), path
        assert (name.annotation, opts.annotation) == ("str", "ResourceOptions | None"), path
        assert (name.default, args.default, opts.default) == (inspect.Parameter.empty, inspect.Parameter.empty, None)


def test_the_arguments_of_every_component_are_frozen() -> None:
    for name, component in component_classes().items():
        if TYPE_TOKENS[name] != "computed: token":
            module = inspect.getmodule(component)
            args = vars(module)[inspect.signature(component).parameters["args"].annotation]
            assert dataclasses.is_dataclass(args), name
            assert args.__dataclass_params__.frozen, name


def test_the_state_names_the_providers_by_places_that_never_change() -> None:
    """The engine pickles a dynamic provider by reference: another module breaks every standing stack."""
    providers = {
        f"{module.name}.{name}"
        for module in pkgutil.walk_packages(components.__path__, "components.")
        for name, member in vars(importlib.import_module(module.name)).items()
        if inspect.isclass(member) and issubclass(member, ResourceProvider) and member.__module__ == module.name
    }

    assert providers == {
        "components.password._PasswordProvider",
        "components.platform.azure.import_provider.ImageImportProvider",
        "components.platform.embedded_provider.ControlPlaneProvider",
        "components.platform.embedded_provider.DataPlaneProvider",
        "components.platform.embedded_provider.IstiodProvider",
        "components.platform.embedded_provider.RolloutsControllerProvider",
        "components.platform.embedded_provider._ProcessProvider",
        "components.platform.kubeconfig_provider.ExistingClusterProvider",
    }


def test_the_dev_program_makes_every_component_it_is_meant_to(dev: Recording) -> None:
    elsewhere = {"istio-lab:platform:Azure", "istio-lab:platform:Kubeconfig"}
    asked_for = {"istio-lab:delivery:Progressive"}  # a canary of the shop's delivery, which a lesson asks for
    shared = {
        "istio-lab:platform:Shared",
        "istio-lab:student:Student",
        "istio-lab:student:ObjectCounts",
    }  # a student's part of another stack's cluster
    kinds = ("Access", "Confinement", "Rights")
    students = {f"istio-lab:student:{kind}" for kind in kinds}  # where students work
    embedded = set(TYPE_TOKENS.values()) - elsewhere - asked_for - shared - students - {"computed: token"}

    assert {component.type for component in dev.components()} == embedded


def test_what_the_dev_program_makes_is_what_was_reviewed(dev: Recording, request: pytest.FixtureRequest) -> None:
    made = "".join(f"{line}\n" for line in dev.listing())
    if request.config.getoption("--update-golden", default=False):
        GOLDEN.write_text(made, encoding="utf-8")

    assert made == GOLDEN.read_text(encoding="utf-8"), "meant so? pytest tests/unit --update-golden, then git diff"


def test_every_resource_belongs_to_a_component_of_the_lab(dev: Recording) -> None:
    urns = {component.urn for component in dev.components()}
    orphans = [each.name for each in dev.resources if each not in dev.components() and each.parent not in urns]

    assert orphans == []


def test_chapters_are_the_stacks_own_and_their_parts_belong_to_them(dev: Recording) -> None:
    parents = {component.name: component.parent.split("::")[2] for component in dev.components()}
    chapters = {name for name, parent in parents.items() if parent == "pulumi:pulumi:Stack"}

    assert chapters == {"embedded", "istio", "observability", "tutorial", "delivery", "shop", "traffic"}
    assert {parents[name] for name in parents.keys() - chapters} == {
        "istio-lab:delivery:Delivery",
        "istio-lab:observability:Observability",
        "istio-lab:shop:Shop",
    }


def test_every_component_says_that_it_is_complete(dev: Recording, elsewhere: Recording) -> None:
    for recording in (dev, elsewhere):
        assert [each.name for each in recording.components() if each.urn not in recording.outputs] == []


def test_every_kubernetes_resource_goes_through_the_platforms_own_provider(dev: Recording) -> None:
    provider = dev.one("kubernetes", "providers:kubernetes")

    assert len(dev.kubernetes()) > 5
    assert [each.name for each in dev.kubernetes() if each.providers != {provider.urn}] == []


def test_there_is_one_provider_a_cluster_since_each_is_a_process(dev: Recording) -> None:
    providers = [each.name for each in dev.resources if each.type.startswith("pulumi:providers:")]

    assert providers == ["kubernetes"]


def test_everything_in_the_embedded_cluster_goes_with_its_control_plane(dev: Recording) -> None:
    plane = dev.one("control-plane")

    assert [each.name for each in dev.kubernetes() if each.deleted_with != plane.urn] == []


def test_everything_in_a_cluster_that_stays_is_deleted_one_by_one(elsewhere: Recording) -> None:
    assert len(elsewhere.kubernetes()) > 5
    assert [each.name for each in elsewhere.kubernetes() if each.deleted_with] == []


def test_every_kubernetes_resource_elsewhere_goes_through_that_clusters_provider(elsewhere: Recording) -> None:
    provider = elsewhere.one("elsewhere")

    assert [each.name for each in elsewhere.kubernetes() if each.providers != {provider.urn}] == []


def test_logical_names_are_short_and_plain(dev: Recording) -> None:
    names = [each.name for each in dev.resources]

    assert [name for name in names if not re.fullmatch(r"[a-z][a-z0-9-]{1,39}", name)] == []


def test_logical_names_do_not_depend_on_the_stack(dev: Recording) -> None:
    assert [each.name for each in dev.resources if STACK in each.name] == []
    assert support.main(stack="b").listing() == dev.listing()


def test_a_first_preview_shows_all_that_an_update_makes(dev: Recording) -> None:
    preview = support.main(preview=True)

    assert preview.listing() == dev.listing(), "a resource made inside apply is missing from previews"


def test_no_name_is_taken_twice(dev: Recording) -> None:
    urns = [each.urn for each in dev.resources if not each.read]

    assert sorted(set(urns)) == sorted(urns)


def test_the_kubeconfig_is_a_secret_output(dev: Recording) -> None:
    output = dev.stack_outputs["kubeconfig"]

    assert is_secret(output)
    assert output["value"] == support.KUBECONFIG


def test_the_kubeconfig_reaches_the_provider_as_a_secret(dev: Recording) -> None:
    provider = dev.one("kubernetes", "providers:kubernetes")

    assert provider.inputs["kubeconfig"] == support.KUBECONFIG
    assert "kubeconfig" in provider.secrets


def test_the_state_of_the_control_plane_keeps_its_kubeconfig_secret(dev: Recording) -> None:
    assert "kubeconfig" in dev.one("control-plane").secret_outputs


def test_the_kubeconfig_is_nowhere_in_the_open(dev: Recording) -> None:
    inputs = [each.name for each in dev.resources if support.KUBECONFIG in each.plain]
    outputs = [urn for urn, found in dev.outputs.items() if support.KUBECONFIG in str(without_secrets(found))]

    assert (inputs, outputs) == ([], [])


def test_the_stack_has_the_outputs_that_people_read(dev: Recording) -> None:
    assert set(dev.stack_outputs) == {"README", "kubeconfig", "tags", "platform", "bookinfoUrl"}
    assert dev.stack_outputs["bookinfoUrl"] in dev.stack_outputs["README"]
    assert dev.stack_outputs["bookinfoUrl"] == f"http://127.0.0.1:{support.INGRESS_PORT}/productpage"


def test_the_stack_says_whose_it_is_and_until_when() -> None:
    lab = support.main(expires="2026-12-24T18:00Z", azure={"owner": "kim"})

    assert lab.stack_outputs["tags"] == {
        "project": "istio-lab",
        "stack": STACK,
        "owner": "kim",
        "expires": "2026-12-24T18:00Z",
    }


def test_the_program_says_nothing_when_all_settings_are_good(dev: Recording) -> None:
    assert dev.log == []


def test_the_program_hands_on_what_the_settings_warn_about() -> None:
    warned = support.main(istioHub="gcr.io/istio-release")

    assert [line for line in warned.log if "gcr.io/istio-release" in line]
