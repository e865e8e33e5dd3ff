"""Configuration of the OpenTelemetry Collector: read every container's log, label it, send it to Loki.

No line is lost or sent twice when the collector or Loki restarts: read positions and the sending queue are kept on the
node, and a full queue stops the reading instead of dropping lines.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.core.manifests import Object

HEALTH_PORT = 13133
STORAGE = "/var/lib/otelcol"
"""The container's folder for read positions and the sending queue."""

LOGS = "/var/log/pods"
"""The kubelet's folder of logs: `<namespace>_<pod>_<uid>/<container>/<restart>.log`."""

POD_IP = "POD_IP"
NODE_NAME = "NODE_NAME"
"""Environment variables that the configuration refers to."""

COLLECTOR = "log-collector"
"""Name of the collector and value of its label `app`."""

LABELS = ("namespace", "app", "pod", "container")
"""Loki's labels."""

_APP_LABELS = ("app", "app.kubernetes.io/name")
"""The Pod's labels that name its application, best first."""

_TRACE_ID = (
    # As a field of JSON or logfmt, or a header: trace_id, traceId, traceID, x-b3-traceid.
    r"""(?i:trace_?id)["']?\s*[:=]\s*["']?(?P<id>[0-9a-f]{32})\b""",
    # W3C: version-trace-span-flags, as in the header traceparent.
    r"\b00-(?P<id>[0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}\b",
    # Spring Boot: [trace-span], or [application,trace,span] of its former releases.
    r"\[(?:[^\[\],]*,)?(?P<id>[0-9a-f]{32})[-,][0-9a-f]{16}\]",
)
"""Patterns of trace ids in log lines; the last match counts."""


def configuration(*, name: str, namespace: str, loki: str) -> Object:
    """Return the collector's configuration.

    Args:
        name: of the collector's DaemonSet, whose own log is excluded: it would feed itself.
        namespace: of the DaemonSet.
        loki: URL of Loki's OTLP endpoint.
    """
    return {
        "extensions": {
            "file_storage": {"directory": STORAGE},
            "health_check": {"endpoint": f"${{env:{POD_IP}}}:{HEALTH_PORT}"},
        },
        "receivers": {"file_log": _files(f"{LOGS}/{namespace}_{name}-*/*/*.log")},
        "processors": {
            # It refuses data over the limit, and the receiver retries.
            "memory_limiter": {"check_interval": "1s", "limit_mib": 192, "spike_limit_mib": 48},
            "k8s_attributes": _pod_labels(),
            "transform": _transformation(),
        },
        "exporters": {"otlp_http": _exporter(loki)},
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
        # Where the runtime has split a line, blanks at the end are part of it.
        "preserve_trailing_whitespaces": True,
        # A container's first lines are written before the file is found.
        "start_at": "beginning",
        "storage": "file_storage",
        "retry_on_failure": {"enabled": True, "max_elapsed_time": "0s"},
        # It joins the parts of a split line and takes the Pod from the file's path.
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
        # Not the uid: a static Pod's files have another one than the API server.
        "pod_association": [
            {
                "sources": [
                    {"from": "resource_attribute", "name": "k8s.pod.name"},
                    {"from": "resource_attribute", "name": "k8s.namespace.name"},
                ]
            }
        ],
        # Otherwise the first lines would lack `app`.
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
        # Keep lines that cannot be parsed.
        "error_mode": "ignore",
        "log_statements": [
            *labels,
            f"keep_keys(resource.attributes, [{kept}])",
            'set(log.attributes["stream"], log.attributes["log.iostream"])',
            'keep_keys(log.attributes, ["stream"])',
            *traces,
        ],
    }


def _exporter(loki: str) -> Object:
    return {
        "endpoint": loki,
        "retry_on_failure": {"enabled": True, "max_elapsed_time": "0s"},
        "sending_queue": {
            "storage": "file_storage",
            "sizer": "items",
            "queue_size": 100_000,
            "block_on_overflow": True,
            # The processor `batch` would batch in memory and lose data at a restart.
            "batch": {"flush_timeout": "1s", "min_size": 1_000, "max_size": 5_000},
        },
    }
