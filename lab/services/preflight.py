"""Checks that a subscription can hold a lab, made before anything is created."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    from collections.abc import Callable, Sequence

    from lab.core.progress import Progress

_WORKERS = 4
"""Each az needs a processor for a second and then waits for Azure."""


def examine(needs: AzureNeeds, progress: Progress) -> list[Check]:
    """Run every check that can be run: without az, its login or the right subscription the rest is left out.

    Raises:
        KeyboardInterrupt: Ctrl-C; running az end by themselves.
    """
    own = [checks.kubelogin(shutil.which("kubelogin"))] if needs.entra else []
    with progress.step("asking Azure who is logged in"):
        first, logged_in = _identity(needs)
    if logged_in is None:
        return first + own
    asked = _questions(needs, logged_in)
    results: dict[int, list[Check]] = {}  # by the question's index, for a stable order

    def job(index: int, question: _Question) -> Callable[[], None]:
        def run() -> None:
            with progress.step(f"asking Azure about {question.about}"):
                try:
                    results[index] = question.look()
                except LabError as error:
                    results[index] = [checks.failed(question.about, error.message, error.remedy)]

        return run

    jobs = [job(index, question) for index, question in enumerate(asked)]
    run_all(jobs, workers=_WORKERS, cancelled=threading.Event())
    return [*first, *(check for index in sorted(results) for check in results[index]), *own]


def passed(results: Sequence[Check]) -> bool:
    """Whether no check failed; warnings pass."""
    return all(check.verdict != Verdict.FAILED for check in results)


@dataclass(frozen=True, kw_only=True)
class _Question:
    about: str
    look: Callable[[], list[Check]]


def _identity(needs: AzureNeeds) -> tuple[list[Check], Account | None]:
    """Check az and its login; return the account if the subscription is the right one."""
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
