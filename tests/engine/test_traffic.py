"""The traffic lessons on a lab that stands: what the settings say is what the real istiod has taken."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engine.laboratory import Laboratory

KINDS = "virtualservices.networking.istio.io,destinationrules.networking.istio.io"
LESSONS = {
    "reviews": {"v1": 80, "v2": 20},
    "reviewsByBrowser": True,
    "order": {"timeout": "3s", "retries": {"enabled": True}},
    "deliveryCircuitBreaker": {"enabled": True},
}


@contextlib.contextmanager
def configured(laboratory: Laboratory, traffic: object) -> Iterator[None]:
    """A lab that stands with some lessons, and at the end with those it had."""
    settings = laboratory.project / "Pulumi.dev.yaml"
    before = settings.read_text()
    config = yaml.safe_load(before)
    config["config"]["istio-lab:traffic"] = traffic
    try:
        settings.write_text(yaml.safe_dump(config))
        laboratory.pulumi("up", "--yes", "--skip-preview").succeeded()
        yield
    finally:
        settings.write_text(before)
        laboratory.pulumi("up", "--yes", "--skip-preview").succeeded()


def rules(laboratory: Laboratory) -> set[tuple[str, str]]:
    found = laboratory.get(KINDS, "-n", "tutorial")["items"]
    return {(each["kind"], each["metadata"]["name"]) for each in found}


def test_istiod_takes_every_lesson_and_a_lesson_that_ends_leaves_nothing(standing: Laboratory) -> None:
    before = rules(standing)
    with configured(standing, LESSONS):
        assert rules(standing) - before == {
            ("DestinationRule", "reviews"),
            ("VirtualService", "reviews"),
            ("VirtualService", "vs-order-network-rule"),
            ("DestinationRule", "dr-delivery"),
        }
        said = standing.istioctl("analyze", "-n", "tutorial").succeeded().output
        assert "Error" not in said
        assert "Warning" not in said

    assert rules(standing) == before
