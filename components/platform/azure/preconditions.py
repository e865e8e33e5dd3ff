"""Checks of the settings before anything is declared on Azure; a preview only warns of what it can do without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from lab.core.errors import LabError
from lab.platforms.azure import safety
from lab.platforms.azure.cost import limit

if TYPE_CHECKING:
    from lab.settings import Settings
    from lab.settings.groups import Azure


def check(settings: Settings, stack: str) -> tuple[Azure, str]:
    """Refuse an update that would cost too much, or whose cluster nobody could work in.

    Returns:
        The settings of the target, with a placeholder for a range that a preview lacks, and what the lab costs an hour
        in US dollars; empty if that is not known.

    Raises:
        LabError: it is refused.
    """
    azure = settings.azure
    limit.hold(settings, stack=stack)
    for require in (safety.require_reachable, safety.require_kubelogin):
        try:
            require(azure)
        except LabError as error:
            if not pulumi.runtime.is_dry_run():
                raise
            pulumi.log.warn(f"An update will be refused. {error}")
    if azure.allow_replace:
        pulumi.log.warn(safety.ALLOWED)
    found = limit.hourly(settings)
    if pulumi.runtime.is_dry_run():
        pulumi.log.info(limit.summary(found))
        azure = azure.model_copy(update={"allowed_ranges": azure.allowed_ranges or (safety.PLACEHOLDER,)})
    return azure, str(found.per_hour) if found else ""
