"""Stand-ins for Bookinfo's services: they answer as the exercises need and name their version.

Run by its path, with the standard library alone: `python bookinfo.py SERVICE VERSION ADDRESS PORT`.
"""

from __future__ import annotations

import html
import http.server
import json
import os
import socketserver
import sys
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import urlsplit

_PATIENCE = 3.0
"""Seconds for a call of another service, as in Bookinfo's front page."""

_PASSED_ON = ("x-request-id", "traceparent", "tracestate", "b3", "baggage", "end-user")
"""Headers that a request passes on: the trace and the user."""

_COLOURS = {"v2": "black", "v3": "red"}
_STARS = {"Reviewer1": 5, "Reviewer2": 4}
_BOOK = {
    "id": 0,
    "author": "William Shakespeare",
    "year": 1595,
    "type": "paperback",
    "pages": 200,
    "publisher": "PublisherA",
    "language": "English",
    "ISBN-10": "1234567890",
    "ISBN-13": "123-1234567890",
}
_TEXTS = {
    "Reviewer1": "A play of mistaken lovers, told with wit.",
    "Reviewer2": "Amusing all the way, though the plot is thin.",
}


class Service(http.server.BaseHTTPRequestHandler):
    """One service of Bookinfo, chosen by the command line."""

    protocol_version = "HTTP/1.1"
    # An answer that waits for its acknowledgement is 40 ms late.
    disable_nagle_algorithm = True
    wbufsize = -1
    name: ClassVar[str]
    version: ClassVar[str]

    def do_GET(self) -> None:
        """Answer by path, 404 for unknown ones."""
        path = urlsplit(self.path).path
        if path == "/health":
            self._answer(HTTPStatus.OK, {"status": f"{self.name} is healthy"})
        elif self.name == "productpage" and path in {"/", "/productpage"}:
            self._page()
        elif self.name == "productpage" and path.startswith("/api/v1/products/"):
            kind = path.rsplit("/", 1)[-1]
            asked = kind if kind in {"reviews", "ratings"} else "details"
            self._answer(*self._ask(asked))
        elif path.startswith(f"/{self.name}/"):
            self._answer(HTTPStatus.OK, getattr(self, f"_{self.name}")())
        else:
            self._answer(HTTPStatus.NOT_FOUND, {"error": f"{self.name} has no {path}"})

    def log_message(self, _format: str, *_args: object) -> None:
        """Log nothing: the sidecars have access logs."""

    def _details(self) -> dict[str, Any]:
        return _BOOK

    def _ratings(self) -> dict[str, Any]:
        return {"id": 0, "ratings": _STARS}

    def _reviews(self) -> dict[str, Any]:
        reviews: list[dict[str, Any]] = [{"reviewer": who, "text": text} for who, text in _TEXTS.items()]
        if colour := _COLOURS.get(self.version):
            status, found = self._ask("ratings")
            for review in reviews:
                review["rating"] = (
                    {"stars": found["ratings"][review["reviewer"]], "color": colour}
                    if status == HTTPStatus.OK
                    else {"error": "Ratings service is currently unavailable"}
                )
        return {
            "id": "0",
            "podname": os.environ.get("HOSTNAME", ""),
            "version": self.version,
            "reviews": reviews,
        }

    def _page(self) -> None:
        _, details = self._ask("details")
        status, reviews = self._ask("reviews")
        told = "".join(
            f"<blockquote><p>{html.escape(each['text'])}</p>{_stars(each.get('rating'))}</blockquote>"
            for each in reviews.get("reviews", [])
        )
        told = told or "<p>Sorry, product reviews are currently unavailable for this book.</p>"
        by = html.escape(f"{reviews.get('version', '')} {reviews.get('podname', '')}".strip()) or str(int(status))
        page = (
            "<!DOCTYPE html><title>Simple Bookstore App</title><h1>The Comedy of Errors</h1>"
            f"<p>{html.escape(str(details.get('author', '')))}</p><h2>Book Reviews</h2>{told}"
            f"<p>Reviews served by: {by}</p>"
        )
        self._send(HTTPStatus.OK, "text/html; charset=utf-8", page.encode())

    def _ask(self, service: str) -> tuple[HTTPStatus, dict[str, Any]]:
        headers = {key: self.headers[key] for key in _PASSED_ON if self.headers[key]}
        # The exercise on browsers looks at this one.
        browser = self.headers["baggage-user-agent"] or self.headers["user-agent"]
        if browser:
            headers["baggage-user-agent"] = browser
        request = urllib.request.Request(f"http://{service}:9080/{service}/0", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310 - the scheme is above
                return HTTPStatus(answer.status), json.load(answer)
        except urllib.error.HTTPError as error:
            return HTTPStatus(error.code), {"error": f"{service} answered {error.code}"}
        except (OSError, ValueError) as error:
            return HTTPStatus.SERVICE_UNAVAILABLE, {"error": f"{service} is not reached: {error}"}

    def _answer(self, status: HTTPStatus, content: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(content).encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-version", self.version)
        self.end_headers()
        self.wfile.write(body)


class Server(socketserver.ThreadingTCPServer):
    """A server with a thread for each connection; `http.server`'s own resolves the host name, which fails here."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024


def _stars(rating: dict[str, Any] | None) -> str:
    if not rating:
        return ""
    if "stars" not in rating:
        return f"<p>{html.escape(rating['error'])}</p>"
    return f'<p style="color:{rating["color"]}">{"&#9733;" * rating["stars"]}</p>'


def main(service: str, version: str, address: str, port: str) -> None:
    """Serve until the process is ended."""
    Service.name, Service.version = service, version
    # Names of Services lead to the sidecar: no proxy of the machine may come between.
    urllib.request.install_opener(urllib.request.build_opener(urllib.request.ProxyHandler({})))
    Server((address, int(port)), Service).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
