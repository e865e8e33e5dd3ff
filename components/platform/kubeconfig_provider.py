"""What the lab keeps about a cluster that is not its own, and how it leaves that cluster as it was found.

The engine pickles this class into the state, so it stays tiny: the work in `lab.platforms.kubeconfig` is imported late.
"""

from __future__ import annotations

from typing import Any

from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ResourceProvider, UpdateResult

Props = dict[str, Any]
"""What the dynamic provider's protocol hands over."""

_KEPT = ("kubeconfig", "purge_crds", "directory")


class ExistingClusterProvider(ResourceProvider):
    """Made before everything else in the cluster, deleted after it."""

    def check(self, olds: Props, news: Props) -> CheckResult:
        """Ports for an istiod on this host, which only a cluster with simulated nodes needs."""
        from dataclasses import asdict

        from lab.platforms.embedded.ports import Ports

        return CheckResult({**news, "ports": olds.get("ports") or asdict(Ports.allocate())}, [])

    def create(self, props: Props) -> CreateResult:
        """Write the kubeconfig for people, and note Istio's CRDs that are there already."""
        from lab.platforms.kubeconfig import crds, require_free

        require_free(props["kubeconfig"], props["namespaces"])
        _write(props)
        return CreateResult(props["cluster"], {**props, "found": crds(props["kubeconfig"])})

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        """Another cluster is another resource; other credentials or another wish are kept for the end."""
        another = olds["cluster"] != news["cluster"]
        return DiffResult(
            changes=another or any(olds[key] != news[key] for key in _KEPT),
            replaces=["cluster"] if another else [],
        )

    def update(self, _id: str, olds: Props, news: Props) -> UpdateResult:
        """Keep what is needed at the end."""
        _write(news)
        return UpdateResult({**news, "found": olds["found"]})

    def delete(self, _id: str, props: Props) -> None:
        """Clean up."""
        from pathlib import Path

        from lab.platforms.kubeconfig import clean, forget

        clean(props["kubeconfig"], keep=props["found"], purge_crds=bool(props["purge_crds"]))
        forget(Path(props["directory"]).absolute())


def _write(props: Props) -> None:
    from pathlib import Path

    from lab.platforms.kubeconfig import write

    write(props["kubeconfig"], Path(props["directory"]).absolute())
