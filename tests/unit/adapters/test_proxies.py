"""The proxy of the environment, as kubectl would choose it."""

from __future__ import annotations

import pytest

from lab.adapters import proxies

PROXY = "http://proxy.example.test:3128"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize(
    ("server", "exceptions", "expected"),
    [
        ("https://api.example.test:6443", "", PROXY),
        ("http://api.example.test:6443", "", None),
        ("https://127.0.0.1:6443", "", None),
        ("https://127.8.8.8", "", None),
        ("https://localhost:6443", "", None),
        ("https://[::1]:6443", "", None),
        ("https://10.1.2.3:6443", "192.168.0.0/16, 10.0.0.0/8", None),
        ("https://10.1.2.3:6443", "10.1.2.3", None),
        ("https://10.1.2.3:6443", "10.1.2.4", PROXY),
        ("https://[fd00::1]:6443", "fd00::/8", None),
        ("https://api.example.test", "example.test", None),
        ("https://api.example.test", ".example.test", None),
        ("https://api.example.test", "*.example.test", None),
        ("https://api.example.test", "API.example.test", None),
        ("https://api.example.test", "ample.test", PROXY),
        ("https://api.example.test:6443", "example.test:6443", None),
        ("https://api.example.test:6443", "example.test:443", PROXY),
        ("https://api.example.test", "*", None),
        ("https://api.example.test", ",", PROXY),
    ],
)
def test_a_proxy_is_for_servers_elsewhere_that_are_no_exception(
    monkeypatch: pytest.MonkeyPatch, server: str, exceptions: str, expected: str | None
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", exceptions)

    assert proxies.for_server(server) == expected


def test_a_proxy_without_a_scheme_speaks_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "proxy.example.test:3128")

    assert proxies.for_server("https://api.example.test") == PROXY
