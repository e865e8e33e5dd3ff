"""A kubectl that only pretends: a program of its own, whose port-forward leads to a page that it serves itself."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """#!{python} -IS
import http.server, json, os, pathlib, sys, threading, time

folder = pathlib.Path({folder!r})
words = [word for word in sys.argv[1:] if not word.startswith("--kubeconfig=")]
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
if "port-forward" not in words:
    answers = json.loads((folder / "answers.json").read_text())
    for part, (code, text) in answers.items():
        if part in " ".join(words):
            (sys.stdout if code == 0 else sys.stderr).write(text)
            sys.exit(code)
    sys.exit("not pretended: " + " ".join(words))

behaviour = json.loads((folder / "forward.json").read_text())
(folder / "pids").open("a").write(str(os.getpid()) + "\\n")
if behaviour["refuses"]:
    sys.exit("error: " + behaviour["reason"])
born = time.monotonic()

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status = behaviour["status"] if time.monotonic() - born >= behaviour["late"] else 503
        print("Handling connection for", server.server_port, flush=True)
        with (folder / "requests").open("a") as requests:
            requests.write(self.path + "\\n")
        self.send_response(status)
        self.end_headers()
    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", int(words[-1].split(":")[0] or 0)), Page)
print(f"Forwarding from 127.0.0.1:{{server.server_port}} -> {{words[-1].split(':')[1]}}", flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
try:
    while not (folder / "break").exists():
        time.sleep(0.02)
except KeyboardInterrupt:
    os._exit(130)
(folder / "break").unlink()
print("error: lost connection to pod", file=sys.stderr, flush=True)
os._exit(1)
"""

NOT_RUNNING = "unable to forward port because pod is not running. Current status=Pending"
"""The reason that kubectl gives for a Pod that is not there yet."""


class PretendedKubectl:
    """What it answers, how its port-forward behaves, and what it was asked.

    Args:
        folder: an empty one of its own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        self.file = folder / "kubectl"
        self.file.write_text(PROGRAM.format(python=sys.executable, folder=str(folder)))
        self.file.chmod(0o755)
        self._answers: dict[str, tuple[int, str]] = {}
        self.forwards()

    def answers(self, words: str, found: object, *, code: int = 0) -> None:
        """Answer a command that has these words in it; the first that fits counts."""
        self._answers[words] = (code, found if isinstance(found, str) else json.dumps(found))
        (self._folder / "answers.json").write_text(json.dumps(self._answers))

    def forwards(
        self, *, status: int = 200, late: float = 0.0, refuses: bool = False, reason: str = NOT_RUNNING
    ) -> None:
        """Say how a port-forward behaves: what the page answers, after how many seconds, or why there is none."""
        behaviour = {"status": status, "late": late, "refuses": refuses, "reason": reason}
        (self._folder / "forward.json").write_text(json.dumps(behaviour))

    def breaks(self) -> None:
        """Lose the connection, as when the Pod goes."""
        (self._folder / "break").touch()

    @property
    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in self._lines("calls")]

    @property
    def requests(self) -> list[str]:
        """The paths that the pages were asked for."""
        return self._lines("requests")

    @property
    def started(self) -> list[int]:
        """The process ids of all port-forwards."""
        return [int(line) for line in self._lines("pids")]

    @property
    def running(self) -> list[int]:
        """Those that still run."""
        return [pid for pid in self.started if psutil.pid_exists(pid)]

    def _lines(self, name: str) -> list[str]:
        file = self._folder / name
        return file.read_text().splitlines() if file.exists() else []
