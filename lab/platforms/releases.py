"""Helm releases that an update left half made when it was killed.

Helm stores each revision of a release in a Secret. A name that has one can be installed by nobody, and a release with a
revision that is pending can be changed by nobody. The stack's own leftovers are known by three marks: the engine is
about to create the release, so that it is not in the state; the namespace is of the stack's own making; and Pulumi's
provider has written the Secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.core.errors import LabError
from lab.platforms import ownership

if TYPE_CHECKING:
    from lab.adapters.cluster_api import ClusterApi
    from lab.core.manifests import Object

_PROVIDER = "pulumi-kubernetes"
"""Pulumi's provider, as it signs what it writes."""

_PENDING = ("pending-install", "pending-upgrade", "pending-rollback")


def forget(api: ClusterApi, namespace: str, name: str, stack: str) -> list[str]:
    """Delete what Helm knows of a release that is about to be created, and return the statuses of its revisions.

    The objects of the release stay: they carry its name, and the installation takes them over.

    Raises:
        LabError: somebody else has installed a release of that name.
    """
    found = _revisions(api, namespace, name)
    others = [each for each in found if not _made_by_provider(each)]
    if others or (found and not _is_own(api, namespace, stack)):
        who = ownership.first_manager((others or found)[0]) or "somebody else"
        raise LabError(
            f"the namespace {namespace} has a Helm release {name} already, which {who} has installed; "
            "the lab does not take it over",
            f"if nobody needs it: helm uninstall {name} --namespace {namespace}",
        )
    return _delete(api, found)


def unblock(api: ClusterApi, namespace: str, name: str) -> list[str]:
    """Delete the pending revisions of a release that is about to be changed, and return their statuses.

    One that is the only revision stays: without any the release could not be changed.
    """
    found = _revisions(api, namespace, name)
    pending = [each for each in found if _status(each) in _PENDING and _made_by_provider(each)]
    return _delete(api, pending) if len(pending) < len(found) else []


def _revisions(api: ClusterApi, namespace: str, name: str) -> list[Object]:
    return api.items(_secrets(namespace), metadata=True, labelSelector=f"owner=helm,name={name}")


def _delete(api: ClusterApi, revisions: list[Object]) -> list[str]:
    for each in revisions:
        metadata = each["metadata"]
        api.delete(f"{_secrets(metadata['namespace'])}/{metadata['name']}")
    return [_status(each) for each in revisions]


def _is_own(api: ClusterApi, namespace: str, stack: str) -> bool:
    found = api.find(ownership.path(namespace)) or {"metadata": {}}
    return (found["metadata"].get("annotations") or {}).get(ownership.MARK) == stack


def _made_by_provider(revision: Object) -> bool:
    return ownership.first_manager(revision) == _PROVIDER


def _status(revision: Object) -> str:
    return str((revision["metadata"].get("labels") or {}).get("status", "unknown"))


def _secrets(namespace: str) -> str:
    return f"{ownership.path(namespace)}/secrets"
