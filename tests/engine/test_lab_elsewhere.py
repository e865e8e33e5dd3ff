"""The lab on a cluster that was there before and stays: `target: kubeconfig`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lab.adapters import kubectl

if TYPE_CHECKING:
    from tests.engine.existing_cluster import ByHand
    from tests.engine.laboratory import Laboratory


@pytest.fixture(scope="module")
def elsewhere(laboratory: Laboratory, by_hand: ByHand) -> Laboratory:
    """A stack for that cluster, which nothing was made of yet."""
    stack = laboratory.other("elsewhere")
    configure(stack, by_hand, purgeCrds=True)
    stack.pulumi("stack", "init").succeeded()
    return stack


def test_the_lab_stands_there_and_leaves_the_cluster_as_it_was(elsewhere: Laboratory, by_hand: ByHand) -> None:
    before = by_hand.objects()

    elsewhere.lab("up").succeeded()
    pods = elsewhere.get("pods", "-A")["items"]
    again = elsewhere.pulumi("preview", "--expect-no-changes").succeeded()
    outputs = elsewhere.pulumi("stack", "output", "--json").succeeded().output
    refused = elsewhere.lab("audit")
    elsewhere.lab("down").succeeded()
    audited = elsewhere.lab("audit")

    assert refused.code == 1
    assert "still stands" in refused.output
    assert audited.succeeded().output.count("clean") >= 18
    assert len(pods) == 42
    assert [pod["metadata"]["name"] for pod in pods if namespace(pod) == "tutorial" and not injected(pod)] == []
    assert "unchanged" in again.output
    assert json.loads(outputs)["kubeconfig"] == "[secret]"
    assert by_hand.objects() == before
    assert not elsewhere.directory.exists()


def test_istios_crds_stay_unless_they_are_asked_to_go(elsewhere: Laboratory, by_hand: ByHand) -> None:
    before = by_hand.objects()
    configure(elsewhere, by_hand)

    elsewhere.lab("up").succeeded()
    elsewhere.lab("down").succeeded()

    kubectl.run(by_hand.kubeconfig, "create", "clusterrole", "forgotten", "--verb=get", "--resource=pods")
    forgotten = elsewhere.lab("audit")
    kubectl.run(by_hand.kubeconfig, "delete", "clusterrole", "forgotten")
    audited = elsewhere.lab("audit").succeeded()

    assert forgotten.code == 1
    assert "delete ClusterRole forgotten" in forgotten.output
    assert "kept by setting" in audited.output
    left = [json.loads(each) for each in by_hand.objects() - before]
    assert {each["kind"] for each in left} == {"CustomResourceDefinition"}
    assert all(each["metadata"]["name"].endswith((".istio.io", ".argoproj.io")) for each in left)


AUTOMATION = """
import sys
from pulumi import automation

stack = automation.select_stack(stack_name=sys.argv[1], work_dir=".")
try:
    stack.up(on_output=print)
except automation.errors.CommandError:
    sys.exit(1)
"""


def test_a_namespace_of_somebody_elses_is_never_taken_over(elsewhere: Laboratory, by_hand: ByHand) -> None:
    configure(elsewhere, by_hand)
    by_hand.create_namespace("tutorial")
    before = by_hand.objects()

    results = {
        "preview": elsewhere.pulumi("preview"),
        "plain": elsewhere.pulumi("up", "--yes", "--skip-preview"),
        "lab": elsewhere.lab("up"),
        "automation": elsewhere.python(AUTOMATION, elsewhere.stack),
    }
    after = by_hand.objects()
    elsewhere.lab("down").succeeded()
    kubectl.run(by_hand.kubeconfig, "delete", "namespace", "tutorial")

    for name, result in results.items():
        assert result.code != 0, name
        assert "the cluster has the namespace tutorial already, which kubectl-create has made" in result.output, name
        assert "Traceback" not in result.output, name
    assert after == before


@pytest.mark.parametrize(
    ("wrong", "key"),
    [({"context": "production"}, "kubeconfig.context"), ({"file": "/nowhere/config"}, "kubeconfig.file")],
)
def test_a_cluster_that_is_not_there_is_refused_by_its_setting(
    elsewhere: Laboratory, by_hand: ByHand, wrong: dict[str, str], key: str
) -> None:
    configure(elsewhere, by_hand, **wrong)

    result = elsewhere.lab("up")

    assert result.code == 1
    assert f"istio-lab:{key}: found" in result.output
    assert "Traceback" not in result.output
    # The program asks the engine for what the stack has before, which leaves the engine's own provider in the state.
    assert {each["type"] for each in elsewhere.state()} <= {"pulumi:pulumi:Stack", "pulumi:providers:pulumi"}


def configure(stack: Laboratory, cluster: ByHand, **given: object) -> None:
    settings = {"file": str(cluster.kubeconfig), "context": "kwok-lab", **given}
    file = stack.project / f"Pulumi.{stack.stack}.yaml"
    before = yaml.safe_load(file.read_text()) if file.exists() else {}
    config = {"istio-lab:target": "kubeconfig", "istio-lab:kubeconfig": settings}
    file.write_text(yaml.safe_dump({**before, "config": config}))


def injected(pod: dict[str, Any]) -> bool:
    return "istio-proxy" in {each["name"] for each in pod["spec"]["containers"] + pod["spec"]["initContainers"]}


def namespace(pod: dict[str, Any]) -> str:
    return str(pod["metadata"]["namespace"])
