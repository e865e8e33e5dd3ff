"""Compare an existing cluster with what it had before the lab came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.core.errors import LabError
from lab.platforms import kubeconfig
from lab.services.audit import finding, inventory, record
from lab.services.audit.finding import AuditVerdict, Finding
from lab.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.adapters.stack import Stack
    from lab.services.audit.inventory import Difference
    from lab.settings.groups import Kubeconfig

_CRD = "CustomResourceDefinition "

_OTHERS = "objects in default and kube-system, Istio's ConfigMaps"

_ON_NODES = "/var/lib/istio-lab/log-collector"
"""Read positions of the log collector on each node."""


def examine(stack: Stack) -> list[Finding]:
    """Compare the cluster of a stack's settings with its baseline.

    Raises:
        LabError: it cannot be reached, or has no baseline.
    """
    settings = Settings.from_mapping(stack.config(), source=stack.file.name, stack=stack.name)
    chosen = settings.kubeconfig
    before, now = record.baseline(stack), inventory.take(chosen)
    if before is None or before.cluster != now.cluster:
        raise LabError(
            f"nobody wrote down what the cluster of context {chosen.context} had before stack {stack.name} came, so "
            "nothing can be proven",
            f"the first `lab up` of a stack writes it down, plain pulumi does not: lab up{stack.option}",
        )
    difference = inventory.compare(before.objects, now.objects)
    found = compared(difference, chosen)
    if settings.observability.log_collector.enabled and inventory.runs_containers(chosen):
        note = f"{_ON_NODES} cannot be seen from here; it is a few kilobytes on each node"
        found.append(Finding(looked_at="files on nodes", verdict=AuditVerdict.UNSEEN, note=note))
    return found


def compared(difference: Difference, chosen: Kubeconfig) -> list[Finding]:
    """Findings by kind; the lab's CRDs count as kept unless `chosen` purges them."""
    ours = [key for key in difference.added if _is_our_crd(key)]
    kept = () if chosen.purge_crds else tuple(ours)
    left = {key: "" for key in difference.added if key not in kept}
    left |= dict.fromkeys(difference.replaced, " (another one than before)")
    left |= dict.fromkeys(difference.missing, " (was there before, and is gone)")
    groups = {**inventory.CLUSTERWIDE, "": _OTHERS}
    found = [_of(kind, title, left, difference, chosen) for kind, title in groups.items()]
    if kept:
        names = tuple(key.removeprefix(_CRD) for key in kept)
        note = "kubeconfig.purgeCrds is false"
        found.append(
            Finding(looked_at="CRDs of Istio and Argo Rollouts", verdict=AuditVerdict.KEPT, left=names, note=note)
        )
    return found


def _of(kind: str, title: str, left: Mapping[str, str], difference: Difference, chosen: Kubeconfig) -> Finding:
    own = {key: how for key, how in left.items() if _group(key) == kind}
    deletable = [key for key in own if key in difference.added]
    command = f"kubectl --kubeconfig {chosen.file} --context {chosen.context} delete"
    lines = [f"{command} {_named(key)}" for key in deletable]
    return finding.of(
        title,
        [f"{key if not kind else key.partition(' ')[2]}{how}" for key, how in own.items()],
        remedy="\n".join(lines) or "what was there before cannot be brought back from here",
    )


def _group(key: str) -> str:
    """The kind, if it has a row of its own."""
    kind = key.partition(" ")[0]
    return kind if kind in inventory.CLUSTERWIDE else ""


def _named(key: str) -> str:
    """Arguments of kubectl for an object."""
    kind, _, name = key.partition(" ")
    namespace, slash, inside = name.partition("/")
    return f"{kind} {inside} --namespace {namespace}" if slash else f"{kind} {name}"


def _is_our_crd(key: str) -> bool:
    return key.startswith(_CRD) and kubeconfig.is_our_crd(key.removeprefix(_CRD))
