"""The login to Azure by what the pipeline's host vouches for: no password is stored anywhere."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from lab.adapters import files
from lab.core import paths
from lab.core.errors import LabError
from lab.platforms.azure import cli

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.platforms.azure.models import Account

_TOKEN = "ISTIO_LAB_ID_TOKEN"  # noqa: S105 - a variable's name
_WAY = "ISTIO_LAB_LOGIN"
_IDENTITY = "identity"

_AUDIENCE = "api://AzureADTokenExchange"
"""Whom a host's token is for: what Entra ID asks of the hosts of pipelines."""

_PATIENCE = 30.0
"""Seconds for the host to give its token."""

_SCOPES = (
    "https://management.core.windows.net//.default",
    "https://management.azure.com/.default",
    "https://storage.azure.com/.default",
    "https://vault.azure.net/.default",
    "6dae42f8-4368-4678-94ff-3960e28e3630/.default",  # the API servers of AKS
)
"""What the stages ask for: Azure itself, in both spellings, the state, its key, and the cluster."""


def login(environment: Mapping[str, str]) -> Account:
    """Log in, and have every token that the stages need.

    The host's own token says who the job is. It lives for minutes, and a cluster takes longer to come; so everything
    that it must vouch for is asked for at once, and the Azure CLI keeps the answers for about an hour.

    Args:
        environment: the job's variables.

    Returns:
        Who is logged in.

    Raises:
        LabError: a variable is missing, or Azure does not take what the host vouches for.
    """
    if token := environment.get(_TOKEN) or _given_by_github(environment):
        _by_token(token, environment)
    elif (way := environment.get(_WAY)) == _IDENTITY:
        client = environment.get("ISTIO_LAB_CLIENT_ID")
        cli.ask("login", "--identity", *(("--client-id", client) if client else ()))
    elif way:
        raise LabError(f"{_WAY}={way!r} is no way to log in", f"leave it empty, or set it to {_IDENTITY}")
    if subscription := environment.get("ISTIO_LAB_SUBSCRIPTION_ID"):
        cli.ask("account", "set", "--subscription", subscription)
    found = cli.account()
    for scope in _SCOPES:
        # A login that may not use one of them may not need it either; who does need it says so.
        with contextlib.suppress(LabError):
            cli.ask("account", "get-access-token", "--scope", scope)
    return found


def _by_token(token: str, environment: Mapping[str, str]) -> None:
    names = ("ISTIO_LAB_CLIENT_ID", "ISTIO_LAB_TENANT_ID")
    if missing := [name for name in names if not environment.get(name)]:
        raise LabError(
            f"the host vouches for this job, but {' and '.join(missing)} is not set",
            "set it among the pipeline's variables: see docs/pipelines.md",
        )
    client, tenant = (environment[name] for name in names)
    with tempfile.TemporaryDirectory(dir=paths.temporary_dir()) as folder:
        file = Path(folder) / "token"
        files.write(file, token)
        # az reads what stands behind an @ from that file, so the token is in no list of processes.
        who = ("--service-principal", "--username", client, "--tenant", tenant)
        cli.ask("login", *who, "--federated-token", f"@{file}")


def _given_by_github(environment: Mapping[str, str]) -> str:
    """The token of a job that may have one (`id-token: write`) and is meant to log in; empty elsewhere."""
    url, client = environment.get("ACTIONS_ID_TOKEN_REQUEST_URL"), environment.get("ISTIO_LAB_CLIENT_ID")
    if not url or not client:
        return ""
    headers = {"Authorization": f"Bearer {environment.get('ACTIONS_ID_TOKEN_REQUEST_TOKEN', '')}"}
    try:
        answer = httpx.get(url, params={"audience": _AUDIENCE}, headers=headers, timeout=_PATIENCE).raise_for_status()
        return str(answer.json()["value"])
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise LabError(
            f"GitHub gives this job no identity token: {type(error).__name__}",
            "give the job the permission id-token: write, as .github/workflows/shop.yml does",
        ) from None
