"""Ports of one lab: free, distinct, on loopback, and still free tomorrow."""

from __future__ import annotations

import socket
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from lab.core.errors import LabError
from lab.platforms.embedded import ports
from lab.platforms.embedded.ports import LOOPBACK, Ports, is_free, require_free

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server


def test_only_this_machine_is_listened_on() -> None:
    assert LOOPBACK == "127.0.0.1"


def test_a_port_that_is_listened_on_is_not_free(listener: socket.socket) -> None:
    assert not is_free(listener.getsockname()[1])


def test_a_port_is_free_again_at_once_when_its_server_has_ended(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    with socket.create_connection((LOOPBACK, port)) as client:
        accepted, _ = listener.accept()
        accepted.close()  # the server ends first: its side then waits a minute in TIME_WAIT
        client.recv(1)
    listener.close()

    assert is_free(port)


def test_a_port_taken_on_every_address_is_not_free() -> None:
    with socket.create_server(("", 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_a_taken_port_is_named_with_its_owner_and_a_way_out(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "_TIMEOUT", 0.1)
    taken = listener.getsockname()[1]

    with pytest.raises(LabError, match=f"port {taken} on 127.0.0.1, which is for istiod, is taken") as error:
        require_free("istiod", 0, taken)
    assert "make down && make up" in error.value.remedy


def test_asking_leaves_the_port_alone(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()

    assert is_free(port)
    assert is_free(port)


def test_a_lab_gets_distinct_ports_that_are_free() -> None:
    chosen = list(asdict(Ports.allocate()).values())

    assert len(set(chosen)) == len(chosen)
    assert [port for port in chosen if not is_free(port)] == []


def test_ports_stay_out_of_the_range_of_outgoing_connections() -> None:
    chosen = asdict(Ports.allocate()).values()

    assert all(1024 < port < 32_768 for port in chosen), "Linux hands out 32768 and up, macOS 49152 and up"


def test_taken_ports_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda port: port % 3 == 0)

    assert {port % 3 for port in asdict(Ports.allocate()).values()} == {0}


def test_labs_started_at_the_same_moment_do_not_meet() -> None:
    first, second = Ports.allocate(), Ports.allocate()

    assert not set(asdict(first).values()) & set(asdict(second).values()) or first != second


def test_a_machine_without_free_ports_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda _port: False)

    with pytest.raises(OSError, match=r"no \d+ free ports between 20000 and 32000 on 127\.0\.0\.1"):
        Ports.allocate()


def test_ports_survive_the_way_into_the_state_and_back() -> None:
    chosen = Ports.allocate()

    assert Ports.of(asdict(chosen)) == chosen


def test_a_lab_from_before_a_port_was_needed_gets_it_and_keeps_the_others() -> None:
    before = {name: port for name, port in asdict(Ports.allocate()).items() if name != "metrics_server"}

    after = asdict(Ports.allocate(before))

    assert {name: after[name] for name in before} == before
    assert is_free(after["metrics_server"])
    assert after["metrics_server"] not in before.values()


def test_a_lab_from_before_a_port_was_needed_can_still_be_taken_down() -> None:
    before = {name: port for name, port in asdict(Ports.allocate()).items() if name != "metrics_server"}

    assert Ports.of(before).metrics_server == 0


def test_a_lab_from_before_a_port_was_given_up_is_read_without_it() -> None:
    chosen = Ports.allocate()
    before = {**asdict(chosen), "istiod_monitoring": 1, "kube_scheduler": 2}

    assert Ports.of(before) == chosen
    assert Ports.allocate(before) == chosen
