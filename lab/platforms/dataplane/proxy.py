"""Envoy's bootstrap configuration and command; istiod configures the rest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lab.core import versions
from lab.platforms.dataplane.workloads import Proxy

if TYPE_CHECKING:
    from pathlib import Path

    from lab.platforms.dataplane.pods import Pod

ADMIN_PORT = 15000
"""Envoy's admin port on the Pod's loopback, as in Istio's sidecars."""

_HTTP2 = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def bootstrap(pod: Pod, proxy: Proxy, istiod: Path, token: str) -> str:
    """Build Envoy's bootstrap configuration as JSON.

    Args:
        pod: whose it is.
        proxy: its type.
        istiod: the Unix socket that leads to istiod.
        token: what istiod asks for; a secret.
    """
    metadata = {
        "NAME": pod.name,
        "NAMESPACE": pod.namespace,
        "CLUSTER_ID": "Kubernetes",
        "ISTIO_VERSION": versions.ISTIO,
        # Nothing redirects connections: names of Services lead to Envoy's listeners on loopback.
        "INTERCEPTION_MODE": "NONE",
        "LABELS": dict(pod.labels),
        "INSTANCE_IPS": pod.address,
        "PROXY_CONFIG": {},
    }
    if proxy is Proxy.ROUTER:
        del metadata["INTERCEPTION_MODE"]
    stream = {
        "api_type": "GRPC",
        "transport_api_version": "V3",
        "grpc_services": [
            {
                "envoy_grpc": {"cluster_name": "xds"},
                "initial_metadata": [{"key": "authorization", "value": f"Bearer {token}"}],
            }
        ],
    }
    discovery = {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"}
    cluster = {
        "name": "xds",
        "type": "STATIC",
        "connect_timeout": "5s",
        "typed_extension_protocol_options": {
            _HTTP2: {
                "@type": f"type.googleapis.com/{_HTTP2}",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
        "load_assignment": {
            "cluster_name": "xds",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": str(istiod)}}}}]}],
        },
    }
    address = {"address": "127.0.0.1", "port_value": ADMIN_PORT}
    return json.dumps(
        {
            "node": {
                "id": f"{proxy}~{pod.address}~{pod.key}~{pod.namespace}.svc.cluster.local",
                "cluster": f"{pod.labels.get('app', pod.name)}.{pod.namespace}",
                "metadata": metadata,
            },
            # The Pod of Jaeger is simulated: spans would pile up for nobody. Headers of traces are passed on anyway.
            "layered_runtime": {"layers": [{"name": "lab", "static_layer": {"tracing.random_sampling": 0}}]},
            "admin": {"address": {"socket_address": address}},
            "dynamic_resources": {"lds_config": discovery, "cds_config": discovery, "ads_config": stream},
            "static_resources": {"clusters": [cluster]},
        }
    )


def command(program: Path, configuration: Path) -> list[str]:
    """Build Envoy's command line."""
    # Without the switch, two Envoys of one machine meet in shared memory.
    return [
        str(program),
        "--config-path",
        str(configuration),
        "--disable-hot-restart",
        "--concurrency",
        "1",
        "--log-level",
        "warning",
        # Ten seconds until a line of the access log is written would be long for somebody who waits for it.
        "--file-flush-interval-msec",
        "500",
        # It complains of each deprecated field that istiod sends.
        "--component-log-level",
        "misc:error",
    ]
