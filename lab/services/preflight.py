"""Asks Azure, before anything is made, whether a lab could be made to stand there."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from lab.core.errors import LabError
from lab.core.parallel import run_all
from lab.platforms.azure import checks
from lab.platforms.azure.checks import AzureNeeds, Check, Verdict
from lab.platforms.azure.cli import account, ask
from lab.platforms.azure.models import (
    Account,
    KubernetesVersions,
    Permissions,
    Policies,
    Provider,
    Usage,
    Version,
    VmSize,
    read,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from lab.core.progress import Progress

_AT_ONCE = 4
"""How many az run at a time: each needs a processor for a second and then waits for Azure."""

_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "bold red"}


def examine(needs: AzureNeeds, progress: Progress) -> list[Check]:
    """Look at all that a lab needs of Azure, as much as can be looked at.

    Without az, without a login and with another subscription the rest cannot be told, and is left out.

    Args:
        needs: what the lab is to be made of.
        progress: told what is under way; one az takes seconds.

    Raises:
        KeyboardInterrupt: Ctrl-C; running az end by themselves.
    """
    own = [checks.kubelogin(shutil.which("kubelogin"))] if needs.entra else []
    with progress.step("asking Azure who is logged in"):
        first, logged_in = _identity(needs)
    if logged_in is None:
        return first + own
    asked = _questions(needs, logged_in)
    results: dict[int, list[Check]] = {}

    def job(place: int, question: _Question) -> Callable[[], None]:
        def run() -> None:
            with progress.step(f"asking Azure about {question.about}"):
                try:
                    results[place] = question.look()
                except LabError as error:
                    results[place] = [checks.failed(question.about, error.message, error.remedy)]

        return run

    jobs = [job(place, question) for place, question in enumerate(asked)]
    run_all(jobs, workers=_AT_ONCE, cancelled=threading.Event())
    return [*first, *(check for place in sorted(results) for check in results[place]), *own]


def show(results: list[Check], console: Console) -> bool:
    """Print the results as a table, then each remedy on a line of its own, which can be copied.

    Returns:
        Whether all is well; warnings are.
    """
    table = Table("check", "result", "found", title="Azure", title_justify="left")
    for check in results:
        table.add_row(check.name, Text(check.verdict, style=_COLOURS[check.verdict]), Text(check.found))
    console.print(table)
    for check in results:
        if check.remedy:
            console.print(f"[{_COLOURS[check.verdict]}]{check.name}:[/] ", end="")
            console.print(check.remedy, markup=False, highlight=False, soft_wrap=True)
    return all(check.verdict != Verdict.FAILED for check in results)


@dataclass(frozen=True, kw_only=True)
class _Question:
    about: str
    look: Callable[[], list[Check]]


def _identity(needs: AzureNeeds) -> tuple[list[Check], Account | None]:
    """The checks of az and the login, and the account if the right one is logged in."""
    try:
        found = [checks.cli(read(Version, ask("version")))]
    except LabError as error:
        return [checks.failed("Azure CLI", error.message, error.remedy)], None
    try:
        logged_in = account()
    except LabError as error:
        return [*found, checks.failed("login", error.message, error.remedy)], None
    right = checks.subscription(logged_in, needs)
    return [*found, right], logged_in if right.verdict == Verdict.OK else None


def _questions(needs: AzureNeeds, logged_in: Account) -> list[_Question]:
    here = ("--subscription", logged_in.id)
    region = (*here, "--location", needs.location)

    def rest(path: str, version: str) -> str:
        return ask("rest", "--method", "get", "--url", f"/subscriptions/{logged_in.id}{path}?api-version={version}")

    def sizes(name: str) -> tuple[VmSize, ...]:
        # With --all Azure also names what the subscription cannot have, with the reason.
        kind = ("--resource-type", "virtualMachines", "--all")
        return read(tuple[VmSize, ...], ask("vm", "list-skus", *region, "--size", name, *kind))

    def usages() -> tuple[Usage, ...]:
        return read(tuple[Usage, ...], ask("vm", "list-usage", *region))

    def offer() -> list[Check]:
        return [checks.offer(read(Policies, rest("", "2022-12-01")))]

    def registered() -> list[Check]:
        # The whole answer is megabytes of locations and API versions.
        query = ("--query", "[].{namespace:namespace, registrationState:registrationState}")
        return [checks.providers(read(tuple[Provider, ...], ask("provider", "list", *here, *query)))]

    def system_pool() -> list[Check]:
        found = sizes(needs.vm_size)
        size = checks.pick(found, needs.vm_size)
        quota = [checks.quota(usages(), size, needs)] if size else []
        return [checks.system_size(found, needs), *quota]

    def spot_pool(name: str) -> list[Check]:
        found = sizes(name)
        size = checks.pick(found, name)
        quota = [checks.spot_quota(usages(), size, needs)] if size else []
        return [checks.spot_size(found, needs), *quota]

    def kubernetes() -> list[Check]:
        return [checks.kubernetes(read(KubernetesVersions, ask("aks", "get-versions", *region)), needs)]

    def roles() -> list[Check]:
        # What is effective, with groups, custom roles and management groups; a list of role assignments is not.
        granted = read(Permissions, rest("/providers/Microsoft.Authorization/permissions", "2022-04-01"))
        return [checks.roles(granted, logged_in)]

    spot = needs.spot_vm_size
    return [
        _Question(about="the subscription's offer", look=offer),
        _Question(about="resource providers", look=registered),
        _Question(about="VM size and quota", look=system_pool),
        *([_Question(about="Spot VM size and quota", look=lambda: spot_pool(spot))] if spot else []),
        _Question(about="Kubernetes versions", look=kubernetes),
        _Question(about="the right to assign roles", look=roles),
    ]
