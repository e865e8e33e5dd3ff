"""Damage of a stack's state in a file backend, and the way out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.adapters import backend
from lab.adapters.checkpoints import UnreadableError
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab.adapters.checkpoints import Checkpoint
    from lab.adapters.state_files import StateFiles

_ELSEWHERE = (b'"azure-native:', b'"pulumi-python:dynamic/kubeconfig:ExistingCluster"')
"""Found in the state of a stack that has resources beyond this machine."""

_CONTROL_PLANE = "kwokctl.yaml"
"""In the folder of a stack that has an embedded control plane."""


@dataclass(frozen=True, kw_only=True)
class Damage:
    """A state that is broken or lost.

    Attributes:
        file: where it is, or was.
        cause: why it cannot be read.
        backup: the newest copy that can be read.
        only_here: whether everything that the stack may have is on this machine.
    """

    file: Path
    cause: str
    backup: Checkpoint | None
    only_here: bool

    def error(self, stack: str, suffix: str) -> LabError:
        """Return the error with what is lost and with the way out.

        Args:
            stack: name of the stack.
            suffix: what a `make` command needs behind it to mean the stack.
        """
        message = f"the state of stack {stack} cannot be used, {self.file}: {self.cause}."
        if self.backup:
            return LabError(
                f"{message} There is a backup with {self.backup.resources} resources: {self.backup.described}",
                f"restore it with: make recover{suffix}",
            )
        if self.only_here:
            return LabError(
                f"{message} There is no backup of it, so the lab on this machine cannot be updated any more, and what "
                "was made in its cluster is lost",
                f"take down what is left and begin anew: make down{suffix} && make up{suffix}",
            )
        return LabError(
            f"{message} There is no backup of it, and the stack has resources outside of this machine, which Pulumi "
            "does not know any more",
            f"move that file away, then list what is left: lab audit{f' --stack {stack}' if suffix else ''}",
        )


def of(files: StateFiles, *, directory: Path, target: Callable[[], str]) -> Damage | None:
    """Return what is wrong with a state; None for one that can be read, and for a stack that never was.

    Args:
        files: those of the state.
        directory: what belongs to the stack on this machine.
        target: reads from its settings where its lab stands.
    """
    try:
        if files.file.is_file():
            files.read()
            return None
        cause = "it is not there"
    except UnreadableError as error:
        cause = str(error)
    only_here = target() == "embedded" and not any(map(files.mentions, _ELSEWHERE))
    damage = Damage(file=files.file, cause=cause, backup=files.backup(), only_here=only_here)
    return damage if files.file.is_file() or _stood(damage, directory) else None


def _stood(damage: Damage, directory: Path) -> bool:
    """Check for a lab, present or past, whose state is gone."""
    data = (directory / _CONTROL_PLANE).is_file()
    if damage.backup is None or not damage.backup.resources:
        # In the folder may also be a lab of the same name whose state is in another backend.
        return data and backend.local() and not backend.keeper(directory)
    return data or not damage.only_here
