"""A guard of what holds users' data on Azure: no update replaces or deletes it unless a setting says so.

The engine's `protect` would forbid `pulumi destroy` too, and delete hooks would make that need the program. So the
program looks into its own stack's state, before it declares anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import ResourceHook, ResourceHookArgs, ResourceHookOptions

from lab.platforms.azure import safety

_GROUP = "azure-native:resources:ResourceGroup"

GUARDED = (
    "azure-native:containerservice:ManagedCluster",
    "azure-native:containerregistry:Registry",
    _GROUP,
)
"""Types that hold users' data: a replacement is empty."""

_HALF_WRITTEN = "failed to load checkpoint"
"""In the engine's answer when it reads a state that it is writing: a file backend does not do that in one step."""

_PAUSES = (0.1, 0.2, 0.4, 0.8)
"""Seconds before each further attempt to read a state that was half written."""

Standing = Mapping[str, Mapping[str, object]]
"""Outputs of the guarded resources in the stack's state, by type."""


async def require_kept(stack: str, target: str, *, allowed: bool) -> None:
    """Refuse an update that would delete a lab on Azure, since the stack has another target now.

    Args:
        stack: its name.
        target: that it has now.
        allowed: whether the lab may be lost; there is a warning then.

    Raises:
        LabError: the stack's state has a lab on Azure, and nothing allows to lose it.
    """
    if not (names := await _on_azure()):
        return
    if not allowed:
        raise safety.deletion(names, target, stack=stack)
    pulumi.log.warn(safety.ALLOWED)


async def standing() -> Standing:
    """Return what the stack's state has of the guarded types."""
    answer = await ask("readStackResourceOutputs", "stackName")
    found = {str(each["type"]): each.get("outputs") or {} for each in answer.values()}
    return {type_: outputs for type_, outputs in found.items() if type_ in GUARDED}


def keep(found: Standing, stack: str) -> ResourceHook:
    """Return a `before_create` hook that refuses to make again what stands.

    A replacement must begin with its creation (`delete_before_replace=False`), or the loss would come first.
    """

    def refuse(args: ResourceHookArgs) -> None:
        if args.type in found:
            content = "cluster, registry" if args.type == _GROUP else ""
            raise safety.replacement(args.name, found[args.type], args.new_inputs or {}, stack=stack, content=content)

    # Not an anonymous function: its name is in the engine's message.
    return ResourceHook("azure.allowReplace", refuse, ResourceHookOptions(on_dry_run=True))


async def _on_azure() -> str:
    """Name what the stack has on Azure; empty if it has nothing there.

    The outputs of all resources take a third of a second to read, those of the stack a fiftieth. A stack without any
    has never come to the end of an update, so it is a small one.
    """
    outputs = await ask("readStackOutputs", "name")
    if not outputs:
        return ", ".join(sorted(type_.rpartition(":")[2] for type_ in await standing()))
    return str(outputs.get("azureCluster") or "")


async def ask(function: str, parameter: str) -> dict[str, Any]:
    """Ask the engine for outputs in this stack's own state; a `StackReference` would become a part of that state."""
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    for pause in (*_PAUSES, None):
        try:
            answer = await pulumi.runtime.invoke_async(f"pulumi:pulumi:{function}", {parameter: name})
        except Exception as error:  # the SDK has no type of its own for this
            if pause is None or _HALF_WRITTEN not in str(error):
                raise
            await asyncio.sleep(pause)
        else:
            break
    return dict(answer["outputs"])
