"""The real Prometheus beside the data plane: it takes what the agent counts, and answers whoever analyses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from lab.platforms.embedded.ports import LOOPBACK

if TYPE_CHECKING:
    from pathlib import Path

_INTERVAL = "1s"
"""Between two samples: students wait for them."""


def configuration(telemetry: int) -> str:
    """What it is told to take.

    Args:
        telemetry: the port of this machine where the agent's counts are.
    """
    scrape = {
        "job_name": "access-logs",
        "scrape_interval": _INTERVAL,
        "scrape_timeout": _INTERVAL,
        "static_configs": [{"targets": [f"{LOOPBACK}:{telemetry}"]}],
    }
    return yaml.safe_dump({"scrape_configs": [scrape]}, sort_keys=False)


def command(program: Path, *, configuration: Path, data: Path, port: int) -> list[str]:
    """The command that runs it.

    Args:
        program: the binary.
        configuration: the file with the above.
        data: the folder for its samples.
        port: of this machine, where it answers.
    """
    return [
        str(program),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=6h",
        f"--web.listen-address={LOOPBACK}:{port}",
        "--log.level=warn",
    ]
