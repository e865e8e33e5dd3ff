"""The state of one stack in a file backend: the file itself, and the copies that Pulumi keeps beside it."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.adapters import checkpoints, files, pulumi_cli
from lab.adapters.checkpoints import Checkpoint, UnreadableError
from lab.core import paths
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = "istio-lab"

_FORMS = ("", ".gz", ".zst")
"""Endings of the forms in which Pulumi can be told to keep a state."""

_ASIDE = "unreadable"


@dataclass(frozen=True, kw_only=True)
class StateFiles:
    """The files of one stack under the root of a file backend."""

    root: Path
    stack: str

    @property
    def file(self) -> Path:
        """The state, in whichever form it is; like Pulumi, the newest if there are several."""
        plain = self._folder("stacks") / f"{self.stack}.json"
        found = [file for form in _FORMS if (file := plain.with_name(plain.name + form)).is_file()]
        return max(found, key=lambda file: file.stat().st_mtime_ns, default=plain)

    @property
    def locks(self) -> Path:
        """The folder of the stack's locks."""
        # A backend that knows no organizations calls the only one by this name.
        return self.root / ".pulumi" / "locks" / "organization" / PROJECT / self.stack

    def read(self) -> Checkpoint:
        """Read the state.

        Raises:
            UnreadableError: it is broken, or there is none.
        """
        return self._read(self.file)

    def backup(self) -> Checkpoint | None:
        """Return the newest copy of the state that can be read."""
        for file in self._backups():
            with contextlib.suppress(UnreadableError):
                return self._read(file)
        return None

    def mentions(self, text: bytes) -> bool:
        """Check for a text in the state and in its copies, though they may be broken."""
        return any(text in file.read_bytes() for file in (self.file, *self._backups()) if file.is_file())

    def restore(self, backup: Checkpoint) -> Path | None:
        """Put a backup in the place of the state; return where the former file is kept, if there was one."""
        content = backup.file.read_bytes()
        kept = self.forget()
        # By its content, Pulumi knows a compressed file from a plain one.
        plain = self._folder("stacks") / f"{self.stack}.json"
        files.write_bytes(plain, content)
        return kept

    def forget(self) -> Path | None:
        """Put the state aside, so that the stack is unknown to Pulumi; return where it is kept, if there was one."""
        kept: Path | None = None
        while (file := self.file).is_file():
            kept = file.with_name(f"{file.name}.{_ASIDE}")
            file.replace(kept)
        return kept

    def _backups(self) -> list[Path]:
        """Return the copies of the state, newest first: of the last write, of the last updates."""
        places = (
            (self._folder("stacks"), f"{self.stack}.json*.bak"),
            # Those that Pulumi keeps when it is told to retain checkpoints.
            (self._folder("stacks"), f"{self.stack}.json*.[0-9]*"),
            (self._folder("backups") / self.stack, f"{self.stack}.*.json*"),
            (self._folder("history") / self.stack, f"{self.stack}-*.checkpoint.json*"),
        )
        found = [file for folder, pattern in places for file in folder.glob(pattern) if file.is_file()]
        return sorted(found, key=lambda file: file.stat().st_mtime_ns, reverse=True)

    def _folder(self, kind: str) -> Path:
        return self.root / ".pulumi" / kind / PROJECT

    def _read(self, file: Path) -> Checkpoint:
        return checkpoints.read(file, self._expand)

    def _expand(self, file: Path) -> str:
        """Have Pulumi read a file, in a backend that has nothing else."""
        with tempfile.TemporaryDirectory(dir=files.folder(paths.temporary_dir())) as folder:
            alone = StateFiles(root=Path(folder), stack=self.stack)
            files.folder(alone.file.parent)
            files.write_bytes(alone.file, file.read_bytes())
            address = {"PULUMI_BACKEND_URL": f"{Path(folder).as_uri()}?metadata=skip"}
            export = ("stack", "export", "--stack", self.stack)
            try:
                return pulumi_cli.run(*export, folder=paths.PROJECT, environment=address).stdout
            except LabError as error:
                raise UnreadableError("its compressed content cannot be read") from error


def all_of(root: Path) -> Iterator[StateFiles]:
    """Yield the files of every stack of the project that has a state under a root."""
    folder = root / ".pulumi" / "stacks" / PROJECT
    names = {file.name.partition(".json")[0] for form in _FORMS for file in folder.glob(f"*.json{form}")}
    for name in sorted(names):
        yield StateFiles(root=root, stack=name)
