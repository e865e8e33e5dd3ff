"""Programs of the system's own packages, unpacked into the lab's cache: nothing is installed, nobody has to be root.

apt is given folders of its own, and takes its sources from the system's settings. It brings, besides what is asked for,
the libraries that the system does not have.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from lab.core.errors import LabError
from lab.core.progress import Progress
from lab.toolchain import cache

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_STATUS = Path("/var/lib/dpkg/status")
_NEEDED = ("apt-get", "dpkg-deb")


def unpacked(
    program: str, *choices: Sequence[str], finish: Callable[[Path, Path], None] = lambda _draft, _folder: None
) -> Path:
    """The folder with a program's packages, as if it were the root folder; brought when it is not there yet.

    Args:
        program: a name for people and for the cache.
        choices: packages to be had together; the first that this system knows is taken.
        finish: called once with the folder that it is in and the one that it will be in; what it raises undoes all.

    Raises:
        LabError: this system cannot bring it.
    """
    folder = cache.entry("debian", program, _key(choices))
    if not folder.exists():
        with Progress() as progress, cache.exclusive(progress), cache.staging() as draft:
            if not folder.exists():
                _bring(program, choices, draft, progress)
                finish(draft / "unpacked", folder)
                cache.put(draft / "unpacked", folder)
    return folder


def libraries(folder: Path) -> list[Path]:
    """Where the shared libraries are in a folder of `unpacked`."""
    return [*folder.glob("usr/lib/*-linux-gnu*"), *folder.glob("lib/*-linux-gnu*")]


def _bring(program: str, choices: Sequence[Sequence[str]], draft: Path, progress: Progress) -> None:
    if missing := [name for name in _NEEDED if not shutil.which(name)]:
        raise LabError(
            f"{program} is not installed, and this system lacks {', '.join(missing)} to bring it.",
            f"Install {program} yourself.",
        )
    apt = _apt(draft)
    with progress.step("reading the list of the system's packages", usual=10):
        # A source that does not answer does no harm as long as the packages are found.
        told = _run(*apt, "update").stderr
    with progress.step(f"downloading {program}", usual=5):
        for packages in choices:
            done = _run(*apt, "install", "--download-only", "--no-install-recommends", "--reinstall", *packages)
            told += done.stderr
            if done.returncode == 0:
                break
        else:
            raise LabError(f"apt cannot bring {program}:\n{told.strip()}", f"Install {program} yourself.")
    with progress.step(f"unpacking {program}"):
        for archive in (draft / "cache/archives").glob("*.deb"):
            done = _run("dpkg-deb", "--extract", archive, draft / "unpacked")
            if done.returncode:
                raise LabError(f"{archive.name} cannot be unpacked: {done.stderr.strip()}")


def _apt(draft: Path) -> Sequence[str | Path]:
    state = draft / "state"
    for made in (state / "lists/partial", draft / "cache/archives/partial", draft / "unpacked"):
        made.mkdir(parents=True)
    # apt locks the folder of this file, and takes from it what is there already.
    shutil.copyfile(_STATUS, state / "status")
    configuration = draft / "apt.conf"
    configuration.write_text(
        f'Dir::State "{state}";\nDir::State::status "{state}/status";\nDir::Cache "{draft}/cache";\n'
        # The system's own hooks clean the system's cache; the user `_apt` cannot see into these folders.
        "#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n"
        'APT::Sandbox::User "";\nAcquire::Languages "none";\nAcquire::Retries "3";\n'
    )
    return "apt-get", f"--config-file={configuration}", "--quiet", "--yes"


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def _key(choices: Sequence[Sequence[str]]) -> str:
    """What unpacked packages depend on: the system's release and its processor."""
    release = Path("/etc/os-release")
    system = release.read_text() if release.exists() else ""
    return hashlib.sha256(f"{platform.machine()}{system}{choices}".encode()).hexdigest()[:16]
