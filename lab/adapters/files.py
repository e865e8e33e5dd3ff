"""Files that hold secrets."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


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


@contextlib.contextmanager
def temporary(content: str, folder: Path, *, prefix: str) -> Iterator[Path]:
    """Write a file that only its owner may read for the length of a `with` block.

    Args:
        content: the secret.
        folder: is made if it is not there.
        prefix: begins the file's name.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(prefix=prefix, dir=folder)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(content)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
