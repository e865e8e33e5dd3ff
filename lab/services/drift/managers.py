"""Field managers: those that are expected beside Pulumi, and the known ones of manual changes."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.services.drift.fields import Path


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a field manager writes.

    `manager` may have wildcards; `fields` cover all inside of them, and have [] for each list element. Empty `fields`
    or `kinds` match all.
    """

    manager: str
    fields: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    why: str

    def covers(self, kind: str, manager: str, path: Path) -> bool:
        """Whether the row applies to a field of an object of this kind."""
        return (
            fnmatchcase(manager, self.manager)
            and (not self.kinds or kind in self.kinds)
            and (not self.fields or any(_begins(path.general, field) for field in self.fields))
        )


PULUMI: Sequence[str] = ("pulumi-kubernetes*", "pulumi-resource-kubernetes*")
"""Field managers of Pulumi's provider, for its resources and for the objects of its Helm releases."""

EXPECTED_MANAGERS: Sequence[Row] = (
    Row(
        manager="rollouts-controller",
        kinds=("VirtualService",),
        fields=("spec.http", "spec.tls", "spec.tcp"),
        why="Argo Rollouts moves the weights of a canary; it writes the whole list of routes",
    ),
    Row(
        manager="rollouts-controller",
        kinds=("DestinationRule",),
        fields=("spec.subsets",),
        why="Argo Rollouts marks the subsets with the hash of stable and canary",
    ),
    Row(
        manager="rollouts-controller",
        kinds=("Service",),
        fields=("spec.selector", 'metadata.annotations["argo-rollouts.argoproj.io/managed-by-rollouts"]'),
        why="Argo Rollouts points the Service at the Pods of stable, canary, active or preview",
    ),
    Row(
        manager="rollouts-controller",
        kinds=("Rollout",),
        fields=("metadata.annotations",),
        why="Argo Rollouts counts the revisions of a Rollout",
    ),
    Row(
        manager="rollouts-controller",
        why="Argo Rollouts' controller; what it writes here besides routes, subsets and selectors is its own, too",
    ),
    Row(
        manager="pilot-discovery",
        kinds=("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"),
        fields=("webhooks[].clientConfig.caBundle",),
        why="istiod puts its own certificate authority into the webhooks that call it",
    ),
    Row(
        manager="pilot-discovery",
        kinds=("ValidatingWebhookConfiguration",),
        fields=("webhooks[].failurePolicy",),
        why="istiod refuses unchecked mesh objects once it can check them",
    ),
    Row(
        manager="pilot-discovery",
        kinds=("ConfigMap",),
        fields=("data", "metadata.labels"),
        why="istiod hands its root certificate to every namespace",
    ),
    Row(manager="pilot-discovery", why="istiod; what it writes besides webhooks and certificates is its own, too"),
    Row(
        manager="kube-controller-manager",
        fields=("spec.replicas",),
        why="a HorizontalPodAutoscaler sets how many Pods there are",
    ),
    Row(manager="keda*", fields=("spec.replicas",), why="KEDA sets how many Pods there are"),
    Row(
        manager="kube-controller-manager",
        fields=('metadata.annotations["deployment.kubernetes.io/revision"]',),
        why="Kubernetes counts the revisions of a Deployment",
    ),
    Row(
        manager="kube-controller-manager",
        fields=("metadata.finalizers", "spec.finalizers"),
        why="Kubernetes keeps an object until what belongs to it is gone",
    ),
    Row(
        manager="kube-controller-manager",
        kinds=("PersistentVolumeClaim",),
        fields=("metadata.annotations", "spec.volumeName"),
        why="Kubernetes binds a claim to its volume",
    ),
    Row(manager="kube-controller-manager", why="a controller of Kubernetes itself"),
    Row(manager="clusterrole-aggregation-controller", why="Kubernetes gathers the rules of aggregated roles"),
    Row(manager="kube-apiserver", why="the API server keeps its own objects"),
    Row(manager="kube-scheduler", why="the scheduler chooses nodes"),
    Row(manager="kubelet", why="a node tells about itself and its Pods"),
    Row(manager="kwok*", why="the simulation of nodes and Pods"),
    Row(manager="metrics-server", why="the metrics server registers itself"),
    Row(manager="cluster-autoscaler", why="the cluster autoscaler notes what it does"),
    Row(
        manager="*cloud-controller-manager",
        kinds=("Service",),
        fields=("metadata.finalizers", "spec.loadBalancerIP", "metadata.annotations"),
        why="the cloud keeps a load balancer for the Service",
    ),
    Row(manager="*cloud-controller-manager", why="the cloud's controller of load balancers, nodes and routes"),
    Row(manager="admissionsenforcer", why="AKS keeps webhooks away from its own namespaces"),
    Row(manager="aks-*", why="AKS itself"),
)
"""The first matching row counts; a manager without a row is a manual change."""

MANUAL_MANAGERS: Sequence[Row] = (
    Row(
        manager="*",
        fields=('spec.template.metadata.annotations["kubectl.kubernetes.io/restartedAt"]', "spec.restartAt"),
        why="a restart: it only made new Pods",
    ),
    Row(
        manager="kubectl-argo-rollouts*",
        kinds=("Rollout",),
        fields=("spec.template",),
        why="a deliberate `set image`; the stack's setting still says what is declared",
    ),
    Row(manager="kubectl-argo-rollouts*", why="a deliberate command of `kubectl argo rollouts`"),
    Row(manager="helm", why="a `helm upgrade`, `rollback` or `install` past Pulumi"),
    Row(manager="kiali*", why="made with a wizard of Kiali"),
    Row(
        manager="*",
        fields=('metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"]',),
        why="`kubectl apply` notes here what it was given",
    ),
)
"""Known reasons of manual changes."""


def is_pulumi(manager: str) -> bool:
    """Whether a field manager is Pulumi's provider."""
    return any(fnmatchcase(manager, each) for each in PULUMI)


def made_by_a_controller(manager: str) -> bool:
    """Check for a field manager whose objects nobody decided about."""
    return any(fnmatchcase(manager, row.manager) for row in EXPECTED_MANAGERS)


def first(rows: Sequence[Row], kind: str, manager: str, path: Path) -> Row | None:
    """The first row that applies to a field, if any."""
    return next((row for row in rows if row.covers(kind, manager, path)), None)


def _begins(path: str, field: str) -> bool:
    return path == field or path.startswith((f"{field}.", f"{field}["))
