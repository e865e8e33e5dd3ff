"""The lock file: SHA-256 pins of downloads and artifacts, checked strictly when read."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import pydantic

from lab.core.errors import LabError
from lab.toolchain import resolution
from lab.toolchain.catalog import TOOLS


def _inside(path: str) -> str:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not path:
        raise ValueError("must be a relative path without '..'")
    return path


def _https(url: str) -> str:
    if not url.startswith("https://"):
        raise ValueError("must start with https://")
    return url


def _known(name: str) -> str:
    if name not in TOOLS:
        raise ValueError(f"is no tool of the lab (they are: {', '.join(TOOLS)})")
    return name


Sha256 = Annotated[str, pydantic.StringConstraints(pattern=r"^[0-9a-f]{64}$")]
RelativePath = Annotated[str, pydantic.AfterValidator(_inside)]
Https = Annotated[str, pydantic.AfterValidator(_https)]
ToolName = Annotated[str, pydantic.AfterValidator(_known)]
Platform = Literal["linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"]


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class Prebuilt(_Strict):
    """A download of one tool for one platform.

    Attributes:
        url: the file or archive (.tar.gz, .tgz, .zip).
        sha256: of what is downloaded, so of the archive if it is one.
        member: the tool's path inside the archive.
        seen: the public record of the checksum, where the publisher's own checksum file could not be asked.
    """

    url: Https
    sha256: Sha256
    member: RelativePath | None = None
    seen: str | None = None


class Artifact(_Strict):
    """A chart or manifest of a Go module, or of the archive of the same commit.

    Attributes:
        kind: `file`, or `tree` for a folder.
        sha256: of the file; for a tree see `lab.toolchain.artifacts.hash_of`.
        path: inside the module, and inside the archive below its first folder.
    """

    kind: Literal["file", "tree"]
    sha256: Sha256
    path: RelativePath
    module: str
    version: str
    archive: Https


class Dashboard(_Strict):
    """A dashboard of grafana.com; without a checksum the lab does not download it."""

    revision: pydantic.PositiveInt
    sha256: Sha256 | None = None


class Lock(_Strict):
    """The lock file: tools by name and platform, artifacts by name, dashboards by number on grafana.com."""

    tools: dict[ToolName, dict[Platform, Prebuilt]]
    artifacts: dict[str, Artifact]
    dashboards: dict[pydantic.PositiveInt, Dashboard] = pydantic.Field(default_factory=dict)

    def canonical(self) -> str:
        """Return the file's text: sorted keys, 2 spaces, a newline at the end."""
        return json.dumps(self.model_dump(exclude_none=True), indent=2, sort_keys=True) + "\n"


def load(file: Path | None = None) -> Lock:
    """Read and check the lock file.

    Raises:
        LabError: a key, name, address or checksum is not as it must be; every place is named.
    """
    file = file or resolution.LOCK_FILE
    try:
        return Lock.model_validate_json(file.read_bytes())
    except pydantic.ValidationError as failure:
        places = [f"  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in failure.errors()]
        raise LabError(
            "\n".join((f"{file} is not a valid lock file:", *places)), f"Restore it: git checkout {file.name}"
        ) from failure
    except OSError as failure:
        raise LabError(f"The lock file cannot be read: {failure}", f"Restore it: git checkout {file.name}") from failure
