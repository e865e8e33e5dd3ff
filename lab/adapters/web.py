"""Asking the lab's own servers on this machine."""

from __future__ import annotations

import ssl
import urllib.request
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def answers(
    url: str, *, authority: Path | None = None, login: tuple[Path, Path] | None = None, timeout: float = 5
) -> bool:
    """Whether a server answers with success. A proxy that the user has set for the world outside is not asked.

    Args:
        url: what to ask for.
        authority: certificate authority to trust, for `https`.
        login: certificate and key to show, for `https`.
        timeout: seconds to wait.
    """
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    try:
        if authority:
            context = ssl.create_default_context(cafile=str(authority))
            if login:
                context.load_cert_chain(*login)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        with urllib.request.build_opener(*handlers).open(url, timeout=timeout):
            return True
    except OSError:
        return False
