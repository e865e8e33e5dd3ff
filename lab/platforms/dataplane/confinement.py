"""What a process of a Pod is kept to: its own view of files and processes, a user without rights, limits.

The tools are those of util-linux. What a machine does not have or does not allow is found out once, and said.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lab.adapters import process
from lab.core.errors import LabError
from lab.platforms.dataplane import view

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lab.platforms.dataplane.sandbox import Sandbox

_MIB = 2**20

MEMORY, STACK, FILE_SIZE = 768 * _MIB, _MIB, 64 * _MIB
"""Bytes: of a process' own memory, of each thread's stack, of each file."""

PROCESSES, OPEN_FILES = 512, 8192
"""Processes and threads of a container; open files of a process."""

_FIRST_USER = 1_900_000_000
"""Of a Pod's user, where any can be had: beyond those that systems, containers and people use."""

_USERS = 10_000_000

_USER = "{user}"
"""Stands for the number of a Pod's user."""

_ALIAS = 10_001
"""The number of the user, as it sees itself, where there is a single one: as in the applications' images."""

_COUNTED_BY_NAMESPACE = (5, 14)
"""The first version of Linux that counts a user's processes in each user namespace by themselves."""

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

_ENTER = """
set -e
bind() {
  mount --bind "$1" "$2"
  mount -o remount,bind,ro,nosuid,nodev,noexec "$2"
}
echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start
hostname "$4"
cd "$1"
bind "$2" etc/hosts
mount --bind "$3" run/pod
mount -t proc -o "$5,nosuid,nodev,noexec" proc proc
if [ "$5" = rw ]; then
  for own in sys bus fs irq sysrq-trigger; do
    [ ! -e "proc/$own" ] || bind "proc/$own" "proc/$own"
  done
fi
shift 5
while [ "$1" != -- ]; do
  bind "$1" "$2"
  shift 2
done
shift
pivot_root . .
umount -l .
cd /run/pod
"$@"
exit $?
"""
"""Makes the view the root, and leaves the machine's. An Envoy listens on the ports of Services, also on those below
1024. The shell stays: the first process of a container ignores signals that should end it."""

_LOOK = "import os, sys; [os.listdir(each) if os.path.isdir(each) else open(each).close() for each in sys.argv[1:]]"

_WITHOUT = "The processes of Pods run without"


@dataclass(frozen=True, kw_only=True)
class Confinement:
    """How a process of a Pod is started on this machine.

    Attributes:
        user: gives it a user without rights, which has the Pod's number where it has one of its own.
        limits: gives it its limits.
        root: the view that it gets.
    """

    user: tuple[str, ...]
    limits: tuple[str, ...]
    root: Path | None = view.ROOT

    def command(self, box: Sandbox, more: Iterable[tuple[Path, Path]] = ()) -> list[str]:
        """Return the command prefix that starts a process in a Pod; `more` are files and their places in its view."""
        if self.root is None:
            return [*box.inside(), *self.words(box.index)]
        entered = self.enter(box.hosts, box.temporary, box.hostname, more)
        return [_program("nsenter"), f"--net={box.network}", *entered, *self.words(box.index)]

    def place(self, real: Path, seen: Path) -> Path:
        """Return where a process finds a file: in its view, or where it is without one."""
        return seen if self.root else real

    def enter(self, hosts: Path, temporary: Path, hostname: str, more: Iterable[tuple[Path, Path]] = ()) -> list[str]:
        """Return the command prefix that starts a process in the view, with processes and names of its own."""
        own = [_program("unshare"), "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"]
        files = [word for source, target in more for word in (str(source), str(target).lstrip("/"))]
        # A user namespace is made by a write to /proc.
        proc = "rw" if "--user" in self.user else "ro"
        words = [str(self.root), str(hosts), str(temporary), hostname, proc]
        return [*own, "sh", "-c", _ENTER, "sh", *words, *files, "--"]

    def words(self, index: int) -> list[str]:
        """Return the command prefix that takes its rights from a process, and sets its limits."""
        number = str(_number(index))
        return [*(word.replace(_USER, number) for word in self.user), *self.limits]

    def create_file(self, file: Path, index: int) -> None:
        """Create a file that a Pod's processes may open: Envoy opens its log too, by the name `/dev/stdout`."""
        file.touch(0o600)
        if any(_USER in word for word in self.user):
            os.chown(file, _number(index), -1)


