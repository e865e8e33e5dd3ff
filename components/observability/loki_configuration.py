"""What Loki is told beyond Istio's addon."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.observability import collector_configuration

if TYPE_CHECKING:
    from lab.core.manifests import Object

_FOLDER = "/var/loki"


def overlay(*, retention: str) -> Object:
    """What is laid over the addon's configuration.

    Args:
        retention: how long lines are kept, at least 24h; what is older is deleted, and no longer taken.
    """
    labels = list(collector_configuration.LABELS)
    return {
        # One Loki alone: without this it looks for others, by their addresses in the cluster, before it begins.
        "common": {
            "instance_addr": "localhost",
            "compactor_grpc_address": None,
            "ring": {"kvstore": {"store": "inmemory"}},
        },
        "memberlist": None,
        "compactor": {
            "working_directory": f"{_FOLDER}/compactor",
            "retention_enabled": True,
            "delete_request_store": "filesystem",
        },
        "limits_config": {
            "retention_period": retention,
            "reject_old_samples_max_age": retention,
            # Loki would make labels of seventeen attributes that OpenTelemetry names, and of a service's name.
            "otlp_config": {
                "resource_attributes": {
                    "ignore_defaults": True,
                    "attributes_config": [{"action": "index_label", "attributes": labels}],
                }
            },
            "discover_service_name": [],
        },
        "analytics": {"reporting_enabled": False},
    }
