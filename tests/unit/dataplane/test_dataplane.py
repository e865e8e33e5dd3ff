"""What the data plane makes of what the API server says: which Pods run, as what, and what their processes are told."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.core.errors import LabError
from lab.platforms.dataplane import bookinfo, lifecycle, pods, proxy, sandbox, supervisor, tcp_proxy, workloads
from lab.platforms.dataplane.pods import Pod
from lab.platforms.dataplane.workloads import Proxy
from lab.toolchain import applications

ISTIOD = Path("/run/istiod.sock")
SESAME = "open sesame"
LOGIN = base64.b64encode(f"lab:{SESAME}".encode()).decode()


def found(**changed: object) -> dict[str, Any]:
    """A Pod as the API server has it."""
    metadata = {"uid": "1", "name": "order-7d-x2", "namespace": "tutorial", "labels": {"app": "order"}}
    containers = [
        {"name": "istio-proxy"},
        {
            "name": "order",
            "env": [{"name": "APP_VERSION", "value": "v2"}, {"name": "SESAME", "valueFrom": {"secretKeyRef": {}}}],
            "envFrom": [{"configMapRef": {"name": "config-dev"}}, {"secretRef": {"name": "no"}}],
            "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
        },
    ]
    whole = {
        "metadata": metadata,
        "spec": {"containers": containers},
        "status": {"podIP": "10.240.0.9", "phase": "Running"},
    }
    return {**whole, **changed}


def pod(namespace: str = "tutorial", **labels: str) -> Pod:
    return Pod(uid="1", name="some", namespace=namespace, address="10.240.0.9", labels=labels)


def test_a_pod_is_what_its_application_container_says_not_its_sidecar() -> None:
    known = pods.running(found())

    assert known is not None
    assert known.key == "order-7d-x2.tutorial"
    assert (known.container["name"], known.drain) == ("order", 5)


def test_a_pod_drains_no_longer_than_it_may_live_after_its_deletion() -> None:
    whole = found()
    whole["spec"]["containers"][1]["lifecycle"]["preStop"]["sleep"]["seconds"] = 86_400
    known = pods.running(whole)
    whole["spec"]["terminationGracePeriodSeconds"] = 10**9
    patient = pods.running(whole)

    assert known is not None
    assert known.drain == 30
    assert patient is not None
    assert patient.drain == 120


def test_a_pod_in_the_network_of_its_node_has_no_address_of_its_own() -> None:
    whole = found()
    whole["spec"]["hostNetwork"] = True

    assert pods.running(whole) is None


@pytest.mark.parametrize("length", [1, 63, 64, 253])
def test_a_long_name_fits_files_and_host_names(length: int) -> None:
    names = {sandbox.name_of("a" * length + each, "n" * 63) for each in ("b", "c")}

    for name in names:
        box = sandbox.Sandbox(name=name, index=0, address="10.240.0.9")
        assert len(f"{name}-istio-proxy.log.1") <= 255
        assert 1 <= len(box.hostname) <= 63
        assert box.hosts.name == "n" * 63
    assert len(names) == 2, "two Pods have two folders"
    assert sandbox.name_of("siege", "tutorial") == "siege.tutorial"


@pytest.mark.parametrize(
    "changed",
    [
        {"status": {"phase": "Pending"}},
        {"status": {"podIP": "10.240.0.9", "phase": "Succeeded"}},
        {"metadata": {"uid": "1", "name": "a", "namespace": "b", "deletionTimestamp": "2026-01-01T00:00:00Z"}},
    ],
)
def test_a_pod_without_an_address_or_about_to_go_does_not_run(changed: dict[str, Any]) -> None:
    assert pods.running(found(**changed)) is None


def test_the_pods_of_the_lessons_run_and_all_others_stay_simulated() -> None:
    order, siege = workloads.of(pod(app="order")), workloads.of(pod("shop", app="siege"))

    assert order is not None
    assert (order.app, order.proxy) == ("order", Proxy.SIDECAR)
    assert siege is not None
    assert (siege.app, siege.bookinfo, siege.proxy) == ("", "", Proxy.SIDECAR)
    assert workloads.of(pod("default", app="order")) is None
    assert workloads.of(pod("istio-system", app="grafana")) is None


def test_every_workload_names_what_there_is() -> None:
    for each in workloads.every():
        assert each.app in {"", *applications.names()}
        assert bool(each.port) == bool(each.app or each.bookinfo)
        assert each.app or each.bookinfo or each.proxy


def test_envoy_says_which_pod_it_is_and_asks_istiod_for_the_rest() -> None:
    told = json.loads(proxy.bootstrap(pod(app="siege"), Proxy.SIDECAR, ISTIOD, "a token"))

    assert told["node"]["id"] == "sidecar~10.240.0.9~some.tutorial~tutorial.svc.cluster.local"
    assert told["node"]["metadata"]["INTERCEPTION_MODE"] == "NONE"
    assert str(ISTIOD) in json.dumps(told["static_resources"])
    (service,) = told["dynamic_resources"]["ads_config"]["grpc_services"]
    assert service["initial_metadata"] == [{"key": "authorization", "value": "Bearer a token"}]
    assert told["admin"]["address"]["socket_address"]["address"] == "127.0.0.1"


@pytest.mark.parametrize(
    "text", ['"}], "admin": {"', "'; reboot #", "$(reboot)", "%{HOSTNAME}", "a\nb: c", "\\", "{{ .x }}"]
)
def test_what_a_pod_is_called_stays_a_text_in_its_envoys_configuration(text: str) -> None:
    named = Pod(uid="1", name=text, namespace=text, address="10.240.0.9", labels={"app": text, text: text})
    told = json.loads(proxy.bootstrap(named, Proxy.SIDECAR, ISTIOD, text))
    usual = json.loads(proxy.bootstrap(pod(app="siege"), Proxy.SIDECAR, ISTIOD, text))

    assert told["node"]["metadata"]["LABELS"] == {"app": text, text: text}
    assert {key: told[key] for key in told if key != "node"} == {key: usual[key] for key in usual if key != "node"}


def test_a_gateway_intercepts_nothing_by_its_nature() -> None:
    told = json.loads(proxy.bootstrap(pod("istio-system", istio="ingressgateway"), Proxy.ROUTER, ISTIOD, "a token"))

    assert told["node"]["id"].startswith("router~")
    assert "INTERCEPTION_MODE" not in told["node"]["metadata"]


def test_short_names_of_services_are_known_in_their_own_namespace_alone() -> None:
    known = sandbox.hosts([("order", "shop"), ("order", "tutorial"), ("grafana", "istio-system")], "shop")

    assert "127.0.0.1 order order.shop order.shop.svc order.shop.svc.cluster.local" in known
    assert "127.0.0.1 order.tutorial order.tutorial.svc" in known
    assert not re.search(r" grafana ", known)


def test_what_is_not_there_can_not_be_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "unavailable", lambda: "")
    with pytest.raises(LabError, match="does not run") as error:
        lifecycle.inside(tmp_path, "siege.tutorial")
    assert error.value.remedy == "start it again: make up"

    monkeypatch.setattr(lifecycle, "unavailable", lambda: "network namespaces are Linux's")
    with pytest.raises(LabError, match="network namespaces are Linux's"):
        lifecycle.inside(tmp_path, "siege.tutorial")


def test_a_machine_without_the_programs_says_which_one_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle.sys, "platform", "linux")
    monkeypatch.setattr(lifecycle.shutil, "which", lambda name: None if name == "ip" else f"/usr/bin/{name}")

    assert lifecycle.unavailable() == "ip is not installed (util-linux, iproute2)"


def test_other_systems_have_no_data_plane(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle.sys, "platform", "darwin")

    assert lifecycle.unavailable() == "network namespaces are Linux's"


def test_a_socket_leads_to_a_port_and_back(tmp_path: Path) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        writer.close()

    async def asked() -> bytes:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        handler = tcp_proxy.proxy_to(lambda: asyncio.open_connection("127.0.0.1", port))
        async with server, await asyncio.start_unix_server(handler, tmp_path / "socket"):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "socket")
            writer.write(b"who is there\n")
            answer = await reader.read()
            writer.close()
            return answer

    assert asyncio.run(asked()) == b"WHO IS THERE\n"


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (f"GET http://prometheus/ HTTP/1.1\r\nproxy-authorization: Basic {LOGIN}\r\n\r\n", b"SERVED"),
        ("GET http://prometheus/ HTTP/1.1\r\n\r\n", b"HTTP/1.1 407"),
        ("GET / HTTP/1.1\r\nProxy-Authorization: Basic bGFiOndyb25n\r\n\r\n", b"HTTP/1.1 407"),
        ("GET / HTTP/1.1\r\nAuthorization: Basic " + LOGIN + "\r\n\r\n", b"HTTP/1.1 407"),
        ("no HTTP at all", b""),
        ("x" * 100_000, b""),
    ],
    ids=["right", "none", "wrong", "as to a server", "cut off", "endless"],
)
def test_only_who_knows_the_password_reaches_prometheus(sent: str, answered: bytes) -> None:
    class Served(tcp_proxy.NetnsDialer):
        port = 0

        async def open(self) -> tcp_proxy.Streams:
            return await asyncio.open_connection("127.0.0.1", self.port)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"GET ")
        writer.write(b"SERVED")
        writer.close()

    async def asked() -> bytes:
        dialer = Served()
        target = await asyncio.start_server(serve, "127.0.0.1", 0)
        dialer.port = target.sockets[0].getsockname()[1]
        door = await tcp_proxy.serve_with_password("127.0.0.1", 0, dialer, user="lab", password=SESAME)
        async with target, door:
            reader, writer = await asyncio.open_connection(*door.sockets[0].getsockname())
            writer.write(sent.encode())
            if "\r\n\r\n" not in sent:
                writer.write_eof()
            try:
                return await reader.read()
            except ConnectionResetError:
                return b""
            finally:
                writer.close()

    said = asyncio.run(asked())

    assert said.startswith(answered)
    assert (b"SERVED" in said) is (answered == b"SERVED")


def test_a_dialer_without_a_target_refuses() -> None:
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(tcp_proxy.NetnsDialer().open())


SOCKETS = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0900F00A:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41 1 0 100 0 0 10 0
   1: 0900F00A:2374 0100F00A:9C40 01 00000000:00000000 00:00000000 00000000     0        0 42 1 0 20 4 30 10 -1
"""


