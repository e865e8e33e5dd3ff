"""Stand-ins that the tests of the toolchain share: a web server's content, a Go that only pretends, pins."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.core import paths
from lab.toolchain import catalog
from lab.toolchain.lockfile import Lock, Prebuilt

if TYPE_CHECKING:
    import http.server
    import threading
    from datetime import date
    from pathlib import Path

FAKE_GO = """#!/bin/sh
. "$0-settings"
echo "$*" >> "$CALLS"
case "$1" in
version) echo "go version go${VERSION:-1.99.0} linux/amd64" ;;
mod)
  for folder in cmd/pulumi-resource-kubernetes python/cmd python/dist; do mkdir -p "$GOMODCACHE/sources/$folder"; done
  for file in cmd/pulumi-resource-kubernetes/schema.json cmd/pulumi-resource-kubernetes/terraform-mapping.json \\
      python/cmd/pulumi-language-python-exec python/dist/pulumi-resource-pulumi-python; do
    echo "content of $file" > "$GOMODCACHE/sources/$file"
  done
  echo "{\\"Dir\\": \\"${MODULE:-$GOMODCACHE/sources}\\"}" ;;
build)
  [ -z "$FAILS" ] || { echo "$FAILS" >&2; exit 1; }
  if [ -n "$SLEEPS" ]; then echo $$ > "$CALLS.pid"; sleep "$SLEEPS"; fi
  while [ "$1" != -o ]; do shift; done
  out=$2; shift 2
  for package; do
    name=$(basename "$package")
    [ "$package" != . ] || { name=kubernetes-provider; cat schema.json > /dev/null || exit 1; }
    [ "$name" != v3 ] || name=server
    printf '#!/bin/sh\\necho built "$@"\\n' > "$out$name"
  done ;;
esac
"""


@dataclass
class FakeGo:
    file: Path
    calls_file: Path

    def behaves(self, **settings: str) -> None:
        """Set what it does; variables of a test's environment do not reach a program."""
        lines = [f"{name}={shlex.quote(value)}" for name, value in {"CALLS": str(self.calls_file), **settings}.items()]
        self.file.with_name("go-settings").write_text("\n".join([*lines, ""]))

    def calls(self, command: str) -> list[str]:
        lines = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        return [line for line in lines if line.split()[0] == command]


def program(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)
    return file


@dataclass
class Server:
    """What a web server has, and how it misbehaves."""

    files: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, list[int]] = field(default_factory=dict)
    cut_after: dict[str, list[int]] = field(default_factory=dict)
    stall: threading.Event | None = None
    requests: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        path = request.path
        self.requests.append(path)
        if self.statuses.get(path):
            request.send_error(self.statuses[path].pop(0))
            return
        if path not in self.files:
            request.send_error(404)
            return
        body = self.files[path]
        request.send_response(200)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if self.cut_after.get(path):
            body = body[: self.cut_after[path].pop(0)]
        if self.stall:
            request.wfile.write(body[: len(body) // 2])
            request.wfile.flush()
            self.stall.wait(20)
            return
        request.wfile.write(body)


def locked(**tools: Prebuilt) -> Lock:
    """A lock file that pins downloads for this machine; the check for https is left out by `model_construct`."""
    pinned = {name.replace("_", "-"): {catalog.platform(): item} for name, item in tools.items()}
    return Lock.model_construct(tools=pinned, artifacts={})


def prebuilt(url: str, checksum: str, member: str | None = None, **more: str | date | None) -> Prebuilt:
    """A pin of a download, by SHA-256 or by SHA-512."""
    kind = "sha512" if len(checksum) == 128 else "sha256"
    return Prebuilt.model_construct(**{kind: checksum}, url=url, member=member, **more)


def left_over() -> list[Path]:
    """Files of the cache that are no whole entries."""
    root = paths.cache()
    known = ("tools", "artifacts", "logs", "go", "locks")
    files = [p.relative_to(root) for p in root.rglob("*") if p.is_file()]
    return [f for f in files if f.parts[0] not in known]
