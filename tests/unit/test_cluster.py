"""An existing cluster: what it is asked, what is concluded, and what stays on disk. kubectl here only pretends."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lab.adapters import kubectl
from lab.core import paths
from lab.core.errors import LabError
from lab.platforms import kubeconfig as cluster
from lab.platforms.kubeconfig import ClusterFacts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONFIG = """\
apiVersion: v1
kind: Config
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
PUBLISHED = ("delete", "configmaps", "-A", "--selector=istio.io/config=true")


class Kubectl:
    """A kubectl that answers from a table, and remembers what it was asked and with which kubeconfig."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.files: list[tuple[Path, str, int]] = []
        self.answers: dict[str, str | Exception] = {
            "version": json.dumps({"serverVersion": {"gitVersion": "v1.36.3"}}),
            "get nodes": items(PLAIN_NODE),
            "get services": items(),
            "get apiservices": items(),
            "get namespace": "2f1c-uid",
            "get customresourcedefinitions": items(),
        }

    def run(self, kubeconfig: Path, *arguments: str, stdin: str = "") -> str:
        del stdin
        self.calls.append(arguments)
        self.files.append((kubeconfig, kubeconfig.read_text(), stat.S_IMODE(kubeconfig.stat().st_mode)))
        said = next((each for begin, each in self.answers.items() if " ".join(arguments).startswith(begin)), "")
        if isinstance(said, Exception):
            raise said
        return said

    def left(self) -> list[Path]:
        """Temporary kubeconfigs that are still there."""
        return [file for file, _, _ in self.files if file.exists()]


def items(*found: dict[str, Any]) -> str:
    return json.dumps({"items": found})


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


def crds(*names: str) -> str:
    return items(*({"metadata": {"name": name}} for name in names))


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "lab"))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    pretender = Kubectl()
    monkeypatch.setattr(kubectl, "run", pretender.run)
    return pretender


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    file = tmp_path / "config"
    file.write_text(CONFIG)
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


def test_reading_takes_the_named_context_with_all_that_it_refers_to(fake: Kubectl, kubeconfig: Path) -> None:
    fake.answers["config view"] = CONTENT

    assert cluster.read(str(kubeconfig), "seoul") == CONTENT
    assert fake.calls == [("config", "view", "--raw", "--minify", "--flatten", "--context=seoul")]
    assert fake.files[0][0] == kubeconfig


def test_a_tilde_is_the_users_home_and_a_relative_path_begins_at_the_project(
    fake: Kubectl, kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    monkeypatch.chdir("/")

    cluster.read("~/config", "desk")
    cluster.read("config", "desk")

    assert [file for file, _, _ in fake.files] == [kubeconfig, kubeconfig]


@pytest.mark.parametrize("folder", [False, True])
def test_a_file_that_is_not_there_is_refused_with_the_setting(fake: Kubectl, tmp_path: Path, *, folder: bool) -> None:
    name = str(tmp_path if folder else tmp_path / "absent")

    with pytest.raises(LabError) as refused:
        cluster.read(name, "desk")

    assert refused.value.message == f'istio-lab:kubeconfig.file: found "{name}"; there is no such file'
    assert refused.value.remedy == "pulumi config set --path istio-lab:kubeconfig.file ~/.kube/config"
    assert fake.calls == []


@pytest.mark.parametrize("context", ["busan", "Seoul", "seo", ""])
def test_a_context_that_is_not_there_is_refused_with_those_that_are(
    fake: Kubectl, kubeconfig: Path, context: str
) -> None:
    with pytest.raises(LabError) as refused:
        cluster.read(str(kubeconfig), context)

    found = f'istio-lab:kubeconfig.context: found "{context}"; {kubeconfig} has desk, seoul'
    assert refused.value.message == found
    assert refused.value.remedy == "pulumi config set --path istio-lab:kubeconfig.context NAME"
    assert fake.calls == []


@pytest.mark.parametrize("content", ["", "kind: Config\n", "contexts: []\n", "contexts:\n"])
def test_a_file_without_contexts_says_so(kubeconfig: Path, content: str) -> None:
    kubeconfig.write_text(content)

    with pytest.raises(LabError, match=r'kubeconfig\.context: found "desk"; .* has none at all'):
        cluster.read(str(kubeconfig), "desk")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"a: [", id="broken YAML"),
        pytest.param(b"\xff\xfe\x00", id="no text"),
        pytest.param(b"just words", id="a sentence"),
        pytest.param(b"[1, 2]", id="a list"),
        pytest.param(b"contexts: 5", id="contexts that are a number"),
        pytest.param(b"contexts: [desk]", id="contexts that are words"),
        pytest.param(b"contexts: [{context: {}}]", id="a context without a name"),
    ],
)
def test_what_is_no_kubeconfig_is_told_by_its_path(fake: Kubectl, kubeconfig: Path, content: bytes) -> None:
    kubeconfig.write_bytes(content)

    with pytest.raises(LabError) as refused:
        cluster.read(str(kubeconfig), "desk")

    assert refused.value.message == f"{kubeconfig} is no kubeconfig"
    assert refused.value.remedy.startswith("kubectl config view --kubeconfig")
    assert fake.calls == []


def test_a_cluster_is_asked_everything_once_and_believed(fake: Kubectl) -> None:
    fake.answers["get services"] = items(service("LoadBalancer", {"ip": "192.0.2.1"}))
    fake.answers["get apiservices"] = items(api("v1beta1.metrics.k8s.io", ("Available", "True")))

    assert cluster.probe(CONTENT) == replace(GOOD, identity="2f1c-uid")
    assert sorted(" ".join(call).split(" -", 1)[0] for call in fake.calls) == [
        "get apiservices",
        "get namespace kube-system",
        "get nodes",
        "get services",
        "version",
    ]
    assert ("get", "services", "-A", "-o", "json") in fake.calls


def test_a_cluster_that_can_nothing_is_believed_too(fake: Kubectl) -> None:
    fake.answers["get nodes"] = items(KWOK_BY_LABEL)
    fake.answers["get services"] = items(service())

    found = cluster.probe(CONTENT)

    assert (found.runs_containers, found.load_balancers, found.metrics) == (False, False, False)


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
def test_a_version_is_known_without_what_a_vendor_adds(fake: Kubectl, said: str, version: str) -> None:
    fake.answers["version"] = json.dumps({"serverVersion": {"gitVersion": said}})

    assert cluster.probe(CONTENT).version == version


def test_a_cluster_that_does_not_answer_is_told_with_its_setting_and_is_asked_only_once(fake: Kubectl) -> None:
    fake.answers["version"] = LabError("kubectl version failed: connection refused")

    with pytest.raises(LabError) as refused:
        cluster.probe(CONTENT)

    assert refused.value.message.startswith("the cluster of istio-lab:kubeconfig does not answer: ")
    assert refused.value.message.endswith("connection refused")
    assert "kubectl --context NAME get nodes" in refused.value.remedy
    assert len(fake.calls) == 1
    assert any(word.startswith("--request-timeout=") for word in fake.calls[0])


def probing() -> None:
    cluster.probe(CONTENT)


def cleaning() -> None:
    cluster.clean(CONTENT, keep=(), purge_crds=True)


@pytest.mark.parametrize("work", [probing, cleaning])
def test_a_temporary_kubeconfig_is_the_users_alone_and_gone_afterwards(fake: Kubectl, work: Callable[[], None]) -> None:
    work()

    assert {(content, mode) for _, content, mode in fake.files} == {(CONTENT, 0o600)}
    assert {file.parent for file, _, _ in fake.files} == {paths.temporary_dir()}
    assert fake.left() == []
    assert list(paths.temporary_dir().iterdir()) == []


@pytest.mark.parametrize(
    ("work", "where"),
    [
        (probing, "version"),
        (probing, "get nodes"),
        (probing, "get namespace"),
        (cleaning, "get customresourcedefinitions"),
        (cleaning, "delete configmaps"),
    ],
)
@pytest.mark.parametrize("failure", [LabError("refused"), KeyboardInterrupt()])
def test_a_temporary_kubeconfig_is_gone_after_a_failure_too(
    fake: Kubectl, monkeypatch: pytest.MonkeyPatch, work: Callable[[], None], where: str, failure: BaseException
) -> None:
    def run(kubeconfig: Path, *arguments: str) -> str:
        if " ".join(arguments).startswith(where):
            fake.files.append((kubeconfig, kubeconfig.read_text(), 0))
            raise failure
        return fake.run(kubeconfig, *arguments)

    monkeypatch.setattr(kubectl, "run", run)
    with pytest.raises(type(failure)):
        work()

    assert fake.files
    assert fake.left() == []


def test_the_labs_definitions_are_told_from_others_and_sorted(fake: Kubectl) -> None:
    fake.answers["get customresourcedefinitions"] = crds(
        "virtualservices.networking.istio.io",
        "istio.io",
        "gateways.gateway.networking.k8s.io",
        "telemetries.telemetry.istio.io",
        "things.notistio.io",
        "things.istio.io.example.test",
        "rollouts.argoproj.io",
        "applications.argoproj.io",
    )

    assert cluster.crds(CONTENT) == [
        "rollouts.argoproj.io",
        "telemetries.telemetry.istio.io",
        "virtualservices.networking.istio.io",
    ]


def test_cleaning_takes_what_istiod_published_and_leaves_definitions_unasked(fake: Kubectl) -> None:
    fake.answers["get customresourcedefinitions"] = crds("a.istio.io")

    cluster.clean(CONTENT, keep=(), purge_crds=False)

    assert fake.calls == [PUBLISHED]


def test_cleaning_with_the_definitions_keeps_those_that_were_there_before(fake: Kubectl) -> None:
    fake.answers["get customresourcedefinitions"] = crds("c.istio.io", "a.istio.io", "b.istio.io", "d.example.test")

    cluster.clean(CONTENT, keep=["b.istio.io", "z.istio.io"], purge_crds=True)

    assert fake.calls[1:] == [
        PUBLISHED,
        ("delete", "customresourcedefinitions", "a.istio.io", "c.istio.io", "--timeout=60s"),
    ]


@pytest.mark.parametrize("there", [(), ("b.istio.io",), ("d.example.test",)])
def test_cleaning_deletes_no_definitions_where_none_is_the_labs(fake: Kubectl, there: tuple[str, ...]) -> None:
    fake.answers["get customresourcedefinitions"] = crds(*there)

    cluster.clean(CONTENT, keep=["b.istio.io"], purge_crds=True)

    assert fake.calls[1:] == [PUBLISHED]


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
def test_a_cluster_can_be_asked_for_kubectl_top_alone(fake: Kubectl, *, available: bool) -> None:
    fake.answers["get apiservices"] = items(api("v1beta1.metrics.k8s.io", ("Available", str(available))))

    assert cluster.answers_top(CONTENT) is available
    assert [call[:2] for call in fake.calls] == [("get", "apiservices")]
    assert fake.left() == []
