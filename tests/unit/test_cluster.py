"""An existing cluster: what it is asked, what is concluded, and what stays on disk. The API server only pretends."""

from __future__ import annotations

import stat
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lab.core import paths
from lab.core.errors import LabError
from lab.platforms import kubeconfig as cluster
from lab.platforms.kubeconfig import ClusterFacts
from tests.unit.pretended_api import (
    API_SERVICES,
    CRDS,
    KUBE_SYSTEM,
    NODES,
    SERVICES,
    PretendedApi,
    items,
    serving,
    status,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = """\
apiVersion: v1
kind: Config
clusters:
- {name: c, cluster: {server: "https://192.0.2.7:6443", certificate-authority: ca.crt}}
users:
- {name: u, user: {token: t}}
contexts:
- {name: desk, context: {cluster: c, user: u}}
- {name: seoul, context: {cluster: c, user: u}}
current-context: desk
"""
CONTENT = "clusters: [{name: c, cluster: {server: 'https://192.0.2.7:6443'}}]\n"
GOOD = ClusterFacts(
    identity="uid",
    server="https://192.0.2.7:6443",
    version="1.36.3",
    runs_containers=True,
    load_balancers=True,
    metrics=True,
)
PLAIN_NODE: dict[str, Any] = {"metadata": {"name": "one"}, "spec": {}}
KWOK_BY_ANNOTATION: dict[str, Any] = {"metadata": {"annotations": {"kwok.x-k8s.io/node": "fake"}}, "spec": {}}
KWOK_BY_LABEL: dict[str, Any] = {"metadata": {"labels": {"type": "kwok"}}, "spec": {}}
PUBLISHED = "/api/v1/configmaps"
INJECTORS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"


def service(
    kind: str | None = "LoadBalancer", *ingress: dict[str, str], status: str = "loadBalancer"
) -> dict[str, Any]:
    return {"spec": {"type": kind} if kind else {}, "status": {status: {"ingress": list(ingress)} if ingress else {}}}


def node(provider: str | None) -> dict[str, Any]:
    return {"metadata": {}, "spec": {} if provider is None else {"providerID": provider}}


def api(name: str, *conditions: tuple[str, str]) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "status": {"conditions": [{"type": kind, "status": value} for kind, value in conditions]},
    }


def named(*names: str) -> dict[str, Any]:
    return items(*({"metadata": {"name": name}} for name in names))


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "lab"))


@pytest.fixture
def fake() -> Iterator[PretendedApi]:
    answers = {
        "/version": {"gitVersion": "v1.36.3"},
        NODES: items(PLAIN_NODE),
        SERVICES: items(),
        API_SERVICES: items(),
        KUBE_SYSTEM: {"metadata": {"uid": "2f1c-uid"}},
        CRDS: items(),
        PUBLISHED: items(),
    }
    with serving(PretendedApi(answers)) as api:
        yield api


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    file = tmp_path / "config"
    file.write_text(CONFIG)
    (tmp_path / "ca.crt").write_text("the authority")
    return file


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        pytest.param([PLAIN_NODE], True, id="a node with a kubelet"),
        pytest.param([], False, id="no node at all"),
        pytest.param([KWOK_BY_ANNOTATION], False, id="kwok's annotation"),
        pytest.param([KWOK_BY_LABEL], False, id="kwok's label"),
        pytest.param([KWOK_BY_LABEL, PLAIN_NODE], True, id="one real node among simulated ones"),
        pytest.param([{"metadata": {"labels": {"type": "gpu"}}, "spec": {}}], True, id="another type"),
        pytest.param([{"metadata": {"annotations": {"kwok.x-k8s.io/node": ""}}}], True, id="the annotation emptied"),
    ],
)
def test_pods_run_where_a_node_is_not_simulated(nodes: list[dict[str, Any]], *, expected: bool) -> None:
    assert cluster.runs_containers(nodes) is expected


