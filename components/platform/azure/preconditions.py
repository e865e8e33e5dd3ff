"""Checks of the settings before anything is declared on Azure; a preview only warns of what it can do without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from lab.core.errors import LabError
from lab.platforms.azure import safety
from lab.platforms.azure.cost import limit
from lab.platforms.azure.standing import with_nodes

if TYPE_CHECKING:
    from lab.settings import Settings
    from lab.settings.groups import Azure


def check(settings: Settings, stack: str) -> Azure:
    """Refuse an update that would cost too much, or whose cluster nobody could work in or fill.

    Returns:
        The settings of the target, with a placeholder for a range that a preview lacks.

    Raises:
        LabError: it is refused.
    """
    azure = settings.azure
    limit.hold(settings, stack=stack)
    for require in (safety.require_reachable, safety.require_kubelogin, safety.require_cli):
        try:
            require(azure)
        except LabError as error:
            if not pulumi.runtime.is_dry_run():
                raise
            pulumi.log.warn(f"An update will be refused. {error}")
    if azure.allow_replace:
        pulumi.log.warn(safety.ALLOWED)
    if pulumi.runtime.is_dry_run():
        azure = azure.model_copy(update={"allowed_ranges": azure.allowed_ranges or (safety.PLACEHOLDER,)})
    return azure


def price(settings: Settings, vm_size: str) -> str:
    """Return what the lab costs an hour in US dollars, empty if that is not known; a preview says it.

    Args:
        settings: of the lab.
        vm_size: of its nodes, which are not always what the settings ask for.
    """
    found = limit.hourly(with_nodes(settings, vm_size))
    if pulumi.runtime.is_dry_run():
        pulumi.log.info(limit.summary(found))
    return str(found.per_hour) if found else ""
