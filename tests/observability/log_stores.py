"""Where the collector sends lines: the real Loki, or a receiver of the tests that keeps what the collector sends."""

from __future__ import annotations

import gzip
import http.server
import json
import threading
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

PORT = 3100


@dataclass(frozen=True)
class Line:
    """What is known of a line: its text, its stream's labels, and what else goes with it."""

    text: str
    labels: dict[str, str]
    metadata: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Lines that have all of this: labels, metadata, and a part of the text."""

    labels: Mapping[str, str]
    metadata: Mapping[str, str] = field(default_factory=dict)
    text: str = ""

    def logql(self) -> str:
        """The same as a query for Loki."""
        labels = ", ".join(f'{name}="{value}"' for name, value in self.labels.items())
        metadata = "".join(f' | {name}="{value}"' for name, value in self.metadata.items())
        return f"{{{labels}}}{metadata}" + (f" |= `{self.text}`" if self.text else "")

    def holds(self, line: Line) -> bool:
        return (
            self.labels.items() <= line.labels.items()
            and self.metadata.items() <= line.metadata.items()
            and self.text in line.text
        )


class LogStore(Protocol):
    """What has the lines."""

    def find(self, wanted: Wanted) -> list[Line]:
        """Lines in the order of time."""

    def received(self) -> int:
        """The number of lines that were sent, those that are the same counted each time."""


@dataclass(frozen=True)
class Loki:
    """The real Loki that runs at an address."""

    address: str

    def find(self, wanted: Wanted) -> list[Line]:
        """Lines in the order of time."""
        words = urllib.parse.urlencode({"query": wanted.logql(), "limit": 1000, "direction": "forward"})
        request = urllib.request.Request(
            f"http://{self.address}:{PORT}/loki/api/v1/query_range?{words}",
            headers={"X-Loki-Response-Encoding-Flags": "categorize-labels"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - the test's own Loki
            streams = json.load(answer)["data"]["result"]
        lines = [(at, text, stream["stream"], more) for stream in streams for at, text, more in stream["values"]]
        return [
            Line(text, labels, more.get("structuredMetadata", {})) for _, text, labels, more in sorted(lines, key=_time)
        ]

    def received(self) -> int:
        """Of two lines that are the same, Loki keeps and answers only one; this counts both."""
        with urllib.request.urlopen(f"http://{self.address}:{PORT}/metrics", timeout=10) as answer:
            metrics = answer.read().decode().splitlines()
        return sum(
            int(line.split()[-1]) for line in metrics if line.startswith("loki_distributor_lines_received_total")
        )


def _time(line: tuple[str, str, dict[str, str], dict[str, Any]]) -> int:
    return int(line[0])


@dataclass(frozen=True)
class Receiver:
    """Takes OTLP over HTTP where Loki would, and keeps resource attributes as labels, as the lab tells Loki to."""

    _lines: list[tuple[int, Line]] = field(default_factory=list)

    def find(self, wanted: Wanted) -> list[Line]:
        """Lines in the order of time."""
        return [line for _, line in sorted(self._lines, key=lambda each: each[0]) if wanted.holds(line)]

    def received(self) -> int:
        """The number of all lines."""
        return len(self._lines)

    def take(self, body: bytes) -> None:
        """Keep the lines of one request."""
        for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
            labels = _texts(resource.resource.attributes)
            for record in (record for scope in resource.scope_logs for record in scope.log_records):
                trace = {"trace_id": record.trace_id.hex()} if any(record.trace_id) else {}
                line = Line(record.body.string_value, labels, _texts(record.attributes) | trace)
                self._lines.append((record.time_unix_nano, line))


@contextmanager
def receiving(address: str) -> Iterator[Receiver]:
    """A receiver at Loki's port and path for OTLP, as long as the block."""
    receiver = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/otlp/v1/logs":
                receiver.take(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
                self.send_response(200)
            else:
                self.send_response(404)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer((address, PORT), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield receiver
    server.shutdown()
    server.server_close()
    thread.join()


def _texts(attributes: Iterator[KeyValue]) -> dict[str, str]:
    return {each.key: each.value.string_value for each in attributes}
