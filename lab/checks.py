"""The project's own checks in the order in which they fail fastest: lint, types, then the test tiers."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.adapters import workspace
from lab.core import paths
from lab.core.errors import LabError

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, kw_only=True)
class Check:
    """One step of `make test`.

    Attributes:
        name: as people call it.
        module: the Python module that is run.
        arguments: what it is given.
    """

    name: str
    module: str
    arguments: tuple[str, ...]


_TWO = ("-n", "2", "--dist", "loadfile")
"""Two at a time; what a file sets up serves all tests in it."""

CHECKS = (
    Check(name="format", module="ruff", arguments=("format", "--check", ".")),
    Check(name="lint", module="ruff", arguments=("check", ".")),
    Check(name="types", module="mypy", arguments=()),
    Check(name="unit tests", module="pytest", arguments=("tests/unit", "-q", "-n", "2")),
    Check(name="tests of the applications", module="pytest", arguments=("apps/tests", "-q", *_TWO)),
    # Each of these has a control plane of its own, for which two cores are just enough; nothing runs beside it.
    Check(name="engine tests", module="pytest", arguments=("tests/engine", "-v")),
    Check(name="mesh tests", module="pytest", arguments=("tests/mesh", "-v")),
    Check(name="azure tests", module="pytest", arguments=("tests/azure", "-v")),
    Check(name="observability tests", module="pytest", arguments=("tests/observability", "-v")),
)


def run(console: Console) -> None:
    """Run every check and stop at the first that fails.

    Raises:
        LabError: which one failed, and how to run it alone.
    """
    for check in CHECKS:
        console.rule(check.name)
        begun = time.monotonic()
        command = [sys.executable, "-m", check.module, *check.arguments]
        code = subprocess.run(command, check=False, cwd=paths.PROJECT, env=workspace.environment()).returncode
        if code:
            words = " ".join((check.module, *check.arguments))
            raise LabError(f"{check.name} failed", f"run it alone with: source .lab/activate; python -m {words}")
        console.print(f"{check.name}: passed in {time.monotonic() - begun:.0f} s")
