"""Files that hold secrets."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write(file: Path, content: str) -> None:
    """Write a file that only its owner may read, from its first byte on; whoever is killed leaves the former one.

    Args:
        file: what is there is replaced.
        content: the secret.
    """
    new = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(descriptor, 0o600)  # the mode above counts only for a new file
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(content)
    new.replace(file)
