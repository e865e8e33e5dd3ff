"""The Azure CLI, the only client of Azure. No shell parses its commands, and no secret is ever an argument."""

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
    """Find the Azure CLI.

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
    """Read the account and the subscription that az uses.

    Raises:
        LabError: az is missing, or nobody is logged in.
    """
    return read(Account, ask("account", "show"))


def failure(arguments: tuple[str, ...], complaint: str) -> LabError:
    """Turn az's standard error into a message for people."""
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
    """Spell the command without its options, which are long."""
    words = list(arguments)
    options = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    return " ".join(["az", *words[:options]])
