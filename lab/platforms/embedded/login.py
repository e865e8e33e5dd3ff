"""The password of one lab's Prometheus, for the processes of whoever runs the lab."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from lab.adapters import files

if TYPE_CHECKING:
    from pathlib import Path

USER = "lab"

_FILE = "prometheus.password"


def password(directory: Path) -> str:
    """Return the password from a control plane's folder, where the first who asks creates it."""
    return files.create_once(files.folder(directory) / _FILE, secrets.token_urlsafe(32))
