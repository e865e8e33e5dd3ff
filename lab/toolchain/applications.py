"""The shop's applications on this machine: the content of their images, and their packages to run without one."""

from __future__ import annotations

import compileall
import hashlib
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.adapters import environment, files, process
from lab.core import paths
from lab.core.errors import LabError
from lab.toolchain import cache, download

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.core.progress import Progress

_NAMES = ("delivery", "order")
_SHARED = "common"
"""The package that every application imports."""

_FILES = (".dockerignore", "requirements.txt")
_BYTECODE = "__pycache__"

_START = "import runpy, sys; app = sys.argv.pop(); sys.path[:0] = sys.argv[1:]; del sys.argv[1:]; "
_START += "runpy.run_module(app, run_name='__main__', alter_sys=True)"
"""Does what PYTHONPATH and -m would do, for a Python that reads no variables."""


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """The folders that an application needs to run as a process of this machine."""

    packages: Path
    sources: Path

    def command(self, app: str) -> list[str]:
        """Return the command that runs an application.

        Raises:
            LabError: there is no such application.
        """
        _require(app)
        return [*python(), "-c", _START, *map(str, self.folders()), app]

    def folders(self) -> tuple[Path, Path]:
        """Return the folders that the command names, without symbolic links."""
        return self.sources.resolve(), self.packages.resolve()


def python() -> list[str]:
    """Return the command that runs Python for an application: nothing around it can change what it does.

    Isolated, it reads no variables and finds neither the user's packages nor modules of the current folder, and
    without `site` nothing but its own library. It says at once what it says, and leaves no bytecode.
    """
    return [str(interpreter()), "-I", "-S", "-B", "-u"]


def interpreter() -> Path:
    """Return the Python behind this virtualenv, which needs nothing of it."""
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    return (base if base.is_file() else Path(sys.executable)).resolve()


def names() -> tuple[str, ...]:
    """Return the names of the applications: each is a package with a Dockerfile."""
    return _NAMES


def ensure(progress: Progress) -> Runtime:
    """Install the packages of the applications, unless they are there.

    Raises:
        LabError: they cannot be installed, or the cache cannot be written.
    """
    folder = cache.entry("apps", "packages", _key())
    if not folder.is_dir():
        with cache.writing(), cache.exclusive("apps", progress):
            if not folder.is_dir():  # another process may have brought them meanwhile
                with progress.step("installing the packages of the shop's applications", usual=20):
                    _install(folder)
    _compile()
    return Runtime(packages=folder, sources=_sources())


def content(app: str) -> tuple[Path, ...]:
    """Return the files that an application's image is built from, besides its base: relative to `apps`, sorted.

    Raises:
        LabError: there is no such application.
    """
    _require(app)
    return tuple(sorted(file.relative_to(_sources()) for file in _content(app)))


def content_hash(app: str) -> str:
    """Return the SHA-256 of everything that an application's image is built from, in hex.

    Raises:
        LabError: there is no such application.
    """
    digest = hashlib.sha256()
    for file in content(app):
        data = (_sources() / file).read_bytes()
        digest.update(f"{file.as_posix()}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def _content(app: str) -> Iterator[Path]:
    """Yield the files that .dockerignore lets through, and those that control the build."""
    yield from (_sources() / name for name in (*_FILES, f"{app}/Dockerfile"))
    for package in (_SHARED, app):
        root = _sources() / package
        for file in root.rglob("*"):
            parts = file.relative_to(root).parts
            ignored = file.name == "Dockerfile" or file.suffix == ".pyc" or _BYTECODE in parts
            if file.is_file() and not ignored and not any(part.startswith(".") for part in parts):
                yield file


def _install(folder: Path) -> None:
    remedy = "Look at the network and at pip's settings (`pip config list`), then run the same command again."
    if download.offline():
        raise LabError(
            "The packages of the shop's applications are not in the cache, and downloads are off (ISTIO_LAB_OFFLINE).",
            "Unset ISTIO_LAB_OFFLINE once, or bring the cache from a machine that has them.",
        )
    with cache.staging() as draft:
        packages = draft / "packages"
        options = ["--quiet", "--disable-pip-version-check", "--no-input", "--root-user-action=ignore"]
        options += ["--require-hashes", "--only-binary=:all:", f"--target={packages}"]
        command = [sys.executable, "-m", "pip", "install", *options, "--requirement", str(_requirements())]
        done = process.run(command, environment=environment.make(environment.PIP), check=False, umask=files.READABLE)
        if done.code:
            raise LabError(f"The packages of the shop's applications could not be installed: {done.last_words}", remedy)
        # They are no secret, and the processes of Pods run as other users.
        for each in (packages, *packages.rglob("*")):
            each.chmod(each.stat().st_mode | (0o555 if each.is_dir() else 0o444))
        cache.put(packages, folder)


def _compile() -> None:
    """Make the bytecode of the sources: an application cannot write its own. Where nobody may, it starts later."""
    for package in (_SHARED, *_NAMES):
        compileall.compile_dir(_sources() / package, quiet=2)


def _key() -> str:
    """Return a key of the packages, the version of Python and the kind of machine."""
    python = f"{sys.implementation.cache_tag} {sys.version_info[:3]} {sysconfig.get_platform()}\n"
    return hashlib.sha256(python.encode() + _requirements().read_bytes()).hexdigest()[:16]


def _require(app: str) -> None:
    if app not in names():
        raise LabError(f"There is no application `{app}`.", f"Name one of: {', '.join(names())}.")


def _requirements() -> Path:
    return _sources() / "requirements.txt"


def _sources() -> Path:
    return paths.PROJECT / "apps"
