"""What belongs to somebody else on a lab that stands: fields that others wrote, and objects beside the stack's own."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engine.laboratory import Laboratory

SOMEBODY_ELSE = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: order, namespace: shop, labels: {app: changed}}
spec: {minReadySeconds: 9}
"""
OWN_ROUTE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: tutorial, labels: {whose: mine}}
spec: {hosts: [reviews], http: [{route: [{destination: {host: reviews}}], timeout: 9s}]}
"""


@contextlib.contextmanager
def settings_of_before(laboratory: Laboratory) -> Iterator[None]:
    """At the end, the lab with the settings that it has now."""
    settings = laboratory.project / "Pulumi.dev.yaml"
    before = settings.read_text()
    try:
        yield
    finally:
        settings.write_text(before)
        laboratory.pulumi("up", "--yes", "--skip-preview").succeeded()


def configure(laboratory: Laboratory, **shop: object) -> None:
    settings = laboratory.project / "Pulumi.dev.yaml"
    config = yaml.safe_load(settings.read_text())
    config["config"]["istio-lab:shop"] = shop
    settings.write_text(yaml.safe_dump(config))


def configured(laboratory: Laboratory) -> object:
    """The settings, without the salt that Pulumi keeps beside them."""
    return yaml.safe_load((laboratory.project / "Pulumi.dev.yaml").read_text())["config"]


def drift(laboratory: Laboratory) -> dict[str, Any]:
    said = laboratory.lab("drift", "--json").output
    found: dict[str, Any] = json.loads(said[said.index("{\n") :])
    return found


def order(laboratory: Laboratory) -> tuple[object, ...]:
    found = laboratory.get("deployment", "order", "-n", "shop")
    return found["spec"]["replicas"], found["spec"]["minReadySeconds"], found["metadata"]["labels"]["app"]


def test_an_update_leaves_a_scaled_number_until_its_setting_changes_and_sets_back_the_rest(
    standing: Laboratory,
) -> None:
    with settings_of_before(standing):
        standing.kubectl("scale", "deployment", "order", "-n", "shop", "--replicas=3").succeeded()
        manager = ("--server-side", "--force-conflicts", "--field-manager=somebody-else")
        standing.kubectl("apply", *manager, "-f", "-", stdin=SOMEBODY_ELSE).succeeded()
        assert order(standing) == (3, 9, "changed")

        configure(standing, order={"logLevel": "INFO"})
        standing.pulumi("up", "--yes", "--skip-preview").succeeded()

        assert order(standing) == (3, 2, "order")
        assert [(each["field"], each["declared"], each["way"]) for each in drift(standing)["changed"]] == [
            ("spec.replicas", "2", "scaled")
        ]
        standing.pulumi("preview", "--expect-no-changes").succeeded()

        configure(standing, order={"logLevel": "INFO", "replicas": 4})
        standing.pulumi("up", "--yes", "--skip-preview").succeeded()

        assert order(standing)[0] == 4
        assert drift(standing)["changed"] == []

    assert order(standing) == (2, 2, "order")


def test_a_lesson_takes_over_a_students_route_by_choice_and_gives_it_back(standing: Laboratory) -> None:
    standing.kubectl("apply", "-f", "-", stdin=OWN_ROUTE).succeeded()
    before = configured(standing)

    listed = [f"{each['kind']} {each['namespace']}/{each['name']}" for each in drift(standing)["undeclared"]]
    untouched = standing.lab("lesson", "apply", "00", "--yes")
    refused = standing.lab("lesson", "apply", "01", "--yes")
    assert configured(standing) == before
    standing.lab("lesson", "apply", "01", "--yes", "--take-over").succeeded()
    routes = standing.get("virtualservice", "reviews", "-n", "tutorial")
    standing.lab("lesson", "undo", "--yes").succeeded()
    given_back = standing.get("virtualservice", "reviews", "-n", "tutorial")
    standing.kubectl("delete", "virtualservice", "reviews", "-n", "tutorial").succeeded()

    assert listed == ["VirtualService tutorial/reviews"]
    for result in (untouched, refused):
        assert result.code != 0
        assert "VirtualService tutorial/reviews" in result.output
        assert "--take-over" in result.output
    assert [each["weight"] for each in routes["spec"]["http"][0]["route"]] == [80, 20]
    assert given_back["metadata"]["labels"] == {"whose": "mine"}
    assert given_back["spec"]["http"][0]["timeout"] == "9s"
    assert configured(standing) == before
    assert standing.get("destinationrules", "-n", "tutorial")["items"] == []


def test_an_update_adopts_no_object_of_somebody_else(standing: Laboratory) -> None:
    standing.kubectl("apply", "-f", "-", stdin=OWN_ROUTE).succeeded()
    with settings_of_before(standing):
        settings = standing.project / "Pulumi.dev.yaml"
        config = yaml.safe_load(settings.read_text())
        config["config"]["istio-lab:traffic"] = {"reviews": {"v1": 80, "v2": 20}}
        settings.write_text(yaml.safe_dump(config))
        preview = standing.pulumi("preview")
        updated = standing.pulumi("up", "--yes", "--skip-preview")

    left = standing.get("virtualservice", "reviews", "-n", "tutorial")
    standing.kubectl("delete", "virtualservice", "reviews", "-n", "tutorial").succeeded()

    for result in (preview, updated):
        assert result.code != 0
        assert "the cluster has the VirtualService tutorial/reviews already" in result.output
        assert "Traceback" not in result.output
    assert left["metadata"]["labels"] == {"whose": "mine"}