@pytest.mark.parametrize(
    ("nodes", "services", "expected"),
    [
        pytest.param([node(None)], [service("LoadBalancer", {"ip": "192.0.2.1"})], True, id="one has an address"),
        pytest.param([node(None)], [service("LoadBalancer", {"hostname": "lb"})], True, id="one has a host name"),
        pytest.param([node("azure:///vm")], [service()], False, id="one waits although there is a provider"),
        pytest.param([node("azure:///vm")], [service(status="conditions")], False, id="one has no status yet"),
        pytest.param([node(None)], [service(), service("LoadBalancer", {"ip": "::1"})], True, id="one of two has one"),
        pytest.param([node("azure:///vm")], [service("ClusterIP")], True, id="another type proves nothing"),
        pytest.param([node("azure:///vm")], [service(None)], True, id="no type proves nothing"),
        pytest.param([node("kind://docker/one")], [], False, id="kind"),
        pytest.param([node("kwok://one")], [], False, id="kwok"),
        pytest.param([node("")], [], False, id="a bare machine"),
        pytest.param([node(None)], [], False, id="a node without a provider"),
        pytest.param([node(""), node("aws:///a/i-1")], [], True, id="one node of a provider"),
        pytest.param([], [], False, id="nothing at all"),
    ],
)
def test_load_balancers_are_proved_by_services_or_else_by_the_nodes_provider(
    nodes: list[dict[str, Any]], services: list[dict[str, Any]], *, expected: bool
) -> None:
    assert cluster.gives_addresses(nodes, services) is expected


@pytest.mark.parametrize(
    ("apis", "expected"),
    [
        pytest.param([api("v1beta1.metrics.k8s.io", ("Available", "True"))], True, id="available"),
        pytest.param([api("v1beta1.metrics.k8s.io", ("Available", "False"))], False, id="not available"),
        pytest.param([api("v1beta1.metrics.k8s.io", ("Available", "Unknown"))], False, id="unknown"),
        pytest.param([api("v1beta1.metrics.k8s.io", ("Ready", "True"))], False, id="another condition"),
        pytest.param([api("v1.apps", ("Available", "True"))], False, id="another api"),
        pytest.param([api("v1beta1.custom.metrics.k8s.io", ("Available", "True"))], False, id="custom metrics"),
        pytest.param([{"metadata": {"name": "v1beta1.metrics.k8s.io"}}], False, id="registered just now"),
        pytest.param([], False, id="none at all"),
    ],
)
def test_kubectl_top_works_where_the_metrics_api_is_available(apis: list[dict[str, Any]], *, expected: bool) -> None:
    assert cluster.serves_metrics(apis) is expected


def test_a_supported_pair_on_a_cluster_that_runs_pods_is_let_through() -> None:
    GOOD.require(istio="1.31.1")


@pytest.mark.parametrize("host", ["127.0.0.1:6443", "localhost:6443", "[::1]:6443"])
def test_simulated_nodes_are_fine_where_istiod_on_this_machine_is_reached(host: str) -> None:
    replace(GOOD, server=f"https://{host}", runs_containers=False).require(istio="1.31.1")


@pytest.mark.parametrize("host", ["192.0.2.7:6443", "127.0.0.1.example.test", "aks.example.test"])
def test_simulated_nodes_elsewhere_are_refused_for_nobody_could_run_istiod(host: str) -> None:
    with pytest.raises(LabError) as refused:
        replace(GOOD, server=f"https://{host}", runs_containers=False).require(istio="1.31.1")

    assert f"the cluster at https://{host} has simulated nodes only" in refused.value.message
    assert refused.value.remedy.endswith("pulumi config set istio-lab:target embedded")


