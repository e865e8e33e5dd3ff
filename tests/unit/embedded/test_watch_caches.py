"""Custom resources are asked for before a controller watches them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.platforms.embedded import watch_caches
from tests.unit.pretended_api import PretendedApi, items, serving

if TYPE_CHECKING:
    from pathlib import Path


def group(name: str, resource: str, kind: str) -> dict[str, object]:
    resources = [{"resource": resource, "responseKind": {"kind": kind}}]
    return {"metadata": {"name": name}, "versions": [{"version": "v1", "resources": resources}]}


def asked(tmp_path: Path, answers: dict[str, object]) -> list[str]:
    with serving(PretendedApi({"/api": items(), **answers})) as api:
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(api.kubeconfig())
        watch_caches.fill(kubeconfig, "istio.io")
        return api.paths[2:]


def test_every_resource_of_the_domain_is_asked_for_and_no_other(tmp_path: Path) -> None:
    groups = items(
        group("networking.istio.io", "gateways", "Gateway"),
        group("security.istio.io", "peerauthentications", "PeerAuthentication"),
        group("notistio.io", "things", "Thing"),
        group("apps", "deployments", "Deployment"),
    )
    gateways, policies = "/apis/networking.istio.io/v1/gateways", "/apis/security.istio.io/v1/peerauthentications"

    assert asked(tmp_path, {"/apis": groups, gateways: items(), policies: items()}) == [gateways, policies]


def test_a_server_that_refuses_is_no_obstacle(tmp_path: Path) -> None:
    groups = items(group("networking.istio.io", "gateways", "Gateway"))

    assert asked(tmp_path, {"/apis": groups}) == ["/apis/networking.istio.io/v1/gateways"]
