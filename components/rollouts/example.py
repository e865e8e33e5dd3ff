"""The handout's `example-rollout`: ten Pods of nginx, replaced by a canary or by blue/green."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.common import namespaces
from components.common.exposure import PRIVATE, Exposure
from components.common.resources import rollout
from components.rollouts import strategies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.common.namespaces import NamespaceRef

NAME = "example-rollout"
_LABELS = {"app": "nginx"}
_PORT = 80


@dataclass(frozen=True, kw_only=True)
class ExampleArgs:
    """Arguments of the example, which replaces versions by a canary or else by blue/green."""

    canary: bool
    image: pulumi.Input[str]
    exposure: Exposure = PRIVATE
    namespace: NamespaceRef = namespaces.DEFAULT
    depends_on: Sequence[pulumi.Resource] = ()


class Example(pulumi.ComponentResource):
    """A Rollout and its Services."""

    def __init__(self, name: str, args: ExampleArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:delivery:Example", name, None, opts)
        self._namespace = args.namespace
        services = (
            [self._service("nginx", args.exposure)]
            if args.canary
            else [
                self._service("nginx-active", args.exposure, controlled=True),
                self._service("nginx-preview", PRIVATE, controlled=True),
            ]
        )
        rollout(
            NAME,
            metadata={"name": NAME, "namespace": args.namespace.name},
            spec=spec(args),
            opts=ResourceOptions(
                parent=self,
                depends_on=[*args.depends_on, *args.namespace.depends_on, *services],
                # `lab rollout set-image` writes it, as the handout's own command does.
                ignore_changes=["spec.template"],
                # The handout, too, deletes the Rollout and creates it again.
                replace_on_changes=["spec.strategy"],
                delete_before_replace=True,
            ),
        )
        self.register_outputs({})

    def _service(self, name: str, exposure: Exposure, *, controlled: bool = False) -> k8s.core.v1.Service:
        """Make a Service, whose selector the controller writes if it is controlled."""
        service: dict[str, Any] = {
            "spec": {"selector": _LABELS, "ports": [{"name": "http", "port": _PORT, "targetPort": _PORT}]}
        }
        exposure.apply(service)
        return k8s.core.v1.Service(
            name,
            metadata={
                "name": name,
                "namespace": self._namespace.name,
                "labels": _LABELS,
                "annotations": {"pulumi.com/skipAwait": "true"},
            },
            spec=service["spec"],
            opts=ResourceOptions(
                parent=self,
                depends_on=list(self._namespace.depends_on),
                ignore_changes=["spec.selector"] if controlled else [],
            ),
        )


def spec(args: ExampleArgs) -> dict[str, Any]:
    """Return the Rollout's spec, with the handout's values."""
    container = {"name": "nginx", "image": args.image, "ports": [{"containerPort": _PORT}]}
    return {
        "replicas": 10,
        "selector": {"matchLabels": _LABELS},
        "template": {"metadata": {"labels": _LABELS}, "spec": {"containers": [container]}},
        # The handout sets these two for the canary only.
        **({"minReadySeconds": 30, "revisionHistoryLimit": 3} if args.canary else {}),
        "strategy": strategies.handout_canary() if args.canary else strategies.handout_blue_green(),
    }
