"""What was measured on: numbers mean nothing without it."""

from __future__ import annotations

import os
import platform

import psutil

from lab import versions


def describe() -> dict[str, object]:
    """Cores, memory, system, how busy it already was, and the versions that ran."""
    return {
        "cores": psutil.cpu_count(),
        "memoryBytes": psutil.virtual_memory().total,
        "system": platform.platform(),
        "architecture": platform.machine(),
        "loadBefore": round(os.getloadavg()[0], 2),
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
