from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from lab import toolchain
from lab.core.errors import LabError
from tests.engine.laboratory import Laboratory

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = ("test_kills.py",)
"""Files that come first: at the end, one worker would wait for the other."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    """A copy of the project with nothing standing; whatever a test leaves is taken down at the end."""
    try:
        toolchain.path("pulumi")
    except LabError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the toolchain is not there: {error}")
    folder = tmp_path_factory.mktemp("engine")
    copy = Laboratory.copy_to(folder)
    yield copy
    copy.lab("clean")
    for process in copy.processes():
        process.kill()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def standing(laboratory: Laboratory) -> Laboratory:
    """A lab that stands, shared by the tests of a module that leave it as it was."""
    laboratory.lab("up").succeeded()
    return laboratory
