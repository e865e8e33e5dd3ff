"""An existing cluster: checks before the lab is installed, and cleaning after it is removed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

from lab.adapters import files, kubectl
from lab.core import paths
from lab.core.errors import LabError
from lab.settings.compatibility import check, newest_istio_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_ISTIO_API_GROUP = ".istio.io"
_ARGO_ROLLOUTS = ("rollouts", "experiments", "analysisruns", "analysistemplates", "clusteranalysistemplates")
"""Kinds of the API group `argoproj.io`, which has others: of Argo CD, and of Argo Workflows."""
_PUBLISHED = "istio.io/config=true"
"""The label of what istiod puts into every namespace of a cluster and never takes away: its root certificate and the
list of revoked ones."""

_THIS_HOST = ("127.0.0.1", "localhost", "::1")

_WITHOUT_ADDRESSES = ("kind://", "kwok://")
"""Beginnings of a node's `providerID` where nobody gives a load balancer its address; on bare machines it is empty."""


@dataclass(frozen=True, kw_only=True)
class ClusterFacts:
    """The properties of a cluster.

    Attributes:
        identity: the same for as long as the cluster lives.
        server: the address of its API server, as the kubeconfig has it.
        version: of its API server, `x.y.z`.
        runs_containers: Pods run; false where nodes are simulated.
        load_balancers: Services of type LoadBalancer get an address.
        metrics: the metrics API is registered and available.
    """

    identity: str
    server: str
    version: str
    runs_containers: bool
    load_balancers: bool
    metrics: bool

    def require(self, *, istio: str) -> None:
        """Check the versions against the support tables, and the cluster against istiod's needs.

        Raises:
            LabError: this Istio does not work on this Kubernetes, or nobody could run istiod.
        """
        if not self.runs_containers and urlsplit(self.server).hostname not in _THIS_HOST:
            raise LabError(
                f"the cluster at {self.server} has simulated nodes only: no Pod of istiod would run there, and an "
                "istiod on this machine could not be reached from there",
                "take a cluster that runs Pods, or the embedded target: pulumi config set istio-lab:target embedded",
            )
        verdict = check(self.version, istio, today=datetime.now(tz=UTC).date())
        if verdict.refused:
            fitting = newest_istio_for(self.version)
            remedy = (
                f"pulumi config set istio-lab:istioVersion {fitting}"
                if fitting
                else "take a cluster of a Kubernetes version that the lab knows"
            )
            raise LabError(f"the cluster runs Kubernetes {self.version}: {'; '.join(verdict.refused)}", remedy)


def read(file: str, context: str) -> str:
    """Read the kubeconfig of one context, with all files that it refers to.

    Args:
        file: path of the kubeconfig; `~` is the user's home, a relative path begins at the project.
        context: name of a context in it; the current one is never taken by itself.

    Raises:
        LabError: no such file or context, with those that there are.
    """
    path = _path(file)
    if not path.is_file():
        raise LabError(
            f"istio-lab:kubeconfig.file: found {json.dumps(file)}; there is no such file",
            "pulumi config set --path istio-lab:kubeconfig.file ~/.kube/config",
        )
    names = _contexts(path)
    if context not in names:
        known = ", ".join(names) or "none at all"
        raise LabError(
            f"istio-lab:kubeconfig.context: found {json.dumps(context)}; {path} has {known}",
            "pulumi config set --path istio-lab:kubeconfig.context NAME",
        )
    return kubectl.run(path, "config", "view", "--raw", "--minify", "--flatten", f"--context={context}")


