"""The Prometheus beside the data plane, which scrapes the agent's counts and answers analyses."""

from __future__ import annotations

from pathlib import Path

import yaml

from lab import toolchain
from lab.platforms.dataplane.supervisor import Program
from lab.platforms.embedded.ports import LOOPBACK

_FOLDER = Path("/run/prometheus")

_INTERVAL = "1s"
"""Between two samples: short, since students wait for them."""


def configuration(telemetry: int) -> str:
    """Build its configuration, which scrapes a port of this machine."""
    scrape = {
        "job_name": "access-logs",
        "scrape_interval": _INTERVAL,
        "scrape_timeout": _INTERVAL,
        "static_configs": [{"targets": [f"{LOOPBACK}:{telemetry}"]}],
    }
    return yaml.safe_dump({"scrape_configs": [scrape]}, sort_keys=False)


def command(program: Path, *, configuration: Path, data: Path, port: int) -> list[str]:
    """Build its command line; it keeps samples in `data` and answers on `port`."""
    return [
        str(program),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=6h",
        f"--web.listen-address={LOOPBACK}:{port}",
        "--log.level=warn",
    ]


def program(telemetry: int, *, port: int, log: Path) -> Program:
    """Write its configuration, and return the program to run."""
    _FOLDER.mkdir()
    file = _FOLDER / "prometheus.yaml"
    file.write_text(configuration(telemetry))
    return Program(
        command=command(toolchain.path("prometheus"), configuration=file, data=_FOLDER / "data", port=port),
        environment={},
        log=log,
        folder=_FOLDER,
    )
