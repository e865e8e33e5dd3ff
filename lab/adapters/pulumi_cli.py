"""The `pulumi` command of this project, run without a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.adapters import process, workspace
from lab.core import paths

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def command(*arguments: str) -> list[str]:
    """Return the command line."""
    return [str(paths.bin_dir() / "pulumi"), *arguments]


def run(
    *arguments: str, folder: Path, stdin: str = "", check: bool = True, environment: Mapping[str, str] | None = None
) -> process.Result:
    """Run pulumi and capture what it prints.

    Args:
        arguments: after `pulumi`.
        folder: that of `Pulumi.yaml`.
        stdin: is written to it.
        check: raise an error when it fails.
        environment: added to what pulumi always gets.
    """
    return process.run(
        [*command(*arguments), "--non-interactive"],
        environment={**workspace.environment(), **(environment or {})},
        cwd=folder,
        stdin=stdin,
        check=check,
        title=f"pulumi {' '.join(arguments[:2])}",
    )
