"""A class file as data, with the line that each value stands in: YAML, or a table of students as CSV."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml
from yaml.constructor import ConstructorError

from lab.adapters import text_files
from lab.core.errors import LabError
from lab.services.classes import table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Key = tuple[str | int, ...]
"""Where a value is: names of mappings and numbers in lists, from the outside in."""

_TAG = "tag:yaml.org,2002:"
"""Begins YAML's own names of the kinds of values."""

_TABLES = (".csv", ".tsv", ".txt", ".tab", ".xlsx", ".xls", ".ods")
"""Endings of tables, and of spreadsheets, which are refused by what they are."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a file says.

    Attributes:
        path: the file, as messages name it.
        data: its content, unchecked.
        lines: the line that a value begins in, by where it is.
        files: of values that stand in another file: its name, by where they are.
    """

    path: str
    data: Mapping[str, object]
    lines: Mapping[Key, int] = field(default_factory=dict)
    files: Mapping[Key, str] = field(default_factory=dict)

    def at(self, key: Key) -> str:
        """File and line of a value, or of the nearest one that it is inside of, such as `class.yaml:12`."""
        for length in range(len(key), -1, -1):
            if key[:length] in self.lines:
                return f"{self.files.get(key[:length], self.path)}:{self.lines[key[:length]]}"
        return self.path


def read(path: Path) -> Source:
    """Read a class file.

    Args:
        path: a YAML file, or a CSV file of students, of which the name is the class'. A YAML file may name a CSV file
            beside it under `students`.

    Raises:
        LabError: it cannot be read, or it is neither.
    """
    if path.suffix.lower() in _TABLES:
        rows, lines = table.read(_text(path, table=True), path.name)
        return Source(
            path=path.name,
            data={"class": path.stem.lower(), "students": rows},
            lines={(): 1, **{("students", *key): line for key, line in lines.items()}},
        )
    source = _yaml(_text(path), path.name)
    named = source.data.get("students")
    if not isinstance(named, str):
        return source
    beside = path.parent / named
    if not _is_file(beside):
        raise LabError(
            f"{source.at(('students',))}: students: there is no file {named} beside it",
            "name a CSV file, or list the students here",
        )
    rows, lines = table.read(_text(beside, table=True), beside.name)
    placed: dict[Key, int] = {("students", *key): line for key, line in lines.items()}
    return Source(
        path=source.path,
        data={**source.data, "students": rows},
        lines={**source.lines, **placed},
        files=dict.fromkeys(placed, beside.name),
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False


def _text(path: Path, *, table: bool = False) -> str:
    if path.is_dir():
        raise LabError(f"{path} is a folder, no class file", "name the file: lab class plan class.yaml")
    try:
        return text_files.read(path, of_spreadsheets=table)
    except LabError as error:
        if isinstance(error.__context__, FileNotFoundError):
            raise LabError(f"there is no class file {path}", "write one: lab class init") from None
        raise


class _Loader(yaml.SafeLoader):
    """YAML without surprises: days are text, as every other setting is, and a value that is none says where it is."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:  # noqa: FBT001, FBT002 - PyYAML's
        if node.tag == f"{_TAG}timestamp":
            node.tag = f"{_TAG}str"
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError):
            kind = node.tag.rpartition(":")[2]
            raise ConstructorError(problem=f"{node.value} is no {kind}", problem_mark=node.start_mark) from None


def _yaml(text: str, name: str) -> Source:
    lines: dict[Key, int] = {}
    twice: dict[str, None] = {}
    with text_files.parsing(text, name):
        loader = _Loader(text)
        root = loader.get_single_node()
        _number(root, (), lines, twice, name)
        data = None if root is None else loader.construct_document(root)
    if not isinstance(data, dict):
        raise LabError(
            f"{name}:1: found no mapping; a class file has keys such as class and students", "lab class init"
        )
    if twice:
        raise LabError("\n".join(twice), "keep one of each")
    return Source(path=name, data=_with_own_keys(data, lines, name), lines=lines)


def _with_own_keys(data: dict[str, object], lines: dict[Key, int], name: str) -> dict[str, object]:
    """Give the keys of students the names that they have here: `email` is `mail`."""
    students = data.get("students")
    if not isinstance(students, list):
        return data
    renamed: list[object] = []
    for number, student in enumerate(students):
        if not isinstance(student, dict):
            renamed.append(student)
            continue
        own: dict[str, object] = {}
        for key, value in student.items():
            known = table.own_key(str(key))
            if known in own:
                raise LabError(
                    f"{name}:{lines['students', number, key]}: {key} is {known}, which stands there too", "keep one"
                )
            own[known] = value
            lines.setdefault(("students", number, known), lines.get(("students", number, key), 1))
        renamed.append(own)
    return {**data, "students": renamed}


def _number(node: yaml.Node | None, key: Key, lines: dict[Key, int], twice: dict[str, None], name: str) -> None:
    """Note the line of every value below a node, and the keys that stand there twice: YAML would drop the first.

    Keys become text as they stand there; to YAML, `on` would be true and `12` a number.
    """
    if node is None:
        return
    lines.setdefault(key, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for inner, value in node.value:
            path = (*key, str(inner.value))
            if path in lines:
                twice[f"{name}:{inner.start_mark.line + 1}: {inner.value} stands there twice"] = None
            if isinstance(inner, yaml.ScalarNode) and inner.tag != f"{_TAG}merge":
                inner.tag = f"{_TAG}str"
            lines[path] = inner.start_mark.line + 1
            _number(value, path, lines, twice, name)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            _number(value, (*key, position), lines, twice, name)
