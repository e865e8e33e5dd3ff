"""The end of the project's working folder, with every lab on this machine."""

from __future__ import annotations

import contextlib

from lab.adapters import backend, files, state_files, workspace
from lab.adapters.stack import Stack
from lab.core import paths
from lab.core.errors import LabError
from lab.platforms.embedded import remains
from lab.services import recovery, state_repair
from lab.settings import Target


def clean(*, cache: bool) -> list[str]:
    """Take down every lab on this machine and delete the project's working folder.

    Args:
        cache: delete the cache of tools too.

    Returns:
        The stacks whose state is in another backend and was left there as it is.

    Raises:
        LabError: a stack has, or may have, resources on Azure, which would go on costing money unseen; or a process or
            a file cannot be removed.
    """
    kept = list(state_files.all_of(paths.state_dir()))
    for each in kept:
        state_repair.require_cleanable(each)
    found = _with_folders()
    elsewhere = [stack for stack in found if stack.name not in {each.stack for each in kept}]
    for stack in elsewhere:
        _require_known_elsewhere(stack)
    # Those of a stack whose folder is gone run as well, and what a killed engine left.
    remains.end(paths.home() / "stacks")
    recovery.end_orphans()
    for settings in paths.PROJECT.glob("Pulumi.*.yaml") if backend.local() else ():
        workspace.forget_salt(settings)  # of the passphrase that goes now; an update that was killed left it
    files.delete(paths.home())
    if cache:
        files.delete(paths.cache())
    return [stack.name for stack in elsewhere]


def _with_folders() -> list[Stack]:
    """Return the stacks that have a folder on this machine; one that was renamed or put there is none."""
    folders = sorted((paths.home() / "stacks").glob("*/"))
    found = []
    for folder in folders:
        with contextlib.suppress(LabError):
            found.append(Stack(folder.name))
    return found


def _require_known_elsewhere(stack: Stack) -> None:
    """Refuse to forget a stack on Azure whose state is not in the project's own folder, unless nothing of it stands."""
    state = None if backend.local() else stack.state()
    if state is not None:
        _require_nothing_on_azure(stack.name, state)
    elif stack.target == Target.AZURE:
        raise LabError(
            f"{stack.directory} is of a stack on Azure, and its state is not in {backend.described()}",
            f"name its backend: {backend.VARIABLE}=login make clean; if the stack is gone, delete that folder",
        )


def _require_nothing_on_azure(stack: str, state: str) -> None:
    if '"type": "azure-native:' in state:
        raise state_repair.on_azure(stack)