@pytest.mark.parametrize(
    ("version", "istio", "reason"),
    [
        ("1.36.3", "1.24.6", "Istio 1.24 does not work with Kubernetes 1.36"),
        ("1.99.0", "1.31.1", "Kubernetes 1.99 is newer than this release of the lab knows"),
        ("1.20.4", "1.31.1", "Kubernetes 1.20 is older than this release of the lab knows"),
    ],
)
def test_a_pair_that_cannot_work_is_refused_with_what_the_cluster_runs(version: str, istio: str, reason: str) -> None:
    with pytest.raises(LabError) as refused:
        replace(GOOD, version=version).require(istio=istio)

    assert refused.value.message.startswith(f"the cluster runs Kubernetes {version}: {reason}")


def test_reading_takes_the_named_context_with_all_that_it_refers_to(kubeconfig: Path) -> None:
    found = yaml.safe_load(cluster.read(str(kubeconfig), "seoul"))

    assert found["current-context"] == "seoul"
    assert found["clusters"][0]["cluster"]["certificate-authority-data"] == "dGhlIGF1dGhvcml0eQ=="


def test_a_tilde_is_the_users_home_and_a_relative_path_begins_at_the_project(
    kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    monkeypatch.chdir("/")

    assert cluster.read("~/config", "desk") == cluster.read("config", "desk") == cluster.read(str(kubeconfig), "desk")


@pytest.mark.parametrize("name", ["/nowhere/absent", "/usr", "~nobody-of-this-name/config", "absent"])
def test_a_file_that_is_not_there_is_refused_with_the_setting(name: str) -> None:
    with pytest.raises(LabError) as refused:
        cluster.read(name, "desk")

    assert refused.value.message == f'istio-lab:kubeconfig.file: found "{name}"; there is no such file'
    assert refused.value.remedy == "pulumi config set --path istio-lab:kubeconfig.file ~/.kube/config"


@pytest.mark.parametrize("context", ["busan", "Seoul", "seo", ""])
def test_a_context_that_is_not_there_is_refused_with_those_that_are(kubeconfig: Path, context: str) -> None:
    with pytest.raises(LabError) as refused:
        cluster.read(str(kubeconfig), context)

    found = f'istio-lab:kubeconfig.context: found "{context}"; {kubeconfig} has desk, seoul'
    assert refused.value.message == found
    assert refused.value.remedy == "pulumi config set --path istio-lab:kubeconfig.context NAME"


@pytest.mark.parametrize("content", ["", "kind: Config\n", "contexts: []\n", "contexts:\n"])
def test_a_file_without_contexts_says_so(kubeconfig: Path, content: str) -> None:
    kubeconfig.write_text(content)

    with pytest.raises(LabError, match=r'kubeconfig\.context: found "desk"; .* has none at all'):
        cluster.read(str(kubeconfig), "desk")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"just words", id="a sentence"),
        pytest.param(b"[1, 2]", id="a list"),
        pytest.param(b"contexts: 5", id="contexts that are a number"),
        pytest.param(b"contexts: [desk]", id="contexts that are words"),
        pytest.param(b"contexts: [{context: {}}]", id="a context without a name"),
    ],
)
def test_what_is_no_kubeconfig_is_told_by_its_path(kubeconfig: Path, content: bytes) -> None:
    kubeconfig.write_bytes(content)

    with pytest.raises(LabError) as refused:
        cluster.read(str(kubeconfig), "desk")

    assert refused.value.message == f"{kubeconfig} is no kubeconfig"
    assert refused.value.remedy.startswith("kubectl config view --kubeconfig")


def test_a_cluster_is_asked_everything_once_and_believed(fake: PretendedApi) -> None:
    fake.answers[SERVICES] = items(service("LoadBalancer", {"ip": "192.0.2.1"}))
    fake.answers[API_SERVICES] = items(api("v1beta1.metrics.k8s.io", ("Available", "True")))

    assert cluster.probe(fake.kubeconfig()) == replace(GOOD, identity="2f1c-uid", server=fake.url)
    assert sorted(fake.paths) == sorted(["/version", NODES, SERVICES, API_SERVICES, KUBE_SYSTEM, INJECTORS])


