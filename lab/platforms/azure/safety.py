"""Conditions of an update on Azure, which the Pulumi program checks itself, whoever runs it."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from lab.core.errors import LabError
from lab.core.tags import PROJECT
from lab.platforms.azure.error_catalog import explain
from lab.settings.groups import ApiServer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.platforms.azure.power import ClusterId
    from lab.settings.groups import Azure

ALLOW_REPLACE = f"{PROJECT}:azure.allowReplace"

IMPORT_IMAGES = f"{PROJECT}:azure.importImages"

PLACEHOLDER = "203.0.113.7/32"
"""A range in a preview's place of one that is still to be set: an address that documentation is allowed to use."""

ALLOWED = (
    f"{ALLOW_REPLACE} is true: an update may replace or delete the cluster, the registry and the resource group, "
    f"with all that is in them. Take it back when you are done: pulumi config rm --path {ALLOW_REPLACE}"
)
"""The warning of every run while it is allowed."""

_NOT_FOUND = re.compile(r"ResourceNotFound|ResourceGroupNotFound|\b404\b")


def require_reachable(azure: Azure) -> None:
    """Refuse an allowlist of the API server with nobody on it, which would shut out the update itself.

    Raises:
        LabError: it is empty.
    """
    if azure.api_server is ApiServer.ALLOWLIST and not azure.allowed_ranges:
        raise LabError(
            f"{PROJECT}:azure.allowedRanges: found []; allowed: at least one range while azure.apiServer is "
            f"{ApiServer.ALLOWLIST}, or nobody reaches the API server",
            "learn this machine's address with `curl -4 https://api.ipify.org`, and set it: "
            f"pulumi config set --path '{PROJECT}:azure.allowedRanges[0]' ADDRESS/32",
        )


def require_kubelogin(azure: Azure) -> None:
    """Refuse to work without kubelogin in a cluster that is logged in to with Entra ID.

    Raises:
        LabError: it is not on PATH.
    """
    if azure.entra and not shutil.which("kubelogin"):
        raise LabError(
            f"kubelogin is not on PATH, and {PROJECT}:azure.entra is true: nobody could log in to the cluster",
            "az aks install-cli",
        )


def require_cli(azure: Azure) -> None:
    """Refuse to copy images without the Azure CLI, which does it.

    Raises:
        LabError: it is not on PATH.
    """
    if azure.import_images and not shutil.which("az"):
        raise LabError(
            f"the Azure CLI (az) is not on PATH, and {IMPORT_IMAGES} is true: it copies images into the registry",
            "see https://learn.microsoft.com/cli/azure/install-azure-cli, or let the nodes pull from Docker Hub: "
            f"pulumi config set --path {IMPORT_IMAGES} false",
        )


def stopped(cluster: ClusterId, stack: str) -> LabError:
    """Return the error for a cluster that is stopped, which Azure only lets start or be deleted."""
    return LabError(
        f"AKS cluster {cluster.name} is stopped",
        f"start it with: lab start --stack {stack}, or: az aks start -g {cluster.resource_group} -n {cluster.name} "
        f"--subscription {cluster.subscription}",
    )


def is_absence(complaint: str) -> bool:
    """Whether Azure says that it does not have what was asked for."""
    return _NOT_FOUND.search(complaint) is not None


def unanswered(complaint: str) -> LabError:
    """Return the error for a question that Azure did not answer: without a login, or without the rights."""
    if known := explain(complaint):
        return LabError(f"{known.code}: {known.cause}", known.command)
    reason = " ".join(complaint.split())
    return LabError(
        f"Azure cannot be asked with this login: {reason[:300]}",
        f"az login; and if {PROJECT}:azure.subscription is set, see that it is one of: az account list --output table",
    )


def replacement(
    name: str, old: Mapping[str, object], new: Mapping[str, object], *, stack: str, content: str = ""
) -> LabError:
    """Return the error for an update that would replace what holds users' data.

    Args:
        name: of the resource.
        old: what the stack's state has of it.
        new: what is asked for.
        stack: the stack's name.
        content: what of that is in the resource, such as `cluster, registry`.
    """
    changed = [
        f"{key} from {old[key]} to {value}"
        for key, value in sorted(new.items())
        if isinstance(value, str) and isinstance(old.get(key), str) and value.lower() != str(old[key]).lower()
    ]
    cause = f", because of {', '.join(changed)}" if changed else ""
    inside = f"{content} and all else" if content else "all that is"
    return LabError(f"this update would replace {name}, with {inside} in it{cause}", _way_out(stack))


def deletion(names: str, target: str, *, stack: str) -> LabError:
    """Return the error for an update that would delete what the stack has on Azure, since its target is another now."""
    return LabError(
        f"stack {stack} has resources on Azure ({names}), and with {PROJECT}:target {target} this update would delete "
        "them, with all that is in them",
        f"take the stack down first: pulumi destroy --stack {stack}; or {_way_out(stack)}",
    )


def _way_out(stack: str) -> str:
    allow = f"pulumi config set --path {ALLOW_REPLACE} true"
    once = f"lab up --stack {stack} --allow-replace"
    return f"undo the change in Pulumi.{stack}.yaml; or lose it on purpose: {allow}; or for one update: {once}"
