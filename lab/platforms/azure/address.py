"""This machine's public address, which the API server's allowed ranges must contain."""

from __future__ import annotations

import ipaddress
import os
import time

import httpx

from lab.core.errors import LabError

SERVICES = (
    "https://api.ipify.org",
    "https://checkip.amazonaws.com",
    "https://ipv4.icanhazip.com",
    "https://ifconfig.me/ip",
)
"""Each answers with the caller's address as plain text; the first three have IPv4 addresses only."""

_PATIENCE = 3.0
"""Seconds for one service in total; a tenth is usual."""

_LONGEST = 64
"""Bytes; an address and a line end are at most 17."""


def public_address(services: tuple[str, ...] | None = None, *, patience: float = _PATIENCE) -> str:
    """Ask web services for this machine's public address, through the proxy that kubectl would use too.

    Two services must agree: the answer opens the API server to somebody, and one service may lie, be a hotel's login
    page, or see another address than Azure does, as happens behind a pool of addresses. Who names one service alone in
    `ISTIO_LAB_ADDRESS_URL` (several: with commas) vouches for it.

    Returns:
        An IPv4 address; AKS takes no other in its allowed ranges.

    Raises:
        LabError: not enough of them answer, or they disagree.
    """
    asked = services or _services()
    needed = min(2, len(asked))
    seen: list[str] = []
    problems: list[str] = []
    with httpx.Client(timeout=patience, headers={"Accept": "text/plain"}) as client:
        for url in asked:
            try:
                seen.append(_ask(client, url, patience))
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                problems.append(f"{url}: {str(error) or type(error).__name__}")
            else:
                if seen.count(seen[-1]) == needed:
                    return seen[-1]
    if len(set(seen)) > 1:
        problems.append(f"they disagree: {', '.join(sorted(set(seen)))}")
    elif seen:
        problems.append(f"only one of them answered: {seen[0]}")
    raise LabError(
        "this machine's public IPv4 address cannot be found out:\n" + "\n".join(f"  {line}" for line in problems),
        "set it by hand: pulumi config set --path 'istio-lab:azure.allowedRanges[0]' 203.0.113.7/32",
    )


def _services() -> tuple[str, ...]:
    named = os.environ.get("ISTIO_LAB_ADDRESS_URL", "").split(",")
    return tuple(url.strip() for url in named if url.strip()) or SERVICES


def _ask(client: httpx.Client, url: str, patience: float) -> str:
    """Read the answer of one service.

    Raises:
        httpx.HTTPError: it does not answer well, or not in time.
        ValueError: what it answers is no public IPv4 address.
    """
    deadline = time.monotonic() + patience
    body = b""
    # A redirect leads to a login page rather than to an answer, so none is followed.
    with client.stream("GET", url) as response:
        if response.status_code != httpx.codes.OK:
            raise ValueError(f"answers {response.status_code}")
        for piece in response.iter_bytes():
            body += piece
            if len(body) > _LONGEST:
                raise ValueError("answers something longer than an address")
            if time.monotonic() > deadline:
                raise ValueError(f"takes longer than {patience:.0f} s")
    text = body.decode("ascii", errors="replace").strip()
    address = ipaddress.IPv4Address(text)
    if not address.is_global:
        raise ValueError(f"answers {text}, which is no public address")
    return text
