"""The source that a tool would come from now, and about how long that takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lab.toolchain import catalog, golang, lockfile, onpath, sources
from lab.toolchain.cache import SourceFailed
from lab.toolchain.catalog import TOOLS
from lab.toolchain.download import offline, source_url

if TYPE_CHECKING:
    from lab.toolchain.catalog import Tool
    from lab.toolchain.lockfile import Artifact, Lock, Prebuilt

_MEGABYTES = {
    "etcd": 24,
    "helm": 20,
    "istioctl": 31,
    "kube-apiserver": 105,
    "kube-controller-manager": 95,
    "kube-scheduler": 72,
    "kubectl": 59,
    "kwok": 63,
    "kwokctl": 54,
    "metrics-server": 82,
    "otelcol": 110,
    "prometheus": 107,
    "promtool": 107,
    "pulumi": 42,
    "pulumi-language-python": 42,
    "pulumi-language-python-exec": 42,
    "pulumi-resource-kubernetes": 43,
    "pulumi-resource-pulumi-python": 42,
}
"""Of a download for linux/amd64. Those of metrics-server, the collector and Prometheus are as published; the others
are as large as what was built of the same version, compressed where the download is an archive."""

_ARCHIVE = 30
"""Megabytes of the larger of the two repositories with charts and manifests."""

_MEGABITS = 50
"""A second, of an ordinary line."""

NOTE = (
    f"Times of downloads are for {_MEGABITS} Mbit/s. Times of builds were measured on 2 cores with nothing in Go's "
    "caches, for all tools of a group together: one alone takes less."
)
"""The limits of the times that are shown."""


@dataclass(frozen=True)
class Forecast:
    """A source and a time.

    Attributes:
        source: `cache`, `PATH`, `download (dl.k8s.io)`, `build (cluster)`, or `none` with the reason.
        takes: such as `13 s`; empty where there is no source.
    """

    source: str
    takes: str = ""

    def __str__(self) -> str:
        """Say both in one line."""
        return f"{self.source}, {self.takes}" if self.takes else self.source


CACHE, PATH = Forecast("cache", "at once"), Forecast("PATH", "at once")


def foresee_artifact(pin: Artifact) -> Forecast:
    """Look where a chart or manifest would come from that is not in the cache; asks no network."""
    try:
        golang.check(catalog.RECIPES / "cluster")
        module = Forecast(f"module ({pin.module})", "of unknown size")
    except SourceFailed as cause:
        module = Forecast(f"none: {cause}")
    if offline():
        return module
    host = urlsplit(source_url(pin.archive)).hostname or ""
    takes = f"about {_time(_ARCHIVE * 8 / _MEGABITS)} for {_ARCHIVE} MB with all of its kind"
    return _or_else(Forecast(f"download ({host})", takes), module)


def of(name: str) -> Forecast:
    """Look where a tool would come from; asks no network.

    Raises:
        LabError: the lock file is wrong.
    """
    return foresee(lockfile.load(), TOOLS[name])


def foresee(lock: Lock, tool: Tool) -> Forecast:
    """Look where a tool would come from by a lock file; asks no network."""
    if sources.in_cache(lock, tool):
        return CACHE
    installed = onpath.find(tool)
    return PATH if installed and installed.version == tool.version else foresee_missing(lock, tool)


def foresee_missing(lock: Lock, tool: Tool) -> Forecast:
    """Look where a tool would come from that this machine does not have."""
    built = _build(tool)
    pinned = sources.prebuilt(lock, tool)
    if pinned is None or offline():
        return built
    return _or_else(_download(tool, pinned), built)


def _download(tool: Tool, pinned: Prebuilt) -> Forecast:
    host = urlsplit(source_url(pinned.url)).hostname or ""
    size = _MEGABYTES.get(tool.name)
    takes = f"about {_time(size * 8 / _MEGABITS)} for {size} MB" if size else "of unknown size"
    return Forecast(f"download ({host})", takes)


def _build(tool: Tool) -> Forecast:
    if tool.group.not_built:
        return Forecast(f"none: {tool.group.not_built}")
    try:
        golang.check(catalog.RECIPES / tool.group.name)
    except SourceFailed as cause:
        return Forecast(f"none: {cause}")
    return Forecast(f"build ({tool.group.name})", f"up to {_time(tool.group.seconds)}")


def _or_else(first: Forecast, then: Forecast) -> Forecast:
    if not then.takes:
        return first
    return Forecast(f"{first.source}, else {then.source}", f"{first.takes}, else {then.takes}")


def _time(seconds: float) -> str:
    minute = 60
    return f"{max(1, round(seconds))} s" if seconds < 2 * minute else f"{seconds / minute:.0f} min"
