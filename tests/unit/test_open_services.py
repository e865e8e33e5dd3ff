"""`lab open bookinfo`, and Services of the lab by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from components import outputs
from lab.adapters import port_forward
from lab.adapters.stack import Stack
from tests.unit.test_observability import (
    SIMULATED_NODE,
    browsed,
    called,
    dev,
    home,
    interrupted,
    kubectl,
    public,
    refusal,
)  # fmt: skip

if TYPE_CHECKING:
    from http.server import HTTPServer

    from tests.unit.pretended_kubectl import PretendedKubectl

__all__ = ["browsed", "dev", "home", "interrupted", "kubectl", "public"]
"""Fixtures."""


def service(name: str, namespace: str, *ports: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"ports": list(ports)}, "status": {}}


HTTP = {"name": "http", "port": 8080}
SERVICES = {
    "items": [
        service("order", "shop", {"name": "tcp", "port": 9}, HTTP),
        service("delivery", "shop", HTTP),
        service("delivery", "tutorial", {"name": "web", "port": 8081, "appProtocol": "http"}),
        service("mysql", "shop", {"name": "mysql", "port": 3306}),
        service("kube-dns", "kube-system", HTTP),
    ]
}


@pytest.fixture(autouse=True)
def _services(kubectl: PretendedKubectl, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl.answers("get services ", SERVICES)
    monkeypatch.setattr(Stack, "outputs", lambda _stack: {"bookinfoUrl": "lab open bookinfo --stack dev"})


@pytest.mark.usefixtures("interrupted", "dev")
@pytest.mark.parametrize(
    ("name", "forwarded"),
    [
        ("order", ["--namespace=shop", "service/order", ":8080"]),
        ("delivery.tutorial", ["--namespace=tutorial", "service/delivery", ":8081"]),
        ("bookinfo", ["--namespace=istio-system", "service/istio-ingressgateway", ":80"]),
    ],
)
def test_a_service_without_an_address_is_brought_to_this_machine(
    name: str, forwarded: list[str], kubectl: PretendedKubectl
) -> None:
    result = called("open", name)

    assert result.exit_code == 0, result.output
    assert "http://127.0.0.1:" in result.stdout
    [words] = [call for call in kubectl.calls if "port-forward" in call]
    assert set(forwarded) <= set(words)


@pytest.mark.usefixtures("dev")
def test_bookinfo_is_shown_where_it_has_an_address(
    public: HTTPServer, browsed: list[str], kubectl: PretendedKubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://127.0.0.1:{public.server_port}/productpage"
    monkeypatch.setattr(Stack, "outputs", lambda _stack: {"bookinfoUrl": url})

    assert called("open", "bookinfo").exit_code == 0
    assert browsed == [url]
    assert kubectl.started == []


@pytest.mark.usefixtures("dev")
@pytest.mark.parametrize(
    ("name", "message", "remedy"),
    [
        ("nothing", 'there is no tool and no Service "nothing"', "take one of: bookinfo, kiali"),
        ("kube-dns", 'there is no tool and no Service "kube-dns"', "kubectl get services -A"),
        ("delivery", 'there are several Services "delivery"', "take one of: delivery.shop, delivery.tutorial"),
        ("mysql", "the Service mysql.shop has no port for HTTP", "kubectl -n shop get service mysql"),
    ],
)
def test_what_has_no_page_is_refused_with_what_there_is(name: str, message: str, remedy: str) -> None:
    error = refusal("open", name)

    assert message in error.message
    assert remedy in error.remedy


@pytest.mark.usefixtures("dev")
def test_a_service_of_simulated_pods_has_no_page(kubectl: PretendedKubectl, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl.answers("get nodes", {"items": [SIMULATED_NODE]})
    monkeypatch.setattr(port_forward, "answers", lambda *_: False)

    assert "are simulated, so no page answers" in refusal("open", "order").message
    assert "are simulated, so no page answers" in refusal("open", "bookinfo").message


def test_the_address_of_bookinfo_is_one_that_somebody_outside_reaches() -> None:
    assert outputs.bookinfo("dev", "203.0.113.9") == "http://203.0.113.9/productpage"
    assert outputs.bookinfo("dev", "") == "lab open bookinfo --stack dev"
