"""The hook that tries a resource again while Azure does not know everywhere what was just made."""

from __future__ import annotations

import asyncio

import pulumi
from pulumi import ErrorHook, ErrorHookArgs

from lab.core.patience import PATIENCE, Wait, pause
from lab.platforms.azure import races

_MOST = 95
"""Tries of a resource; after 100 the engine would put an error of its own in place of Azure's."""


def retry_until_propagated() -> ErrorHook:
    """Return the hook, which is one for all resources."""
    waits: dict[str, Wait] = {}

    async def retry(args: ErrorHookArgs) -> bool:
        refusals, race = len(args.errors), races.find(args.errors[0])
        if race is None or (race.patience < PATIENCE and args.failed_operation != "create"):
            return False
        if refusals == 1:
            waits[args.urn] = Wait()
            pulumi.log.info(
                f"Azure does not know {race.unknown} everywhere yet; {args.name} is tried again for up to "
                f"{race.patience / 60:.0f} minutes."
            )
        if refusals >= _MOST or not waits[args.urn].goes_on(refusals, race.patience):
            return False
        await asyncio.sleep(pause(refusals))
        return True

    return ErrorHook("azure-propagation", retry)
