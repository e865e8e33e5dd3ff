"""Login to Azure by the identity token of the pipeline's host, without a stored password."""

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
_METHOD = "ISTIO_LAB_LOGIN"
_IDENTITY = "identity"

_AUDIENCE = "api://AzureADTokenExchange"
"""Audience of identity tokens for Entra ID."""

_REQUEST_TIMEOUT = 30.0
"""Seconds."""

_SCOPES = (
    "https://management.core.windows.net//.default",
    "https://management.azure.com/.default",
    "https://storage.azure.com/.default",
    "https://vault.azure.net/.default",
    "6dae42f8-4368-4678-94ff-3960e28e3630/.default",  # the API servers of AKS
)
"""Scopes of the stages: Azure in both spellings, the state, its key, and the cluster."""


def login(environment: Mapping[str, str]) -> Account:
    """Log in with the job's environment, and fetch every token that the stages need.

    The host's token expires within minutes, sooner than a cluster is created. The Azure CLI caches the tokens that are
    requested here for about an hour.

    Raises:
        LabError: a variable is missing, or Azure refuses the login.
    """
    if token := environment.get(_TOKEN) or _given_by_github(environment):
        _by_token(token, environment)
    elif (method := environment.get(_METHOD)) == _IDENTITY:
        client = environment.get("ISTIO_LAB_CLIENT_ID")
        cli.ask("login", "--identity", *(("--client-id", client) if client else ()))
    elif method:
        raise LabError(f"{_METHOD}={method!r} is no login method", f"leave it empty, or set it to {_IDENTITY}")
    if subscription := environment.get("ISTIO_LAB_SUBSCRIPTION_ID"):
        cli.ask("account", "set", "--subscription", subscription)
    found = cli.account()
    for scope in _SCOPES:
        # A login without the right to one may not need it; the stage that does reports it.
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
        # With @ az reads the token from a file, so it is in no list of processes.
        who = ("--service-principal", "--username", client, "--tenant", tenant)
        cli.ask("login", *who, "--federated-token", f"@{file}")


def _given_by_github(environment: Mapping[str, str]) -> str:
    """The identity token of a job with `id-token: write` and a client to log in as; empty elsewhere."""
    url, client = environment.get("ACTIONS_ID_TOKEN_REQUEST_URL"), environment.get("ISTIO_LAB_CLIENT_ID")
    if not url or not client:
        return ""
    headers = {"Authorization": f"Bearer {environment.get('ACTIONS_ID_TOKEN_REQUEST_TOKEN', '')}"}
    try:
        answer = httpx.get(
            url, params={"audience": _AUDIENCE}, headers=headers, timeout=_REQUEST_TIMEOUT
        ).raise_for_status()
        return str(answer.json()["value"])
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise LabError(
            f"GitHub gives this job no identity token: {type(error).__name__}",
            "give the job the permission id-token: write, as .github/workflows/shop.yml does",
        ) from None
