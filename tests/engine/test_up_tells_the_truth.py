"""`lab up` says that a lab stands only when it does, and heals what was hurt: processes and objects, in one run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import yaml

from lab.adapters import web
from lab.platforms.dataplane import lifecycle as dataplane
from lab.platforms.embedded.control_plane import COMPONENTS
from tests.engine.laboratory import runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.engine.laboratory import Laboratory, Result

STANDS, STANDS_NOT = "The lab stands (stack dev).", "The lab does not stand (stack dev)."
HOST_PROCESSES = (*COMPONENTS, "istiod", "rollouts-controller")
NAMES = ("unshare", "sh", "kubectl", "envoy", "python")
"""What runs in the data plane, by the beginning of a program's name."""

MATRIX = [*HOST_PROCESSES, "agent", "around the agent", *(f"data plane: {name}" for name in NAMES)]


def test_one_up_heals_all_harms_at_once(standing: Laboratory) -> None:
    frozen = [_victim(standing, "kube-scheduler"), _victim(standing, "rollouts-controller"), _data_plane(standing)[-1]]
    for each in frozen:
        each.suspend()
    standing.kubectl("delete", "namespace", "tutorial").succeeded()
    standing.kubectl("delete", "deployment", "grafana", "-n", "istio-system").succeeded()
    standing.kubectl("delete", "clusterrole", "kiali").succeeded()
    standing.kill("istiod")
    # Only now, since nobody else could ask for anything.
    _victim(standing, "etcd").suspend()

    said = standing.lab("up").succeeded().output

    assert STANDS in said
    assert "Namespace tutorial" in said
    assert [each for each in frozen if runs(each) and each.status() == psutil.STATUS_STOPPED] == []
    _require_whole(standing)
    standing.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes").succeeded()


def test_what_another_installer_has_overwritten_is_put_back(standing: Laboratory) -> None:
    before = standing.get("deployment", "istio-egressgateway", "-n", "istio-system")["spec"]["template"]
    changed = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "istio-egressgateway", "namespace": "istio-system"},
        "spec": {"template": {"spec": {"serviceAccountName": "somebody-elses"}}},
    }
    command = ("apply", "--server-side", "--force-conflicts", "--field-manager=istio-operator", "-f", "-")
    standing.kubectl(*command, stdin=yaml.safe_dump(changed)).succeeded()

    said = standing.lab("up").succeeded().output

    assert "overwritten by istio-operator, and put back: Deployment istio-system/istio-egressgateway" in said
    assert standing.get("deployment", "istio-egressgateway", "-n", "istio-system")["spec"]["template"] == before
    assert "overwritten" not in standing.lab("up").succeeded().output


def test_an_object_that_a_person_has_made_is_named_and_left_alone(standing: Laboratory) -> None:
    standing.kubectl("delete", "deployment", "reviews-v2", "-n", "tutorial").succeeded()
    standing.kubectl("create", "deployment", "reviews-v2", "--image=mine", "-n", "tutorial").succeeded()

    said = standing.lab("up").succeeded().output

    assert STANDS in said
    assert "Deployment tutorial/reviews-v2 was not made by the lab, and is left as it is" in said
    assert _image(standing, "reviews-v2") == "mine"
    [choice] = [line for line in said.splitlines() if "kubectl delete deployment reviews-v2" in line]
    standing.run(f". .lab/activate; {choice.partition('have the lab')[2].partition(': ')[2].partition(' &&')[0]}")
    assert "was not made by the lab" not in standing.lab("up").succeeded().output
    assert _image(standing, "reviews-v2") != "mine"


