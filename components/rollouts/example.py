"""The notes' `example-rollout`: ten Pods of nginx, replaced by a canary or by blue/green."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.common import namespaces
from components.common.exposure import Exposure
from components.common.rollout import rollout
from components.rollouts import strategies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.common.namespaces import Place

NAME = "example-rollout"
_LABELS = {"app": "nginx"}
_PORT = 80


@dataclass(frozen=True, kw_only=True)
class ExampleArgs:
    """What the notes leave open.

    Attributes:
        canary: whether a version is replaced by a canary, else by blue/green.
        image: of the first version.
        exposure: who reaches it from outside the cluster.
        place: where it is.
    """

    canary: bool
    image: str
    exposure: Exposure
    place: Place = namespaces.DEFAULT


class Example(pulumi.ComponentResource):
    """A Rollout and its Services."""

    def __init__(
        self, name: str, args: ExampleArgs, after: Sequence[pulumi.Resource], opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("istio-lab:delivery:Example", name, None, opts)
        self._place = args.place
        services = (
            [self._service("nginx", args.exposure)]
            if args.canary
            else [
                self._service("nginx-active", args.exposure, chosen=True),
                self._service("nginx-preview", chosen=True),
            ]
        )
        rollout(
            NAME,
            metadata={"name": NAME, "namespace": args.place.name},
            spec=spec(args),
            opts=ResourceOptions(
                parent=self,
                depends_on=[*after, *args.place.after, *services],
                # `lab rollout set-image` writes it, as the notes' own command does.
                ignore_changes=["spec.template"],
                # As the notes do: the Rollout is deleted and made anew.
                replace_on_changes=["spec.strategy"],
                delete_before_replace=True,
            ),
        )
        self.register_outputs({})

    def _service(self, name: str, exposure: Exposure | None = None, *, chosen: bool = False) -> k8s.core.v1.Service:
        """One Service.

        Args:
            name: of it.
            exposure: who reaches it from outside; None for nobody.
            chosen: whether the controller says which Pods it leads to.
        """
        service: dict[str, Any] = {
            "spec": {"selector": _LABELS, "ports": [{"name": "http", "port": _PORT, "targetPort": _PORT}]},
        }
        (exposure or Exposure()).apply(service)
        return k8s.core.v1.Service(
            name,
            metadata={
                "name": name,
                "namespace": self._place.name,
                "labels": _LABELS,
                "annotations": {"pulumi.com/skipAwait": "true"},
            },
            spec=service["spec"],
            opts=ResourceOptions(
                parent=self,
                depends_on=list(self._place.after),
                ignore_changes=["spec.selector"] if chosen else [],
            ),
        )


def spec(args: ExampleArgs) -> dict[str, Any]:
    """The Rollout's spec, with the notes' values."""
    container = {"name": "nginx", "image": args.image, "ports": [{"containerPort": _PORT}]}
    return {
        "replicas": 10,
        "selector": {"matchLabels": _LABELS},
        "template": {"metadata": {"labels": _LABELS}, "spec": {"containers": [container]}},
        # The notes name these two for the canary alone.
        **({"minReadySeconds": 30, "revisionHistoryLimit": 3} if args.canary else {}),
        "strategy": strategies.notes_canary() if args.canary else strategies.notes_blue_green(),
    }
