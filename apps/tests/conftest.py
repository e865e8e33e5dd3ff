from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from apps.tests import mariadb

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mariadb.MariaDB]:
    """A real MariaDB, for the tests of a module that leave it running."""
    mariadb.needed()
    with mariadb.MariaDB(tmp_path_factory.mktemp("mariadb")) as found:
        yield found


@pytest.fixture(params=["sqlite", "mariadb"])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """The variables of every kind of database."""
    if request.param == "sqlite":
        return {}
    found: mariadb.MariaDB = request.getfixturevalue("server")
    return {"ORDER_DB_URL": found.url, "ORDER_DB_USER": found.user, "ORDER_DB_PASS": found.password}
