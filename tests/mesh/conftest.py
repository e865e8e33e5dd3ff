from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from lab.platforms.dataplane import lifecycle
from tests.mesh.mesh import Mesh

if TYPE_CHECKING:
    from tests.engine.laboratory import Laboratory


@pytest.fixture(scope="module")
def mesh(standing: Laboratory) -> Mesh:
    """A lab that stands, whose chosen Pods really run."""
    if why := lifecycle.unavailable():
        if os.environ.get("CI"):
            raise RuntimeError(why)
        pytest.skip(f"this machine can have no data plane: {why}")
    found = Mesh(standing)
    found.wait_until_it_answers()
    return found
