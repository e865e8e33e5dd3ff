"""A real MariaDB server on loopback for tests: the system's own, else Debian's packages unpacked into the lab's cache.

Nothing is installed and nobody has to be root. The server listens on 127.0.0.1 alone, keeps its data in a folder that
the test names, and can be killed and started again as a crashing database would be.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import re
import secrets
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from apps.tests import debian
from lab.core.errors import LabError
from lab.core.progress import Progress
from lab.toolchain import cache

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

DATABASE = "connectdb1"
USER = "myuser"

_OLDEST = (10, 6)
_PACKAGES = (("mariadb-server-core",), ("mariadb-server-core-10.6",))
"""Debian's name, and the one of Ubuntu 22.04."""

_SEARCH = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin"
"""Servers lie where an ordinary user's PATH does not look."""

_PORTS = range(15_000, 32_000)
"""Below the ports that Linux lends to clients, so that nobody is given the port while the server is down."""

_READY = 60.0
_PATIENCE = 30.0
"""Seconds from asking the server to stop to ending it."""

_OPTIONS = (
    "--character-set-server=utf8mb4",
    "--innodb-buffer-pool-size=64M",
    "--innodb-flush-log-at-trx-commit=2",  # what was committed outlives the process, only not a power cut
    "--innodb-log-file-size=16M",
    "--max-connections=300",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--skip-slave-start",
    "--socket=",  # none: its path would be longer than the hundred characters that a socket may have
)


@dataclass(frozen=True, kw_only=True)
class Server:
    """An installed server.

    Attributes:
        program: `mariadbd`.
        prefix: the folder with `share/`, such as `/usr`.
        libraries: folders of shared libraries that the system does not have; empty for an installed server.
    """

    program: Path
    prefix: Path
    libraries: Sequence[Path] = ()

    def command(self, data: Path, *options: str) -> list[str]:
        """The command line for a data folder."""
        share = self._share()
        texts = (f"--lc-messages-dir={share}", f"--character-sets-dir={share / 'charsets'}")
        # The server refuses to run as root unless that is said.
        user = ("--user=root",) if os.geteuid() == 0 else ()
        return [str(self.program), "--no-defaults", f"--datadir={data}", *texts, *user, *_OPTIONS, *options]

    def environment(self) -> dict[str, str]:
        """The environment it runs in."""
        libraries = ":".join(str(folder) for folder in self.libraries)
        return {**os.environ, **({"LD_LIBRARY_PATH": libraries} if libraries else {})}

    def version(self) -> str:
        """Such as `10.11.19`.

        Raises:
            LabError: it does not run.
        """
        done = self._run("--no-defaults", "--version")
        found = re.search(r"Ver (\d+\.\d+\.\d+)", done.stdout)
        if done.returncode or not found:
            raise LabError(f"{self.program} does not run: {(done.stderr or done.stdout).strip()}")
        return found[1]

    def system_tables(self) -> str:
        """SQL that makes what a server needs to begin."""
        share = self._share()
        scripts = [next(share.glob(f"*_{name}.sql")) for name in ("system_tables", "system_tables_data")]
        head = "create database mysql;\nuse mysql;\nset @auth_root_socket=null;\n"
        return head + "".join(script.read_text() for script in scripts)

    def _share(self) -> Path:
        places = [self.prefix / "share" / name for name in ("mysql", "mariadb")]
        found = [place for place in places if any(place.glob("*_system_tables.sql"))]
        if not found:
            raise LabError(f"{self.program} lacks its own tables' definition in {places[0]} and {places[1]}.")
        return found[0]

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, *arguments], env=self.environment(), capture_output=True, text=True, check=False
        )


