"""The dynamic provider of an existing cluster: it remembers what it found, and leaves the cluster that way.

This module keeps its path: the state of every stack names its class by it. `lab.platforms.kubeconfig` does the work.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, ResourceProvider, UpdateResult

Props = dict[str, Any]
"""Properties of a resource, as the provider protocol has them."""

_KEPT = ("kubeconfig", "purge_crds", "directory", "namespaces")


class ExistingClusterProvider(ResourceProvider):
    """Created before everything else in the cluster, deleted after it."""

    def check(self, olds: Props, news: Props) -> CheckResult:
        """Refuse namespaces of somebody else, and choose ports for processes on this host.

        Those of an earlier run are the stack's own: the former inputs name them. Only a cluster with simulated nodes
        needs the ports.
        """
        from dataclasses import asdict

        from lab.core.errors import LabError
        from lab.platforms.embedded.ports import Ports
        from lab.platforms.kubeconfig import require_free

        own = olds.get("namespaces", ()) if olds.get("cluster") == news["cluster"] else ()
        failures = []
        if later := [name for name in news["namespaces"] if name not in own]:
            try:
                require_free(news["kubeconfig"], later, news["stack"])
            except LabError as error:
                failures.append(CheckFailure("", f"{error.message}; {error.remedy}"))
        return CheckResult({**news, "ports": olds.get("ports") or asdict(Ports.allocate())}, failures)

    def create(self, props: Props) -> CreateResult:
        """Write the kubeconfig for people, and note which of the lab's CRDs exist already."""
        from lab.platforms.kubeconfig import crds

        _write(props)
        return CreateResult(props["cluster"], {**props, "found": crds(props["kubeconfig"])})

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        """Replace for another cluster; update what `delete` and the next `check` need."""
        another = olds["cluster"] != news["cluster"]
        return DiffResult(
            changes=another or any(olds[key] != news[key] for key in _KEPT), replaces=["cluster"] if another else []
        )

    def update(self, _id: str, olds: Props, news: Props) -> UpdateResult:
        """Keep the new credentials and settings for `delete`."""
        _write(news)
        return UpdateResult({**news, "found": olds["found"]})

    def delete(self, _id: str, props: Props) -> None:
        """Restore the cluster as it was found."""
        from lab.platforms.kubeconfig import clean, forget

        clean(props["kubeconfig"], keep=props["found"], purge_crds=bool(props["purge_crds"]))
        forget(Path(props["directory"]).absolute())


def _write(props: Props) -> None:
    from lab.platforms.kubeconfig import write

    write(props["kubeconfig"], Path(props["directory"]).absolute())
