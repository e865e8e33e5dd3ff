"""The Prometheus of the data plane, which scrapes the agent's counts and answers analyses.

It listens in the node's network namespace, and so do the counts: whoever asks from outside goes through a port of this
machine that wants a password.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from prometheus_client import start_http_server

from lab import toolchain
from lab.adapters import files
from lab.platforms.dataplane import tcp_proxy
from lab.platforms.dataplane.supervisor import Program
from lab.platforms.embedded.ports import LOOPBACK

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

PORT = 9090
"""In the node's network namespace."""

_TELEMETRY_PORT = 9091
"""Of the counts, in the same place."""

_FOLDER = Path("/run/prometheus")

_INTERVAL = "1s"
"""Between two samples: short, since students wait for them."""


def configuration() -> str:
    """Build its configuration."""
    scrape = {
        "job_name": "access-logs",
        "scrape_interval": _INTERVAL,
        "scrape_timeout": _INTERVAL,
        "static_configs": [{"targets": [f"{LOOPBACK}:{_TELEMETRY_PORT}"]}],
    }
    return yaml.safe_dump({"scrape_configs": [scrape]}, sort_keys=False)


def command(program: Path, *, configuration: Path, data: Path) -> list[str]:
    """Build its command line; it keeps samples in `data`."""
    return [
        str(program),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=6h",
        f"--web.listen-address={LOOPBACK}:{PORT}",
        "--log.level=warn",
    ]


def program(network: Path, *, log: Path) -> Program:
    """Write its configuration, and return the program to run in a network namespace."""
    _FOLDER.mkdir(mode=0o700)
    file = files.write(_FOLDER / "prometheus.yaml", configuration())
    words = command(toolchain.path("prometheus"), configuration=file, data=_FOLDER / "data")
    return Program(command=["nsenter", f"--net={network}", *words], environment={}, log=log, folder=_FOLDER)


def serve_counts(network: Path, registry: CollectorRegistry) -> None:
    """Serve the counts in a network namespace, for Prometheus alone."""
    # A socket belongs to the namespace of the thread that makes it.
    with ThreadPoolExecutor(1, "telemetry", tcp_proxy.enter, (network,)) as inside:
        inside.submit(start_http_server, _TELEMETRY_PORT, LOOPBACK, registry).result()
