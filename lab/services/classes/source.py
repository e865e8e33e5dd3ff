"""A class file as data, with the line that each value stands in: YAML, or a table of students as CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml
from yaml.constructor import ConstructorError
from yaml.reader import ReaderError

from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Key = tuple[str | int, ...]
"""Where a value is: names of mappings and numbers in lists, from the outside in."""

_TAG = "tag:yaml.org,2002:"
"""Begins YAML's own names of the kinds of values."""

_OWN_COLUMNS = ("id", "name", "mail", "group")
"""What a student is; every other column of a CSV is a setting."""


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
    if path.suffix.lower() == ".csv":
        rows, lines = _table(_text(path), path.name)
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
    rows, lines = _table(_text(beside), beside.name)
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


def _text(path: Path) -> str:
    try:
        # Spreadsheets begin a CSV with a mark that says UTF-8.
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise LabError(f"there is no class file {path}", "write one: lab class init") from None
    except IsADirectoryError:
        raise LabError(f"{path} is a folder, no class file", "name the file: lab class plan class.yaml") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise LabError(f"{path.name}:{line}: this is not UTF-8 text", "save the file as UTF-8") from None
    except OSError as error:
        raise LabError(f"{path} cannot be read: {error.strerror}", "make it readable, or name another") from None


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
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        _number(root, (), lines, twice, name)
        data = None if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise LabError(f"{name}:{line}: this is no YAML: {error.problem}", "mend that line") from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise LabError(f"{name}:{line}: this is no YAML: {error.reason}", "mend that line") from None
    except RecursionError:
        raise LabError(f"{name}:1: values are nested without end", "take the innermost out") from None
    if not isinstance(data, dict):
        raise LabError(
            f"{name}:1: found no mapping; a class file has keys such as class and students", "lab class init"
        )
    if twice:
        raise LabError("\n".join(twice), "keep one of each")
    return Source(path=name, data=data, lines=lines)


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


def _table(text: str, name: str) -> tuple[list[dict[str, object]], dict[Key, int]]:
    """The rows of a CSV as students, and the line of each."""
    first = text.splitlines()[0] if text.strip() else ""
    # Where decimals have commas, spreadsheets write semicolons between columns.
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        columns = [column.strip() for column in reader.fieldnames or ()]
        _require_columns(columns, name)
        reader.fieldnames = columns
        rows: list[dict[str, object]] = []
        lines: dict[Key, int] = {(): 1}
        for row in reader:
            if None in row:
                raise LabError(
                    f"{name}:{reader.line_num}: more values than the {len(columns)} columns of line 1",
                    "put a value that has a comma in it into quotes",
                )
            # A value in quotes may have several lines; the row is where it begins.
            lines[len(rows),] = reader.line_num - sum((value or "").count("\n") for value in row.values())
            rows.append(_student(row))
    except csv.Error as error:
        raise LabError(f"{name}:{reader.reader.line_num}: this is no CSV: {error}", "mend that line") from None
    return rows, lines


def _require_columns(columns: Sequence[str], name: str) -> None:
    if "id" not in columns:
        raise LabError(f"{name}:1: found the columns {', '.join(columns) or 'none'}; one of them must be id", "add it")
    if doubled := sorted({column for column in columns if columns.count(column) > 1}):
        raise LabError(f"{name}:1: the column {doubled[0]} is there twice", "keep one of them")
    for column in columns:
        group = next((other for other in columns if column.startswith(f"{other}.")), None)
        if group:
            raise LabError(f"{name}:1: the column {column} is a part of the column {group}", "keep one of them")


def _student(row: Mapping[str, str | None]) -> dict[str, object]:
    """A row as a student; a column such as `shop.order.replicas` is that setting, unless it is empty."""
    given = {column: (value or "").strip() for column, value in row.items()}
    student: dict[str, object] = {column: value for column, value in given.items() if column in _OWN_COLUMNS}
    settings: dict[str, object] = {}
    for column, value in given.items():
        if column not in _OWN_COLUMNS and value:
            _put(settings, column.split("."), value)
    return {**student, **({"settings": settings} if settings else {})}


def _put(into: dict[str, object], path: Sequence[str], value: str) -> None:
    name, *rest = path
    if not rest:
        into[name] = value
        return
    inner = into.setdefault(name, {})
    if isinstance(inner, dict):
        _put(inner, rest, value)