class MariaDB:
    """One server with an empty database, from `start` to `stop`; a context manager does both.

    Args:
        folder: for its data; made when missing. What is there stays there from start to start.

    Attributes:
        port: on 127.0.0.1; the same after every start.
        url: of the database, as Java's connector writes it.
        user: who may use the database.
        password: made for this server.
    """

    user = USER

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.password = secrets.token_urlsafe(18)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients find the database."""
        return f"jdbc:mysql://127.0.0.1:{self.port}/{DATABASE}?serverTimezone=Asia/Seoul&useSSL=false"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "server.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it takes connections; the first time, make database and user.

        Raises:
            LabError: there is no server, or it does not start.
        """
        if self._process:
            return
        server = find()
        if self.port:
            self._run(server)
            return
        data = self.folder / "data"
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(_template(server), data)
        first = self.folder / "first.sql"
        first.touch(mode=0o600)
        first.write_text(
            f"create database {DATABASE};\n"
            f"create user '{self.user}'@'%' identified by '{self.password}';\n"
            f"grant all on {DATABASE}.* to '{self.user}'@'%';\n"
        )
        for port in random.sample(_PORTS, 5):
            self.port = port
            if _taken(port):
                continue
            self._run(server, f"--init-file={first}")
            first.unlink()
            return
        raise LabError(f"No free port found from {_PORTS.start} to {_PORTS.stop}.")

    def stop(self) -> None:
        """End it politely; it writes what it has. Nothing happens when it does not run."""
        self._end(subprocess.Popen.terminate)

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(subprocess.Popen.kill)

    def _run(self, server: Server, *options: str) -> None:
        listen = ("--bind-address=127.0.0.1", f"--port={self.port}")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                server.command(self.folder / "data", *listen, *options),
                env=server.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _READY
        while not _greets(self.port):
            ended = self._process.poll()
            if ended is not None or time.monotonic() > deadline:
                self.kill()
                told = "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
                what = f"ended with {ended}" if ended is not None else f"did not answer in {_READY:.0f} s"
                raise LabError(f"{server.program} {what}:\n{told}")
            time.sleep(0.05)

    def _end(self, ask: Callable[[subprocess.Popen[bytes]], None]) -> None:
        if process := self._process:
            self._process = None
            ask(process)
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def find() -> Server:
    """The system's server, else the one in the cache, which is brought with apt when it is not there yet.

    Raises:
        LabError: none can be had here.
    """
    if installed := shutil.which("mariadbd", path=_SEARCH):
        program = Path(installed).resolve()
        server = Server(program=program, prefix=program.parent.parent)
        if tuple(int(part) for part in server.version().split(".")[:2]) >= _OLDEST:
            return server
    return _unpacked(debian.unpacked("mariadb", *_PACKAGES, finish=_check))


def needed() -> Server:
    """`find` for fixtures: without a server the test is skipped; on CI it fails."""
    try:
        return find()
    except LabError as error:
        told = f"no MariaDB server: {error}"
        if os.environ.get("CI"):
            pytest.fail(told)
        pytest.skip(told)


def _check(draft: Path, folder: Path) -> None:
    del folder
    _unpacked(draft).version()


def _unpacked(folder: Path) -> Server:
    return Server(program=folder / "usr/sbin/mariadbd", prefix=folder / "usr", libraries=debian.libraries(folder))


def _template(server: Server) -> Path:
    """A data folder as a new server has it, made once a version: copying it takes a tenth of the time."""
    sql = server.system_tables()
    made_of = "\n".join((server.version(), *_OPTIONS, sql))
    folder = cache.entry("mariadb", "template", hashlib.sha256(made_of.encode()).hexdigest()[:16])
    if folder.exists():
        return folder
    with Progress() as progress, cache.exclusive(progress), cache.staging() as draft:
        if folder.exists():
            return folder
        data = draft / "data"
        data.mkdir()
        done = subprocess.run(
            server.command(data, "--bootstrap", "--log-warnings=0"),
            input=sql,
            env=server.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise LabError(f"{server.program} could not make its tables: {done.stderr.strip()}")
        cache.put(data, folder)
    return folder


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False


def _greets(port: int) -> bool:
    """Whether something speaks MySQL's protocol there: the server talks first, beginning with the version 10."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        head = connection.recv(5, socket.MSG_WAITALL)
        return head[4:] == b"\x0a"
    return False
