"""Comparison of pinned checksums with their publishers' own, for maintainers.

Some pins were read in one public record only. Each names the publisher's checksum file, which is asked once: the day on
which it agreed is then kept in the lock file.
"""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pydantic

from lab.core.progress import Progress
from lab.toolchain import lockfile, resolution
from lab.toolchain.cache import SourceFailed
from lab.toolchain.download import Downloader, source_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.toolchain.download import Limits
    from lab.toolchain.lockfile import Lock, Platform, Prebuilt

_LARGEST = 20_000_000
"""Bytes of a checksum file; the longest, of a release with many files, has 1 MB."""


class Verdict(StrEnum):
    """The result of a comparison."""

    AGREED = "agreed"
    DIFFERS = "differs"
    UNKNOWN = "cannot be asked"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A pin and the publisher's word on it; `detail` says what differs, or why nobody answered."""

    tool: str
    platform: Platform
    address: str
    verdict: Verdict
    detail: str = ""


class _Asset(pydantic.BaseModel):
    name: str
    digest: str | None = None


class _Release(pydantic.BaseModel):
    """A release as GitHub's API describes it, with the checksum that it computed when a file came."""

    assets: tuple[_Asset, ...]


def verify(*, progress: Progress | None = None, limits: Limits | None = None) -> list[Comparison]:
    """Compare every pin with one record only, and keep in the lock file which agreed.

    A mirror is no publisher: with `ISTIO_LAB_MIRROR`, nothing is kept.

    Raises:
        LabError: the lock file is wrong.
    """
    lock = lockfile.load()
    found = _compare(lock, progress or Progress(quiet=True), limits)
    agreed = [each for each in found if each.verdict == Verdict.AGREED and each.address == source_url(each.address)]
    if agreed:
        resolution.LOCK_FILE.write_text(_noted(lock, agreed).canonical())
    return [replace(each, address=source_url(each.address)) for each in found]


def published(text: str, name: str) -> str:
    """Find the checksum of a file in its publisher's words; empty when they have none.

    They may be the checksum alone, lines of `sha256sum`, or the description of a release by GitHub.
    """
    words = text.split()
    if len(words) == 1:
        return words[0].lower()
    for line in text.splitlines():
        checksum, _, file = line.strip().partition(" ")
        if PurePosixPath(file.strip().removeprefix("*")).name == name:
            return checksum.lower()
    try:
        release = _Release.model_validate_json(text)
    except pydantic.ValidationError:
        return ""
    return next(
        (asset.digest.rpartition(":")[2] for asset in release.assets if asset.name == name and asset.digest), ""
    )


def _compare(lock: Lock, progress: Progress, limits: Limits | None) -> list[Comparison]:
    asked: defaultdict[str, list[tuple[str, Platform, Prebuilt]]] = defaultdict(list)
    for tool, downloads in lock.tools.items():
        for platform, pin in downloads.items():
            if pin.checksums and not pin.agreed:
                asked[pin.checksums].append((tool, platform, pin))
    downloader = Downloader(threading.Event(), limits)
    try:
        return [found for address, pins in asked.items() for found in _ask(downloader, address, pins, progress)]
    finally:
        downloader.close()


def _ask(
    downloader: Downloader, address: str, pins: Iterable[tuple[str, Platform, Prebuilt]], progress: Progress
) -> list[Comparison]:
    text, failure = "", ""
    try:
        with progress.step(f"asking {source_url(address)}") as step:
            name = hashlib.sha256(address.encode()).hexdigest()
            file = downloader.fetch_to_verify(address, name, _LARGEST, step)
        text = file.read_text(encoding="utf-8", errors="replace")
        file.unlink()
    except SourceFailed as cause:
        failure = str(cause)
    return [
        Comparison(tool=tool, platform=platform, address=address, verdict=verdict, detail=detail)
        for tool, platform, pin in pins
        for verdict, detail in [(Verdict.UNKNOWN, failure) if failure else _judge(text, pin)]
    ]


def _judge(text: str, pin: Prebuilt) -> tuple[Verdict, str]:
    name = PurePosixPath(pin.url).name
    found = published(text, name)
    if len(found) != len(pin.checksum) or not set(found) <= set("0123456789abcdef"):
        return Verdict.UNKNOWN, f"it has no such checksum of {name}"
    if found != pin.checksum:
        return Verdict.DIFFERS, f"pinned {pin.checksum}, published {found}"
    return Verdict.AGREED, ""


def _noted(lock: Lock, agreed: Iterable[Comparison]) -> Lock:
    today = datetime.now(UTC).date()
    tools = {tool: dict(downloads) for tool, downloads in lock.tools.items()}
    for each in agreed:
        downloads = tools[each.tool]
        downloads[each.platform] = downloads[each.platform].model_copy(update={"agreed": today})
    return lock.model_copy(update={"tools": tools})
