from __future__ import annotations

import signal

import pytest


@pytest.fixture(autouse=True)
def _ctrl_c_counts() -> None:
    """The program ignores SIGINT once it runs, and a shell starts what it puts into the background like that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
