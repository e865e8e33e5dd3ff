"""The proxies' tokens for istiod, and how sure it is who istiod is."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from lab.platforms.dataplane import discovery
from lab.platforms.dataplane.discovery import Discovery


def client(*answers: httpx.Response, seen: list[httpx.Request] | None = None) -> httpx.AsyncClient:
    """An API server that gives these answers, one after the other."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        return left.pop(0)

    return httpx.AsyncClient(base_url="https://api.test", transport=httpx.MockTransport(answer))


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "_PAUSE", 0.0)


def test_a_proxys_token_is_of_its_own_namespace_and_for_istiod_alone() -> None:
    seen: list[httpx.Request] = []
    api = client(httpx.Response(201, json={"status": {"token": "abc"}}), seen=seen)

    assert asyncio.run(Discovery(api, 1).token("shop")) == "abc"
    assert seen[0].url.path == "/api/v1/namespaces/shop/serviceaccounts/default/token"
    assert json.loads(seen[0].content)["spec"]["audiences"] == ["istio-ca"]


def test_it_is_asked_for_again_when_the_account_is_not_there_yet() -> None:
    api = client(httpx.Response(404), httpx.Response(201, json={"status": {"token": "abc"}}))

    assert asyncio.run(Discovery(api, 1).token("shop")) == "abc"


def test_a_namespace_that_has_gone_stops_nobody_else() -> None:
    api = client(*[httpx.Response(404)] * 20)

    assert asyncio.run(Discovery(api, 1).token("shop")) == ""


def test_nothing_is_sent_to_an_istiod_whose_authority_is_unknown() -> None:
    with pytest.raises(ConnectionRefusedError, match="authority is unknown"):
        asyncio.run(Discovery(client(httpx.Response(404)), 1)._open())  # noqa: SLF001 - what the socket does
