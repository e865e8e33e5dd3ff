"""Run the agent; `lab.platforms.dataplane.lifecycle` starts it in namespaces of its own."""

from __future__ import annotations

import argparse
import asyncio
import logging
from pathlib import Path

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
    given.logs.mkdir(parents=True, exist_ok=True)
    with Progress() as progress:
        runtime = applications.ensure(progress)
    asyncio.run(Agent(Options(runtime=runtime, **vars(given))).run())


if __name__ == "__main__":
    main()
