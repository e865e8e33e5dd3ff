"""Everything that can be wrong with a lab that stood, each brought about as it comes about."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psutil

from tests.engine.laboratory import Laboratory, runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_GONE = 2**22 - 1
"""An id that no process has."""

_MOUNT, _UNMOUNT = (shutil.which(program) or f"/bin/{program}" for program in ("mount", "umount"))

_ROOM = 300 << 20
"""Bytes of a disk beyond a lab's folder."""


@dataclass
class Case:
    """A laboratory to break.

    Attributes:
        laboratory: replaced by a state that moves it.
        lift: what a person does by hand when a message asks for it, such as to free space.
        undo: done when the cell is over.
    """

    laboratory: Laboratory
    lift: Callable[[], None] = lambda: None
    undo: list[Callable[[], object]] = field(default_factory=list)
    before: Laboratory = field(init=False)

    def __post_init__(self) -> None:
        self.before = self.laboratory

    def processes(self) -> list[psutil.Process]:
        """What runs from the laboratory, and from where it was before."""
        places = {place.project: place for place in (self.before, self.laboratory)}
        return [process for place in places.values() for process in place.processes()]

    @property
    def home(self) -> Path:
        return self.laboratory.project / ".lab"

    @property
    def pulumi(self) -> Path:
        return self.home / "state" / ".pulumi"

    @property
    def state(self) -> Path:
        return self.pulumi / "stacks" / "istio-lab" / "dev.json"

    def lock(self, name: str, content: bytes) -> Path:
        folder = self.pulumi / "locks" / "organization" / "istio-lab" / "dev"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / name
        file.write_bytes(content)
        return file

    def forget_backups(self) -> None:
        self.state.with_name("dev.json.bak").unlink()
        for kind in ("backups", "history"):
            shutil.rmtree(self.pulumi / kind)

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        content = json.loads(self.state.read_text())
        change(content["checkpoint"]["latest"])
        self.state.write_text(json.dumps(content))


def held(pid: int, host: str = "", user: str = "kim") -> bytes:
    host = host or os.uname().nodename
    return json.dumps({"pid": pid, "username": user, "hostname": host, "timestamp": "2026-11-28T09:00:00Z"}).encode()


# --- locks ---


def lock_of_nothing(case: Case) -> None:
    case.lock("0a1b.json.18fe2.tmp", b"")


def lock_of_garbage(case: Case) -> None:
    case.lock("garbage", bytes(range(256)) * 40)


def lock_of_another_shape(case: Case) -> None:
    case.lock("list.json", b'[{"pid": "one"}]')


def lock_of_a_dead_process(case: Case) -> None:
    case.lock("0a1b.json", held(_GONE))


def lock_of_another_host_and_user(case: Case) -> None:
    case.lock("0a1b.json", held(_GONE, host="desk", user="lee"))


def several_locks(case: Case) -> None:
    lock_of_nothing(case)
    lock_of_garbage(case)
    case.lock("0a1b.json", held(_GONE))
    (case.lock("x", b"").parent / "folder").mkdir()


def lock_of_a_live_process(case: Case) -> None:
    folder = case.laboratory.user_home / "engine"
    folder.mkdir(exist_ok=True)
    shutil.copy2(shutil.which("sleep") or "/bin/sleep", folder / "pulumi")
    working = subprocess.Popen([str(folder / "pulumi"), "3600"])
    case.lock("0a1b.json", held(working.pid))

    def end() -> None:
        working.kill()
        working.wait()

    case.lift = end
    case.undo += [end, lambda: shutil.rmtree(folder)]


# --- operations under way ---


def _pending(case: Case, kind: str, *, type_: str) -> None:
    def add(latest: dict[str, Any]) -> None:
        [resource] = [each for each in latest["resources"] if each["type"] == type_][:1]
        latest["pending_operations"] = [{"resource": resource, "type": kind}]

    case.edit(add)
    case.lock("0a1b.json", held(_GONE))


def creating(case: Case) -> None:
    _pending(case, "creating", type_="kubernetes:core/v1:ConfigMap")


def updating(case: Case) -> None:
    _pending(case, "updating", type_="kubernetes:helm.sh/v3:Release")