@pytest.mark.parametrize(
    ("name", "labels", "revision"),
    [
        ("istio-sidecar-injector-asm-1-29-aks-istio-system", {"istio.io/rev": "asm-1-29"}, "asm-1-29"),
        ("istio-sidecar-injector-asm-1-28-aks-istio-system", {}, "asm-1-28"),
        ("istio-revision-tag-prod", {"istio.io/rev": "asm-1-30"}, "asm-1-30"),
        ("istio-sidecar-injector", {"istio.io/rev": "default"}, ""),
        ("prometheus-asm", {}, ""),
    ],
)
def test_the_istio_add_on_of_aks_is_known_by_its_revisions(
    fake: PretendedApi, name: str, labels: dict[str, str], revision: str
) -> None:
    fake.answers[INJECTORS] = items({"metadata": {"name": name, "labels": labels}})

    assert cluster.probe(fake.kubeconfig()).addon == revision


def test_a_cluster_with_the_istio_add_on_of_aks_is_refused_with_the_reason() -> None:
    with pytest.raises(LabError, match=r"has the Istio add-on of AKS \(revision asm-1-29\)") as refused:
        replace(GOOD, addon="asm-1-29").require(istio="1.31.1")

    assert "az aks mesh disable" in refused.value.remedy


def test_a_cluster_that_can_nothing_is_believed_too(fake: PretendedApi) -> None:
    fake.answers[NODES] = items(KWOK_BY_LABEL)
    fake.answers[SERVICES] = items(service())

    found = cluster.probe(fake.kubeconfig())

    assert (found.runs_containers, found.load_balancers, found.metrics) == (False, False, False)


def test_a_cluster_is_known_without_any_program(fake: PretendedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """A preview starts none."""

    def start(*_: object, **__: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", start)

    cluster.probe(fake.kubeconfig())
    cluster.crds(fake.kubeconfig())
    cluster.clean(fake.kubeconfig(), keep=(), purge_crds=True)


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("v1.36.3", "1.36.3"),
        ("v1.35.2+k3s1", "1.35.2"),
        ("v1.34.1-eks-0a1b2c3", "1.34.1"),
        ("v1.33.5-gke.1201000", "1.33.5"),
        ("v1.36.0-rc.1+build-7", "1.36.0"),
    ],
)
def test_a_version_is_known_without_what_a_vendor_adds(fake: PretendedApi, said: str, version: str) -> None:
    fake.answers["/version"] = {"gitVersion": said}

    assert cluster.probe(fake.kubeconfig()).version == version


def test_a_cluster_that_refuses_is_asked_only_once(fake: PretendedApi) -> None:
    fake.answers["/version"] = (401, status(401, "Unauthorized"))

    with pytest.raises(LabError, match="refuses the credentials of the kubeconfig, which may have expired"):
        cluster.probe(fake.kubeconfig())

    assert fake.paths == ["/version"]


def test_a_written_kubeconfig_is_the_users_alone_and_gone_afterwards() -> None:
    with cluster.written(CONTENT) as file:
        assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == (CONTENT, 0o600)
        assert file.parent == paths.temporary_dir()

    assert list(paths.temporary_dir().iterdir()) == []


@pytest.mark.parametrize("failure", [LabError("refused"), KeyboardInterrupt()])
def test_a_written_kubeconfig_is_gone_after_a_failure_too(failure: BaseException) -> None:
    with pytest.raises(type(failure)), cluster.written(CONTENT):
        raise failure

    assert list(paths.temporary_dir().iterdir()) == []


def test_the_labs_definitions_are_told_from_others_and_sorted(fake: PretendedApi) -> None:
    fake.answers[CRDS] = named(
        "virtualservices.networking.istio.io",
        "istio.io",
        "gateways.gateway.networking.k8s.io",
        "telemetries.telemetry.istio.io",
        "things.notistio.io",
        "things.istio.io.example.test",
        "rollouts.argoproj.io",
        "applications.argoproj.io",
    )

    assert cluster.crds(fake.kubeconfig()) == [
        "rollouts.argoproj.io",
        "telemetries.telemetry.istio.io",
        "virtualservices.networking.istio.io",
    ]


