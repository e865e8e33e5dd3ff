"""The course's ConfigMaps, and the Secret for the one value in them that is secret."""

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

NAME = "config-dev"
"""Of the ConfigMap, as the notes have it, and of the Secret beside it."""

DATABASE, USER = "connectdb1", "myuser"
PASSWORD_KEY = "ORDER_DB_PASS"  # noqa: S105 - the name of a variable
_PASSWORD_LENGTH = 24
_LITERALS = {"class": "MSA", "Lab": "ConfigMap"}


@dataclass(frozen=True, kw_only=True)
class ConfigurationArgs:
    """What is configured where.

    Attributes:
        namespaces: where order runs, by name, each with what has to be there first.
        log_level: the notes' `ORDER_LOG_LEVEL`.
        mysql: whether order has a MySQL.
    """

    namespaces: Mapping[str, Sequence[pulumi.Resource]]
    log_level: str
    mysql: bool


class Configuration(pulumi.ComponentResource):
    """`my-config` and `config-dev` in the namespace `default`, and `config-dev` wherever order needs it.

    Attributes:
        digest: another one whenever the configuration is another: Pods that carry it are made anew then.
        objects: what Pods of a namespace read at their start, by its name; they must wait for it.
    """

    digest: str
    objects: Mapping[str, Sequence[pulumi.Resource]]

    def __init__(self, name: str, args: ConfigurationArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:shop:Configuration", name, None, opts)
        variables = compose(log_level=args.log_level, mysql=args.mysql)
        self.digest = hashlib.sha256(json.dumps(variables, sort_keys=True).encode()).hexdigest()[:16]
        password = Password("order-db-password", _PASSWORD_LENGTH, ResourceOptions(parent=self))
        self._config_map("my-config", "my-config", "default", _LITERALS, ())
        self._config_map(f"{NAME}-default", NAME, "default", variables, ())
        self.objects = {
            namespace: [
                self._config_map(f"{NAME}-{namespace}", NAME, namespace, variables, after),
                k8s.core.v1.Secret(
                    f"{NAME}-{namespace}",
                    metadata={"name": NAME, "namespace": namespace},
                    string_data={PASSWORD_KEY: password.value},
                    opts=ResourceOptions(parent=self, depends_on=list(after)),
                ),
            ]
            for namespace, after in args.namespaces.items()
        }
        self.register_outputs({})

    def _config_map(
        self, name: str, config_map: str, namespace: str, data: Mapping[str, str], after: Sequence[pulumi.Resource]
    ) -> pulumi.Resource:
        return k8s.core.v1.ConfigMap(
            name,
            metadata={"name": config_map, "namespace": namespace},
            data=dict(data),
            opts=ResourceOptions(parent=self, depends_on=list(after)),
        )


def compose(*, log_level: str, mysql: bool) -> dict[str, str]:
    """The variables of `config-dev`, without the password; without a URL order keeps its orders to itself."""
    database = {
        "ORDER_DB_URL": f"jdbc:mysql://mysql:3306/{DATABASE}?serverTimezone=Asia/Seoul&useSSL=false",
        "ORDER_DB_USER": USER,
    }
    return {**(database if mysql else {}), "ORDER_LOG_LEVEL": log_level}
