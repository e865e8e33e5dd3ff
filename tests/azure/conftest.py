from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import yaml

from lab.core import paths, versions
from tests.azure import aks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.azure.front import Asked
    from tests.engine.laboratory import Laboratory

_GLANCE = 0.1
"""Seconds between two looks at the command lines."""

_RANGE = "203.0.113.7/32"

_CLUSTERS = "tests.azure.aks"
"""What makes a real control plane of each cluster."""

BUILT = {"order": "order:v1", "delivery": "delivery:v1"}
"""As if `lab image build` had made them: without, nothing of the shop is deployed where containers run."""


@dataclass(frozen=True)
class Subscription:
    """An Azure subscription as far as the lab can tell, with one stack of the project in it."""

    folder: Path
    laboratory: Laboratory
    seen: set[str] = field(default_factory=set)
    refused: list[Asked] = field(default_factory=list)

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Keep every word of every command line that there is while a block lasts."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(_GLANCE):
                for process in psutil.process_iter(["cmdline"]):
                    self.seen.update(process.info["cmdline"] or ())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()

    def configure(self, *, observability: dict[str, object] | None = None, **azure: object) -> None:
        """Settings of the azure target and of the tools; what is not given has its default."""
        settings = {"allowedRanges": [_RANGE], "owner": "somebody", **azure}
        tools = observability or {}
        config = {
            "config": {
                "istio-lab:target": "azure",
                "istio-lab:azure": settings,
                "istio-lab:observability": tools,
                "istio-lab:shop": {app: {"image": image} for app, image in BUILT.items()},
            }
        }
        file = self.laboratory.project / f"Pulumi.{self.laboratory.stack}.yaml"
        before = yaml.safe_load(file.read_text()) if file.exists() else {}
        file.write_text(yaml.safe_dump({**before, **config}))

    def fail(self, **faults: object) -> None:
        """What Azure will answer to the requests that fit."""
        (self.folder / "faults.json").write_text(json.dumps(faults))

    def keep(self, store: dict[str, Any]) -> None:
        """Say what there is in it."""
        (self.folder / "store.json").write_text(json.dumps(store))

    @property
    def store(self) -> dict[str, Any]:
        """What there is in it."""
        return dict(json.loads((self.folder / "store.json").read_text()))

    @property
    def written(self) -> list[dict[str, Any]]:
        """Every request to change something, in the order it arrived."""
        return list(self.store["log"]) if (self.folder / "store.json").exists() else []


@pytest.fixture(scope="module")
def subscription(laboratory: Laboratory) -> Iterator[Subscription]:
    with _subscription(laboratory.other("azure"), on_cluster=_CLUSTERS) as made:
        yield made
        aks.delete(made.folder)


@pytest.fixture(scope="module")
def bare_subscription(laboratory: Laboratory) -> Iterator[Subscription]:
    """A subscription whose clusters are only remembered: no update gets further than to the first object in one."""
    # Under a name of its own: a module may use both.
    with _subscription(laboratory.other("bare")) as made:
        yield made


@contextlib.contextmanager
def _subscription(laboratory: Laboratory, *, on_cluster: str = "") -> Iterator[Subscription]:
    # A socket's path has room for a hundred characters only.
    folder = Path(tempfile.mkdtemp(prefix="azure-"))
    place_programs(folder, plugins=laboratory.project / ".lab/pulumi/plugins", on_cluster=on_cluster)
    search = f"{folder / 'bin'}:{laboratory.environment['PATH']}"
    standing = laboratory.with_environment(PATH=search)
    standing.pulumi("stack", "init").succeeded()
    yield Subscription(folder, standing)
    standing.pulumi("stack", "rm", "--yes", "--force", "--preserve-config").succeeded()
    shutil.rmtree(folder)


def place_programs(folder: Path, *, plugins: Path, on_cluster: str = _CLUSTERS) -> None:
    """Put the stand-in for Pulumi's provider among the plugins, and those of az and kubelogin into `bin`.

    Args:
        folder: of the subscription.
        plugins: of Pulumi.
        on_cluster: module that makes and deletes clusters; empty for clusters that are only remembered.
    """
    # Set in the scripts: what the lab starts gets no variable that it does not know.
    variables = {"PYTHONPATH": str(paths.PROJECT), "STANDIN_DIR": str(folder)}
    if on_cluster:
        variables["STANDIN_ON_CLUSTER"] = f"{shlex.quote(sys.executable)} -m {on_cluster} {folder}"
    settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
    python = f"{settings} exec {shlex.quote(sys.executable)} -m"
    plugin = plugins / f"resource-azure-native-v{versions.PULUMI_AZURE_NATIVE}" / "pulumi-resource-azure-native"
    _script(plugin, f"{python} tests.azure.standin")
    _script(folder / "bin/az", f"{python} tests.azure.az")
    _script(folder / "bin/kubelogin", f"{python} tests.azure.kubelogin")


def _script(file: Path, command: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'#!/bin/sh\n{command} "$@"\n')
    file.chmod(0o755)