def deleted(fake: PretendedApi) -> list[str]:
    return [each.path for each in fake.asked if each.method == "DELETE"]


def test_cleaning_takes_what_istiod_published_and_leaves_definitions_unasked(fake: PretendedApi) -> None:
    fake.answers[PUBLISHED] = items({"metadata": {"name": "istio-ca-root-cert", "namespace": "default"}})
    fake.answers[CRDS] = named("a.istio.io")

    cluster.clean(fake.kubeconfig(), keep=(), purge_crds=False)

    assert fake.asked[0].query == "labelSelector=istio.io%2Fconfig%3Dtrue"
    assert deleted(fake) == ["/api/v1/namespaces/default/configmaps/istio-ca-root-cert"]
    assert CRDS not in fake.paths


class Forgetting(PretendedApi):
    """A cluster whose definitions go, each a while after it was deleted."""

    def answer(self, method: str, path: str) -> tuple[int, Any]:
        if path == CRDS and deleted(self):
            asked = self.paths.count(CRDS)
            gone = {each.rpartition("/")[2] for each in deleted(self)[: max(0, asked - 2)]}
            left = [each for each in self.answers[CRDS]["items"] if each["metadata"]["name"] not in gone]
            return 200, items(*left)
        return super().answer(method, path)


def test_cleaning_with_the_definitions_keeps_those_that_were_there_before_and_waits_for_the_others() -> None:
    there = named("c.istio.io", "a.istio.io", "b.istio.io", "d.example.test")
    with serving(Forgetting({CRDS: there, PUBLISHED: items()})) as fake:
        cluster.clean(fake.kubeconfig(), keep=["b.istio.io", "z.istio.io"], purge_crds=True)

    assert deleted(fake) == [f"{CRDS}/a.istio.io", f"{CRDS}/c.istio.io"]
    assert fake.paths.count(CRDS) == 4


def test_a_definition_that_does_not_go_is_named(fake: PretendedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.answers[CRDS] = named("a.istio.io")
    monkeypatch.setattr(cluster, "_PATIENCE", 0.0)

    with pytest.raises(LabError, match=r"still had one of the CRDs a\.istio\.io"):
        cluster.clean(fake.kubeconfig(), keep=(), purge_crds=True)


@pytest.mark.parametrize("there", [(), ("b.istio.io",), ("d.example.test",)])
def test_cleaning_deletes_no_definitions_where_none_is_the_labs(fake: PretendedApi, there: tuple[str, ...]) -> None:
    fake.answers[CRDS] = named(*there)

    cluster.clean(fake.kubeconfig(), keep=["b.istio.io"], purge_crds=True)

    assert deleted(fake) == []


def test_a_kept_kubeconfig_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "stacks" / "kim"

    cluster.write(CONTENT, folder)

    assert (folder / "kubeconfig").read_text() == CONTENT
    assert stat.S_IMODE((folder / "kubeconfig").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_an_older_kubeconfig_is_replaced_as_a_whole_and_closed_to_others(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text("longer than what comes after it\n" * 9)
    file.chmod(0o644)

    cluster.write(CONTENT, tmp_path)

    assert file.read_text() == CONTENT
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_forgetting_takes_the_folder_and_is_content_without_one(tmp_path: Path) -> None:
    folder = tmp_path / "kim"
    cluster.write(CONTENT, folder)

    cluster.forget(folder)
    cluster.forget(folder)

    assert not folder.exists()
    assert tmp_path.exists()


@pytest.mark.parametrize("available", [True, False])
def test_a_cluster_can_be_asked_for_kubectl_top_alone(fake: PretendedApi, *, available: bool) -> None:
    fake.answers[API_SERVICES] = items(api("v1beta1.metrics.k8s.io", ("Available", str(available))))

    assert cluster.answers_top(fake.kubeconfig()) is available
    assert fake.paths == [API_SERVICES]
