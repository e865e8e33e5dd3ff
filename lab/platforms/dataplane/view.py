"""The file system of the Pods' processes: a root of their own with what they need, read-only, and nothing else.

The agent makes it once; each process gets it as its root (see `confinement`). Everything has its usual path in it.
"""

from __future__ import annotations

import os
import re
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.adapters import process

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOT = Path("/run/root")
"""Where the agent makes it."""

TMP, HOSTS = Path("/run/pod"), Path("/etc/hosts")
"""What a Pod has for itself there: a small folder for files that go with it, and names. A clone may be in /tmp."""

ENVOY_FILE, ISTIOD = Path("/run/envoy.json"), Path("/run/istiod.sock")
"""What an Envoy finds there besides: its configuration, and the way to istiod."""

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
_CACHE = Path("/etc/ld.so.cache")
"""Where shared libraries are; a dynamic linker goes without, but not to unusual folders."""

_DEVICES = ("null", "zero", "full", "random", "urandom")

_STREAMS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}

_PASSWD = "pod:x:10001:10001::/run/pod:/sbin/nologin\n"  # noqa: S105 - nobody has a password

_ESCAPED = re.compile(r"\\([0-7]{3})")
"""A space, a tab, a line's end or a backslash in the kernel's lists; all other letters are as they are."""

_BUILD = """
set -e
umask 022
while [ $# -gt 0 ]; do
  case $1 in
  tmpfs) mkdir -p "$2"; mount -t tmpfs -o mode=755,size=4m,nosuid,nodev tmpfs "$2"; shift 2;;
  folder) mkdir -p "$2"; shift 2;;
  file) [ -e "$2" ] || { mkdir -p "${2%/*}"; : > "$2"; }; shift 2;;
  link) ln -s "$3" "$2"; shift 3;;
  bind) mount --rbind "$3" "$2"; shift 3;;
  remount) mount -o "$3" "$2"; shift 3;;
  esac
done
"""
"""Does the steps that are its arguments."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is in the view.

    Attributes:
        seen: files and folders of this machine, without symbolic links, in the order in which they are mounted.
        hidden: folders inside of them that are not to be seen.
        links: symbolic links of the system's root, with their targets.
    """

    seen: tuple[Path, ...]
    hidden: tuple[Path, ...]
    links: tuple[tuple[Path, str], ...] = ()

    def steps(self, root: Path) -> list[str]:
        """List the steps that make it, before anything is read-only."""
        words = ["tmpfs", str(root)]
        for link, target in self.links:
            words += ["link", f"{root}{link}", target]
        # The outer ones first: what lies in a hidden folder and is to be seen comes after it.
        for path in sorted({*self.seen, *self.hidden}, key=lambda each: (len(each.parts), each)):
            if path in self.hidden:
                words += ["tmpfs", f"{root}{path}"]
            else:
                words += ["folder" if path.is_dir() else "file", f"{root}{path}", "bind", f"{root}{path}", str(path)]
        for folder in ("/dev", "/proc", "/run", "/etc", str(TMP)):
            words += ["folder", f"{root}{folder}"]
        for file in (HOSTS, ENVOY_FILE, ISTIOD):
            words += ["file", f"{root}{file}"]
        for name in _DEVICES:
            words += ["file", f"{root}/dev/{name}", "bind", f"{root}/dev/{name}", f"/dev/{name}"]
        for name, target in _STREAMS.items():
            words += ["link", f"{root}/dev/{name}", target]
        return words


def plan(needed: Iterable[Path], secret: Iterable[Path]) -> Plan:
    """Plan a view.

    Args:
        needed: what its programs need besides the system.
        secret: folders that must not be seen, also where the system or what is needed is around them.
    """
    system = [Path(each) for each in _SYSTEM]
    links = tuple((each, str(each.readlink())) for each in system if each.is_symlink())
    folders = [each for each in system if each.is_dir() and not each.is_symlink()]
    seen = {*folders, *(each.resolve() for each in needed)} | ({_CACHE} if _CACHE.is_file() else set())
    hidden = {each.resolve() for each in secret}
    hidden = {each for each in hidden - seen if each.is_dir() and any(each.is_relative_to(outer) for outer in seen)}
    return Plan(seen=tuple(sorted(seen)), hidden=tuple(sorted(hidden)), links=links)


def libraries(interpreter: Path) -> list[Path]:
    """List what a Python interpreter needs: itself and its libraries, but not what is installed beside them."""
    folders = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")}
    shared = interpreter.parent.parent.glob("lib/*.so*")
    return [interpreter, *sorted(folders), *sorted({each.resolve() for each in shared if each.is_file()})]


def remounts(mounted: str, root: Path) -> list[tuple[str, str]]:
    """List every mount of a view with the options that make it read-only; devices stay as they are.

    Args:
        mounted: the content of `/proc/self/mountinfo`.
        root: where the view is.
    """
    found = []
    # By these two alone: a path may have an ideographic space, or a line separator.
    for words in (line.split(" ") for line in mounted.split("\n") if line):
        at = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), words[4])
        if (at == str(root) or at.startswith(f"{root}/")) and not at.startswith(f"{root}/dev/"):
            # A user namespace may not take a flag away that the machine has set.
            kept = [each for each in words[5].split(",") if each in {"noexec", "noatime", "nodiratime", "relatime"}]
            found.append((at, ",".join(["remount", "bind", "ro", "nosuid", "nodev", *kept])))
    return found


def build(planned: Plan, root: Path = ROOT) -> None:
    """Make a view.

    Raises:
        LabError: the kernel does not allow it.
    """
    _run(planned.steps(root))
    (root / "etc" / "passwd").write_text(_PASSWD)
    for file in ("passwd", "hosts"):
        (root / "etc" / file).chmod(0o644)
    # Any other mount of the machine may have a name in another encoding.
    mounted = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    _run([word for at, options in remounts(mounted, root) for word in ("remount", at, options)])


def _run(steps: Sequence[str]) -> None:
    environment = {"PATH": os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])}
    process.run(["sh", "-c", _BUILD, "sh", *steps], environment=environment, title="mount")
