"""The course's dashboards of grafana.com: pinned like every download, but optional.

Sources, in order: a file that the user put in place, the cache, grafana.com. A dashboard without a pinned checksum is
never downloaded.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

from lab.core import paths
from lab.core.progress import Progress
from lab.toolchain import cache, resolution
from lab.toolchain.artifact_status import ArtifactStatus
from lab.toolchain.cache import SourceFailed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.toolchain.download import Downloader, Limits
    from lab.toolchain.lockfile import Dashboard

_PAUSE = 24 * 3600.0
"""Seconds between looks: a machine that cannot reach grafana.com shall not wait for it at every `lab up`."""

_LARGEST = 5_000_000
"""Bytes; dashboards have 60,000."""


def ensure(*, again: bool = False, progress: Progress | None = None, limits: Limits | None = None) -> None:
    """Try to have every dashboard, once a day at most or `again`; report which are missing and how to get them.

    Raises:
        LabError: the lock file is wrong.
    """
    if not again and _looked_not_long_ago():
        return
    progress = progress or Progress(quiet=True)
    missing = {number: pin for number, pin in _locked().items() if not _file(number, pin)}
    # Without the lock of the cache, which a build may hold for minutes: a file is complete before it gets its name.
    for number, cause in _download(missing, progress, limits).items():
        progress.line(f"{_name(number)} is missing, the lab stands without it: {cause}. {_remedy(number, missing)}")
    with contextlib.suppress(OSError):  # a cache that cannot be written is looked through each time
        _note().parent.mkdir(parents=True, exist_ok=True)
        _note().touch()


def found() -> dict[int, Path]:
    """Return the files of the dashboards that are there, by number on grafana.com.

    Raises:
        LabError: the lock file is wrong.
    """
    files = {number: _file(number, pin) for number, pin in _locked().items()}
    return {number: file for number, file in files.items() if file}


def report() -> list[ArtifactStatus]:
    """Return the state of every dashboard, for `lab doctor`.

    Raises:
        LabError: the lock file is wrong.
    """
    locked = _locked()
    return [
        _status(number, pin, "" if _file(number, pin) else _remedy(number, locked)) for number, pin in locked.items()
    ]


def relock(*, progress: Progress | None = None, limits: Limits | None = None) -> None:
    """Pin the checksums that are still unknown by a first download from grafana.com, for maintainers.

    Raises:
        LabError: the lock file is wrong.
    """
    from lab.toolchain import lockfile
    from lab.toolchain.download import Downloader

    progress = progress or Progress(quiet=True)
    lock = lockfile.load()
    downloader = Downloader(threading.Event(), limits)
    learnt = {}
    try:
        for number, pin in lock.dashboards.items():
            if pin.sha256 is None:
                try:
                    learnt[number] = pin.model_copy(update={"sha256": _learn(downloader, number, pin, progress)})
                except SourceFailed as failure:
                    progress.line(f"the checksum of {_name(number)} stays unknown: {failure}")
    finally:
        downloader.close()
    resolution.LOCK_FILE.write_text(lock.model_copy(update={"dashboards": {**lock.dashboards, **learnt}}).canonical())


def _learn(downloader: Downloader, number: int, pin: Dashboard, progress: Progress) -> str:
    with progress.step(f"downloading {_name(number)}") as step:
        file = downloader.fetch_to_verify(_url(number, pin), f"dashboard-{number}", _LARGEST, step)
    try:
        return cache.sha256(file)
    finally:
        file.unlink()


def _download(wanted: Mapping[int, Dashboard], progress: Progress, limits: Limits | None) -> dict[int, str]:
    """Fetch what is pinned, and say why the rest is missing."""
    from lab.toolchain.download import Downloader, Limits

    downloader = Downloader(threading.Event(), limits or Limits(connect=3, read=5, tries=1))
    causes = {}
    try:
        for number, pin in wanted.items():
            if pin.sha256 is None:
                causes[number] = "its checksum is not known"
                continue
            try:
                with progress.step(f"downloading {_name(number)}") as step:
                    file = downloader.fetch(_url(number, pin), pin.sha256, step)
                _kept(number, pin.sha256).parent.mkdir(parents=True, exist_ok=True)
                file.replace(_kept(number, pin.sha256))
            except (SourceFailed, OSError) as failure:
                causes[number] = str(failure)
    finally:
        downloader.close()
    return causes


def _status(number: int, pin: Dashboard, remedy: str) -> ArtifactStatus:
    file = _file(number, pin)
    origin = "missing" if file is None else "put there by hand" if file == _by_hand(number) else "cache (download)"
    now = "cache, at once" if file else "download (grafana.com)" if pin.sha256 else "none: its checksum is not known"
    return ArtifactStatus(f"dashboard {number}", f"revision {pin.revision}", origin, file, remedy, now)


def _remedy(number: int, pins: Mapping[int, Dashboard]) -> str:
    pin = pins[number]
    retry = "Run `lab setup` where it can be reached, or save" if pin.sha256 else "Save"
    return f"{retry} {_url(number, pin)} as {_by_hand(number)}."


def _file(number: int, pin: Dashboard) -> Path | None:
    if _by_hand(number).is_file():
        return _by_hand(number)
    if pin.sha256 is None or not (kept := _kept(number, pin.sha256)).is_file():
        return None
    return kept if cache.sha256(kept) == pin.sha256 else None


def _by_hand(number: int) -> Path:
    return paths.cache().absolute() / "dashboards" / f"{number}.json"


def _kept(number: int, sha256: str) -> Path:
    return cache.entry("artifacts", f"dashboard-{number}", sha256[:12]) / f"{number}.json"


def _looked_not_long_ago() -> bool:
    """Whether `ensure` looked within the pause and the pins are still the same; reads no file, to cost no time."""
    try:
        looked = _note().stat().st_mtime
        return looked > max(time.time() - _PAUSE, resolution.LOCK_FILE.stat().st_mtime)
    except OSError:
        return False


def _note() -> Path:
    return paths.cache() / "dashboards" / "looked"


def _url(number: int, pin: Dashboard) -> str:
    return f"https://grafana.com/api/dashboards/{number}/revisions/{pin.revision}/download"


def _name(number: int) -> str:
    return f"dashboard {number} of grafana.com"


def _locked() -> Mapping[int, Dashboard]:
    from lab.toolchain import lockfile

    return lockfile.load().dashboards
