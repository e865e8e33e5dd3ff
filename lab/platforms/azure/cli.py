"""The Azure CLI: the one way to Azure. No shell parses a command, no secret is ever an argument."""

from __future__ import annotations

import re
import shutil

from lab.adapters import environment, process
from lab.core.errors import LabError
from lab.platforms.azure.error_catalog import explain
from lab.platforms.azure.models import Account, read

PATIENCE = 90.0
"""Seconds for a question; the slowest, the list of VM sizes, takes about half a minute."""


class NotFoundError(LabError):
    """Azure does not have what was asked for."""


def ask(*arguments: str, timeout: float = PATIENCE) -> str:
    """Run an az command to its end.

    Args:
        arguments: after `az`.
        timeout: seconds after which az is ended.

    Returns:
        Its answer as JSON text.

    Raises:
        NotFoundError: Azure does not have the resource.
        LabError: az is missing or failed, with the cause.
    """
    command = [program(), *arguments, "--output", "json", "--only-show-errors"]
    try:
        return process.run(
            command,
            environment=environment.make(environment.AZURE_CLI),
            timeout=timeout,
            title=_spell(arguments),
            remedy="look at the network and the proxy, then run the same command again",
        ).stdout
    except process.ProcessFailedError as error:
        raise failure(arguments, error.result.stderr) from None


def program() -> str:
    """The Azure CLI's own program.

    Raises:
        LabError: it is not on PATH.
    """
    if found := shutil.which("az"):
        return found
    raise LabError(
        "the Azure CLI (az) is not on PATH",
        'see the page "Install the Azure CLI": https://learn.microsoft.com/cli/azure/install-azure-cli',
    )


def account() -> Account:
    """Who is logged in, and the subscription that az works on.

    Raises:
        LabError: az is missing, or nobody is logged in.
    """
    return read(Account, ask("account", "show"))


def failure(arguments: tuple[str, ...], complaint: str) -> LabError:
    """The error that people read for what az wrote to standard error."""
    if unknown := re.search(
        r"[Ss]ubscription of '([^']+)' doesn't exist|\(SubscriptionNotFound\).*?'([^']+)'", complaint
    ):
        return LabError(
            f"the login does not know the subscription {unknown[1] or unknown[2]}", "az account list --output table"
        )
    if missing := re.search(r"\((?:Resource|ResourceGroup)NotFound\)\s*([^\n]*)", complaint):
        return NotFoundError(f"Azure does not have it: {missing[1]}", "az account show --output table")
    if understood := explain(complaint):
        return LabError(f"{_spell(arguments)} failed: {understood.cause}", understood.command)
    lines = [line.removeprefix("ERROR: ") for line in complaint.splitlines() if line.strip()]
    return LabError(f"{_spell(arguments)} failed: {lines[0] if lines else 'it gave no reason'}")


def _spell(arguments: tuple[str, ...]) -> str:
    """The command without its options, which say little and are long."""
    words = list(arguments)
    options = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    return " ".join(["az", *words[:options]])
