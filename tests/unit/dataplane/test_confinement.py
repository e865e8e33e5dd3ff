"""What a process of a Pod can reach, tried from inside by a real process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab.core import paths
from lab.platforms.dataplane import confinement, lifecycle, view
from lab.toolchain import applications

if TYPE_CHECKING:
    from collections.abc import Sequence

SECRETS = ("lab/passphrase", "home/.ssh/id_ed25519", "lab/stacks/dev/kubeconfig", "seen/inner/secret")

AGENT = """
import json, os, subprocess, sys
from pathlib import Path
from lab.platforms.dataplane import confinement, sandbox
from lab.toolchain import applications

folder, attempt, *words = sys.argv[1:]
folder, run = Path(folder), Path("/run")
hosts = run / "hosts"
hosts.write_text("127.0.0.1 localhost\\n")
mine = run / "mine"
mine.mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", sandbox._SPACE, "tmpfs", str(mine)], check=True)
secret = [folder / "lab", folder / "home", folder / "seen" / "inner"]
found, said = confinement.prepare(applications.interpreter(), [folder / "seen", Path(attempt).parent], secret)
log = run / "log"
found.create_file(log, 7)
inside = [*found.enter(hosts, mine, "pod-1"), *found.words(7)]
command = [*inside, str(applications.interpreter()), "-I", "-S", "-B", attempt, *words]
with log.open("ab") as output:
    done = subprocess.run(command, env={**confinement.environment(APP_VERSION="v1")}, stdout=output, stderr=output)
print(json.dumps({"said": said, "code": done.returncode, "size": log.stat().st_size, "log": log.read_text()[:100_000]}))
"""

ATTEMPT = """
import json, os, resource, signal, socket, sys
from pathlib import Path

def works(do):
    try:
        do()
    except (OSError, ValueError) as error:
        return ""
    return "works"

def write(path):
    with open(path, "ab") as file:
        file.write(b"")

read, killed, secrets = [], [], sys.argv[1:]
for path in secrets:
    for prefix in ("", "/proc/1/root", "/proc/self/root", "/proc/1/cwd/../.."):
        if works(lambda: open(prefix + path, "rb").read()):
            read.append(prefix + path)

written, seen = [], 0
for folder, folders, files in os.walk("/"):
    if folder == "/proc":
        folders[:] = [each for each in folders if not each.isdigit() and "self" not in each]
    if folder.startswith("/run/pod"):
        continue
    seen += 1
    if seen > 3000:
        break
    if works(lambda: os.mkdir(folder + "/evil")):
        written.append(folder)
    for name in files[:50]:
        path = folder + "/" + name
        own = path in ("/dev/stdout", "/dev/stderr")
        if not own and os.path.isfile(path) and works(lambda: write(path)):
            written.append(path)
for pid in filter(str.isdigit, os.listdir("/proc")):
    if int(pid) != os.getpid() and works(lambda: os.kill(int(pid), signal.SIGKILL)) and int(pid) != 1:
        killed.append(pid)
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
Path("/run/pod/mine").write_text("mine")
os.makedirs("/run/pod/bin", exist_ok=True)

def run_own():
    Path("/run/pod/bin/own").write_text("#!/bin/sh\\n")
    os.chmod("/run/pod/bin/own", 0o755)
    if os.spawnv(os.P_WAIT, "/run/pod/bin/own", ["own"]):
        raise OSError

