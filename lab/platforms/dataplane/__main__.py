"""Run the agent; `lab.platforms.dataplane.lifecycle` starts it in namespaces of its own."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
from pathlib import Path

from lab.adapters import files
from lab.core.progress import Progress
from lab.platforms.dataplane.agent import Agent, Options
from lab.toolchain import applications


def main() -> None:
    """Run until killed."""
    parser = argparse.ArgumentParser(prog="lab.platforms.dataplane")
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--istiod-xds", type=int, required=True)
    parser.add_argument("--ingress-http", type=int, required=True)
    parser.add_argument("--prometheus", type=int, default=0)
    parser.add_argument("--logs", type=Path, required=True)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    given = parser.parse_args()
    # What lies in the data plane's own /run is read by the processes of Pods; the logs are private by themselves.
    os.umask(files.READABLE)
    with Progress() as progress:
        runtime = applications.ensure(progress)
    asyncio.run(Agent(Options(runtime=runtime, **vars(given))).run())


if __name__ == "__main__":
    main()
