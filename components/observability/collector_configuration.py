"""What the OpenTelemetry Collector is told: take every container's log, say whose it is, send it to Loki.

Nothing is lost and nothing comes twice when the collector or Loki restarts: how far each file was read and what Loki
has not taken yet are kept on the node, and a full queue stops the reading instead of dropping lines.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.core.manifests import Object

HEALTH_PORT = 13133
STORAGE = "/var/lib/otelcol"
"""Where the container keeps what it has read and not sent."""

LOGS = "/var/log/pods"
"""Where the kubelet has containers write: `<namespace>_<pod>_<uid>/<container>/<restart>.log`."""

POD_IP = "POD_IP"
NODE_NAME = "NODE_NAME"
"""Environment variables that the configuration names."""

LABELS = ("namespace", "app", "pod", "container")
"""What Loki finds lines by."""

_APP_LABELS = ("app", "app.kubernetes.io/name")
"""The Pod's labels that say what application it belongs to, best first."""

_TRACE_ID = (
    # As a field of JSON or logfmt, or a header: trace_id, traceId, traceID, x-b3-traceid.
    r"""(?i:trace_?id)["']?\s*[:=]\s*["']?(?P<id>[0-9a-f]{32})\b""",
    # W3C: version-trace-span-flags, as in the header traceparent.
    r"\b00-(?P<id>[0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}\b",
    # Spring Boot: [trace-span], or [application,trace,span] of its former releases.
    r"\[(?:[^\[\],]*,)?(?P<id>[0-9a-f]{32})[-,][0-9a-f]{16}\]",
)
"""How a line tells the trace that it belongs to; the last that is found counts."""


def configuration(*, name: str, namespace: str, loki: str) -> Object:
    """The collector's configuration.

    Args:
        name: of the collector's DaemonSet, whose own log is left out: it would feed itself.
        namespace: where it runs.
        loki: URL of Loki's OTLP endpoint.
    """
    return {
        "extensions": {
            "file_storage": {"directory": STORAGE},
            "health_check": {"endpoint": f"${{env:{POD_IP}}}:{HEALTH_PORT}"},
        },
        "receivers": {"file_log": _files(f"{LOGS}/{namespace}_{name}-*/*/*.log")},
        "processors": {
            # It refuses what would not fit, and the receiver tries again.
            "memory_limiter": {"check_interval": "1s", "limit_mib": 192, "spike_limit_mib": 48},
            "k8s_attributes": _pod_labels(),
            "transform": _transformation(),
        },
        "exporters": {"otlp_http": _delivery(loki)},
        "service": {
            "extensions": ["file_storage", "health_check"],
            "pipelines": {
                "logs": {
                    "receivers": ["file_log"],
                    "processors": ["memory_limiter", "k8s_attributes", "transform"],
                    "exporters": ["otlp_http"],
                }
            },
            "telemetry": {"metrics": {"level": "none"}},
        },
    }


def _files(own: str) -> Object:
    return {
        "include": [f"{LOGS}/*/*/*.log"],
        "exclude": [own],
        "include_file_path": True,
        # Where a line was cut, its blanks are part of it.
        "preserve_trailing_whitespaces": True,
        # A container's first lines are written before the file is found.
        "start_at": "beginning",
        "storage": "file_storage",
        "retry_on_failure": {"enabled": True, "max_elapsed_time": "0s"},
        # It joins what the container runtime has cut, and knows the Pod by the file's path.
        "operators": [{"type": "container"}],
    }


def _pod_labels() -> Object:
    return {
        "auth_type": "serviceAccount",
        "filter": {"node_from_env_var": NODE_NAME},
        "extract": {
            "metadata": ["k8s.pod.name"],
            "labels": [{"tag_name": label, "key": label, "from": "pod"} for label in _APP_LABELS],
        },
        # Not the uid: the files of a static Pod have another than the API server knows.
        "pod_association": [
            {
                "sources": [
                    {"from": "resource_attribute", "name": "k8s.pod.name"},
                    {"from": "resource_attribute", "name": "k8s.namespace.name"},
                ]
            }
        ],
        # Lines that come before the Pods are known would go without `app`.
        "wait_for_metadata": True,
        "wait_for_metadata_timeout": "60s",
    }


def _transformation() -> Object:
    sources = {
        "namespace": ["k8s.namespace.name"],
        "app": [*_APP_LABELS[1:], "k8s.container.name"],
        "pod": ["k8s.pod.name"],
        "container": ["k8s.container.name"],
    }
    labels = [
        f'set(resource.attributes["{label}"], resource.attributes["{source}"]) '
        f'where resource.attributes["{label}"] == nil'
        for label in LABELS
        for source in sources[label]
    ]
    kept = ", ".join(f'"{label}"' for label in LABELS)
    traces = [
        statement
        for pattern in map(json.dumps, _TRACE_ID)
        for statement in (
            f'set(log.cache["found"], ExtractPatterns(log.body, {pattern}))',
            'set(log.trace_id.string, log.cache["found"]["id"]) where log.cache["found"]["id"] != nil',
        )
    ]
    return {
        # A line that is not understood is still a line.
        "error_mode": "ignore",
        "log_statements": [
            *labels,
            f"keep_keys(resource.attributes, [{kept}])",
            'set(log.attributes["stream"], log.attributes["log.iostream"])',
            'keep_keys(log.attributes, ["stream"])',
            *traces,
        ],
    }


def _delivery(loki: str) -> Object:
    return {
        "endpoint": loki,
        "retry_on_failure": {"enabled": True, "max_elapsed_time": "0s"},
        "sending_queue": {
            "storage": "file_storage",
            "sizer": "items",
            "queue_size": 100_000,
            "block_on_overflow": True,
            # The processor `batch` would do the same in memory, and lose it at a restart.
            "batch": {"flush_timeout": "1s", "min_size": 1_000, "max_size": 5_000},
        },
    }
