"""What a Pod can tell the process that runs for it: what the application documents, and nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from common import environment
from lab.platforms.dataplane import pods, references, variables, workloads
from lab.toolchain import applications
from order import settings
from tests.unit.dataplane.cluster import Cluster

INTERPRETER = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONWARNINGS",
    "PYTHONPYCACHEPREFIX",
    "PYTHONBREAKPOINT",
    "PYTHONINSPECT",
    "PYTHONMALLOC",
    "PYTHONPLATLIBDIR",
    "PYTHONUSERBASE",
    "pythonwarnings",
    "BROWSER",
)
MACHINE = (
    "PATH",
    "HOME",
    "TMPDIR",
    "SHELL",
    "ENV",
    "BASH_ENV",
    "IFS",
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "LD_AUDIT",
    "LD_DEBUG_OUTPUT",
    "GLIBC_TUNABLES",
    "GCONV_PATH",
    "MALLOC_TRACE",
    "NLSPATH",
    "LC_ALL",
    "HOSTALIASES",
    "RES_OPTIONS",
    "LOCALDOMAIN",
    "TZ",
)
LIBRARIES = (
    "OPENSSL_CONF",
    "OPENSSL_MODULES",
    "SSL_CERT_FILE",
    "SSLKEYLOGFILE",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "NO_PROXY",
    "UVICORN_RELOAD",
    "SQLITE_TMPDIR",
    "NETRC",
    "ENVOY_UID",
    "HOST",
    "PORT",
    "HOSTNAME",
    "DELIVERY_URL",
    "ORDER_DB_URL",
    "ORDER_DB_PASS",
    "ORDER_LOG_LEVEL ",
    "XORDER_LOG_LEVEL",
    "order_log_level",
    "",
)

APP = {"app": "order"}


def told(container: dict[str, Any], **objects: dict[str, str]) -> variables.Chosen:
    """What reaches the process of a Pod of order."""
    metadata = {"uid": "1", "name": "order", "namespace": "shop", "labels": APP}
    spec = {"containers": [{"name": "order", **container}], "nodeName": "node-1"}
    pod = pods.running({"metadata": metadata, "spec": spec, "status": {"podIP": "10.0.0.9", "phase": "Running"}})
    assert pod is not None
    return variables.choose("order", asyncio.run(references.resolve(pod, Cluster(objects))))


@pytest.mark.parametrize("name", [*INTERPRETER, *MACHINE, *LIBRARIES])
def test_nothing_but_what_an_application_documents_reaches_its_process(name: str) -> None:
    entry = {"name": name, "valueFrom": {"configMapKeyRef": {"name": "evil", "key": name}}}
    evil = {name: "evil", "APP_VERSION": "v2"}
    ways: list[dict[str, Any]] = [
        {"env": [{"name": name, "value": "evil"}]},
        {"env": [entry]},
        {"envFrom": [{"configMapRef": {"name": "evil"}}]},
        {"envFrom": [{"secretRef": {"name": "evil"}}]},
        {"envFrom": [{"prefix": name[:2], "configMapRef": {"name": "half"}}]},
    ]
    for way in ways:
        kept = told(way, evil=evil, half={name[2:]: "evil"}).kept
        assert kept in ({}, {"APP_VERSION": "v2"}), way


def test_a_pod_decides_neither_the_command_nor_the_folder_nor_the_user_of_its_process() -> None:
    container = {
        "image": "x; touch /evil",
        "command": ["touch", "/evil"],
        "args": ["-c", "evil"],
        "workingDir": "/evil",
        "lifecycle": {"postStart": {"exec": {"command": ["touch", "/evil"]}}},
        "livenessProbe": {"exec": {"command": ["touch", "/evil"]}},
        "securityContext": {"privileged": True, "runAsUser": 0},
        "volumeMounts": [{"name": "evil", "mountPath": "/"}],
    }
    assert told(container) == told({})


def read_by(application: str) -> set[str]:
    """The variables that an application reads, as it does so itself."""
    asked: set[str] = set()

    class Variables(dict[str, str]):
        def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - a mapping's own
            asked.add(name)
            return super().get(name, default)

    mysql = Variables(ORDER_DB_URL="jdbc:mysql://mysql:3306/db")
    if application == "order":
        settings.read(mysql)
    else:
        environment.common(application, mysql)
    return asked


@pytest.mark.parametrize("application", applications.names())
def test_every_variable_that_an_application_reads_is_a_pods_or_the_data_planes_to_say(application: str) -> None:
    allowed = variables.ALLOWED[application]

    assert read_by(application) - variables.SET_HERE == allowed
    assert not allowed & variables.SET_HERE


def test_what_is_the_data_planes_to_say_it_says() -> None:
    for workload in workloads.every():
        assert not workload.environment.keys() & variables.ALLOWED.get(workload.program, frozenset())


def test_the_stand_ins_of_bookinfo_are_told_nothing() -> None:
    assert variables.choose("details", {"APP_VERSION": "v1", "LOG_DIR": "/logs"}).kept == {}


def test_what_is_ignored_is_said_once_and_in_one_line() -> None:
    found = {f"V{number:05}": "x" for number in range(10_000)} | {"A\nB" + "C" * 500: "x", "ORDER_DB_PASS": "secret"}
    note = variables.choose("order", found).note

    assert note.startswith("ignored, as the application reads no such variables: A\\nB")
    assert note.endswith("and 9991 more")
    assert len(note) < 1000
    assert note.isprintable()
    assert "ORDER_DB_PASS" not in note
    assert variables.choose("order", {"APP_VERSION": "v1"}).note == ""


NO_LINES = ("a\nb", "\0", "\x1b[31m", "\udcff\udcfe", "\u202ev1", "x" * 1025, "x" * 2**20)


@pytest.mark.parametrize("value", NO_LINES, ids=lambda value: ascii(value[:8]))
def test_a_value_that_is_no_line_of_text_is_refused_with_the_name_of_its_variable(value: str) -> None:
    with pytest.raises(variables.WrongValueError, match=r"^variable APP_VERSION: found \d+ characters; allowed"):
        variables.choose("order", {"APP_VERSION": value})


def test_usual_values_stay_as_they_are() -> None:
    found = {"APP_VERSION": "v2", "FAULT_RATE": "0.3", "ORDER_LOG_LEVEL": "", "APP_COLOUR": "푸른색"}

    assert variables.choose("order", found).kept == found
