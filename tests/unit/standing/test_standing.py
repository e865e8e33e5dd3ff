"""Whether a lab stands: what its state says against what the cluster has, and what is done about it."""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from rich.console import Console
from typer import Exit

from lab.adapters.stack import Stack
from lab.cli import summary
from lab.core.errors import LabError
from lab.core.progress import Progress
from lab.services.standing import cluster, expected, healing, helm, verdict
from lab.services.standing.cluster import Snapshot
from lab.services.standing.compare import Findings, compare
from lab.services.standing.verdict import Problem, Verdict
from tests.unit.pretended_api import PretendedApi, items, serving

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Object = dict[str, Any]

PULUMIS = {"manager": "pulumi-kubernetes-1f2e", "operation": "Apply"}
CHARTS = {"manager": "pulumi-resource-kubernetes", "operation": "Update"}
OPERATORS = {"manager": "istio-operator", "operation": "Apply"}
MINE = {"manager": "kubectl-create", "operation": "Update"}


def resource(kind: str, name: str, uid: str, **more: object) -> Object:
    inputs = {"apiVersion": "v1" if kind == "Namespace" else "apps/v1", "kind": kind}
    return {
        "urn": f"urn:{name}",
        "type": f"kubernetes:{'core/v1' if kind == 'Namespace' else 'apps/v1'}:{kind}",
        "custom": True,
        "id": name,
        "inputs": inputs,
        "outputs": {"metadata": {"uid": uid}},
        **more,
    }


RELEASE = {
    "urn": "urn:kiali",
    "type": "kubernetes:helm.sh/v3:Release",
    "custom": True,
    "id": "mesh/kiali",
    "outputs": {
        "name": "kiali",
        "namespace": "mesh",
        "resourceNames": {"Deployment.apps/apps/v1": ["mesh/kiali"], "ClusterRole.rbac.x/rbac.x/v1": ["kiali"]},
    },
}
STATE = [
    {"urn": "urn:stack", "type": "pulumi:pulumi:Stack", "outputs": {"bookinfoUrl": "http://page"}},
    resource("Namespace", "tutorial", "1"),
    resource("Deployment", "tutorial/reviews", "2"),
    resource("Deployment", "tutorial/read-only", "3", external=True),
    resource("Deployment", "tutorial/former", "4", delete=True),
    RELEASE,
]
WANTED = expected.of(STATE)


def live(uid: str, *managed: Object, annotations: Object | None = None, **more: object) -> Object:
    return {"metadata": {"uid": uid, "managedFields": list(managed), "annotations": annotations, **more}}


def record() -> Object:
    return {"metadata": {"labels": {"owner": "helm", "name": "kiali"}}}


WHOLE = {
    ("", "Namespace", "", "tutorial"): live("1", PULUMIS),
    ("apps", "Deployment", "tutorial", "reviews"): live("2", PULUMIS),
    ("apps", "Deployment", "mesh", "kiali"): live("5", CHARTS),
    ("rbac.x", "ClusterRole", "", "kiali"): live("6", CHARTS),
    ("", "Secret", "mesh", "sh.helm.release.v1.kiali.v1"): record(),
}


def found(**changes: Object | None) -> Findings:
    """Compare with the whole cluster in which objects, by their last names and kinds, are otherwise or not there."""
    metadata = dict(WHOLE)
    for named, change in changes.items():
        [key] = [key for key in WHOLE if f"{key[1]}_{key[3].rpartition('/')[2]}".startswith(named)]
        del metadata[key]
        if change is not None:
            metadata[key] = change
    return compare(WANTED, Snapshot(metadata=metadata, kinds=frozenset()))


def titles(found: Sequence[expected.Expected]) -> list[str]:
    return [each.title for each in found]


# --- what the state says ---


