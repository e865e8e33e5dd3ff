"""A stand-in for the images' base where no registry can be asked: this machine's Python, alone in a root folder.

It has what the recipes use of the real one: Python with pip below /usr/local, a shell, chmod, and the C libraries.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterable

PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
"""As in the real one."""

_TOOLS = ("sh", "chmod")
_NOT_IN_AN_IMAGE = ("test", "tests", "idlelib", "tkinter", "lib2to3", "config-*", "*-packages", "EXTERNALLY-MANAGED")
_LIBRARY = re.compile(r"(/\S+\.so\S*) \(0x")


def make(root: Path, libraries_of: Iterable[Path]) -> None:
    """Make the root folder.

    Args:
        root: a folder that is not there yet.
        libraries_of: programs and modules that are to find their C libraries in it, besides Python's own.
    """
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    python = Path(sys.base_prefix) / "bin" / version
    modules = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}))
    for folder in ("usr/local/bin", "usr/local/lib", "bin", "tmp", "proc", "sys", "dev", "etc"):
        (root / folder).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    shutil.copy(python, root / "usr/local/bin")
    (root / "usr/local/bin/python").symlink_to(version)
    there = root / "usr/local/lib" / version
    # Bytecode that this machine has made since is in no image.
    shutil.copytree(modules, there, ignore=shutil.ignore_patterns("__pycache__", *_NOT_IN_AN_IMAGE))
    # Debian's Python looks for packages where nobody else does.
    site = "dist-packages" if "dist-packages" in (modules / "site.py").read_text() else "site-packages"
    _copy_pip(there / site)
    tools = [Path(found) for name in _TOOLS if (found := shutil.which(name))]
    for tool in tools:
        shutil.copy(tool, root / "bin" / tool.name)
    _copy_libraries([python, *tools, *modules.glob("lib-dynload/*.so"), *libraries_of], root)


def _copy_pip(site: Path) -> None:
    spec = importlib.util.find_spec("pip")
    if not spec or not spec.origin:
        raise LabError("This Python has no pip.", "Install it: python3 -m ensurepip")
    package = Path(spec.origin).parent
    for found in (package, *package.parent.glob("pip-*.dist-info")):
        shutil.copytree(found, site / found.name, ignore=shutil.ignore_patterns("__pycache__"))


def _copy_libraries(programs: Iterable[Path], root: Path) -> None:
    """Copy all shared libraries to where the loader looks without being told."""
    command = ["ldd", *(str(program) for program in programs)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = {Path(library) for library in _LIBRARY.findall(said)}
    (standard,) = {library.parent for library in found if library.name.startswith("libc.so")}
    for library in found:
        folder = library.parent if library.name.startswith("ld-") else standard
        target = root / folder.relative_to("/") / library.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)
