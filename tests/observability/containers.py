"""A container of the lab as a process: arguments, environment, files and credentials are those of its Pod.

The embedded cluster runs no containers, so the real programs run beside it. Each sees a file system of its own in which
everything is where the Pod has it, and an address of its own; so its configuration is used as it is, word for word.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

from lab import toolchain
from lab.core.manifests import named
from tests.observability import programs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.engine.laboratory import Laboratory

Object = dict[str, Any]

_ALONE = ("/usr/bin/unshare", "--map-root-user")
_CREDENTIALS = "var/run/secrets/kubernetes.io/serviceaccount"


@dataclass(frozen=True, kw_only=True)
class Container:
    """One container of a workload.

    Attributes:
        root: its file system; where a volume is mounted, there is a folder.
        arguments: what its program is told.
        environment: of its program.
        address: of its Pod: on loopback, and nobody else's.
    """

    root: Path
    arguments: Sequence[str]
    environment: Mapping[str, str]
    address: str
    service_account: str = field(default="default")

    @staticmethod
    def of(objects: Sequence[Object], workload: str, container: str, *, root: Path, node: str = "") -> Container:
        """A container as objects of Kubernetes say it should be.

        Args:
            objects: the workload and the ConfigMaps that it mounts.
            workload: its kind and name, such as `Deployment/prometheus`.
            container: its name.
            root: a folder that is not there yet.
            node: the node it is to be on.
        """
        kind, _, name = workload.partition("/")
        pod = _find(objects, kind, name)["spec"]["template"]["spec"]
        spec = named(pod["containers"], container)
        address = programs.own_address()
        fields = {"status.podIP": address, "spec.nodeName": node}
        root.mkdir()
        for mount in spec["volumeMounts"]:
            folder = root / mount["mountPath"].lstrip("/")
            folder.mkdir(parents=True)
            for file, text in _content(objects, named(pod["volumes"], mount["name"])).items():
                (folder / file).write_text(text)
        return Container(
            root=root,
            arguments=spec["args"],
            environment={
                entry["name"]: entry.get("value") or fields[entry["valueFrom"]["fieldRef"]["fieldPath"]]
                for entry in spec.get("env", ())
            },
            address=address,
            service_account=pod.get("serviceAccountName", "default"),
        )

    def in_cluster(self, laboratory: Laboratory, *, hosts: Mapping[str, str] | None = None) -> Container:
        """The same with what every Pod of a cluster is given: credentials, the API server's address, host names.

        Args:
            laboratory: whose cluster; the credentials are those of the Pod's own ServiceAccount.
            hosts: addresses by host name.
        """
        cluster = yaml.safe_load(laboratory.kubeconfig.read_text())["clusters"][0]["cluster"]
        token = laboratory.kubectl("create", "token", self.service_account, "-n", "istio-system").succeeded().output
        credentials = self.root / _CREDENTIALS
        credentials.mkdir(parents=True)
        (credentials / "token").write_text(token.strip())
        (credentials / "ca.crt").write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
        (credentials / "namespace").write_text("istio-system")
        names = {"localhost": self.address, **(hosts or {})}
        (self.root / "etc").mkdir(exist_ok=True)
        (self.root / "etc" / "hosts").write_text("".join(f"{address} {name}\n" for name, address in names.items()))
        server = urlsplit(cluster["server"])
        api = {"KUBERNETES_SERVICE_HOST": str(server.hostname), "KUBERNETES_SERVICE_PORT": str(server.port)}
        return replace(self, environment={**self.environment, **api})

    def run(self, program: str, *more: str, ready: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """The container's program, as long as the block.

        Args:
            program: name of the tool.
            more: arguments beside the container's own.
            ready: port and path that answer when it is ready.
        """
        return programs.run(
            self._command(program, *self.arguments, *more),
            ready_url=f"http://{self.address}:{ready}",
            log=self.root.with_suffix(".log"),
            environment=self.environment,
        )

    def check(self, program: str, *arguments: str) -> None:
        """Have a program look at the container's files; it must find nothing wrong."""
        done = subprocess.run(
            self._command(program, *arguments),
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _command(self, program: str, *arguments: str) -> list[str | Path]:
        (self.root / "tmp").mkdir(exist_ok=True)
        if not (self.root / program).exists():
            shutil.copy(toolchain.path(program), self.root / program)
        return [*_ALONE, f"--root={self.root}", f"/{program}", *arguments]


def why_not() -> str:
    """Why this system gives a process no file system of its own; empty when it does."""
    tried = subprocess.run((*_ALONE, "--root=/", "true"), capture_output=True, text=True, check=False)
    return tried.stderr.strip() if tried.returncode else ""


def of_cluster(laboratory: Laboratory) -> list[Object]:
    """The workloads that stand, and their ConfigMaps."""
    return list(laboratory.get("configmaps,deployments,daemonsets,statefulsets", "-n", "istio-system")["items"])


def _find(objects: Sequence[Object], kind: str, name: str) -> Object:
    return next(each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name))


def _content(objects: Sequence[Object], volume: Object) -> Mapping[str, str]:
    """What a volume has before the Pod begins: files by name."""
    if "configMap" not in volume:
        return {}
    source = volume["configMap"]
    data: Mapping[str, str] = _find(objects, "ConfigMap", source["name"])["data"]
    return {item["path"]: data[item["key"]] for item in source["items"]} if "items" in source else data