def test_the_state_tells_the_objects_the_releases_and_the_page() -> None:
    assert titles(WANTED.objects) == [
        "Namespace tutorial",
        "Deployment tutorial/reviews",
        "Deployment mesh/kiali",
        "ClusterRole kiali",
    ]
    assert [each.title for each in WANTED.releases] == ["the Helm release mesh/kiali"]
    assert WANTED.page == "http://page"


# --- what there is ---


def test_nothing_is_to_be_mended_where_all_is_there() -> None:
    assert found().none


def test_what_is_not_there_is_missing_and_the_engine_makes_only_what_is_its_own() -> None:
    seen = found(Namespace_tutorial=None, Deployment_reviews=None, ClusterRole_kiali=None)

    assert titles(seen.missing) == ["Namespace tutorial", "Deployment tutorial/reviews", "ClusterRole kiali"]
    assert [each.urn for each in seen.resources] == ["urn:tutorial", "urn:tutorial/reviews"]
    assert not seen.none


def test_a_release_without_its_record_is_installed_again() -> None:
    seen = found(Secret=None)

    assert [each.urn for each in seen.resources] == ["urn:kiali"]


def test_what_is_being_deleted_is_waited_for() -> None:
    seen = found(Deployment_reviews=live("2", PULUMIS, deletionTimestamp="now"))

    assert titles(seen.ending) == ["Deployment tutorial/reviews"]


@pytest.mark.parametrize(
    "made",
    [
        {"Deployment_reviews": live("another", MINE)},
        {"Deployment_kiali": live("another", MINE)},
        {"Deployment_kiali": live("another", MINE, annotations={"meta.helm.sh/release-name": "another"})},
    ],
)
def test_an_object_of_the_labs_name_that_a_person_made_is_foreign(made: dict[str, Object]) -> None:
    seen = found(**made)

    assert len(seen.foreign) == 1
    assert seen.none


@pytest.mark.parametrize(
    "made",
    [
        # `kubectl apply` takes fields over; the object stays the lab's.
        {"Deployment_reviews": live("2", MINE)},
        # The engine made it again, in an update that was killed before its state was written.
        {"Deployment_reviews": live("another", PULUMIS)},
        {"Deployment_kiali": live("another", MINE, annotations={"meta.helm.sh/release-name": "kiali"})},
    ],
)
def test_an_object_of_the_labs_making_stays_the_labs(made: dict[str, Object]) -> None:
    assert found(**made).foreign == ()


@pytest.mark.parametrize(
    ("others", "by"),
    [
        (OPERATORS, ["istio-operator"]),
        ({"manager": "argocd-controller", "operation": "Apply"}, ["argocd-controller"]),
        ({**OPERATORS, "subresource": "status"}, []),
        ({"manager": "kubectl", "operation": "Apply"}, []),
        (MINE, []),
        ({"manager": "clusterrole-aggregation-controller", "operation": "Apply"}, []),
        (CHARTS, []),
    ],
)
def test_only_another_installer_overwrites_an_object_of_a_release(others: Object, by: list[str]) -> None:
    assert [who for _, who in found(Deployment_kiali=live("5", CHARTS, others)).overwritten] == by


