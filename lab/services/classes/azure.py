"""What a class does around updates of its stacks on Azure: the same as `lab up` and `lab down` do for one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from lab.core.progress import Progress
from lab.platforms.azure import error_catalog, plugin
from lab.services import azure_updates

if TYPE_CHECKING:
    from lab.adapters.stack import Stack

_ONE_AT_A_TIME = threading.Lock()
"""Tools are brought once for all."""


def before_up(stack: Stack) -> None:
    """Bring what is needed, let the caller in, and refuse what would fail halfway or lose a cluster.

    Raises:
        LabError: it is refused, or something cannot be had.
    """
    with Progress(quiet=True) as progress:
        with _ONE_AT_A_TIME:
            plugin.ensure(progress)
            azure_updates.bring_kubelogin(stack)
        azure_updates.allow_caller(stack)
        azure_updates.before_change(stack, progress, allow_replace=False)


def explained(message: str, stack: Stack) -> str:
    """Why an update failed: where Azure is known for it, the cause and the command that helps.

    Args:
        message: the engine's.
        stack: which lab.
    """
    found = error_catalog.explain(message)
    return f"{found.code}: {found.cause}; do: {found.command}{stack.option}" if found else message
