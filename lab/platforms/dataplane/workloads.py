"""The workloads of Pods that really run, from `workloads.yaml`."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

if TYPE_CHECKING:
    from lab.platforms.dataplane.pods import Pod


class Proxy(StrEnum):
    """The type of an Envoy, as in istiod's node names."""

    SIDECAR = "sidecar"
    ROUTER = "router"


class Workload(BaseModel):
    """The processes of the Pods that match namespaces and labels.

    Attributes:
        namespaces: where these Pods are.
        labels: those that a Pod must have.
        app: which of the shop's applications runs; empty for none.
        bookinfo: which of Bookinfo's services it stands for; empty for none.
        port: where it listens.
        proxy: the Envoy beside it, if any.
        environment: variables that are the data plane's to say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespaces: tuple[str, ...]
    labels: dict[str, str]
    app: str = ""
    bookinfo: str = ""
    port: int = 0
    proxy: Proxy | None = None
    environment: dict[str, str] = {}

    @property
    def program(self) -> str:
        """The name of the process besides the Envoy; empty for none."""
        return self.app or self.bookinfo

    def fits(self, pod: Pod) -> bool:
        """Whether it is the workload of a Pod."""
        return pod.namespace in self.namespaces and self.labels.items() <= pod.labels.items()


@cache
def every() -> tuple[Workload, ...]:
    """Read all workloads, in their order."""
    text = Path(__file__).with_name("workloads.yaml").read_text(encoding="utf-8")
    return TypeAdapter(tuple[Workload, ...]).validate_python(yaml.safe_load(text))


def of(pod: Pod) -> Workload | None:
    """Find a Pod's workload; None when it stays simulated."""
    return next((each for each in every() if each.fits(pod)), None)