# --- Helm ---

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: kiali, namespace: mesh, labels: {app: kiali}}
---
apiVersion: rbac.x/v1
kind: ClusterRole
metadata: {name: kiali}
---
apiVersion: v1
kind: Service
metadata: {name: kiali, namespace: mesh}
"""


def test_objects_of_a_release_are_made_as_helm_makes_them() -> None:
    role = WANTED.objects[3]

    [made] = helm.wanted(MANIFEST, "kiali", "mesh", [role])

    assert (made["kind"], made["apiVersion"]) == ("ClusterRole", "rbac.x/v1")
    assert made["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "Helm"}
    assert made["metadata"]["annotations"] == {
        "meta.helm.sh/release-name": "kiali",
        "meta.helm.sh/release-namespace": "mesh",
    }


def test_what_the_chart_says_of_an_object_stays() -> None:
    [made] = helm.wanted(MANIFEST, "kiali", "mesh", [WANTED.objects[2]])

    assert made["metadata"]["labels"] == {"app": "kiali", "app.kubernetes.io/managed-by": "Helm"}


def test_a_record_is_read_as_helm_writes_it() -> None:
    written = base64.b64encode(base64.b64encode(gzip.compress(json.dumps({"manifest": "x"}).encode()))).decode()

    assert helm.decoded(written) == {"manifest": "x"}


# --- the lists ---


def test_a_few_lists_tell_what_there_is(tmp_path: Path) -> None:
    def group(name: str, *resources: tuple[str, str]) -> Object:
        listed = [{"resource": plural, "responseKind": {"kind": kind}} for plural, kind in resources]
        return {"metadata": {"name": name}, "versions": [{"version": "v1", "resources": listed}]}

    answers = {
        "/api": items(group("", ("namespaces", "Namespace"), ("secrets", "Secret"), ("pods", "Pod"))),
        "/apis": items(group("apps", ("deployments", "Deployment"))),
        "/api/v1/namespaces": items({"metadata": {"name": "tutorial"}}),
        "/api/v1/secrets": items({"metadata": {"name": "s", "namespace": "mesh", **record()["metadata"]}}),
        "/api/v1/pods": items(),
        "/apis/apps/v1/deployments": items({"metadata": {"name": "reviews", "namespace": "tutorial"}, "status": {}}),
    }
    kubeconfig = tmp_path / "kubeconfig"
    with serving(PretendedApi(answers)) as api:
        kubeconfig.write_text(api.kubeconfig())
        # Of a kind whose definition is deleted there is nothing.
        seen = cluster.look(kubeconfig, [("", "Namespace"), ("gone.io", "Gone")])

    assert sorted(seen.metadata) == [
        ("", "Namespace", "", "tutorial"),
        ("", "Secret", "mesh", "s"),
        ("apps", "Deployment", "tutorial", "reviews"),
    ]
    assert seen.releases == {("mesh", "kiali")}


# --- the update ---


class Lab:
    """A lab that is looked at as often as a test says, and what was done to it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *looks: Findings | LabError | None) -> None:
        self.did: list[str] = []
        self._looks = list(looks)
        monkeypatch.setattr(healing, "look", lambda _: self._look())
        for name in ("make_again", "put_back"):
            monkeypatch.setattr(helm, name, lambda _, objects, name=name: self._put_right(name, objects))
        self.refuses = 0

    def _look(self) -> object:
        seen = self._looks.pop(0)
        if isinstance(seen, LabError):
            raise seen
        return seen and (WANTED, seen, Snapshot(metadata={}, kinds=frozenset()))

    def _put_right(self, name: str, objects: Sequence[expected.Expected]) -> None:
        self.did.append(f"{name} {titles(objects)}")
        if self.refuses:
            self.refuses -= 1
            raise LabError("failed calling webhook")

    def refresh(self, _stack: Stack, urns: Sequence[str]) -> None:
        self.did.append(f"refresh {' '.join(urns)}")

    def up(self) -> list[str]:
        healing.up(Stack("dev"), self, Progress(quiet=True), lambda: self.did.append("up"))
        assert self._looks == []
        return self.did


NOBODY = LabError("nobody answers")


@pytest.mark.parametrize(
    "looks",
    [
        (None,),  # there is no cluster yet
        (found(),),
        (NOBODY, found()),
        (NOBODY, NOBODY),
    ],
)
def test_a_whole_lab_is_updated_once(monkeypatch: pytest.MonkeyPatch, looks: Sequence[Findings | None]) -> None:
    assert Lab(monkeypatch, *looks).up() == ["up"]


