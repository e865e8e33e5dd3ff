"""Pods that somebody else has written: some try to run a command on this machine, some are only wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

NAMESPACE = "tutorial"
_APP = "delivery"
_NAMED = {"name": "foreign"}


def pod(name: str, *, app: str = _APP, spec: Mapping[str, object] | None = None, **container: object) -> dict[str, Any]:
    """A Pod that runs an application."""
    metadata = {"name": name, "namespace": NAMESPACE, "labels": {"app": app, "foreign": "yes"}}
    whole = {"name": app, "image": f"{app}:v1", **container}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [whole], **(spec or {})}}


def _env(**variables: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in variables.items()]


@dataclass(frozen=True)
class Smuggler:
    """Pods that each try to run `touch` on a file of this folder, or to have a file made in it."""

    folder: Path

    def prepare(self) -> None:
        """Make programs that a search would find first."""
        for name in ("nsenter", "unshare", "sh", "python", "envoy", "mount"):
            program = self.folder / "bin" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(f"#!/bin/sh\n/bin/touch {self.folder}/by-path\n")
            program.chmod(0o755)

    @property
    def caught(self) -> list[str]:
        """What was made in the folder."""
        return sorted(each.name for each in self.folder.iterdir() if each.name != "bin")

    def objects(self) -> list[dict[str, Any]]:
        """The Pods and what they refer to, in the order in which they are made."""
        warnings = {"PYTHONWARNINGS": "all:0:antigravity.x:0:0", "BROWSER": f"{self._touch('by-config')} #%s"}
        metadata = {"name": "foreign", "namespace": NAMESPACE}
        execute = {"exec": {"command": ["touch", f"{self.folder}/by-hook"]}}
        touch = ["touch", f"{self.folder}/by-command"]
        return [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": warnings},
            {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": warnings},
            pod("by-variables", env=_env(**{**warnings, "BROWSER": f"{self._touch('by-variables')} #%s"})),
            pod("by-objects", envFrom=[{"configMapRef": _NAMED}, {"secretRef": _NAMED}]),
            pod(
                "by-loader",
                env=_env(
                    LD_DEBUG="libs",
                    LD_DEBUG_OUTPUT=f"{self.folder}/by-loader",
                    LD_PRELOAD=f"{self.folder}/by-loader.so",
                    GLIBC_TUNABLES="glibc.malloc.check=3",
                    PYTHONPYCACHEPREFIX=f"{self.folder}/by-bytecode",
                    PYTHONSTARTUP=f"{self.folder}/start.py",
                    OPENSSL_CONF=f"{self.folder}/openssl.cnf",
                ),
            ),
            pod("by-path", env=_env(PATH=f"{self.folder}/bin", HOME=str(self.folder), SHELL="/bin/false")),
            pod(
                "by-keys",
                app="order",
                env=_env(
                    SSLKEYLOGFILE=f"{self.folder}/by-keys",
                    SSL_CERT_FILE=f"{self.folder}/none",
                    HTTP_PROXY="http://127.0.0.1:1",
                    ORDER_DB_URL=f"sqlite:///{self.folder}/by-database",
                    PYTHONHOME=str(self.folder),
                ),
            ),
            pod(
                "by-command",
                image=f"x;touch${{IFS}}{self.folder}/by-image",
                command=touch,
                args=[f"$(touch {self.folder}/by-argument)", ";", *touch],
                workingDir=str(self.folder),
                lifecycle={"postStart": execute, "preStop": execute},
                startupProbe=execute,
                volumeMounts=[{"name": "all", "mountPath": "/usr"}],
                spec={
                    "initContainers": [{"name": "first", "image": "x", "command": touch}],
                    "volumes": [{"name": "all", "hostPath": {"path": str(self.folder)}}],
                },
            ),
        ]

    def _touch(self, name: str) -> str:
        return f"touch {self.folder}/{name}"


LATE = "late"
"""A ConfigMap that comes after the Pods that need it."""

_DOUBLING = [*_env(V0="x" * 1000), *_env(**{f"V{number}": f"$(V{number - 1})" * 10 for number in range(1, 20)})]


def _from(kind: str, **reference: object) -> list[dict[str, object]]:
    return [{"name": "X", "valueFrom": {kind: reference}}]


def wrong() -> Sequence[tuple[dict[str, Any], str, str]]:
    """Twenty Pods, each with the reason that its status gives and a part of its message."""
    config, loop = "CreateContainerConfigError", "CrashLoopBackOff"
    missing = {"name": "none"}
    rows: list[tuple[str, str, str, dict[str, Any]]] = [
        ("map", config, 'configmap "none" not found', {"envFrom": [{"configMapRef": missing}]}),
        (
            "map-of-order",
            config,
            'configmap "none" not found',
            {"app": "order", "envFrom": [{"configMapRef": missing}]},
        ),
        (
            "map-of-page",
            config,
            'configmap "none" not found',
            {"app": "details", "envFrom": [{"configMapRef": missing}]},
        ),
        ("secret", config, 'secret "none" not found', {"envFrom": [{"secretRef": missing}]}),
        ("map-key", config, 'configmap "none" not found', {"env": _from("configMapKeyRef", key="k", **missing)}),
        (
            "key",
            config,
            "couldn't find key k in ConfigMap",
            {"env": _from("configMapKeyRef", name="config-dev", key="k")},
        ),
        (
            "secret-key",
            config,
            "couldn't find key k in Secret",
            {"env": _from("secretKeyRef", name="config-dev", key="k")},
        ),
        ("late", config, f'configmap "{LATE}" not found', {"envFrom": [{"configMapRef": {"name": LATE}}]}),
        ("doubling", config, "argument list too long", {"env": _DOUBLING}),
        ("long", config, "variable APP_VERSION: found 100000 characters", {"env": _env(APP_VERSION="v" * 100_000)}),
        ("binary", config, "variable APP_COLOUR: found 3", {"env": _env(APP_COLOUR="\u0007\u001b\u202e")}),
        ("hidden", config, "MountVolume.SetUp failed", _mounted({"secret": {"secretName": "none"}})),
        ("mounted", config, "MountVolume.SetUp failed", _mounted({"configMap": missing})),
        ("version", loop, "back-off", {"env": _env(APP_VERSION="not a version")}),
        ("variant", loop, "back-off", {"env": _env(VARIANT="evil")}),
        ("optional", "", "", {"envFrom": [{"configMapRef": {**missing, "optional": True}}]}),
        ("node", "", "", {"app": "details", "env": _from("fieldRef", fieldPath="spec.nodeName")}),
        ("limits", "", "", {"app": "details", "env": _from("resourceFieldRef", resource="limits.memory")}),
        ("many", "", "", {"app": "ratings", "env": _env(**{f"V{number}": "x" for number in range(3000)})}),
        ("a" * 245, "", "", {"app": "ratings"}),
    ]
    return [(pod(f"wrong-{name}", **given), reason, message) for name, reason, message, given in rows]


def _mounted(source: dict[str, object]) -> dict[str, Any]:
    return {"volumeMounts": [{"name": "v", "mountPath": "/v"}], "spec": {"volumes": [{"name": "v", **source}]}}