def probe(content: str) -> ClusterFacts:
    """Read the properties of a cluster.

    Raises:
        LabError: it does not answer.
    """
    with written(content) as file:
        try:
            version = kubectl.run(file, "version", "-o", "json", "--request-timeout=15s")
        except LabError as error:
            raise LabError(
                f"the cluster of istio-lab:kubeconfig does not answer: {error.message}",
                "start it, or log in to it, and look with: kubectl --context NAME get nodes",
            ) from None
        nodes = _items(kubectl.run(file, "get", "nodes", "-o", "json"))
        services = _items(kubectl.run(file, "get", "services", "-A", "-o", "json"))
        apis = _apis(file)
        identity = kubectl.run(file, "get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
    return ClusterFacts(
        identity=identity,
        server=str(yaml.safe_load(content)["clusters"][0]["cluster"]["server"]),
        version=json.loads(version)["serverVersion"]["gitVersion"].removeprefix("v").split("+")[0].split("-")[0],
        runs_containers=runs_containers(nodes),
        load_balancers=gives_addresses(nodes, services),
        metrics=serves_metrics(apis),
    )


def runs_containers(nodes: Iterable[Mapping[str, Any]]) -> bool:
    """Check that Pods really run: a simulated node is marked as kwok's or runs no kubelet."""
    return any(
        node["metadata"].get("annotations", {}).get("kwok.x-k8s.io/node") != "fake"
        and node["metadata"].get("labels", {}).get("type") != "kwok"
        for node in nodes
    )


def gives_addresses(nodes: Iterable[Mapping[str, Any]], services: Iterable[Mapping[str, Any]]) -> bool:
    """Check that a Service of type LoadBalancer will get an address.

    One that has an address proves it, one that waits for its address proves the opposite; without any, the nodes'
    provider decides.
    """
    balanced = [service for service in services if service["spec"].get("type") == "LoadBalancer"]
    if balanced:
        return any(service["status"].get("loadBalancer", {}).get("ingress") for service in balanced)
    providers = [node["spec"].get("providerID", "") for node in nodes]
    return any(provider and not provider.startswith(_WITHOUT_ADDRESSES) for provider in providers)


def serves_metrics(apis: Iterable[Mapping[str, Any]]) -> bool:
    """Check that the metrics API is available."""
    return any(
        condition["type"] == "Available" and condition["status"] == "True"
        for api in apis
        if api["metadata"]["name"] == "v1beta1.metrics.k8s.io"
        for condition in api.get("status", {}).get("conditions", ())
    )


def answers_top(content: str) -> bool:
    """Check that `kubectl top` works on a cluster.

    Raises:
        LabError: it does not answer at all.
    """
    with written(content) as file:
        return serves_metrics(_apis(file))


def crds(content: str) -> list[str]:
    """List the CRDs of Istio and Argo Rollouts in a cluster."""
    with written(content) as file:
        found = _items(kubectl.run(file, "get", "customresourcedefinitions", "-o", "json"))
    return sorted(name for crd in found if is_our_crd(name := crd["metadata"]["name"]))


def is_our_crd(name: str) -> bool:
    """Check whether a CRD is Istio's or Argo Rollouts', by its name."""
    return name.endswith(_ISTIO_API_GROUP) or name in {f"{kind}.argoproj.io" for kind in _ARGO_ROLLOUTS}


def require_free(content: str, namespaces: Iterable[str]) -> None:
    """Refuse a cluster that has one of the lab's namespaces, which would be deleted with the lab.

    Raises:
        LabError: one of them is there.
    """
    with written(content) as file:
        present = {found["metadata"]["name"] for found in _items(kubectl.run(file, "get", "namespaces", "-o", "json"))}
    if taken := sorted(present & set(namespaces)):
        raise LabError(
            f"the cluster has the namespace {taken[0]} already, which the lab would take over and later delete",
            "take another cluster, or delete what is in it first: kubectl get all -n " + taken[0],
        )


def clean(content: str, *, keep: Iterable[str], purge_crds: bool) -> None:
    """Delete what uninstalling the charts leaves behind; `purge_crds` deletes the lab's CRDs with all their objects."""
    stale = sorted(set(crds(content)) - set(keep)) if purge_crds else []
    with written(content) as file:
        kubectl.run(file, "delete", "configmaps", "-A", f"--selector={_PUBLISHED}")
        if stale:
            kubectl.run(file, "delete", "customresourcedefinitions", *stale, "--timeout=60s")


@contextlib.contextmanager
def written(content: str) -> Iterator[Path]:
    """Write a kubeconfig to a private file for the length of a `with` block."""
    files.folder(paths.temporary_dir())
    descriptor, name = tempfile.mkstemp(prefix="kubeconfig", dir=paths.temporary_dir())
    try:
        with os.fdopen(descriptor, "w") as out:
            out.write(content)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def write(content: str, directory: Path) -> None:
    """Write a stack's kubeconfig into its folder, readable by its owner alone."""
    files.folder(directory)
    files.write(directory / "kubeconfig", content)


def forget(directory: Path) -> None:
    """Delete a stack's folder."""
    shutil.rmtree(directory, ignore_errors=True)


def _path(file: str) -> Path:
    path = Path(file).expanduser()
    return path if path.is_absolute() else paths.PROJECT / path


def _contexts(path: Path) -> list[str]:
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        return [str(context["name"]) for context in config.get("contexts") or ()]
    except (OSError, yaml.YAMLError, UnicodeDecodeError, AttributeError, TypeError, KeyError):
        raise LabError(
            f"{path} is no kubeconfig", "kubectl config view --kubeconfig FILE shows what is wrong"
        ) from None


def _apis(kubeconfig: Path) -> list[dict[str, Any]]:
    return _items(kubectl.run(kubeconfig, "get", "apiservices", "-o", "json", "--request-timeout=15s"))


def _items(text: str) -> list[dict[str, Any]]:
    return list(json.loads(text)["items"])
