from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def free() -> Callable[[], int]:
    """A port on which nobody listens."""

    def find() -> int:
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            return int(held.getsockname()[1])

    return find
