"""Who may reach the tools: every tool, private and public, with and without what makes it safe."""

from __future__ import annotations

import json

import pytest

from lab.core.errors import LabError
from lab.settings import Settings

TOOLS = ("prometheus", "grafana", "kiali", "tracing", "loki")
RANGES = ["203.0.113.7/32"]
LOGIN = {"kiali": {"auth": "token"}}
WITHOUT_LOGIN = {"grafana": {"anonymousViewer": True}, "kiali": {"auth": "anonymous"}}


def load(target: str = "embedded", **observability: object) -> Settings:
    given = {"target": target, "observability": json.dumps(observability)}
    if target == "kubeconfig":
        given["kubeconfig"] = json.dumps({"file": "~/.kube/config", "context": "kind"})
    return Settings.from_mapping(given, source="Pulumi.test.yaml")


def refusal(**observability: object) -> LabError:
    with pytest.raises(LabError) as caught:
        load("kubeconfig", **observability)
    return caught.value


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_is_private_unless_asked_otherwise(tool: str) -> None:
    assert load().observability.public == []
    assert load(**{tool: {"serviceType": "ClusterIP"}}).observability.public == []


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_can_be_public_for_named_ranges(tool: str) -> None:
    settings = load("kubeconfig", sourceRanges=RANGES, **{tool: {"serviceType": "LoadBalancer", **LOGIN.get(tool, {})}})

    assert settings.observability.public == [tool]
    assert settings.warnings == ()


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_is_not_public_for_everybody(tool: str) -> None:
    error = refusal(**{tool: {"serviceType": "LoadBalancer", **LOGIN.get(tool, {})}})

    assert f'istio-lab:observability.{tool}.serviceType: found "LoadBalancer"' in error.message
    assert "istio-lab:observability.sourceRanges" in error.message


@pytest.mark.parametrize("tool", TOOLS)
def test_a_range_that_lets_everybody_in_is_none(tool: str) -> None:
    error = refusal(sourceRanges=["0.0.0.0/0"], **{tool: {"serviceType": "LoadBalancer"}})

    assert "istio-lab:observability.sourceRanges: found" in error.message


@pytest.mark.parametrize("tool", WITHOUT_LOGIN)
def test_a_tool_that_has_a_login_is_not_public_without_it(tool: str) -> None:
    error = refusal(sourceRanges=RANGES, **{tool: {"serviceType": "LoadBalancer", **WITHOUT_LOGIN[tool]}})

    assert (
        f'istio-lab:observability.{tool}.serviceType: found "LoadBalancer"; allowed: only with a login' in error.message
    )
    assert f"istio-lab:observability.{tool}." in error.message.split("set ", maxsplit=1)[1]


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_that_is_switched_off_is_not_public(tool: str) -> None:
    assert load(**{tool: {"enabled": False, "serviceType": "LoadBalancer"}}).observability.public == []


def test_the_embedded_target_says_that_it_has_no_load_balancers() -> None:
    (warning,) = load(sourceRanges=RANGES, grafana={"serviceType": "LoadBalancer"}).warnings

    assert "istio-lab:observability.grafana.serviceType" in warning
    assert "no load balancers" in warning


@pytest.mark.parametrize("value", ["2h", "23h", "9000h", "2d", 48, "", "48"])
def test_a_retention_is_a_number_of_hours_of_at_least_a_day(value: object) -> None:
    assert "hours from 24h to 8760h" in refusal(loki={"retention": value}).message


def test_a_storage_class_is_a_name() -> None:
    assert "kubectl get storageclass" in refusal(persistence={"storageClass": "Not A Name"}).message


def test_the_embedded_target_says_that_it_has_no_volumes() -> None:
    (warning,) = load(persistence={"enabled": True}).warnings

    assert "istio-lab:observability.persistence.enabled" in warning
