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

    from components.common.namespaces import Place

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
        default: where the notes' own ConfigMaps are.
        places: where order runs.
        log_level: the notes' `ORDER_LOG_LEVEL`.
        mysql: whether order has a MySQL.
    """

    default: Place
    places: Sequence[Place]
    log_level: str
    mysql: bool


class Configuration(pulumi.ComponentResource):
    """`my-config` and `config-dev` in the namespace `default`, and `config-dev` wherever order needs it.

    Attributes:
        digest: another one whenever the configuration is another: Pods that carry it are made anew then.
        objects: what Pods of a place read at their start, by its key; they must wait for it.
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
            place.key: [
                self._config_map(f"{NAME}-{place.key}", NAME, place, variables),
                k8s.core.v1.Secret(
                    f"{NAME}-{place.key}",
                    metadata={"name": NAME, "namespace": place.name},
                    string_data={PASSWORD_KEY: password.value},
                    opts=ResourceOptions(parent=self, depends_on=list(place.after)),
                ),
            ]
            for place in args.places
        }
        self.register_outputs({})

    def _config_map(self, name: str, config_map: str, place: Place, data: Mapping[str, str]) -> pulumi.Resource:
        return k8s.core.v1.ConfigMap(
            name,
            metadata={"name": config_map, "namespace": place.name},
            data=dict(data),
            opts=ResourceOptions(parent=self, depends_on=list(place.after)),
        )


def compose(*, log_level: str, mysql: bool) -> dict[str, str]:
    """The variables of `config-dev`, without the password; without a URL order keeps its orders to itself."""
    database = {
        "ORDER_DB_URL": f"jdbc:mysql://mysql:3306/{DATABASE}?serverTimezone=Asia/Seoul&useSSL=false",
        "ORDER_DB_USER": USER,
    }
    return {**(database if mysql else {}), "ORDER_LOG_LEVEL": log_level}
