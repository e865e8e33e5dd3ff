"""The dev program and a student's share, each run once: what they ask for is read by many tests and changed by none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.components import support

if TYPE_CHECKING:
    from tests.unit.recorder import Recording


@pytest.fixture(scope="session")
def dev() -> Recording:
    return support.main()


@pytest.fixture(scope="session")
def anna() -> Recording:
    return support.share()


@pytest.fixture(scope="session")
def elsewhere() -> Recording:
    return support.mesh_elsewhere()
