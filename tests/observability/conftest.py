from __future__ import annotations

import os

import pytest

from lab import toolchain
from lab.core.errors import LabError
from tests.observability import containers


@pytest.fixture(scope="session", autouse=True)
def _programs() -> None:
    """These tests are about what the real programs do; without them there is nothing to learn."""
    for name in toolchain.OBSERVABILITY:
        try:
            toolchain.path(name)
        except LabError as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"the observability programs are not there: {error}")


@pytest.fixture(scope="session")
def _own_files() -> None:
    """A container's program needs a file system of its own; some systems let only root have that."""
    if reason := containers.why_not():
        told = f"no user namespaces here: {reason}"
        pytest.fail(told) if os.environ.get("CI") else pytest.skip(told)
