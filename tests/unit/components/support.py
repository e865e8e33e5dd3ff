"""The whole program, and single components of it, run as the engine would run them."""

from __future__ import annotations

import contextlib
import json
import runpy
import signal
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
import yaml
from pulumi import ResourceOptions

from components.mesh.istio import Istio, IstioArgs, IstioCharts
from components.platform.base import Capabilities, Ingress, Platform, Webhooks
from components.platform.images import PUBLISHED, Images, Pulled
from components.tutorial import BookinfoArgs, Tutorial, TutorialArgs
from lab.core import paths
from lab.toolchain import artifacts, charts
from tests.unit.recorder import PROJECT, STACK, Recorded, Recording, forget_the_users_environment, record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FIXTURES = Path(__file__).parent / "fixtures"

AT_ONCE = {"pulumi.com/deletionPropagationPolicy": "background"}
"""The annotation of every Rollout, since the provider cannot watch one that goes."""

SHARED_FIELDS = {"pulumi.com/patchForce": "true"}
"""The annotation of every object, whose fields somebody else may have written."""

KUBECONFIG = "the administrator's certificate and key"
CLUSTER_IP = "10.96.0.9"
WEBHOOK_PORT = 20_015
INGRESS_PORT = 20_080

FACTS = {
    "identity": "id-of-another-stacks-cluster",
    "loadBalancers": False,
    "runsContainers": False,
    "metrics": True,
    "registry": "",
    "ingress": f"127.0.0.1:{INGRESS_PORT}",
}
CLASSROOM: Mapping[str, object] = {"kubeconfig": KUBECONFIG, "platform": FACTS}
"""Outputs of the stack whose cluster a class shares: the embedded target's."""

EVERYTHING = Capabilities(load_balancers=True, runs_containers=True, metrics=True)
NOTHING_PARTICULAR = Webhooks()
NO_RULE = Ingress()


def answers(type_: str, name: str, _inputs: Mapping[str, object]) -> dict[str, object]:
    """What the providers would answer on the embedded target, and the engine about another stack."""
    if type_ == "pulumi:pulumi:StackReference":
        return {"outputs": CLASSROOM, "secretOutputNames": ["kubeconfig"]}
    if name == "control-plane":
        return {"kubeconfig": KUBECONFIG, "ports": {"istiod_webhook": WEBHOOK_PORT, "ingress_http": INGRESS_PORT}}
    if type_ == "kubernetes:helm.sh/v3:Release":
        return {"status": {"name": name, "namespace": "istio-system", "status": "deployed"}}
    if type_ == "kubernetes:core/v1:Service":
        return {"spec": {"clusterIP": CLUSTER_IP}, "status": {"loadBalancer": {}}}
    return {}


def main(*, stack: str = STACK, preview: bool = False, **settings: object) -> Recording:
    """`__main__.py` with the configuration of the dev stack and what is given besides."""
    declared = yaml.safe_load((paths.PROJECT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))["config"]
    own = {f"{PROJECT}:{key}": value for key, value in settings.items()}
    config = {key: value if isinstance(value, str) else json.dumps(value) for key, value in {**declared, **own}.items()}

    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        tempfile.TemporaryDirectory() as home,
        as_a_process_of_its_own(),
    ):
        forget_the_users_environment(monkeypatch)
        monkeypatch.setenv("ISTIO_LAB_HOME", home)
        monkeypatch.setattr(artifacts, "path", lambda name: FIXTURES / name)
        monkeypatch.setattr(charts, "of_istio", artifacts.path)
        return record(
            lambda: runpy.run_path(str(paths.PROJECT / "__main__.py"), run_name="__main__"),
            config=config,
            answers=answers,
            stack=stack,
            preview=preview,
        )


def share(student: str = "anna", *, group: str = "", preview: bool = False, **settings: object) -> Recording:
    """`__main__.py` for a student's share of the cluster of a class."""
    given = {"target": "shared", "shared": {"platform": "ws26-platform"}, **settings}
    whose = {"id": student, "classroom": "ws26", "group": group}
    return main(stack=f"student-{student}", preview=preview, student=whose, **given)


@contextlib.contextmanager
def as_a_process_of_its_own() -> Iterator[None]:
    """The program leaves Ctrl-C to the engine; tests that run after it must not."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass(frozen=True, kw_only=True)
class Elsewhere(Platform):
    """A cluster that is not the lab's own and stays when the lab goes: by default it can do everything."""

    provider: k8s.Provider
    kubeconfig: pulumi.Output[str]
    registry: pulumi.Output[str] | None = None
    capabilities: Capabilities = EVERYTHING
    webhooks: Webhooks = NOTHING_PARTICULAR
    ingress: Ingress = NO_RULE
    images: Images = PUBLISHED
    identity: pulumi.Output[str] = field(default_factory=lambda: pulumi.Output.from_input("elsewhere"))

    @classmethod
    def make(cls, **given: Any) -> Elsewhere:  # noqa: ANN401 - the fields'
        kubeconfig = pulumi.Output.secret(KUBECONFIG)
        return cls(provider=k8s.Provider("elsewhere", kubeconfig=kubeconfig), kubeconfig=kubeconfig, **given)


def mesh_elsewhere(*, ingress: Mapping[str, object] | None = None, **platform: object) -> Recording:
    """The mesh and its tutorial on a cluster that is not the lab's own.

    Args:
        ingress: the status that the load balancer has given to the ingress gateway's Service.
        platform: what is particular to the cluster.
    """

    def program() -> None:
        cluster = Elsewhere.make(**platform)
        cluster_opts = ResourceOptions(providers=[cluster.provider], deleted_with=cluster.deleted_with)
        charts = IstioCharts(base=Path("base"), istiod=Path("istiod"), gateway=Path("gateway"))
        args = IstioArgs(
            platform=cluster,
            charts=charts,
            version="1.31.9",
            hub="example.test/mesh",
            access_log=True,
            tracing=True,
            trace_sampling=100.0,
            egress_gateway=True,
        )
        istio = Istio("istio", args, cluster_opts)
        bookinfo = BookinfoArgs(
            applications=FIXTURES / "bookinfo.yaml",
            gateway=FIXTURES / "bookinfo-gateway.yaml",
            hub="example.test/mesh",
        )
        tutorial = TutorialArgs(hello_nginx_image=Pulled(image="nginx:1.29"), bookinfo=bookinfo, depends_on=istio.ready)
        Tutorial("tutorial", tutorial, cluster_opts)
        pulumi.export("address", istio.ingress_address)

    def reply(type_: str, name: str, inputs: Mapping[str, object]) -> dict[str, object]:
        found = answers(type_, name, inputs)
        return {**found, "status": {"loadBalancer": {"ingress": [ingress]}}} if ingress and "spec" in found else found

    return record(program, answers=reply)


def values(recording: Recording, release: str) -> dict[str, Any]:
    """What a chart is given."""
    given: dict[str, Any] = recording.one(release, ":Release").inputs.get("values", {})
    return given


def after(recording: Recording, later: Recorded, earlier: Recorded) -> bool:
    """Whether one is made only when the other is there, and never the other way round."""
    return recording.comes_after(later, earlier) and not recording.comes_after(earlier, later)