@pytest.mark.slow
def test_a_lab_whose_pods_do_not_become_ready_does_not_stand(standing: Laboratory) -> None:
    # No node has so much memory, so that its Pod is never ready.
    much = '[{"op":"add","path":"/spec/template/spec/containers/0/resources","value":{"requests":{"memory":"9Ti"}}}]'
    command = ("patch", "deployment", "jaeger", "-n", "istio-system", "--type=json", "-p", much)
    standing.kubectl(*command).succeeded()
    standing.kubectl("scale", "deployment", "jaeger", "-n", "istio-system", "--replicas=0").succeeded()
    standing.kubectl("scale", "deployment", "jaeger", "-n", "istio-system", "--replicas=1").succeeded()

    refused = standing.lab("up")

    assert refused.code == 1
    assert STANDS_NOT in refused.output
    assert STANDS not in refused.output
    assert "Deployment istio-system/jaeger: 0 of 1 Pods ready" in refused.output
    assert "kubectl describe pods --namespace istio-system" in refused.output
    standing.kubectl("delete", "deployment", "jaeger", "-n", "istio-system").succeeded()
    assert STANDS in standing.lab("up").succeeded().output


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["kill", "suspend"])
@pytest.mark.parametrize("process", MATRIX)
def test_every_process_killed_or_frozen_is_healed(standing: Laboratory, process: str, harm: str) -> None:
    victim = _victim(standing, process)
    getattr(victim, harm)()

    said = standing.lab("up").succeeded().output

    assert STANDS in said
    assert not runs(victim) or victim.status() != psutil.STATUS_STOPPED
    _require_whole(standing)


HARMS: dict[str, Callable[[Laboratory], Result]] = {
    "a deleted namespace": lambda lab: lab.kubectl("delete", "ns", "tutorial"),
    "deleted workloads": lambda lab: lab.kubectl("delete", "deploy,svc", "--all", "-n", "tutorial"),
    "istioctl": lambda lab: lab.istioctl("install", "--set", "profile=demo", "-y", "--readiness-timeout", "20s"),
}


@pytest.fixture(scope="module")
def seconds_from_nothing(standing: Laboratory) -> float:
    standing.lab("down").succeeded()
    return _timed(standing)[0]


@pytest.mark.slow
@pytest.mark.parametrize("harm", HARMS)
def test_it_stands_again_as_fast_as_from_nothing(standing: Laboratory, seconds_from_nothing: float, harm: str) -> None:
    HARMS[harm](standing)
    seconds, said = _timed(standing)
    assert STANDS in said
    _require_whole(standing)
    assert seconds <= 1.5 * seconds_from_nothing


def _timed(laboratory: Laboratory) -> tuple[float, str]:
    began = time.monotonic()
    said = laboratory.lab("up").succeeded().output
    return time.monotonic() - began, said


def _victim(laboratory: Laboratory, process: str) -> psutil.Process:
    if process in HOST_PROCESSES:
        return psutil.Process(int(laboratory.pid_file(process).read_text()))
    if process == "agent":
        return _agent(laboratory)
    if process == "around the agent":
        outer = _agent(laboratory).parent()
        assert outer is not None
        return outer
    name = process.removeprefix("data plane: ")
    found = [each for each in _data_plane(laboratory) if each.name().startswith(name)]
    if not found:
        pytest.skip(f"no {name} runs in the data plane")
    return found[0]


def _agent(laboratory: Laboratory) -> psutil.Process:
    if why := dataplane.unavailable():
        pytest.skip(f"this machine can have no data plane: {why}")
    found = dataplane.agent(laboratory.directory)
    assert found is not None
    return found


def _data_plane(laboratory: Laboratory) -> list[psutil.Process]:
    """What the agent has started."""
    return _agent(laboratory).children(recursive=True)


def _image(laboratory: Laboratory, deployment: str) -> str:
    found: dict[str, Any] = laboratory.get("deployment", deployment, "-n", "tutorial")
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def _require_whole(laboratory: Laboratory) -> None:
    laboratory.kubectl("wait", "pods", "-A", "--all", "--for=condition=Ready", "--timeout=60s").succeeded()
    for name, namespace in (("hello-nginx", "tutorial"), ("reviews-v3", "tutorial"), ("grafana", "istio-system")):
        laboratory.kubectl("get", "deployment", name, "-n", namespace).succeeded()
    laboratory.kubectl("get", "clusterrole", "kiali").succeeded()
    assert web.answers(laboratory.pulumi("stack", "output", "bookinfoUrl").succeeded().output.strip(), timeout=10)
