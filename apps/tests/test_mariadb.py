"""The database server that other tests use: it is a guest on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest

from apps.tests import mariadb
from apps.tests.mariadb import MariaDB

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _server() -> None:
    mariadb.needed()


def of(folder: Path) -> list[psutil.Process]:
    """The servers whose data is in a folder."""
    option = f"--datadir={folder / 'data'}"
    return [process for process in psutil.process_iter(["cmdline"]) if option in (process.info["cmdline"] or ())]


def test_it_listens_on_loopback_alone_and_keeps_its_password_to_itself(tmp_path: Path) -> None:
    with MariaDB(tmp_path / "db") as server:
        (process,) = of(server.folder)
        listening = [each.laddr for each in process.net_connections(kind="all") if each.status == psutil.CONN_LISTEN]
        assert listening == [("127.0.0.1", server.port)]
        assert server.url.startswith(f"jdbc:mysql://127.0.0.1:{server.port}/connectdb1?")
        assert not any(server.password in word for word in process.cmdline())
        assert not any(server.password in file.read_text(errors="ignore") for file in server.folder.glob("*.*"))


def test_a_crash_and_a_stop_leave_its_data_and_port_and_no_process(tmp_path: Path) -> None:
    server = MariaDB(tmp_path / "db")
    server.start()
    port = server.port
    server.kill()
    assert of(server.folder) == []
    server.start()
    server.stop()
    assert of(server.folder) == []
    assert server.port == port
    told = server.log.read_text()
    assert (told.count("ready for connections"), told.count("Normal shutdown")) == (2, 1)


def test_servers_beside_each_other_have_ports_and_passwords_of_their_own(tmp_path: Path) -> None:
    with MariaDB(tmp_path / "one") as one, MariaDB(tmp_path / "other") as other:
        assert one.port != other.port
        assert one.password != other.password
