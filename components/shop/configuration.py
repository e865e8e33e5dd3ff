"""The course's ConfigMaps, and the Secret with their one secret value."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.password import Password

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.common.namespaces import NamespaceRef

NAME = "config-dev"
"""Name of the handout's ConfigMap, and of the Secret beside it."""

DATABASE, USER = "connectdb1", "myuser"
PASSWORD_KEY = "ORDER_DB_PASS"  # noqa: S105 - the name of a variable
_PASSWORD_LENGTH = 24
_LITERALS = {"class": "MSA", "Lab": "ConfigMap"}


@dataclass(frozen=True, kw_only=True)
class ConfigurationArgs:
    """Arguments of the configuration: the namespace of the handout's ConfigMaps, and those where order runs."""

    default: NamespaceRef
    namespaces: Sequence[NamespaceRef]
    log_level: str
    mysql: bool


class Configuration(pulumi.ComponentResource):
    """`my-config` and `config-dev` in the namespace `default`, and `config-dev` wherever order needs it.

    Attributes:
        digest: of the configuration; Pods annotated with it are replaced when it changes.
        objects: what Pods read at their start and must depend on, by their namespace's key.
    """

    digest: str
    objects: Mapping[str, Sequence[pulumi.Resource]]

    def __init__(self, name: str, args: ConfigurationArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:shop:Configuration", name, None, opts)
        variables = compose(log_level=args.log_level, mysql=args.mysql)
        self.digest = hashlib.sha256(json.dumps(variables, sort_keys=True).encode()).hexdigest()[:16]
        password = Password("order-db-password", _PASSWORD_LENGTH, ResourceOptions(parent=self))
        self._config_map("my-config", "my-config", args.default, _LITERALS)
        self._config_map(f"{NAME}-{args.default.key}", NAME, args.default, variables)
        self.objects = {
            namespace.key: [
                self._config_map(f"{NAME}-{namespace.key}", NAME, namespace, variables),
                k8s.core.v1.Secret(
                    f"{NAME}-{namespace.key}",
                    metadata={"name": NAME, "namespace": namespace.name},
                    string_data={PASSWORD_KEY: password.value},
                    opts=ResourceOptions(parent=self, depends_on=list(namespace.depends_on)),
                ),
            ]
            for namespace in args.namespaces
        }
        self.register_outputs({})

    def _config_map(
        self, name: str, config_map: str, namespace: NamespaceRef, data: Mapping[str, str]
    ) -> pulumi.Resource:
        return k8s.core.v1.ConfigMap(
            name,
            metadata={"name": config_map, "namespace": namespace.name},
            data=dict(data),
            opts=ResourceOptions(parent=self, depends_on=list(namespace.depends_on)),
        )


def compose(*, log_level: str, mysql: bool) -> dict[str, str]:
    """Return the variables of `config-dev` but the password; without a URL order stores its orders itself."""
    database = {
        "ORDER_DB_URL": f"jdbc:mysql://mysql:3306/{DATABASE}?serverTimezone=Asia/Seoul&useSSL=false",
        "ORDER_DB_USER": USER,
    }
    return {**(database if mysql else {}), "ORDER_LOG_LEVEL": log_level}
