"""Another user of the machine gets nothing out of a lab that stands, and nothing into it."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from lab.platforms.dataplane import lifecycle
from tests.engine import other_user
from tests.engine.laboratory import MARKER, runs
from tests.engine.probes import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psutil

    from tests.engine.laboratory import Laboratory
    from tests.engine.other_user import Answer
    from tests.engine.probes import Listener

PAGE = "http://productpage:9080/productpage"

SERVERS = {"PATH", "LC_ALL", "PWD", "OLDPWD", "SHLVL", "_", "HOSTNAME"}
"""Variables that say nothing, or come from the shell that enters a Pod."""

NEEDED = {
    "etcd": {"KWOK_WORKDIR", "KUBECACHEDIR"},
    "kube-apiserver": {"KWOK_WORKDIR", "KUBECACHEDIR", "GOMEMLIMIT"},
    "kube-controller-manager": {"KWOK_WORKDIR", "KUBECACHEDIR"},
    "kube-scheduler": {"KWOK_WORKDIR", "KUBECACHEDIR"},
    "kwok-controller": {"KWOK_WORKDIR", "KUBECACHEDIR"},
    "kubectl": {"KUBECACHEDIR"},
    "envoy": {"TMPDIR"},
}


@dataclass(frozen=True)
class Attempt:
    """All that the other user tried at a lab, and its processes before that."""

    processes: list[psutil.Process]
    listeners: list[Listener]
    answers: list[Answer]
    read: list[str]


@pytest.fixture(scope="module")
def attempt(standing: Laboratory) -> Attempt:
    other_user.require_root()
    deadline = time.monotonic() + 60
    while not lifecycle.unavailable() and standing.lab("curl", "--fail", PAGE).code:
        assert time.monotonic() < deadline, "the data plane does not answer"
        time.sleep(0.5)
    found = other_user.processes(standing)
    listeners = other_user.listeners(found)
    return Attempt(found, listeners, *other_user.try_all(listeners, [each.pid for each in found]))


def test_only_what_is_listed_answers_without_a_credential(attempt: Attempt) -> None:
    assert {each.owner for each in attempt.listeners} >= {"etcd", *other_user.OPEN}
    assert other_user.surplus(attempt.answers) == []
    # Otherwise nothing was tried.
    assert {"/readyz", "/ready", "/metrics", "/productpage"} <= {each.asked for each in attempt.answers}


def test_it_reads_no_secret_and_no_variable_of_the_owner(standing: Laboratory, attempt: Attempt) -> None:
    secrets = {"a variable of the owner": MARKER.encode(), **dict(_secrets(standing))}

    assert len(secrets) > 10
    assert other_user.told(attempt.answers, secrets) == []
    assert attempt.read == []


def test_it_changes_nothing_and_ends_nothing(standing: Laboratory, attempt: Attempt) -> None:
    bindings = standing.get("clusterrolebindings,configmaps,namespaces", "-A")["items"]
    assert [each for each in bindings if each["metadata"]["name"] == MARK] == []
    assert {"tutorial", "istio-system"} <= {
        each["metadata"]["name"] for each in bindings if each["kind"] == "Namespace"
    }
    assert [each for each in attempt.processes if not runs(each)] == []
    assert standing.kubectl("get", "--raw", "/readyz").succeeded().output == "ok"
    assert standing.lab("curl", "--fail", "http://order:8080/orders").code == 0


def test_no_word_of_a_command_line_is_a_secret(standing: Laboratory, attempt: Attempt) -> None:
    words = " ".join(word for each in attempt.processes if runs(each) for word in each.cmdline()).encode()

    assert [name for name, value in _secrets(standing) if value in words] == []


def test_a_server_has_no_variable_that_it_does_not_need(attempt: Attempt) -> None:
    too_many = {
        f"{each.name()}: {name}"
        for each in attempt.processes
        if runs(each) and each.name() in {*NEEDED, "metrics-server", "envoy"}
        for name in each.environ().keys() - SERVERS - NEEDED.get(each.name(), set())
    }
    everything = {name: each.environ() for each in attempt.processes if runs(each) for name in [each.name()]}

    assert too_many == set()
    assert [name for name, found in everything.items() if MARKER in found.values()] == []
    assert [name for name, found in everything.items() if {"HOME", "USER", "TERM"} & found.keys()] == []


def test_the_folder_of_the_lab_is_closed_whatever_the_umask(standing: Laboratory) -> None:
    home = standing.project / ".lab"

    assert home.stat().st_mode & 0o777 == 0o700
    assert other_user.loose(home) == []


def _secrets(laboratory: Laboratory) -> Iterator[tuple[str, bytes]]:
    for each in laboratory.get("secrets", "-A")["items"]:
        for key, value in each.get("data", {}).items():
            found = base64.b64decode(value)
            if len(found) >= 8:
                yield f"{each['metadata']['namespace']}/{each['metadata']['name']}/{key}", found
    for file in ("passphrase", "stacks/dev/prometheus.password"):
        yield file, (laboratory.project / ".lab" / file).read_bytes().strip()
    yield "the administrator's key", (laboratory.directory / "kwok/clusters/lab/pki/admin.key").read_bytes().strip()
