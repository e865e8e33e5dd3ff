"""What the tests want done when a managed cluster comes or goes."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import Literal

from tests.azure.standin.errors import StandinError

COMMAND = "STANDIN_ON_CLUSTER"


def tell(event: Literal["create", "delete"]) -> None:
    """Run the tests' command, if there is one; what it complains about is the request's error."""
    if not (command := os.environ.get(COMMAND)):
        return
    done = subprocess.run([*shlex.split(command), event], capture_output=True, text=True, check=False)
    if done.returncode:
        raise StandinError(done.stderr.strip() or f"{command} {event} ended with {done.returncode}")
