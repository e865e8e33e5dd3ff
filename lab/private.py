"""Files that hold secrets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write(file: Path, content: str) -> None:
    """Write a file that only its owner may read, from its first byte on.

    Args:
        file: what is there is replaced.
        content: the secret.
    """
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(descriptor, 0o600)  # the mode above counts only for a new file
    with os.fdopen(descriptor, "w") as out:
        out.write(content)
