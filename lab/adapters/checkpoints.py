"""Checkpoints: the files in which a file backend keeps the state of a stack, and their copies."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"

_VERSIONS = (1, 2, 3, 4)
"""Of a checkpoint. Pulumi takes a file without one for a stack that has nothing."""

_TIME = "%Y-%m-%d %H:%M:%S"


class UnreadableError(ValueError):
    """The reason why a file is no checkpoint."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """One state of a stack.

    Attributes:
        file: is read through Pulumi's own compression, if any.
        saved: time of the file.
        types: type of each resource.
        pending: number of operations that were under way.
        content: version and deployment.
    """

    file: Path
    saved: float
    types: tuple[str, ...]
    pending: int
    content: dict[str, Any] = field(repr=False)

    @property
    def exported(self) -> str:
        """The checkpoint as `pulumi stack export` prints it."""
        return json.dumps(self.content)

    @property
    def resources(self) -> int:
        """Number of resources besides the stack itself and the providers, which are nothing outside of the state."""
        return len([each for each in self.types if not each.startswith("pulumi:")])

    @property
    def described(self) -> str:
        """The checkpoint as messages call it."""
        return f"{self.file}, of {datetime.fromtimestamp(self.saved).astimezone().strftime(_TIME)}"


def read(file: Path, expand: Callable[[Path], str]) -> Checkpoint:
    """Read a checkpoint.

    Args:
        file: plain or compressed, whatever its name.
        expand: reads a file that is compressed with Zstandard, as `pulumi stack export` prints it.

    Raises:
        UnreadableError: it is none.
    """
    try:
        saved, content = file.stat().st_mtime, file.read_bytes()
    except OSError as error:
        raise UnreadableError(f"it cannot be read: {error.strerror}") from error
    if not content.strip():
        raise UnreadableError("it is empty")
    deployment = _parsed(expand(file)) if content.startswith(_ZSTD) else _unwrapped(_parsed(_text(content)))
    latest = _mapping(deployment.get("deployment"))
    return Checkpoint(
        file=file,
        saved=saved,
        types=tuple(_type(each) for each in _sequence(latest.get("resources"))),
        pending=len(_sequence(latest.get("pending_operations"))),
        content=deployment,
    )


def _text(content: bytes) -> str:
    try:
        return (gzip.decompress(content) if content.startswith(_GZIP) else content).decode()
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableError("its compressed content is cut off or damaged") from error
    except UnicodeDecodeError as error:
        raise UnreadableError("it is no text") from error


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) - 1 or "Unterminated" in error.msg
        raise UnreadableError("it is cut off" if cut else f"it is no JSON (line {error.lineno})") from error
    except (ValueError, RecursionError) as error:
        raise UnreadableError("it is no JSON") from error
    return _mapping(found)


def _unwrapped(checkpoint: dict[str, Any]) -> dict[str, Any]:
    version, content = checkpoint.get("version"), checkpoint.get("checkpoint")
    if (
        not isinstance(version, int)
        or version not in _VERSIONS
        or not isinstance(content, dict)
        or not isinstance(content.get("stack"), str)
    ):
        raise UnreadableError("it is no checkpoint of a stack")
    features = {"features": checkpoint["features"]} if checkpoint.get("features") else {}
    return {"version": version, **features, "deployment": _mapping(content.get("latest"))}


def _type(resource: object) -> str:
    entry = _mapping(resource)
    if not isinstance(entry.get("urn"), str) or not isinstance(entry.get("type"), str):
        raise UnreadableError("it has a resource without a name or a type")
    return str(entry["type"])


def _mapping(value: object) -> dict[str, Any]:
    """Return an object of JSON; nothing stands for an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnreadableError("it is no checkpoint of a stack")
    return value


def _sequence(value: object) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise UnreadableError("it is no checkpoint of a stack")
    return value