def test_what_is_missing_is_made_by_the_same_update(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(monkeypatch, found(Namespace_tutorial=None), found())

    assert lab.up() == ["refresh urn:tutorial", "up"]


def test_a_cluster_that_answers_only_after_the_update_is_mended_by_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(monkeypatch, NOBODY, found(Namespace_tutorial=None))

    assert lab.up() == ["up", "refresh urn:tutorial", "up"]


def test_objects_of_releases_are_put_right_before_the_update(monkeypatch: pytest.MonkeyPatch) -> None:
    hurt = found(ClusterRole_kiali=None, Deployment_kiali=live("5", CHARTS, OPERATORS))

    assert Lab(monkeypatch, hurt, found()).up() == [
        "make_again ['ClusterRole kiali']",
        "put_back ['Deployment mesh/kiali']",
        "up",
    ]


def test_what_the_cluster_refuses_before_the_update_is_tried_again_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(monkeypatch, found(ClusterRole_kiali=None), found(ClusterRole_kiali=None))
    lab.refuses = 1

    assert lab.up() == ["make_again ['ClusterRole kiali']", "up", "make_again ['ClusterRole kiali']"]


def test_a_release_that_is_gone_is_the_engines_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    hurt = found(Secret=None, Deployment_kiali=None)

    assert Lab(monkeypatch, hurt, found()).up() == ["refresh urn:kiali", "up"]


# --- the verdict ---


@pytest.mark.parametrize(
    ("kind", "workload", "ready"),
    [
        ("Deployment", {"spec": {"replicas": 2}, "status": {"readyReplicas": 1}}, (1, 2)),
        ("Deployment", {"spec": {"replicas": 0}, "status": {}}, (0, 0)),
        ("Rollout", {"spec": {}, "status": {}}, (0, 1)),
        ("DaemonSet", {"status": {"numberReady": 2, "desiredNumberScheduled": 3}}, (2, 3)),
        ("Pod", {"status": {"phase": "Succeeded"}}, (1, 1)),
        ("Pod", {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}, (0, 1)),
    ],
)
def test_a_workload_says_how_many_of_its_pods_are_ready(kind: str, workload: Object, ready: tuple[int, int]) -> None:
    assert verdict.ready_pods(kind, workload) == ready


def test_workloads_that_are_not_ready_are_named_with_the_command_that_tells_why() -> None:
    metadata = {**WHOLE, ("apps", "Deployment", "tutorial", "reviews"): live("2", PULUMIS, namespace="tutorial")}
    metadata["apps", "Deployment", "mesh", "kiali"] = {**live("5", CHARTS), "status": {"readyReplicas": 1}}

    assert list(verdict.workloads(WANTED, Snapshot(metadata=metadata, kinds=frozenset()), found())) == [
        Problem(
            what="Deployment tutorial/reviews: 0 of 1 Pods ready",
            remedy="see why: kubectl describe pods --namespace tutorial",
        )
    ]


def test_the_choice_about_a_persons_object_is_a_command() -> None:
    [said] = verdict.foreign(found(Deployment_reviews=live("another", MINE)), Stack("two"))

    assert said.remedy.endswith("kubectl delete deployment reviews --namespace tutorial && make up STACK=two")


@pytest.fixture
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(yaml.safe_dump({"config": {}}))
    monkeypatch.setattr(Stack, "file", file)
    monkeypatch.setattr(Stack, "outputs", lambda _: {})
    return Stack("dev")


def test_a_lab_with_a_problem_is_not_said_to_stand(
    embedded: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    problem = Problem(what="istiod is frozen", remedy="make up")
    monkeypatch.setattr(verdict, "reach", lambda *_: Verdict(problems=(problem,)))

    with pytest.raises(Exit):
        summary.show(embedded, Console(width=200), Progress(quiet=True))

    said = capsys.readouterr().out
    assert "The lab does not stand (stack dev)." in said
    assert "istiod is frozen" in said
    assert "make up" in said
    assert "The lab stands" not in said


def test_an_embedded_cluster_that_does_not_answer_does_not_stand(
    embedded: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    Lab(monkeypatch, *[NOBODY] * 9)
    monkeypatch.setattr(verdict, "_PATIENCE", 0.0)

    assert verdict.reach(embedded, Progress(quiet=True)).problems[0].what.endswith("nobody answers")
