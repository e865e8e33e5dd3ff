"""This machine's public address: which answers of which services count."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from lab.core.errors import LabError
from lab.platforms.azure.address import public_address

if TYPE_CHECKING:
    from collections.abc import Iterator

MINE = "20.200.1.2"

ANSWERS: dict[str, tuple[int, bytes]] = {
    "good": (200, b"20.200.1.2"),
    "newline": (200, b" 20.200.1.2\r\n"),
    "other": (200, b"20.200.1.3\n"),
    "garbage": (200, b"garbage"),
    "empty": (200, b""),
    "private": (200, b"192.168.1.7"),
    "shared": (200, b"100.64.0.7"),
    "loopback": (200, b"127.0.0.1"),
    "documentation": (200, b"203.0.113.7"),
    "ipv6": (200, b"2001:4860:4860::8888"),
    "two": (200, b"20.200.1.2, 10.0.0.1"),
    "range": (200, b"20.200.1.2/8"),
    "html": (200, b"<html><body>Welcome to the hotel. Please log in." + b" " * 100 + b"</body></html>"),
    "broken": (500, b"20.200.1.2"),
    "moved": (302, b"20.200.1.2"),
    "huge": (200, b"1" * 100_000),
}


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers from the table; `slow` and `drip` take their time."""

    asked: list[str]
    ended: threading.Event

    def do_GET(self) -> None:
        name = self.path.strip("/")
        self.asked.append(name)
        if name in ("slow", "drip"):
            self.send_response(200)
            self.send_header("Content-Length", "2000")
            self.end_headers()
            while name == "slow" and not self.ended.wait(0.05):
                pass
            while name == "drip" and not self.ended.wait(0.05):
                self.wfile.write(b"1")
            return
        status, body = ANSWERS[name]
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/good")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name in the standard library
        pass


class Services:
    """Services on this machine."""

    def __init__(self, url: str, asked: list[str]) -> None:
        self.url = url
        self.asked = asked

    def named(self, *names: str) -> tuple[str, ...]:
        return tuple(f"{self.url}/{name}" for name in names)


@pytest.fixture
def services() -> Iterator[Services]:
    asked: list[str] = []
    ended = threading.Event()
    handler = type("Recording", (Handler,), {"asked": asked, "ended": ended})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Services(f"http://127.0.0.1:{server.server_address[1]}", asked)
        ended.set()
        server.shutdown()
        thread.join()


def test_two_services_that_agree_are_believed_and_no_more_are_asked(services: Services) -> None:
    assert public_address(services.named("good", "newline", "other")) == MINE
    assert services.asked == ["good", "newline"]


def test_one_service_that_lies_is_outvoted(services: Services) -> None:
    assert public_address(services.named("other", "good", "newline")) == MINE


@pytest.mark.parametrize("bad", [name for name in ANSWERS if name not in ("good", "newline", "other")])
def test_an_answer_that_is_no_public_ipv4_address_does_not_count(services: Services, bad: str) -> None:
    assert public_address(services.named(bad, "good", bad, "newline")) == MINE

    with pytest.raises(LabError) as refused:
        public_address(services.named(bad, bad, bad))

    assert f"{services.url}/{bad}: " in refused.value.message


def test_an_answer_is_not_read_further_than_an_address_goes(services: Services) -> None:
    with pytest.raises(LabError, match="answers something longer than an address"):
        public_address(services.named("huge"))


@pytest.mark.parametrize("bad", ["slow", "drip"])
def test_a_slow_service_is_left_behind(services: Services, bad: str) -> None:
    begin = time.monotonic()

    assert public_address(services.named(bad, "good", "newline"), timeout=0.2) == MINE
    assert time.monotonic() - begin < 2


def test_a_service_that_cannot_be_reached_is_left_behind(services: Services) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}"

    assert public_address((closed, *services.named("good", "newline"))) == MINE


@pytest.mark.parametrize(
    "url", ["no address", "ftp://127.0.0.1/", "http://", "http://127.0.0.1:99999/", "http://127.0.0.1:x/"]
)
def test_an_address_that_is_none_is_a_failure_of_that_service(services: Services, url: str) -> None:
    assert public_address((url, *services.named("good", "newline"))) == MINE


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("good", "other"), "they disagree: 20.200.1.2, 20.200.1.3"),
        (("good", "broken", "html"), "only one of them answered: 20.200.1.2"),
        (("broken", "garbage"), "answers 500"),
    ],
)
def test_without_two_that_agree_people_are_told_to_set_the_range_by_hand(
    services: Services, names: tuple[str, ...], message: str
) -> None:
    with pytest.raises(LabError) as refused:
        public_address(services.named(*names))

    assert message in refused.value.message
    assert "pulumi config set --path 'istio-lab:azure.allowedRanges[0]' 203.0.113.7/32" in refused.value.remedy


def test_the_environment_names_other_services(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTIO_LAB_ADDRESS_URL", ", ".join(services.named("broken", "good", "newline")))

    assert public_address() == MINE
    assert services.asked == ["broken", "good", "newline"]


def test_one_service_of_ones_own_is_enough(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTIO_LAB_ADDRESS_URL", *services.named("good"))

    assert public_address() == MINE


def test_the_proxy_is_used(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", services.url)

    with pytest.raises(LabError):
        public_address(("http://address.example/whatever",), timeout=0.5)

    assert services.asked == ["http://address.example/whatever"]
