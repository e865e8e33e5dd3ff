"""What exists in the stand-in's Azure, kept in one file because every Pulumi command starts a provider of its own."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = "STANDIN_DIR"


@dataclass
class Entry:
    """One resource that exists.

    Attributes:
        id: its ARM id.
        type: its Pulumi token.
        order: how many resources were there before it.
        inputs: as it was last asked for, without secrets.
        properties: as Azure shows it, without secrets.
    """

    id: str
    type: str
    order: int
    inputs: dict[str, Any]
    properties: dict[str, Any]


@dataclass
class Written:
    """One request that wanted to change something.

    Attributes:
        method: create, update, delete or import.
        type: Pulumi token of the resource.
        id: its ARM id.
        refused: Azure's code of the error, or empty.
        body: of an action on a resource.
    """

    method: str
    type: str
    id: str
    refused: str = ""
    body: dict[str, Any] = field(default_factory=dict)


@dataclass
class State:
    """Everything that the stand-in remembers.

    Attributes:
        counter: how many resources were ever made.
        entries: what exists, in the order it was made.
        log: every request to change something, in the order it arrived.
        faults: how often each configured fault has struck.
    """

    counter: int = 0
    entries: list[Entry] = field(default_factory=list)
    log: list[Written] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)

    def find(self, id_: str) -> Entry | None:
        """The resource of this id; ARM ids are alike whatever their case."""
        return next((each for each in self.entries if each.id.lower() == id_.lower()), None)

    def of_type(self, token: str) -> list[Entry]:
        """All resources of a type."""
        return [each for each in self.entries if each.type == token]

    def within(self, id_: str) -> list[Entry]:
        """A resource and everything that goes with it: what it contains and what is assigned to it."""
        return [each for each in self.entries if f"{each.id}/".lower().startswith(f"{id_}/".lower())]

    def add(self, id_: str, token: str, inputs: dict[str, Any], properties: dict[str, Any]) -> None:
        """Remember a new resource."""
        self.entries.append(Entry(id_, token, self.counter, inputs, properties))
        self.counter += 1

    def remove(self, id_: str) -> None:
        """Forget a resource and everything that goes with it."""
        gone = self.within(id_)
        self.entries = [each for each in self.entries if each not in gone]


class Store:
    """The file, `store.json`, and its lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "store.json"

    @classmethod
    def of_environment(cls) -> Store:
        """The store in the folder that the tests name."""
        return cls(Path(os.environ[FOLDER]))

    def read(self) -> State:
        """What is stored now."""
        if not self._file.exists():
            return State()
        raw = json.loads(self._file.read_text())
        return State(
            counter=raw["counter"],
            entries=[Entry(**each) for each in raw["entries"]],
            log=[Written(**each) for each in raw["log"]],
            faults=raw["faults"],
        )

    @contextlib.contextmanager
    def opened(self) -> Iterator[State]:
        """What is stored, for changes by one thread of one process at a time; a refused request is kept, too."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / "store.lock"):
            state = self.read()
            try:
                yield state
            finally:
                self._write(state)

    def _write(self, state: State) -> None:
        unfinished = self._file.with_suffix(".new")
        unfinished.write_text(json.dumps(asdict(state), indent=1))
        unfinished.replace(self._file)
