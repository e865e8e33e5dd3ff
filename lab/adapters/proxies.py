"""The proxy that the user's environment names for a server, chosen as kubectl and Pulumi's providers choose it."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit
from urllib.request import getproxies_environment


def for_server(url: str) -> str | None:
    """Return the proxy for a server; never one for this machine itself.

    `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` count, the last one with networks such as 10.0.0.0/8 too.
    """
    parts, proxies = urlsplit(url), getproxies_environment()
    proxy, host = proxies.get(parts.scheme), parts.hostname or ""
    if not proxy or _is_this_machine(host):
        return None
    if any(_excepted(host, parts.port, each.strip().lower()) for each in proxies.get("no", "").split(",")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _excepted(host: str, port: int | None, exception: str) -> bool:
    """Check one part of NO_PROXY: a star, a network, an address, or a domain, these two perhaps with a port."""
    if exception == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(exception, strict=False)
    except ValueError:
        name, colon, number = exception.rpartition(":")
        if colon and number.isdigit():
            exception = name if int(number) == port else ""
        domain = exception.removeprefix("*").removeprefix(".").strip("[]")
        return bool(domain) and (host == domain or host.endswith(f".{domain}"))
