"""What every unit test gets: an environment without credentials, clusters or settings of the machine's user."""

from __future__ import annotations

import pytest

from tests.unit.recorder import forget_the_users_environment


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite the golden files with what the program makes now; review them with git diff",
    )


@pytest.fixture(autouse=True)
def _no_environment_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_the_users_environment(monkeypatch)
