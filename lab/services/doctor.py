"""The state of tools and artifacts, and of the metrics API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import toolchain
from lab.core import versions
from lab.platforms import kubeconfig
from lab.settings import Settings, Target
from lab.toolchain import artifacts, dashboards

if TYPE_CHECKING:
    from lab.adapters.stack import Stack

_METRICS_SERVER = (
    f"https://github.com/kubernetes-sigs/metrics-server/releases/download/v{versions.METRICS_SERVER}/components.yaml"
)


@dataclass(frozen=True, kw_only=True)
class Item:
    """A tool, an artifact or a dashboard; the lab works without an optional one.

    `remedy` gets what is missing, `unused` is another copy on PATH, and `now` says where it would come from now and how
    long that takes.
    """

    name: str
    pinned: str
    found: str
    origin: str
    remedy: str = ""
    unused: str = ""
    optional: bool = False
    now: str = ""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that a lab is made with, and the files whose checksum is wrong."""

    items: tuple[Item, ...]
    damaged: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether `up` has everything it needs."""
        return not self.damaged and not any(item.remedy and not item.optional for item in self.items)


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Limits of `kubectl top`: simulated figures, or a command that brings the metrics API."""

    simulated: bool = False
    remedy: str = ""


def examine() -> Report:
    """Look at every tool, artifact and dashboard."""
    tools = [
        Item(
            name=tool.name,
            pinned=tool.version,
            found=tool.found or "",
            origin=tool.origin,
            remedy=tool.remedy,
            unused=tool.elsewhere,
            now=str(tool.now),
        )
        for tool in toolchain.report()
    ]
    files = [
        Item(
            name=file.name,
            pinned=file.version,
            found=file.version if file.path else "",
            origin=file.origin,
            remedy=file.remedy,
            optional=optional,
            now=file.now,
        )
        for listing, optional in ((artifacts.report(), False), (dashboards.report(), True))
        for file in listing
    ]
    return Report(items=(*tools, *files), damaged=(*toolchain.verify(), *artifacts.verify()))


def metrics(stack: Stack, target: str) -> Metrics:
    """Look whether `kubectl top` shows real figures; everything else works without.

    Raises:
        LabError: the cluster of the kubeconfig target is not there, or does not answer.
    """
    if target == Target.KUBECONFIG:
        settings = Settings.from_mapping({**stack.config(), "target": target}, source=stack.file.name).kubeconfig
        if not kubeconfig.answers_top(kubeconfig.read(settings.file, settings.context)):
            return Metrics(remedy=f"kubectl --context {settings.context} apply -f {_METRICS_SERVER}")
    return Metrics(simulated=target == Target.EMBEDDED)
