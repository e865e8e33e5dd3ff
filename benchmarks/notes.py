"""The notes' own way: the commands of the course, typed one after the other, on the same kind of cluster."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

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
    from benchmarks.sandbox import Sandbox
    from benchmarks.way import Record

_SCRIPT = Path(__file__).with_name("notes_way.sh")
_ADDONS = ("prometheus", "grafana", "kiali", "jaeger", "loki")


class NotesWay:
    """Runs `notes_way.sh` with the pins and settings of the stack.

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
        """Measure how long it takes until everything stands; then remove it, which is not measured.

        Args:
            record: measures the block it is used for.

        Returns:
            what stood.
        """
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
            "NODES": str(manifest),
            "BASE_CHART": str(artifacts.path("istio-base").absolute()),
            "ISTIOD_CHART": str(artifacts.path("istiod").absolute()),
            "GATEWAY_CHART": str(artifacts.path("istio-gateway").absolute()),
            "ADDONS": " ".join(str(artifacts.path(f"addon-{name}.yaml").absolute()) for name in _ADDONS),
            "BOOKINFO": str(artifacts.path("bookinfo.yaml").absolute()),
            "BOOKINFO_GATEWAY": str(artifacts.path("bookinfo-gateway.yaml").absolute()),
        }
