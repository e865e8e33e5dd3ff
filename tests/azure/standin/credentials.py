"""The kubeconfigs that Azure hands out for a managed cluster."""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import yaml

from tests.azure.standin.errors import AzureError, StandinError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.azure.standin.store import Entry

_SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"
_CLIENT = "80faf920-1908-4b52-b5ef-a8e7bedfc67a"


def admin(cluster: Entry, kubeconfig: Path) -> dict[str, Any]:
    """A kubeconfig with a client certificate of the cluster's own administrator."""
    _demand_local_accounts(cluster)
    return _answer("clusterAdmin", _content(kubeconfig))


def user(cluster: Entry, kubeconfig: Path, tenant: str, format_: str | None) -> dict[str, Any]:
    """A kubeconfig for whoever asks; a directory's users sign in with kubelogin.

    Args:
        cluster: as it is stored.
        kubeconfig: of the cluster that stands in for it.
        tenant: id of the directory.
        format_: how the kubeconfig should get its token.
    """
    if not (cluster.properties.get("aadProfile") or {}).get("managed"):
        _demand_local_accounts(cluster)
        return _answer("clusterUser", _content(kubeconfig))
    if format_ != "exec":
        raise StandinError(
            f"the kubeconfig in format {format_ or 'azure'} signs in with kubectl's azure plugin, which is gone since "
            "Kubernetes 1.26: ask for format exec"
        )
    return _answer("clusterUser", _with_kubelogin(_content(kubeconfig), tenant))


def _demand_local_accounts(cluster: Entry) -> None:
    if cluster.properties.get("disableLocalAccounts"):
        raise AzureError(
            HTTPStatus.BAD_REQUEST,
            "BadRequest",
            "Getting static credential is not allowed because this cluster is set to disable local accounts.",
        )


def _content(kubeconfig: Path) -> str:
    if not kubeconfig.exists():
        raise StandinError(f"no cluster stands in for the managed one: there is no {kubeconfig}")
    content = kubeconfig.read_text()
    front = kubeconfig.with_name("front")
    if not front.exists():
        return content
    # Where a test has put a server of its own before the API server.
    behind = yaml.safe_load(content)
    behind["clusters"][0]["cluster"] = {"server": front.read_text()}
    return yaml.safe_dump(behind, sort_keys=False)


def _with_kubelogin(kubeconfig: str, tenant: str) -> str:
    content = yaml.safe_load(kubeconfig)
    login = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "kubelogin",
        "args": [
            "get-token",
            "--environment",
            "AzurePublicCloud",
            "--server-id",
            _SERVER,
            "--client-id",
            _CLIENT,
            "--tenant-id",
            tenant,
            "--login",
            "devicecode",
        ],
        "env": None,
        "provideClusterInfo": False,
    }
    users = [{"name": each["name"], "user": {"exec": login}} for each in content["users"]]
    return yaml.safe_dump({**content, "users": users}, sort_keys=False)


def _answer(name: str, content: str) -> dict[str, Any]:
    return {"kubeconfigs": [{"name": name, "value": base64.b64encode(content.encode()).decode()}]}
