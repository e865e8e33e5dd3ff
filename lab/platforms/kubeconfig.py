"""An existing cluster: checks before the lab is installed, and cleaning after it is removed."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lab.adapters import files, kubeconfigs
from lab.adapters.cluster_api import ClusterApi
from lab.core import paths
from lab.core.errors import LabError
from lab.core.wait import wait_until
from lab.platforms import ownership
from lab.settings.compatibility import check, newest_istio_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager

_ISTIO_API_GROUP = ".istio.io"
_ARGO_ROLLOUTS = ("rollouts", "experiments", "analysisruns", "analysistemplates", "clusteranalysistemplates")
"""Kinds of the API group `argoproj.io`, which has others: of Argo CD, and of Argo Workflows."""
_PUBLISHED = "istio.io/config=true"
"""The label of what istiod puts into every namespace of a cluster and never takes away: its root certificate and the
list of revoked ones."""

_API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

_INJECTORS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
_REVISION = re.compile(r"\basm-\d+-\d+\b")
"""Revisions of AKS' Istio add-on; those of others are never called so."""

_PATIENCE = 60.0
"""Seconds for the objects of deleted CRDs to go."""

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
        addon: the revision of AKS' own Istio, such as `asm-1-29`; empty without it.
    """

    identity: str
    server: str
    version: str
    runs_containers: bool
    load_balancers: bool
    metrics: bool
    addon: str = ""

    def require(self, *, istio: str) -> None:
        """Check the versions against the support tables, and the cluster against istiod's needs.

        Raises:
            LabError: this Istio does not work on this Kubernetes, there is another one, or nobody could run istiod.
        """
        if self.addon:
            raise LabError(
                f"the cluster at {self.server} has the Istio add-on of AKS (revision {self.addon}): it owns Istio's "
                "CRDs and webhooks, and AKS would undo what the lab installs",
                "take a cluster without it, or switch it off: az aks mesh disable -g GROUP -n CLUSTER",
            )
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
        LabError: no such file or context, with those that there are; or the file cannot be used.
    """
    path = _path(file)
    if os.pathsep in file and path is not None and not path.exists():
        raise LabError(
            f"istio-lab:kubeconfig.file: found {json.dumps(file)}; allowed: one file",
            f"put them into one: KUBECONFIG={shlex.quote(file)} kubectl config view --flatten > FILE",
        )
    if path is None or not path.is_file():
        raise LabError(
            f"istio-lab:kubeconfig.file: found {json.dumps(file)}; there is no such file",
            "pulumi config set --path istio-lab:kubeconfig.file ~/.kube/config",
        )
    names = kubeconfigs.contexts(path)
    if context not in names:
        known = ", ".join(names) or "none at all"
        raise LabError(
            f"istio-lab:kubeconfig.context: found {json.dumps(context)}; {path} has {known}",
            "pulumi config set --path istio-lab:kubeconfig.context NAME",
        )
    return kubeconfigs.flatten(path, context)


def probe(content: str) -> ClusterFacts:
    """Read the properties of a cluster; no tool is needed for it.

    Raises:
        LabError: it does not answer, or does not know the credentials.
    """
    with ClusterApi(content) as api:
        version = str(api.get("/version").get("gitVersion") or "")
        nodes, services = api.items("/api/v1/nodes"), api.items("/api/v1/services")
        return ClusterFacts(
            identity=str(api.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]),
            server=api.server,
            version=version.removeprefix("v").split("+")[0].split("-")[0],
            runs_containers=runs_containers(nodes),
            load_balancers=gives_addresses(nodes, services),
            metrics=serves_metrics(api.items(_API_SERVICES)),
            addon=addon((api.find(_INJECTORS) or {}).get("items") or ()),
        )


def addon(injectors: Iterable[Mapping[str, Any]]) -> str:
    """Return the revision of AKS' Istio add-on, by the mutating webhooks of a cluster; empty if it has none."""
    for each in injectors:
        found = each["metadata"]
        words = f"{(found.get('labels') or {}).get('istio.io/rev', '')} {found['name']}"
        if revision := _REVISION.search(words):
            return revision[0]
    return ""


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
    with ClusterApi(content) as api:
        return serves_metrics(api.items(_API_SERVICES))


def crds(content: str) -> list[str]:
    """List the CRDs of Istio and Argo Rollouts in a cluster."""
    with ClusterApi(content) as api:
        return _crds(api)


def is_our_crd(name: str) -> bool:
    """Check whether a CRD is Istio's or Argo Rollouts', by its name."""
    return name.endswith(_ISTIO_API_GROUP) or name in {f"{kind}.argoproj.io" for kind in _ARGO_ROLLOUTS}


def require_free(content: str, namespaces: Iterable[str], stack: str) -> None:
    """Refuse a cluster that has one of these namespaces, unless the stack has made it.

    Args:
        content: the cluster's kubeconfig.
        namespaces: that the lab would make, and later delete.
        stack: full name of the stack.

    Raises:
        LabError: one of them is somebody else's.
    """
    with ClusterApi(content) as api:
        ownership.require_free(api, namespaces, stack)


def clean(content: str, *, keep: Iterable[str], purge_crds: bool) -> None:
    """Delete what uninstalling the charts leaves behind; `purge_crds` deletes the lab's CRDs with all their objects.

    Raises:
        LabError: the cluster does not answer, or a CRD does not go.
    """
    with ClusterApi(content) as api:
        stale = set(_crds(api)) - set(keep) if purge_crds else set[str]()
        for each in api.items("/api/v1/configmaps", metadata=True, labelSelector=_PUBLISHED):
            found = each["metadata"]
            api.delete(f"/api/v1/namespaces/{found['namespace']}/configmaps/{found['name']}")
        for name in sorted(stale):
            api.delete(f"{_CRDS}/{name}")
        if stale:
            # Their objects go first, each of which a controller may hold back.
            wait_until(
                lambda: not stale & set(_crds(api)),
                timeout=_PATIENCE,
                what=f"the cluster still had one of the CRDs {', '.join(sorted(stale))}",
                remedy="look what holds it: kubectl get customresourcedefinitions",
            )


def written(content: str) -> AbstractContextManager[Path]:
    """Write a kubeconfig to a private file for the length of a `with` block."""
    return files.temporary(content, paths.temporary_dir(), prefix="kubeconfig")


def write(content: str, directory: Path) -> None:
    """Write a stack's kubeconfig into its folder, readable by its owner alone."""
    files.folder(directory)
    files.write(directory / "kubeconfig", content)


def forget(directory: Path) -> None:
    """Delete a stack's folder."""
    shutil.rmtree(directory, ignore_errors=True)


def _path(file: str) -> Path | None:
    try:
        path = Path(file).expanduser()
    except RuntimeError:  # `~somebody`, who is no user of this machine
        return None
    return path if path.is_absolute() else paths.PROJECT / path


def _crds(api: ClusterApi) -> list[str]:
    names = (each["metadata"]["name"] for each in api.items(_CRDS, metadata=True))
    return sorted(name for name in names if is_our_crd(name))