@pytest.mark.parametrize(("port", "listening"), [(8080, True), (9076, False), (80, False)])
def test_a_process_listens_when_the_kernel_says_so_not_when_it_is_connected(port: int, *, listening: bool) -> None:
    assert supervisor.listens(SOCKETS, port) is listening


def test_programs_with_a_port_begin_in_turns_and_the_others_at_once(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()

    def program(name: str, port: int) -> supervisor.Program:
        words = ["sh", "-c", f"touch {marks / name}; exec sleep 60"]
        return supervisor.Program(command=words, environment={}, log=tmp_path / "log", folder=tmp_path, port=port)

    async def begin() -> set[str]:
        turns = asyncio.Semaphore(1)
        # Nobody listens on a port of the highest number, so the first one keeps its turn.
        wanted = [program("first", 65535), program("second", 65535), program("proxy", 0)]
        tasks = [asyncio.create_task(supervisor.keep(each, turns)) for each in wanted]
        await asyncio.sleep(1)
        begun = {each.name for each in marks.iterdir()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return begun

    assert asyncio.run(begin()) == {"first", "proxy"}


def test_it_is_told_when_a_program_listens(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    async def run() -> bool:
        told = asyncio.Event()

        async def listening() -> None:
            told.set()

        words = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
        program = supervisor.Program(
            command=words, environment={}, log=tmp_path / "log", folder=tmp_path, port=port, listening=listening
        )
        task = asyncio.create_task(supervisor.keep(program, asyncio.Semaphore(1)))
        assert not told.is_set()
        try:
            return await asyncio.wait_for(told.wait(), 20)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    assert asyncio.run(run())


def test_a_service_of_bookinfo_asks_nobody_for_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(_host: str = "") -> str:
        raise AssertionError("there is nobody to ask in the network of a Pod, and the answer would take seconds")

    monkeypatch.setattr(socket, "getfqdn", ask)
    bookinfo.Server(("127.0.0.1", 0), bookinfo.Service).server_close()


def test_a_pod_with_the_address_of_one_that_has_gone_has_its_hardware_address_too() -> None:
    assert sandbox.hardware_address("10.240.2.13") == "02:00:0a:f0:02:0d"


def test_no_span_waits_for_a_jaeger_that_is_simulated() -> None:
    told = json.loads(proxy.bootstrap(pod(), Proxy.SIDECAR, ISTIOD, "a token"))

    assert told["layered_runtime"]["layers"][0]["static_layer"] == {"tracing.random_sampling": 0}
