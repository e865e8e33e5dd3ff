"""What the relay passes on to the shared provider: bytes over real gRPC, to a provider that only pretends."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

import grpc
import psutil
import pytest
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2

from lab.core import versions
from lab.core.errors import LabError
from lab.services.classes import provider
from lab.services.classes.provider import DYNAMIC, KUBERNETES, Kind, SharedProvider
from tests.unit.classroom.pretended_provider import PretendedProvider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

URN = "urn:pulumi:student-anna::istio-lab::kubernetes:core/v1:Namespace::default"
UNLIMITED = [
    ("grpc.max_metadata_size", 2**26),
    ("grpc.absolute_max_metadata_size", 2**26),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the provider is looked for."""
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path))
    folder = tmp_path / "pulumi" / "plugins" / f"resource-kubernetes-v{versions.PULUMI_KUBERNETES}"
    return folder / "pulumi-resource-kubernetes"


@pytest.fixture
def pretended(program: Path) -> PretendedProvider:
    return PretendedProvider(program)


@pytest.fixture
def said() -> list[tuple[str, str]]:
    """What the provider has said of resources."""
    return []


@pytest.fixture
def shared(pretended: PretendedProvider, said: list[tuple[str, str]]) -> Iterator[SharedProvider]:
    """The relay, with the provider behind it."""
    assert pretended.calls == []
    with SharedProvider(lambda urn, text: said.append((urn, text))) as found:
        found.ensure()
        yield found


def ask(shared: SharedProvider, method: str, request: bytes = b"") -> bytes:
    """Call a method as an engine does, over a channel of its own."""
    with grpc.insecure_channel(f"127.0.0.1:{shared.port}", options=UNLIMITED) as channel:
        answer: bytes = channel.unary_unary(f"/pulumirpc.ResourceProvider/{method}")(request, timeout=20)
    return answer


def refusal(shared: SharedProvider, method: str, request: bytes = b"") -> Any:  # noqa: ANN401 - grpc has no types
    with pytest.raises(grpc.RpcError) as caught:
        ask(shared, method, request)
    return caught.value


def configuration(**args: str) -> bytes:
    found = Struct()
    found.update(args)
    asked: bytes = provider_pb2.ConfigureRequest(args=found, acceptSecrets=True).SerializeToString()
    return asked


def test_calls_are_passed_on_as_the_bytes_that_they_are(shared: SharedProvider, pretended: PretendedProvider) -> None:
    request = bytes(range(256)) * 40_000

    assert ask(shared, "Read", request) == request[::-1]
    assert ask(shared, "A method of a later version", b"12") == b"21"
    assert pretended.calls == ["Read", "A", "method", "of", "a", "later", "version"]


@pytest.mark.parametrize("method", ["Cancel", "Attach"])
def test_the_end_of_one_update_does_not_reach_the_provider(
    shared: SharedProvider, pretended: PretendedProvider, method: str
) -> None:
    assert ask(shared, method, b"anything") == b""
    assert pretended.calls == []


def test_the_provider_is_configured_once_and_every_engine_gets_the_answer(
    shared: SharedProvider, pretended: PretendedProvider
) -> None:
    answers = [ask(shared, "Configure", configuration(kubeconfig="k", context="c")) for _ in range(3)]

    assert pretended.calls == ["Configure"]
    assert len(set(answers)) == 1
    assert provider_pb2.ConfigureResponse.FromString(answers[0]).acceptOutputs


