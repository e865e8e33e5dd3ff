"""The database of order: one small MySQL, reached as `mysql` in every namespace of the lab."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.common.objects import CONFINED
from components.password import Password
from components.shop import configuration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.common.namespaces import NamespaceRef
    from components.common.volumes import Volumes

_NAME = "mysql"
_PORT = 3306
_USER_ID = 999
"""Of the user `mysql` in the official image."""

_ROOT_PASSWORD_LENGTH = 32


@dataclass(frozen=True, kw_only=True)
class MysqlArgs:
    """Arguments of the database.

    Attributes:
        volumes: None keeps the orders in the Pod.
        aliases: other namespaces, which reach it by the same name.
    """

    namespace: str
    image: pulumi.Input[str]
    volumes: Volumes | None
    aliases: Sequence[NamespaceRef]
    depends_on: Sequence[pulumi.Resource]


class Mysql(pulumi.ComponentResource):
    """A StatefulSet of one Pod with its Service, and aliases in the other namespaces."""

    def __init__(self, name: str, args: MysqlArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:shop:Mysql", name, None, opts)
        child_opts = ResourceOptions(parent=self, depends_on=list(args.depends_on))
        metadata = {"name": _NAME, "namespace": args.namespace, "labels": {"app": _NAME}}
        root = Password("mysql-root-password", _ROOT_PASSWORD_LENGTH, ResourceOptions(parent=self))
        k8s.core.v1.Secret(name, metadata=metadata, string_data={"root-password": root.value}, opts=child_opts)
        k8s.core.v1.Service(
            name,
            metadata={**metadata, "annotations": {"pulumi.com/skipAwait": "true"}},
            # In MySQL's protocol the server speaks first, so proxies cannot detect it from the client's bytes.
            spec={
                "selector": {"app": _NAME},
                "ports": [{"name": "tcp-mysql", "port": _PORT, "targetPort": _PORT, "appProtocol": "tcp"}],
            },
            opts=child_opts,
        )
        k8s.apps.v1.StatefulSet(name, metadata=metadata, spec=stateful_set(args), opts=child_opts)
        for alias in args.aliases:
            k8s.core.v1.Service(
                f"{name}-{alias.key}",
                metadata={"name": _NAME, "namespace": alias.name, "annotations": {"pulumi.com/skipAwait": "true"}},
                spec={
                    "type": "ExternalName",
                    "externalName": f"{_NAME}.{args.namespace}.svc.cluster.local",
                    "ports": [{"name": "tcp-mysql", "port": _PORT, "appProtocol": "tcp"}],
                },
                opts=ResourceOptions(parent=self, depends_on=list(alias.depends_on)),
            )
        self.register_outputs({})


def stateful_set(args: MysqlArgs) -> dict[str, Any]:
    """Return the StatefulSet's spec."""
    data = {"name": "data", "emptyDir": {}}
    return {
        "replicas": 1,
        "serviceName": _NAME,
        "selector": {"matchLabels": {"app": _NAME}},
        "template": {
            "metadata": {"labels": {"app": _NAME}},
            "spec": {
                "automountServiceAccountToken": False,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": _USER_ID,
                    "runAsGroup": _USER_ID,
                    "fsGroup": _USER_ID,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [_container(args.image)],
                "volumes": [
                    *([] if args.volumes else [data]),
                    {"name": "run", "emptyDir": {}},
                    {"name": "tmp", "emptyDir": {}},
                ],
            },
        },
        **(
            {"volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": args.volumes.claim}]}
            if args.volumes
            else {}
        ),
    }


def _container(image: pulumi.Input[str]) -> dict[str, Any]:
    port_is_open = {"tcpSocket": {"port": _PORT}}
    return {
        "name": _NAME,
        "image": image,
        # A quarter of the default memory.
        "args": ["--innodb-buffer-pool-size=64M", "--performance-schema=OFF", "--max-connections=100"],
        "ports": [{"name": "tcp-mysql", "containerPort": _PORT}],
        "env": [
            {"name": "MYSQL_DATABASE", "value": configuration.DATABASE},
            {"name": "MYSQL_USER", "value": configuration.USER},
            _from_secret("MYSQL_PASSWORD", configuration.NAME, configuration.PASSWORD_KEY),
            _from_secret("MYSQL_ROOT_PASSWORD", _NAME, "root-password"),
        ],
        "resources": {"requests": {"cpu": "100m", "memory": "384Mi"}, "limits": {"cpu": "1", "memory": "768Mi"}},
        "securityContext": CONFINED,
        "volumeMounts": [
            {"name": "data", "mountPath": "/var/lib/mysql"},
            {"name": "run", "mountPath": "/var/run/mysqld"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - inside the container
        ],
        # The first start creates the database, for up to a minute with the port closed.
        "readinessProbe": {**port_is_open, "periodSeconds": 5},
    }


def _from_secret(variable: str, secret: str, key: str) -> dict[str, Any]:
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