def fill():
    with open("/run/pod/full", "wb") as file:
        for _ in range(200):
            file.write(b"x" * 2**20)

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
print(json.dumps({
    "read": read, "written": written, "seen": seen, "killed": killed,
    "own": bool(works(run_own)), "full": bool(works(fill)),
    "status": {key: status[key].split() for key in ("Uid", "CapEff", "CapPrm", "CapInh", "NoNewPrivs")},
    "root": bool(works(lambda: os.setuid(0))), "hostname": socket.gethostname(),
    "environment": dict(os.environ), "first": bool(works(lambda: open("/proc/1/environ", "rb").read())),
    "processes": len([pid for pid in os.listdir("/proc") if pid.isdigit()]),
    "limits": {name: resource.getrlimit(getattr(resource, "RLIMIT_" + name))
               for name in ("DATA", "STACK", "FSIZE", "NOFILE", "NPROC", "CORE")},
}))
"""

ENDLESS = "while True: print('x' * 10_000)"
GREEDY = "rest = []\nwhile True: rest.append(bytearray(2**20))"
FORKS = "import os, time\nfor _ in range(600):\n    if not os.fork():\n        time.sleep(3)\n        os._exit(0)"


@dataclass(frozen=True)
class Machine:
    """A machine whose user runs a data plane, with secrets of theirs."""

    folder: Path
    user: tuple[str, ...]

    def tried(self, script: str, words: Sequence[str] = ()) -> dict[str, Any]:
        attempt = self.folder / "attempt" / "attempt.py"
        attempt.write_text(script)
        attempt.chmod(0o644)
        own = 'mount -t tmpfs -o mode=755 tmpfs /run && exec "$@"'
        namespaces = ["unshare", *self.user, "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        command = [*namespaces, "sh", "-c", own, "sh", sys.executable, "-c", AGENT, str(self.folder), str(attempt)]
        environment = {**os.environ, "PYTHONPATH": str(paths.PROJECT), "HOME": str(self.folder / "home")}
        done = subprocess.run(
            [*command, *words], env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))


@pytest.fixture(params=["root", "ordinary user"])
def machine(tmp_path: Path, request: pytest.FixtureRequest) -> Machine:
    if why := lifecycle.unavailable():
        if os.environ.get("CI"):
            raise RuntimeError(why)
        pytest.skip(f"this machine can have no data plane: {why}")
    if request.param == "root" and os.geteuid():
        pytest.skip("this is not the machine's root")
    for name in (*SECRETS, "seen/open", "attempt/attempt.py"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("text")
    for folder in ("seen", "attempt"):
        (tmp_path / folder).chmod(0o755)
    return Machine(tmp_path, () if request.param == "root" else ("--user", "--map-root-user"))


def test_a_process_of_a_pod_reads_no_secret_writes_nowhere_and_has_no_rights(machine: Machine) -> None:
    secrets = [str(machine.folder / name) for name in SECRETS]
    found = machine.tried(ATTEMPT, [*secrets, "/etc/shadow", "/etc/passwd-", str(paths.PROJECT / "Pulumi.yaml")])
    assert (found["code"], found["said"]) == (0, []), found
    seen = json.loads(found["log"])

    assert seen["read"] == []
    assert seen["written"] == []
    assert seen["seen"] > 100, "it looked around"
    assert seen["killed"] == []
    assert not seen["own"], "it runs nothing that it has written"
    assert not seen["full"], "its folder is small"
    assert not seen["root"]
    assert not seen["first"]
    assert seen["status"]["NoNewPrivs"] == ["1"]
    assert {*seen["status"]["CapEff"], *seen["status"]["CapPrm"], *seen["status"]["CapInh"]} == {"0" * 16}
    assert "0" not in seen["status"]["Uid"]
    assert seen["hostname"] == "pod-1"
    assert seen["processes"] == 2, "its own, and the shell that waits for it"
    shells = {"PWD", "OLDPWD", "SHLVL", "_"}
    environment = {name: value for name, value in seen["environment"].items() if name not in shells}
    assert environment == confinement.environment(APP_VERSION="v1")
    assert seen["limits"]["DATA"] == [confinement.MEMORY] * 2
    assert seen["limits"]["STACK"] == [confinement.STACK] * 2
    assert seen["limits"]["FSIZE"] == [confinement.FILE_SIZE] * 2
    assert seen["limits"]["NOFILE"][1] <= confinement.OPEN_FILES
    assert seen["limits"]["NPROC"][1] <= confinement.PROCESSES
    assert seen["limits"]["CORE"] == [0, 0]


def test_where_only_their_owner_may_read_the_files_processes_stay_their_owners_without_rights(machine: Machine) -> None:
    if machine.user:
        pytest.skip("they are their owner's in any case")
    (machine.folder / "seen").chmod(0o700)
    found = machine.tried(ATTEMPT, [str(machine.folder / name) for name in SECRETS])
    seen = json.loads(found["log"])

    assert len(found["said"]) == 1
    assert found["said"][0].startswith("The processes of Pods run without a user of their own, though without rights")
    assert "Permission denied" in found["said"][0]
    assert (seen["read"], seen["written"], seen["killed"]) == ([], [], [])
    assert {*seen["status"]["CapEff"], *seen["status"]["CapPrm"]} == {"0" * 16}


def test_an_endless_log_ends_its_process(machine: Machine) -> None:
    found = machine.tried(ENDLESS)

    assert found["code"] != 0, found
    assert found["size"] <= confinement.FILE_SIZE


def test_a_process_gets_only_so_much_memory(machine: Machine) -> None:
    found = machine.tried(GREEDY)

    assert found["code"] != 0, found
    assert "MemoryError" in found["log"]


def test_a_process_starts_only_so_many(machine: Machine) -> None:
    if machine.user and not os.geteuid():
        pytest.skip("Linux counts no processes of the machine's root, who only pretends to be another user here")
    found = machine.tried(FORKS)

    assert found["code"] != 0, found
    assert "BlockingIOError" in found["log"]


def test_a_machine_without_the_tools_says_so_and_goes_on(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    del machine
    monkeypatch.setattr(
        confinement.shutil, "which", lambda name, **_: None if name != "unshare" else "/usr/bin/unshare"
    )
    wanted, said = confinement._wanted()  # noqa: SLF001 - what it does here cannot be seen on a machine that has them

    assert (wanted.user, wanted.limits) == ((), ())
    assert [each.split(":")[1] for each in said] == [
        " setpriv is not installed (util-linux)",
        " prlimit is not installed (util-linux)",
    ]


# --- the view ---


def test_what_is_secret_is_hidden_only_where_something_around_it_is_seen(tmp_path: Path) -> None:
    for name in ("seen/home/needed", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    home, needed = tmp_path / "seen/home", tmp_path / "seen/home/needed"
    planned = view.plan([tmp_path / "seen", needed], [home, tmp_path / "elsewhere", tmp_path])

    assert planned.hidden == (home,)
    assert {tmp_path / "seen", needed} <= set(planned.seen)
    words = planned.steps(Path("/r"))
    order = [words.index(word) for word in (f"/r{tmp_path}/seen", f"/r{home}", f"/r{needed}")]
    assert order == sorted(order), "the outer ones first"
    assert words[order[1] - 1] == "tmpfs"


def test_everything_in_a_view_is_made_read_only_but_devices() -> None:
    mounted = (
        "1 0 0:1 / / rw - ext4 x rw\n"
        "2 1 0:2 / /run/root rw,nosuid - tmpfs x rw\n"
        "3 2 0:3 /usr /run/root/usr rw,noexec,relatime - ext4 x rw\n"
        "4 2 0:4 / /run/root/a\\040b ro,noatime - ext4 x rw\n"
        "5 2 0:5 /null /run/root/dev/null rw - devtmpfs x rw\n"
        "6 1 0:6 / /run/rooted rw - tmpfs x rw\n"
        "7 2 0:7 / /run/root/실습\\134\u3000é\u2028 rw - ext4 x rw\n"
    )
    assert view.remounts(mounted, Path("/run/root")) == [
        ("/run/root", "remount,bind,ro,nosuid,nodev"),
        ("/run/root/usr", "remount,bind,ro,nosuid,nodev,noexec,relatime"),
        ("/run/root/a b", "remount,bind,ro,nosuid,nodev,noatime"),
        ("/run/root/실습\\\u3000é\u2028", "remount,bind,ro,nosuid,nodev"),
    ]


def test_python_comes_without_what_is_installed_beside_it() -> None:
    found = view.libraries(applications.interpreter())

    assert applications.interpreter() in found
    assert not [each for each in found if each == Path.home() or each in Path.home().parents]
