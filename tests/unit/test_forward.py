"""A port-forward: where it listens, what happens when it breaks, and that nothing of it is left."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

import pytest

from lab.adapters import port_forward
from lab.adapters.port_forward import Destination, Forward
from lab.core.errors import LabError
from tests.unit.pretended_kubectl import PretendedKubectl

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PretendedKubectl:
    pretended = PretendedKubectl(tmp_path / "kubectl")
    monkeypatch.setattr("lab.adapters.kubectl.program", lambda: pretended.file)
    monkeypatch.setattr(port_forward, "_PAUSE", 0.02)
    return pretended


@pytest.fixture
def destination(tmp_path: Path) -> Destination:
    return Destination(
        kubeconfig=tmp_path / "kubeconfig", namespace="istio-system", service="kiali", port=20001, path="/kiali"
    )


@pytest.fixture
def kiali(destination: Destination) -> Forward:
    return Forward(destination, print)


def status(address: str) -> int:
    host, _, path = address.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=5)
    connection.request("GET", f"/{path}")
    code = connection.getresponse().status
    connection.close()
    return code


def test_the_page_answers_at_an_address_of_this_machine_alone(kiali: Forward, kubectl: PretendedKubectl) -> None:
    with kiali as held:
        held.wait()

        assert held.address.startswith("http://127.0.0.1:")
        assert held.address.endswith("/kiali")
        assert status(held.address) == 200

    assert "--address=127.0.0.1" in kubectl.calls[0]


def test_kubectl_is_told_by_file_which_cluster_is_meant_and_chooses_a_free_port(
    kiali: Forward, kubectl: PretendedKubectl, tmp_path: Path
) -> None:
    with kiali as held:
        held.wait()

    (call,) = kubectl.calls
    assert call[:3] == [f"--kubeconfig={tmp_path / 'kubeconfig'}", "--namespace=istio-system", "port-forward"]
    assert call[-2:] == ["service/kiali", ":20001"]


def test_two_port_forwards_do_not_meet(kiali: Forward, kubectl: PretendedKubectl, destination: Destination) -> None:
    with kiali as one, Forward(destination, print) as other:
        one.wait()
        other.wait()

        assert one.address != other.address
        assert len(kubectl.running) == 2


def test_a_page_that_is_not_ready_yet_is_waited_for(kiali: Forward, kubectl: PretendedKubectl) -> None:
    kubectl.forwards(late=0.3)

    with kiali as held:
        held.wait()

        assert status(held.address) == 200
        assert kubectl.requests[:2] == ["/kiali", "/kiali"]


def test_a_page_that_asks_for_a_login_is_there(kiali: Forward, kubectl: PretendedKubectl) -> None:
    kubectl.forwards(status=401)

    with kiali as held:
        held.wait(patience=5)


def test_a_page_that_never_answers_is_an_error_after_a_while(kiali: Forward, kubectl: PretendedKubectl) -> None:
    kubectl.forwards(status=503)

    with pytest.raises(LabError) as caught, kiali as held:
        held.wait(patience=0.3)

    assert caught.value.message == "kiali did not answer within 0 s"
    assert "kubectl -n istio-system get pods" in caught.value.remedy
    assert kubectl.running == []


def test_kubectls_own_reason_is_passed_on(kiali: Forward, kubectl: PretendedKubectl) -> None:
    kubectl.forwards(refuses=True)

    with pytest.raises(LabError, match=r"pod is not running\. Current status=Pending"), kiali as held:
        held.wait(patience=1)


@pytest.mark.parametrize(
    "reason",
    [
        (
            'error upgrading connection: pods "kiali-1" is forbidden: User "kim@example.test" cannot create resource '
            '"pods/portforward" in API group "" in the namespace "istio-system": User does not have access to the '
            "resource in Azure. Update role assignment to allow access."
        ),
        'error upgrading connection: admission webhook "validation.gatekeeper.sh" denied the request: port-forward',
        (
            "error upgrading connection: ValidatingAdmissionPolicy 'aks-managed-deny-portforward' with binding 'x' "
            "denied request: port-forward is not allowed"
        ),
    ],
)
def test_a_cluster_that_forbids_port_forwards_is_told_at_once_with_another_way(
    kiali: Forward, kubectl: PretendedKubectl, reason: str
) -> None:
    kubectl.forwards(refuses=True, reason=reason)

    with pytest.raises(LabError) as caught, kiali as held:
        held.wait(patience=600)

    assert caught.value.message.startswith("the cluster does not let this login forward ports to kiali (")
    assert "AKS Automatic" in caught.value.remedy
    assert "serviceType" in caught.value.remedy


def test_a_pod_that_starts_late_is_tried_again(kiali: Forward, kubectl: PretendedKubectl) -> None:
    kubectl.forwards(refuses=True)

    with kiali as held:
        with pytest.raises(LabError):
            held.wait(patience=0.5)
        kubectl.forwards()
        held.wait()

        assert status(held.address) == 200


def test_a_connection_that_breaks_is_said_and_made_again_at_the_same_address(
    kubectl: PretendedKubectl, destination: Destination
) -> None:
    said: list[str] = []

    def tell(sentence: str) -> None:
        said.append(sentence)
        if sentence.startswith("connected again"):
            raise KeyboardInterrupt

    with Forward(destination, tell) as held:
        held.wait()
        address = held.address
        kubectl.breaks()
        with pytest.raises(KeyboardInterrupt):
            held.hold()

        assert held.address == address
        assert status(address) == 200
        assert len(kubectl.running) == 1

    assert said == [
        "the connection to kiali broke (error: lost connection to pod); connecting again",
        f"connected again: {address}",
    ]
    assert len(kubectl.started) == 2
    assert kubectl.running == []


def test_a_connection_that_breaks_again_and_again_is_given_up(
    kubectl: PretendedKubectl, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_forward, "_BREAKS", 2)
    said: list[str] = []

    def tell(sentence: str) -> None:
        said.append(sentence)
        if sentence.startswith("connected again"):
            kubectl.breaks()

    with Forward(destination, tell) as held:
        held.wait()
        kubectl.breaks()
        with pytest.raises(LabError) as caught:
            held.hold()

    assert caught.value.message == "the connection to kiali broke 3 times in a row (error: lost connection to pod)"
    assert len(kubectl.started) == 3
    assert kubectl.running == []


def test_a_connection_that_worked_for_long_is_not_counted_with_the_next(
    kubectl: PretendedKubectl, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_forward, "_BREAKS", 1)
    monkeypatch.setattr(port_forward, "_SOUND", 0.0)
    said: list[str] = []

    def tell(sentence: str) -> None:
        said.append(sentence)
        if sentence.startswith("connected again"):
            kubectl.breaks()
        if len(said) == 6:
            raise KeyboardInterrupt

    with Forward(destination, tell) as held:
        held.wait()
        kubectl.breaks()
        with pytest.raises(KeyboardInterrupt):
            held.hold()


def test_nothing_is_left_when_the_block_ends_with_an_error(kiali: Forward, kubectl: PretendedKubectl) -> None:
    def interrupt() -> None:
        with kiali as held:
            held.wait()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()

    assert len(kubectl.started) == 1
    assert kubectl.running == []
