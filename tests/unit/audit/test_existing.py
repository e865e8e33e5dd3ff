"""Whether an existing cluster is back to what it was. kubectl here only pretends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from lab.core.errors import LabError
from lab.services.audit import existing, inventory, record
from lab.services.audit.finding import AuditVerdict
from lab.services.audit.inventory import Difference
from lab.settings.groups import Kubeconfig
from tests.unit.audit.conftest import resource
from tests.unit.pretended_kubectl import PretendedKubectl

if TYPE_CHECKING:
    from pathlib import Path

    from lab.services.audit.finding import Finding
    from tests.unit.audit.conftest import PretendedStack

MINE = Kubeconfig(file="config", context="desk")
PURGED = Kubeconfig(file="config", context="desk", purge_crds=True)
NOTHING = Difference(added=(), replaced=(), missing=())

BEFORE = "Namespace\t\tdefault\tu1\t\nClusterRole\t\tadmin\tu2\t\n"
MADE = "Namespace\t\tistio-system\tu3\t\nCustomResourceDefinition\t\tgateways.networking.istio.io\tu4\t\n"


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {each.looked_at: each for each in findings}


def left(difference: Difference, chosen: Kubeconfig = MINE) -> dict[str, tuple[str, ...]]:
    found = existing.compared(difference, chosen)
    return {each.looked_at: each.left for each in found if each.verdict is AuditVerdict.LEFT}


def added(*keys: str) -> Difference:
    return Difference(added=keys, replaced=(), missing=())


def test_what_clusters_make_by_themselves_is_not_listed() -> None:
    lines = (
        "APIService\t\tv1.networking.istio.io\tu1\ttrue\n"
        "APIService\t\tv1beta1.metrics.k8s.io\tu2\t\n"
        "ClusterRole\t\tsystem:node\tu3\t\n"
        "Service\tdefault\tkubernetes\tu4\t\n"
        "Service\tsomebodys\tweb\tu5\t\n"
        "ConfigMap\tsomebodys\tistio-ca-root-cert\tu6\t\n"
    )

    assert inventory.parse(lines) == {
        "APIService v1beta1.metrics.k8s.io": "u2",
        "Service default/kubernetes": "u4",
        "ConfigMap somebodys/istio-ca-root-cert": "u6",
    }


def test_two_inventories_are_held_against_each_other_by_identity() -> None:
    found = inventory.compare({"Namespace a": "1", "Namespace b": "2"}, {"Namespace b": "3", "Namespace c": "4"})

    assert found == Difference(added=("Namespace c",), replaced=("Namespace b",), missing=("Namespace a",))


def test_a_cluster_as_it_was_is_clean_kind_by_kind() -> None:
    found = existing.compared(NOTHING, MINE)

    assert {each.verdict for each in found} == {AuditVerdict.CLEAN}
    assert {"namespaces", "clusterroles", "persistentvolumes", "validatingwebhookconfigurations"} <= set(by_name(found))


@pytest.mark.parametrize("kind", inventory.CLUSTERWIDE)
def test_anything_that_was_not_there_is_left(kind: str) -> None:
    assert left(added(f"{kind} istiod")) == {inventory.CLUSTERWIDE[kind]: ("istiod",)}


def test_what_is_left_is_deleted_with_one_command_each() -> None:
    found = by_name(existing.compared(added("Namespace shop", "Service default/example"), MINE))

    assert found["namespaces"].remedy == "kubectl --kubeconfig config --context desk delete Namespace shop"
    others = next(each for each in found.values() if each.left == ("Service default/example",))
    assert others.remedy.endswith("delete Service example --namespace default")


def test_what_was_made_anew_or_is_gone_is_said() -> None:
    difference = Difference(added=(), replaced=("StorageClass fast",), missing=("Namespace team",))

    assert left(difference) == {
        "storageclasses": ("fast (another one than before)",),
        "namespaces": ("team (was there before, and is gone)",),
    }


def test_crds_that_are_kept_by_setting_do_not_fail_the_audit() -> None:
    ours = [f"CustomResourceDefinition {name}" for name in ("gateways.networking.istio.io", "rollouts.argoproj.io")]
    strangers = "CustomResourceDefinition applications.argoproj.io"

    found = by_name(existing.compared(added(*ours, strangers), MINE))

    assert found["customresourcedefinitions"].left == ("applications.argoproj.io",)
    kept = found["CRDs of Istio and Argo Rollouts"]
    assert (kept.verdict, kept.note) == (AuditVerdict.KEPT, "kubeconfig.purgeCrds is false")
    assert kept.left == ("gateways.networking.istio.io", "rollouts.argoproj.io")
    assert len(left(added(*ours), PURGED)["customresourcedefinitions"]) == 2


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PretendedKubectl:
    pretended = PretendedKubectl(tmp_path / "kubectl")
    monkeypatch.setattr("lab.adapters.kubectl.program", lambda: pretended.file)
    return pretended


@pytest.fixture
def elsewhere(stack: PretendedStack, tmp_path: Path, kubectl: PretendedKubectl) -> PretendedStack:
    config = tmp_path / "config"
    context = {"name": "desk", "context": {"cluster": "desk"}}
    server = {"name": "desk", "cluster": {"server": "https://192.0.2.7"}}
    config.write_text(yaml.safe_dump({"contexts": [context], "clusters": [server]}))
    stack.configure(target="kubeconfig", kubeconfig={"file": str(config), "context": "desk"})
    kubectl.answers("get namespace kube-system", "cluster-1")
    kubectl.answers("get nodes", {"items": [{"metadata": {"annotations": {"kwok.x-k8s.io/node": "fake"}}}]})
    kubectl.answers("-A", "")
    kubectl.answers("get namespaces,", BEFORE)
    return stack


def test_what_the_cluster_had_is_written_down_once_before_the_lab_comes(
    elsewhere: PretendedStack, kubectl: PretendedKubectl
) -> None:
    record.before_up(elsewhere)
    elsewhere.resources = [resource("kubernetes:core/v1:Namespace", "tutorial")]
    kubectl.answers("get namespaces,", BEFORE + MADE)
    record.before_up(elsewhere)

    found = record.baseline(elsewhere)
    assert found is not None
    assert found.objects == {"Namespace default": "u1", "ClusterRole admin": "u2"}


def test_what_the_lab_left_is_told_from_what_was_there(elsewhere: PretendedStack, kubectl: PretendedKubectl) -> None:
    record.before_up(elsewhere)
    kubectl.answers("get namespaces,", BEFORE + MADE)

    found = by_name(existing.examine(elsewhere))

    assert found["namespaces"].left == ("istio-system",)
    assert found["clusterroles"].verdict is AuditVerdict.CLEAN
    assert found["CRDs of Istio and Argo Rollouts"].verdict is AuditVerdict.KEPT
    assert "files on nodes" not in found


def test_files_on_real_nodes_are_named_as_what_nobody_looked_at(
    elsewhere: PretendedStack, kubectl: PretendedKubectl
) -> None:
    record.before_up(elsewhere)
    kubectl.answers("get nodes", {"items": [{"metadata": {"name": "desk"}}]})

    assert by_name(existing.examine(elsewhere))["files on nodes"].verdict is AuditVerdict.UNSEEN


def test_nothing_is_proven_without_the_baseline_of_this_very_cluster(
    elsewhere: PretendedStack, kubectl: PretendedKubectl
) -> None:
    with pytest.raises(LabError, match="nobody wrote down what the cluster of context desk had"):
        existing.examine(elsewhere)
    record.before_up(elsewhere)
    kubectl.answers("get namespace kube-system", "cluster-2")

    with pytest.raises(LabError, match="nobody wrote down"):
        existing.examine(elsewhere)


def test_a_cluster_that_does_not_answer_is_the_programs_to_complain_about(
    elsewhere: PretendedStack, kubectl: PretendedKubectl
) -> None:
    kubectl.answers("get namespaces,", "refused", code=1)

    record.before_up(elsewhere)

    assert record.baseline(elsewhere) is None


def test_only_existing_clusters_are_written_down(stack: PretendedStack) -> None:
    record.before_up(stack)

    assert record.baseline(stack) is None
