"""The lock file: checksums of downloads and artifacts, checked strictly when read."""

from __future__ import annotations

import json
from datetime import date  # noqa: TC003 - pydantic reads the types at run time
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

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
Sha512 = Annotated[str, pydantic.StringConstraints(pattern=r"^[0-9a-f]{128}$")]
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
        sha512: instead, where the publisher states no other.
        member: the tool's path inside the archive.
        version: what is downloaded, where that is not the version that is built.
        seen: the public records of the checksum, where the publisher's own could not be asked.
        checksums: the publisher's checksum file, which `lab lock --verify` asks once, where there is one record only.
        agreed: the day on which it said the same.
    """

    url: Https
    sha256: Sha256 | None = None
    sha512: Sha512 | None = None
    member: RelativePath | None = None
    version: str | None = None
    seen: str | None = None
    checksums: Https | None = None
    agreed: date | None = None

    @pydantic.model_validator(mode="after")
    def _has_one_checksum(self) -> Self:
        if bool(self.sha256) == bool(self.sha512):
            raise ValueError("must have either sha256 or sha512")
        return self

    @property
    def checksum(self) -> str:
        """The pinned checksum in hex; its length tells the algorithm."""
        return self.sha256 or self.sha512 or ""


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
        return json.dumps(self.model_dump(mode="json", exclude_none=True), indent=2, sort_keys=True) + "\n"


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
