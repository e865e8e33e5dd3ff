"""Metric names of 2018 and before, for the dashboards 6417 and 315 of grafana.com.

Only names that those two use: 6417 queries kube-state-metrics 1 and node-exporter 0.15, 315 cAdvisor under Docker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.core.manifests import Object


def recording_rules() -> Object:
    """Return rules for the old names of dashboard 6417."""
    return {
        "groups": [
            {"name": "kube-state-metrics-1", "rules": _kube_state_metrics()},
            {"name": "node-exporter-0.15", "rules": _node_exporter()},
        ]
    }


def cadvisor_relabelings() -> list[Object]:
    """Return the labels that dashboard 315 selects and groups by, for the job that scrapes cAdvisor.

    They are added to the present ones, except `name`, which under containerd only repeats the container's id.
    """
    return [
        # Kubernetes 1.16 renamed these two.
        _copy(["pod"], "(.+)", "pod_name"),
        _copy(["container"], "(.+)", "container_name"),
        # The sandbox of a Pod, which has its network, was called POD under Docker and has no name under containerd.
        _copy(["image", "pod", "container"], ".+;.+;", "container_name", "POD"),
        # The dashboard recognises containers of Kubernetes by Docker's prefix k8s_.
        _copy(["image", "container_name", "pod", "namespace"], ".+;(.+);(.+);(.+)", "name", "k8s_${1}_${2}_${3}"),
        # Of a system service cAdvisor knows only the control group.
        _copy(["id"], r"/system\.slice/(.+)\.service", "systemd_service_name"),
    ]


def _kube_state_metrics() -> list[Object]:
    """Version 2 has the resource as a label, version 1 had it in the name."""
    units = {"cpu": "cpu_cores", "memory": "memory_bytes", "pods": "pods"}
    of_nodes: list[Object] = [
        {"record": f"kube_node_status_{amount}_{unit}", "expr": f'kube_node_status_{amount}{{resource="{resource}"}}'}
        for amount in ("allocatable", "capacity")
        for resource, unit in units.items()
    ]
    of_containers: list[Object] = [
        {
            "record": f"kube_pod_container_resource_requests_{units[resource]}",
            "expr": f'kube_pod_container_resource_requests{{resource="{resource}"}}',
        }
        for resource in ("cpu", "memory")
    ]
    return [
        *of_nodes,
        *of_containers,
        {"record": "kube_pod_container_status_restarts", "expr": "kube_pod_container_status_restarts_total"},
        # Kubernetes 1.13 dropped OutOfDisk; DiskPressure is what is left to warn of a full disk.
        {
            "record": "kube_node_status_condition",
            "expr": 'kube_node_status_condition{condition="DiskPressure"}',
            "labels": {"condition": "OutOfDisk"},
        },
    ]


def _node_exporter() -> list[Object]:
    """Version 0.16 added the unit to the names, and some set-ups added the node's name as a label.

    A disk counts once, however often parts of it are mounted into containers.
    """
    node = "on (instance) group_left (nodename) max by (instance, nodename) (node_uname_info)"
    return [
        {
            "record": f"node_filesystem_{amount}",
            "expr": f'max by (instance, device) (node_filesystem_{amount}_bytes{{device=~"/dev/.+"}}) * {node}',
        }
        for amount in ("size", "free")
    ]


def _copy(sources: list[str], regex: str, target: str, replacement: str = "$1") -> Object:
    return {"source_labels": sources, "regex": regex, "target_label": target, "replacement": replacement}
