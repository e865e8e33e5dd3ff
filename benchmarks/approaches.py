"""The two approaches that are compared: this stack, and the commands of the course typed one after the other."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import yaml

from benchmarks import results
from benchmarks.cluster import Cluster
from benchmarks.results import Measure
from lab.core import paths, versions
from lab.core.tags import PROJECT
from lab.platforms.embedded import nodes
from lab.platforms.embedded.nodes import NodeSpec
from lab.platforms.embedded.ports import Ports
from lab.settings import Settings
from lab.toolchain import artifacts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.sandbox import Sandbox

_ACTIVATED = '. .lab/activate && exec pulumi "$@"'
_SCRIPT = Path(__file__).with_name("baseline.sh")
_ADDONS = ("prometheus", "grafana", "kiali", "jaeger", "loki")

Record = Callable[[Measure], AbstractContextManager[None]]
"""Measures the `with` block that it is used for."""


class Approach(Protocol):
    """One way to bring the lab up."""

    @property
    def name(self) -> str:
        """Its title."""

    def measure(self, record: Record) -> set[str]:
        """Bring the lab up and take it down again, measured by `record`.

        Returns:
            the inventory of the cluster while it was up.
        """


class PulumiRun:
    """A copy of the project, so that measuring touches neither the clone nor a lab of the user.

    Args:
        sandbox: what everything runs in.
    """

    name = results.OURS

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._project = sandbox.folder / "project"
        # With the compiled modules, which a user's project has too after its first use.
        shutil.copytree(paths.PROJECT, self._project, symlinks=True, ignore=left_out)
        (self._project / ".venv").symlink_to(paths.PROJECT / ".venv")
        sandbox.run([".venv/bin/python", "-m", "lab", "setup"], cwd=self._project)

    def measure(self, record: Record) -> set[str]:
        """Measure one whole life of a stack. The previews are of a lab that stands, not of one still settling."""
        stack = f"bench-{secrets.token_hex(3)}"
        self._configure(stack)
        self._pulumi("stack", "init", stack)
        cluster = Cluster(self._home / "stacks" / stack / "kubeconfig", self._sandbox)
        with record(Measure.UP):
            self._pulumi("up", "--yes", "--skip-preview")
            cluster.wait_until_ready()
        stood = cluster.inventory()
        self._sandbox.wait_until_at_rest()
        with record(Measure.PREVIEW):
            self._pulumi("preview", "--expect-no-changes")
        with record(Measure.UP_AGAIN):
            self._pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
        with record(Measure.DESTROY):
            self._pulumi("destroy", "--yes", "--skip-preview")
            self._sandbox.wait_until_gone()
        self._pulumi("stack", "rm", "--yes", stack)
        return stood

    @property
    def _home(self) -> Path:
        return self._project / ".lab"

    def _configure(self, stack: str) -> None:
        """Give a stack the settings of `dev`; its encryption belongs to the clone's own passphrase."""
        config = yaml.safe_load((paths.PROJECT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))["config"]
        (self._project / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"config": config}), encoding="utf-8")

    def _pulumi(self, *arguments: str) -> None:
        self._sandbox.run(["bash", "-c", _ACTIVATED, "pulumi", *arguments], cwd=self._project)


def left_out(folder: str, names: Iterable[str]) -> set[str]:
    """What the copy does without: hidden folders, tests, and the working folder, which holds the copy itself."""
    home = paths.home().resolve()
    return {name for name in names if name.startswith(".") or name == "tests" or Path(folder, name).resolve() == home}


class ManualBaseline:
    """Runs `baseline.sh` with the pins and settings of the stack.

    Args:
        sandbox: what everything runs in.
    """

    name = results.NOTES

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        file = paths.PROJECT / "Pulumi.dev.yaml"
        config = yaml.safe_load(file.read_text(encoding="utf-8"))["config"]
        own = {key.removeprefix(f"{PROJECT}:"): value for key, value in config.items() if key.startswith(f"{PROJECT}:")}
        self._settings = Settings.from_mapping(own, source=file.name)

    def measure(self, record: Record) -> set[str]:
        """Measure how long it takes until everything stands; then remove it, which is not measured."""
        work = Path(tempfile.mkdtemp(prefix="notes-", dir=self._sandbox.folder))
        environment = self._environment(work)
        cluster = Cluster(work / "kubeconfig", self._sandbox)
        try:
            with record(Measure.NOTES):
                self._sandbox.run(["bash", str(_SCRIPT)], cwd=work, environment=environment)
                cluster.wait_until_ready()
            return cluster.inventory()
        finally:
            self._sandbox.end_processes()
            shutil.rmtree(work, ignore_errors=True)

    def _environment(self, work: Path) -> dict[str, str]:
        """The script's parameters; whatever the tools would keep in the home folder goes to `work`."""
        settings = self._settings
        spec = NodeSpec(**settings.nodes.model_dump())
        manifest = work / "nodes.yaml"
        manifest.write_text(nodes.manifest(spec), encoding="utf-8")
        ports = {f"{name.upper()}_PORT": str(port) for name, port in asdict(Ports.allocate()).items()}
        return ports | {
            "WORK": str(work),
            "TOOLS": str(paths.bin_dir().absolute()),
            "KUBECONFIG": str(work / "kubeconfig"),
            "KWOK_WORKDIR": str(work / "kwok"),
            "HELM_CACHE_HOME": str(work / "helm"),
            "HELM_CONFIG_HOME": str(work / "helm"),
            "HELM_DATA_HOME": str(work / "helm"),
            "KUBERNETES_VERSION": versions.KUBERNETES,
            "ETCD_VERSION": versions.ETCD,
            "ISTIO_VERSION": settings.istio_version,
            "ISTIO_HUB": settings.istio_hub,
            "TRACE_SAMPLING": f"{settings.mesh.trace_sampling:g}",
            "HELLO_NGINX_IMAGE": settings.tutorial.hello_nginx_image,
            "MYSQL_IMAGE": settings.shop.mysql.image,
            "SIEGE_IMAGE": settings.shop.siege.image,
            "EXAMPLE_IMAGE": settings.rollouts.example.image,
            "ROLLOUTS": str(artifacts.path("argo-rollouts.yaml").absolute()),
            "ROLLOUTS_DASHBOARD": str(artifacts.path("argo-rollouts-dashboard.yaml").absolute()),
            "NODES": str(manifest),
            "BASE_CHART": str(artifacts.path("istio-base").absolute()),
            "ISTIOD_CHART": str(artifacts.path("istiod").absolute()),
            "GATEWAY_CHART": str(artifacts.path("istio-gateway").absolute()),
            "ADDONS": " ".join(str(artifacts.path(f"addon-{name}.yaml").absolute()) for name in _ADDONS),
            "BOOKINFO": str(artifacts.path("bookinfo.yaml").absolute()),
            "BOOKINFO_GATEWAY": str(artifacts.path("bookinfo-gateway.yaml").absolute()),
        }
