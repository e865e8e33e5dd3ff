"""The objects of a cluster: a few lists, without their contents."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.adapters.cluster_api import ClusterApi
from lab.core.parallel import run_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from lab.core.manifests import Object
    from lab.services.drift.live import Key

_TIMEOUT = 10.0
"""Seconds for one answer; a frozen API server never answers."""

_AT_ONCE = 6

SECRET, POD = ("", "Secret"), ("", "Pod")

WORKLOADS = (("apps", "Deployment"), ("apps", "StatefulSet"), ("apps", "DaemonSet"), ("argoproj.io", "Rollout"), POD)
"""Kinds whose status says how many of their Pods are ready."""

_RELEASE_SECRET = "helm.sh/release.v1"  # noqa: S105 - a type


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Objects of a cluster.

    Attributes:
        metadata: by group, kind, namespace and name; of workloads there is everything.
        kinds: groups and kinds that the API server knows.
    """

    metadata: Mapping[Key, Object]
    kinds: frozenset[tuple[str, str]]

    @property
    def releases(self) -> frozenset[tuple[str, str]]:
        """Namespaces and names of the Helm releases that are recorded there."""
        labels = (
            (namespace, (each["metadata"].get("labels") or {}))
            for (group, kind, namespace, _), each in self.metadata.items()
            if (group, kind) == SECRET
        )
        return frozenset((namespace, str(found["name"])) for namespace, found in labels if found.get("owner") == "helm")


def look(kubeconfig: Path, kinds: Iterable[tuple[str, str]]) -> Snapshot:
    """List the objects of these groups and kinds, of workloads and of Helm's records.

    Raises:
        LabError: the cluster cannot be asked.
    """
    found: dict[Key, Object] = {}
    with ClusterApi(kubeconfig.read_text(encoding="utf-8"), timeout=_TIMEOUT) as api:
        lists = api.lists()
        wanted = {each: lists[each] for each in {*kinds, *WORKLOADS, SECRET} if each in lists}
        run_all(
            [_listing(api, kind, path, found) for kind, path in wanted.items()],
            workers=_AT_ONCE,
            cancelled=threading.Event(),
        )
    return Snapshot(metadata=found, kinds=frozenset(lists))


def _listing(api: ClusterApi, kind: tuple[str, str], path: str, found: dict[Key, Object]) -> Callable[[], None]:
    def run() -> None:
        for each in api.items(path, metadata=kind not in WORKLOADS):
            metadata = each["metadata"]
            found[(*kind, str(metadata.get("namespace") or ""), str(metadata["name"]))] = each

    return run