def test_engines_that_come_at_the_same_time_configure_it_once(
    shared: SharedProvider, pretended: PretendedProvider
) -> None:
    answers: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: answers.append(ask(shared, "Configure", configuration(kubeconfig="k"))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert pretended.calls == ["Configure"]
    assert len(answers) == 8
    assert len(set(answers)) == 1


def test_another_cluster_is_refused_and_the_first_goes_on(shared: SharedProvider) -> None:
    first = ask(shared, "Configure", configuration(kubeconfig="one"))
    error = refusal(shared, "Configure", configuration(kubeconfig="two"))

    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "shared, and works on another cluster" in error.details()
    assert ask(shared, "Configure", configuration(kubeconfig="one")) == first


def test_a_configuration_that_failed_is_not_remembered(shared: SharedProvider) -> None:
    error = refusal(shared, "Configure", configuration(broken="yes"))

    assert (error.code(), error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, "no such cluster")
    assert ask(shared, "Configure", configuration(kubeconfig="one"))


@pytest.mark.parametrize("size", [2, 100_000, 3_000_000])
def test_an_error_keeps_its_code_its_text_and_what_was_made_all_the_same(shared: SharedProvider, size: int) -> None:
    error = refusal(shared, "Create", str(size).encode())
    trailing = {each.key: each.value for each in error.trailing_metadata()}

    assert (error.code(), error.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "2 of 3 Pods, 네")
    assert trailing["grpc-status-details-bin"] == bytes([0, 255]) * (size // 2)
    assert trailing["note"] == "kept"


@pytest.mark.parametrize("method", ["Check", "Delete"])
def test_a_provider_that_ends_is_told_as_that(shared: SharedProvider, method: str) -> None:
    error = refusal(shared, method)

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert error.details() == "the kubernetes provider ended while it was at this"


def test_a_provider_that_ended_is_started_anew_and_configured_anew(
    shared: SharedProvider, pretended: PretendedProvider
) -> None:
    ask(shared, "Configure", configuration(kubeconfig="one"))
    [process] = psutil.Process().children()
    refusal(shared, "Delete")
    # Its first thread may be a zombie while others of it still end: only who can be waited for has ended.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert shared.memory == 0
    shared.ensure()

    assert ask(shared, "Read", b"12") == b"21"
    assert ask(shared, "Configure", configuration(kubeconfig="two"))
    assert pretended.calls.count("Configure") == 2


def test_one_that_runs_is_left_as_it_is(shared: SharedProvider, pretended: PretendedProvider) -> None:
    ask(shared, "Configure", configuration(kubeconfig="one"))
    shared.ensure()
    ask(shared, "Configure", configuration(kubeconfig="one"))

    assert pretended.calls == ["Configure"]
    assert shared.memory > 2**20


def test_what_the_provider_says_is_told_with_the_resource(shared: SharedProvider, said: list[tuple[str, str]]) -> None:
    ask(shared, "Log", f"{URN} [1/2] waits for Pods".encode())

    assert said == [(URN, "[1/2] waits for Pods")]


def test_when_everybody_stops_the_provider_lets_go(shared: SharedProvider, pretended: PretendedProvider) -> None:
    shared.cancel()

    assert pretended.calls == ["Cancel"]


def test_nothing_runs_after_it(pretended: PretendedProvider) -> None:
    before = {each.pid for each in psutil.Process().children()}
    with SharedProvider(lambda _urn, _text: None) as found:
        found.ensure()
        started = {each.pid for each in psutil.Process().children()} - before

    assert pretended.calls == []
    assert len(started) == 1
    assert not any(psutil.pid_exists(pid) for pid in started)


def test_an_engine_that_comes_before_it_runs_is_told_so(pretended: PretendedProvider) -> None:
    with SharedProvider(lambda _urn, _text: None) as found:
        error = refusal(found, "Read")
        found.cancel()

    assert (error.code(), error.details()) == (grpc.StatusCode.UNAVAILABLE, "the shared provider does not run")
    assert pretended.calls == []


def test_a_provider_that_is_not_there_is_brought_by_setup(program: Path) -> None:
    assert not program.exists()
    with (
        SharedProvider(lambda _urn, _text: None) as found,
        pytest.raises(LabError, match="provider is missing") as error,
    ):
        found.ensure()

    assert error.value.remedy == "lab setup"


def test_the_providers_that_are_shared_are_of_kubernetes_and_of_the_program(
    pretended: PretendedProvider, program: Path
) -> None:
    assert pretended.calls == []
    assert KUBERNETES.command() == [str(program)]
    assert DYNAMIC.command() == [sys.executable, "-u", "-m", "pulumi.dynamic"]
    assert [SharedProvider(lambda _urn, _text: None, kind).name for kind in (KUBERNETES, DYNAMIC)] == [
        "kubernetes",
        "pulumi-python",
    ]
    assert SharedProvider(lambda _urn, _text: None).name == "kubernetes"


@pytest.fixture
def another(pretended: PretendedProvider, program: Path) -> Iterator[SharedProvider]:
    """A provider that everybody may configure as they like, whose program is found by its command alone."""
    assert pretended.calls == []
    elsewhere = program.rename(program.with_name("another"))
    kind = Kind(name="another", command=lambda: [sys.executable, "-B", str(elsewhere)], configured_once=False)
    with SharedProvider(lambda _urn, _text: None, kind) as found:
        found.ensure()
        yield found


def test_a_provider_that_keeps_nothing_of_anybody_is_configured_by_everybody(
    another: SharedProvider, pretended: PretendedProvider
) -> None:
    for _ in range(2):
        ask(another, "Configure", configuration(kubeconfig="one"))
    ask(another, "Configure", configuration(kubeconfig="two"))

    assert pretended.calls == ["Configure"] * 3


def test_what_is_said_of_a_provider_has_its_name(another: SharedProvider) -> None:
    assert refusal(another, "Delete").details() == "the another provider ended while it was at this"


def test_the_programs_own_provider_starts() -> None:
    with SharedProvider(lambda _urn, _text: None, DYNAMIC) as found:
        found.ensure()
        assert found.memory > 0


@pytest.mark.parametrize("text", ["exit 1", "echo usage: me", "echo; exec sleep 60", "exec sleep 60"])
def test_one_that_does_not_say_where_it_listens_is_ended(
    pretended: PretendedProvider, program: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(provider, "_START", 0.5)
    pretended.becomes(f"#!/bin/sh\n{text}\n", program)
    before = {each.pid for each in psutil.Process().children()}
    with SharedProvider(lambda _urn, _text: None) as found, pytest.raises(LabError, match="did not say where"):
        found.ensure()

    assert {each.pid for each in psutil.Process().children()} == before