def environment(**own: str) -> dict[str, str]:
    """Return all variables of a process in a Pod."""
    return {"PATH": _PATH, "TMPDIR": str(view.TMP), "LC_ALL": "C.UTF-8", **own}


def prepare(interpreter: Path, needed: Sequence[Path], secret: Iterable[Path]) -> tuple[Confinement, list[str]]:
    """Make the view, and find out what this machine allows; return it with a sentence for each thing that it does not.

    Args:
        interpreter: Python, which tries it.
        needed: files and folders that the processes need besides it.
        secret: folders that they must not see.
    """
    wanted, said = _wanted()
    samples = [_sample(each) for each in needed]
    try:
        view.build(view.plan([*view.libraries(interpreter), *needed], secret))
        if not (why := _refusal(wanted, interpreter, samples)):
            return wanted, said
        modest = replace(wanted, user=_rights())
        if not _refusal(modest, interpreter, samples):
            return modest, [*said, f"{_WITHOUT} a user of their own, though without rights: {why}"]
    except LabError as error:
        why = error.message
    bare = Confinement(user=(), limits=wanted.limits, root=None)
    return bare, [*said, f"{_WITHOUT} a view of their own: they can read what this user can: {why}"]


def _wanted() -> tuple[Confinement, list[str]]:
    """Everything that the programs of this machine offer, and what they do not."""
    said = []
    own = _maps(_FIRST_USER + _USERS)
    if not (drop := shutil.which("setpriv", path=_PATH)):
        said.append(f"{_WITHOUT} a user of their own and may win rights: setpriv is not installed (util-linux)")
        user: tuple[str, ...] = ()
    elif own:
        user = (drop, f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups", *_rights()[1:])
    else:
        user = (_program("unshare"), "--user", f"--map-user={_ALIAS}", f"--map-group={_ALIAS}", drop, "--no-new-privs")
    if not (bound := shutil.which("prlimit", path=_PATH)):
        return Confinement(user=user, limits=()), [*said, f"{_WITHOUT} limits: prlimit is not installed (util-linux)"]
    limits = {
        "data": MEMORY,
        "stack": STACK,
        "fsize": FILE_SIZE,
        "nofile": _at_most(resource.RLIMIT_NOFILE, OPEN_FILES),
        "core": 0,
    }
    if own or _release() >= _COUNTED_BY_NAMESPACE:
        limits["nproc"] = _at_most(resource.RLIMIT_NPROC, PROCESSES)
    else:
        said.append(f"{_WITHOUT} a limit on how many they are: this Linux counts all processes of the user for each")
    return Confinement(user=user, limits=(bound, *(f"--{name}={value}" for name, value in limits.items()))), said


def _rights() -> tuple[str, ...]:
    """The command prefix that takes all rights from a process of any user, for good."""
    drop = shutil.which("setpriv", path=_PATH)
    return (drop, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all") if drop else ()


def _refusal(confinement: Confinement, interpreter: Path, samples: Sequence[Path]) -> str:
    """Try to read files in the view; return why it failed, or nothing."""
    hosts = view.ROOT / "etc" / "passwd"
    words = [*confinement.enter(hosts, Path("/run"), "try"), *confinement.words(0)]
    command = [*words, str(interpreter), "-I", "-S", "-B", "-c", _LOOK, *map(str, samples)]
    done = process.run(command, environment=environment(), check=False)
    return done.last_words.splitlines()[-1] if done.code else ""


def _sample(needed: Path) -> Path:
    """A file that tells whether another user may read a folder."""
    return (
        next((each for each in sorted(needed.rglob("*.py")) if each.is_file()), needed) if needed.is_dir() else needed
    )


def _maps(number: int) -> bool:
    """Whether this process may take any user's place up to a number: it is the machine's root."""
    if os.geteuid():
        return False
    files = (Path(f"/proc/self/{kind}_map").read_text(encoding="utf-8") for kind in ("uid", "gid"))
    return all(any(_covers(line, number) for line in text.splitlines()) for text in files)


def _covers(line: str, number: int) -> bool:
    inside, _, count = map(int, line.split())
    return inside <= number < inside + count


def _number(index: int) -> int:
    """The number of the user of a Pod, by the number of its sandbox."""
    return _FIRST_USER + index % _USERS


def _release() -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))


def _at_most(limit: int, wanted: int) -> int:
    hard = resource.getrlimit(limit)[1]
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def _program(name: str) -> str:
    """The path of a program of the system; its name alone where it is elsewhere."""
    return shutil.which(name, path=_PATH) or name
