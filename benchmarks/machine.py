"""What was measured on: numbers mean nothing without it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from typing import Self

import psutil

from lab.core import versions


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One machine and how busy it was.

    Attributes:
        cores: as the system counts them.
        memory: in bytes.
        system: name and version of the operating system.
        load: processes that wanted a core in the last minute, before the benchmark began.
    """

    cores: int
    memory: int
    system: str
    load: float

    @classmethod
    def here(cls) -> Self:
        """This machine, now."""
        return cls(
            cores=psutil.cpu_count() or 1,
            memory=psutil.virtual_memory().total,
            system=platform.platform(),
            load=os.getloadavg()[0],
        )

    def __str__(self) -> str:
        return f"{self.cores} cores, {self.memory / 1e9:.0f} GB, {self.system}, load before: {self.load:.1f}"

    def document(self) -> dict[str, object]:
        """The machine, and the versions that ran on it, as they stand in the JSON file."""
        return {
            "cores": self.cores,
            "memoryBytes": self.memory,
            "system": self.system,
            "loadBefore": round(self.load, 2),
            "versions": {
                "python": platform.python_version(),
                "pulumi": versions.PULUMI,
                "pulumi-kubernetes": versions.PULUMI_KUBERNETES,
                "kubernetes": versions.KUBERNETES,
                "etcd": versions.ETCD,
                "kwok": versions.KWOK,
                "istio": versions.ISTIO,
                "helm": versions.HELM,
            },
        }
