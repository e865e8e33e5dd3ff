"""Preparation of updates on Azure, and explanation of their failures."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from lab.adapters import stack_file
from lab.core import paths
from lab.core.errors import LabError
from lab.core.tags import PROJECT
from lab.platforms import kubeconfig
from lab.platforms.azure import address, cli, error_catalog, power
from lab.platforms.azure.checks import AzureNeeds
from lab.platforms.azure.standing import with_nodes
from lab.services import guard
from lab.settings import Settings, Target
from lab.settings.groups import ApiServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.adapters.stack import Stack

RANGES = "azure.allowedRanges"


def cluster_of(stack: Stack) -> power.ClusterId | None:
    """Return the stack's AKS cluster, or None while it has none."""
    outputs = stack.outputs() if stack.exists() else {}
    if not (name := outputs.get("azureCluster")):
        return None
    return power.ClusterId(
        subscription=outputs["azureSubscription"], resource_group=outputs["azureResourceGroup"], name=name
    )


def require_cluster(stack: Stack) -> power.ClusterId:
    """Return the stack's AKS cluster.

    Raises:
        LabError: it has none.
    """
    if found := cluster_of(stack):
        return found
    raise LabError(f"stack {stack.name} has no cluster on Azure", f"lab up --stack {stack.name}")


def planned(stack: Stack, **instead: str) -> Settings:
    """Return the settings; `instead` overrides values.

    Raises:
        LabError: a setting is wrong.
    """
    return Settings.from_mapping({**stack.config(), **instead}, source=stack.file.name)


def standing(stack: Stack) -> Settings:
    """Return the settings with the nodes that stand, which a change of the settings does not replace.

    Raises:
        LabError: a setting is wrong.
    """
    settings = planned(stack)
    size = stack.outputs().get("azureVmSize") if settings.target is Target.AZURE and stack.exists() else ""
    return with_nodes(settings, size) if size else settings


def needs(stack: Stack) -> AzureNeeds:
    """Return the stack's needs of a subscription; existing nodes are not counted again.

    Raises:
        LabError: a setting is wrong.
    """
    settings = planned(stack, target="azure")
    azure, stands = settings.azure, cluster_of(stack) is not None
    return AzureNeeds(
        subscription=azure.subscription,
        location=azure.location,
        kubernetes_version=settings.kubernetes_version,
        vm_size=azure.system_pool.vm_size,
        nodes=0 if stands else azure.system_pool.count,
        spot_vm_size=azure.spot_pool.vm_size if azure.spot_pool.enabled else None,
        spot_nodes=0 if stands else azure.spot_pool.max_count,
        entra=azure.entra,
    )


def allow_caller(stack: Stack) -> str:
    """Put the caller's address on an empty allowlist of the API server; return what was added, if anything."""
    azure = _azure(stack)
    if azure.get("allowedRanges") or azure.get("apiServer", ApiServer.ALLOWLIST) != ApiServer.ALLOWLIST:
        return ""
    added = f"{address.public_address()}/32"
    stack.set_config(f"{RANGES}[0]", added)
    return added


@contextlib.contextmanager
def replacing(stack: Stack, *, allowed: bool) -> Iterator[Stack]:
    """Let one update replace or delete the cluster if that is allowed, by a setting in a copy of the configuration."""
    if not allowed:
        yield stack
        return
    with tempfile.TemporaryDirectory(dir=paths.temporary_dir()) as folder:
        file = Path(folder) / stack.file.name
        content = stack_file.read(stack.file)
        given = content.get("config")
        config = {**(given if isinstance(given, dict) else {})}
        config[f"{PROJECT}:azure"] = {**_azure(stack), "allowReplace": True}
        file.write_text(yaml.safe_dump({**content, "config": config}, sort_keys=False), encoding="utf-8")
        yield stack.configured_by(file)


@contextlib.contextmanager
def without_budget(tell: Callable[[str], None]) -> Iterator[None]:
    """Let an update pass whose only failure is that the subscription takes no budget, which is made last; say it."""
    try:
        yield
    except error_catalog.KnownError as error:
        if error.code != error_catalog.BUDGET_REFUSED:
            raise
        tell(f"{error.message} do: {error.remedy}")


def before_destroy(stack: Stack) -> None:
    """Refuse to destroy with the login of another subscription, where everything would seem to be gone.

    Raises:
        LabError: another subscription is logged in.
    """
    wanted = _azure(stack).get("subscription")
    guard.require_same_subscription(stack.export(), str(wanted or cli.account().id))


def keep_kubeconfig(stack: Stack) -> None:
    """Write the kubeconfig into the stack's folder."""
    kubeconfig.write(stack.secret_output("kubeconfig"), stack.directory)


def bring_kubelogin(stack: Stack) -> None:
    """Install `kubelogin`, by which kubectl and Pulumi use the Azure CLI's login, with the Azure CLI."""
    if _azure(stack).get("entra", True) is False or shutil.which("kubelogin", path=_search()):
        return
    with tempfile.TemporaryDirectory(dir=paths.temporary_dir()) as folder:
        file = paths.bin_dir() / "kubelogin"
        where = ("--install-location", str(Path(folder) / "kubectl"), "--kubelogin-install-location", str(file))
        cli.ask("aks", "install-cli", *where)


def _search() -> str:
    return f"{paths.bin_dir()}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def _azure(stack: Stack) -> dict[str, object]:
    given = stack.config().get("azure", {})
    return dict(given) if isinstance(given, dict) else {}