def deleting(case: Case) -> None:
    _pending(case, "deleting", type_="kubernetes:core/v1:Service")


def release_that_the_state_does_not_have(case: Case) -> None:
    """The cluster has it: the provider was killed before it could tell the engine."""

    def remove(latest: dict[str, Any]) -> None:
        [gone] = [each["urn"] for each in latest["resources"] if each["urn"].endswith("Release::node-exporter")]
        latest["resources"] = [each for each in latest["resources"] if each["urn"] != gone]
        for each in latest["resources"]:
            each["dependencies"] = [urn for urn in each.get("dependencies", ()) if urn != gone]
            for urns in each.get("propertyDependencies", {}).values():
                urns[:] = [urn for urn in urns if urn != gone]

    case.edit(remove)
    case.lock("0a1b.json", held(_GONE))


# --- the state ---


def state_empty(case: Case) -> None:
    case.state.write_bytes(b"")


def state_cut(case: Case) -> None:
    content = case.state.read_bytes()
    case.state.write_bytes(content[: len(content) // 2])


def state_of_zeros(case: Case) -> None:
    case.state.write_bytes(bytes(case.state.stat().st_size))


def state_not_json(case: Case) -> None:
    case.state.write_text("<html>502 Bad Gateway</html>")


def state_of_another_shape(case: Case) -> None:
    case.state.write_text("{}")


def state_with_wrong_resources(case: Case) -> None:
    case.edit(lambda latest: latest.update(resources={"urn": "x"}))


def state_without_any_backup(case: Case) -> None:
    state_empty(case)
    case.forget_backups()


def state_gone(case: Case) -> None:
    case.state.unlink()


def state_and_backups_gone(case: Case) -> None:
    shutil.rmtree(case.pulumi)


def state_gzipped(case: Case) -> None:
    case.state.with_name("dev.json.gz").write_bytes(gzip.compress(case.state.read_bytes()))
    case.state.unlink()


def state_gzipped_and_cut(case: Case) -> None:
    state_gzipped(case)
    file = case.state.with_name("dev.json.gz")
    file.write_bytes(file.read_bytes()[:5000])


def state_in_zstandard(case: Case) -> None:
    compressed = case.laboratory.with_environment(PULUMI_DIY_BACKEND_ZSTD="true")
    script = f'. {case.home}/activate; export PULUMI_DIY_BACKEND_ZSTD=true; pulumi stack export --stack dev > "$0"; '
    moved = compressed.project / "exported.json"
    done = subprocess.run(
        ["/bin/sh", "-ec", f'{script} pulumi stack import --stack dev --file "$0"', str(moved)],
        cwd=compressed.project,
        env=compressed.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    moved.unlink()
    assert case.state.with_name("dev.json.zst").is_file()
    assert not case.state.is_file()


# --- the passphrase ---


def passphrase_wrong(case: Case) -> None:
    (case.home / "passphrase").write_text("another one")


def passphrase_lost(case: Case) -> None:
    (case.home / "passphrase").unlink()


def passphrase_empty(case: Case) -> None:
    (case.home / "passphrase").write_text("\n")


# --- folders ---


def stack_folder_gone(case: Case) -> None:
    shutil.rmtree(case.laboratory.directory)


def data_of_the_control_plane_gone(case: Case) -> None:
    shutil.rmtree(case.laboratory.directory / "kwok" / "clusters" / "lab" / "etcd")


def kubeconfig_gone(case: Case) -> None:
    case.laboratory.kubeconfig.unlink()


def home_gone(case: Case) -> None:
    shutil.rmtree(case.home)


def clone_moved(case: Case) -> None:
    before = case.laboratory.project
    after = before.with_name("moved")
    before.rename(after)
    case.laboratory = Laboratory(after, case.laboratory.user_home)
    case.undo.append(lambda: after.rename(before))


def stack_folder_gone_while_the_lab_runs(case: Case) -> None:
    case.laboratory.lab("up").succeeded()
    _delete_under_servers(case.laboratory.directory)


def home_gone_while_the_lab_runs(case: Case) -> None:
    case.laboratory.lab("up").succeeded()
    _delete_under_servers(case.home)


def clone_moved_while_the_lab_runs(case: Case) -> None:
    case.laboratory.lab("up").succeeded()
    clone_moved(case)


def _delete_under_servers(folder: Path) -> None:
    """Delete a folder in which somebody may be writing."""
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


def cache_gone(case: Case) -> None:
    """Offline, where nothing can be brought again."""
    cache = case.laboratory.environment["ISTIO_LAB_CACHE"]
    nothing = case.laboratory.user_home / "no cache"
    for link in (case.home / "bin").iterdir():
        if link.is_symlink():
            link.unlink()
    case.laboratory = case.laboratory.with_environment(
        ISTIO_LAB_CACHE=str(nothing), ISTIO_LAB_OFFLINE="1", GOPROXY="off"
    )

    def bring_back() -> None:
        case.laboratory = case.laboratory.with_environment(ISTIO_LAB_CACHE=cache, ISTIO_LAB_OFFLINE="", GOPROXY="")

    case.lift = bring_back
    case.undo.append(lambda: shutil.rmtree(nothing, ignore_errors=True))


def disk_full(case: Case) -> None:
    project = case.laboratory.project
    copy = project.with_name("copy")
    shutil.copytree(project, copy, symlinks=True)
    _mount("-t", "tmpfs", "-o", f"size={_size(copy) + _ROOM}", "tmpfs", str(project))
    case.undo.append(lambda: _unmount(project))
    shutil.copytree(copy, project, symlinks=True, dirs_exist_ok=True)
    shutil.rmtree(copy)
    filler = project / "filler"
    with filler.open("wb", buffering=0) as out, contextlib.suppress(OSError):
        while True:
            out.write(bytes(1 << 16))
    case.lift = lambda: filler.unlink(missing_ok=True)


def folder_read_only(case: Case) -> None:
    project = str(case.laboratory.project)
    _mount("--bind", project, project)
    case.undo.append(lambda: _unmount(case.laboratory.project))
    _mount("-o", "remount,ro,bind", project)
    case.lift = lambda: _mount("-o", "remount,rw,bind", project)


def _mount(*words: str) -> None:
    subprocess.run([_MOUNT, *words], check=True)


def _unmount(folder: Path) -> None:
    subprocess.run([_UNMOUNT, "--lazy", str(folder)], check=True)


def _size(folder: Path) -> int:
    return sum(file.lstat().st_blocks * 512 for file in folder.rglob("*") if not file.is_dir())


def can_mount(folder: Path) -> bool:
    """Whether this user may mount, which the states of a disk need."""
    probe = subprocess.run([_MOUNT, "-t", "tmpfs", "tmpfs", str(folder)], check=False, capture_output=True)
    if probe.returncode == 0:
        _unmount(folder)
    return probe.returncode == 0


STATES: Mapping[str, Callable[[Case], None]] = {
    each.__name__: each
    for each in (
        *(lock_of_nothing, lock_of_garbage, lock_of_another_shape, lock_of_a_dead_process),
        *(lock_of_another_host_and_user, several_locks, lock_of_a_live_process),
        *(creating, updating, deleting, release_that_the_state_does_not_have),
        *(state_empty, state_cut, state_of_zeros, state_not_json, state_of_another_shape, state_with_wrong_resources),
        *(state_without_any_backup, state_gone, state_and_backups_gone),
        *(state_gzipped, state_gzipped_and_cut, state_in_zstandard),
        *(passphrase_wrong, passphrase_lost, passphrase_empty),
        *(stack_folder_gone, data_of_the_control_plane_gone, kubeconfig_gone, home_gone, clone_moved, cache_gone),
        *(stack_folder_gone_while_the_lab_runs, home_gone_while_the_lab_runs, clone_moved_while_the_lab_runs),
        *(disk_full, folder_read_only),
    )
}

NEED_A_MOUNT = ("disk_full", "folder_read_only")


def end(processes: list[psutil.Process]) -> None:
    """Kill what runs, as a reboot would."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(map(runs, processes)):
        time.sleep(0.05)


@contextlib.contextmanager
def broken(state: str, laboratory: Laboratory) -> Iterator[Case]:
    """Bring a state about, and put aside afterwards what is not in the laboratory's own folder."""
    case = Case(laboratory)
    try:
        STATES[state](case)
        yield case
    finally:
        for undo in reversed(case.undo):
            undo()
