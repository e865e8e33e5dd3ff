"""The program inside a class' own process, where it runs for several students at a time."""

from __future__ import annotations

import json
import subprocess
import sys

from lab.core import paths


def loaded_besides(*arguments: str) -> list[str]:
    """Which modules of the SDKs all programs load while they run."""
    command = [sys.executable, "-m", "tests.unit.classroom.every_program", *arguments]
    done = subprocess.run(command, cwd=paths.PROJECT, capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout))


def test_a_program_loads_nothing_of_the_sdks_while_others_run() -> None:
    assert loaded_besides() == []


def test_otherwise_each_program_would_load_what_it_needs() -> None:
    assert {"pulumi_kubernetes.meta.v1", "pulumi_azure_native.containerservice"} < set(loaded_besides("nothing"))
