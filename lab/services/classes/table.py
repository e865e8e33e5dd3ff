"""A table of students as spreadsheets and other programs export it: rows, with the line of each."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from typing import TYPE_CHECKING

from lab.core.errors import LabError
from lab.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Rows = tuple[list[dict[str, object]], dict[tuple[str | int, ...], int]]

_OWN_COLUMNS = ("id", "name", "mail", "group")
"""Columns that identify a student; every other one is a setting."""

_CALLED = {
    "id": ("studentid", "userid", "username", "login", "아이디", "학생아이디", "학번", "사용자아이디", "사용자id"),
    "name": ("fullname", "studentname", "displayname", "이름", "성명", "학생이름", "학생명", "학생성명"),
    "mail": (
        *("email", "emailaddress", "mailaddress", "studentemail", "studentmail"),
        *("메일", "이메일", "전자우편", "전자메일", "메일주소", "이메일주소", "전자우편주소"),
    ),
    "group": ("groupid", "그룹", "그룹아이디", "그룹id"),
}
"""Other names of these columns, in letters and digits alone."""

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
"""Characters without a width, which come along when text is copied from a page."""

_SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
"""The first line by which Excel tells itself what stands between the columns."""

_TEXT = re.compile(r'="([^"]*)"')
"""Excel's notation for text that looks like a number."""

_FORMULA = re.compile(r"[=@]|#(REF|N/A|NAME\?|VALUE|DIV/0|NULL|NUM)[!]?")
"""Begins what a spreadsheet has not computed, or could not."""


def own_key(column: str) -> str:
    """Return what a student has by the name of a column or of a key, whoever has named it; else the name itself."""
    visible = _visible(column)
    plain = "".join(character for character in visible.casefold() if character.isalnum())
    if "." in visible:  # a setting
        return visible
    return next((key for key, names in _CALLED.items() if plain == key or plain in names), visible)


def read(text: str, name: str) -> Rows:
    """Return the rows of a CSV as students, and the line of each.

    Args:
        text: the file's content.
        name: of the file, for messages.

    Raises:
        LabError: it is none; with the line and what to do.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    skipped = 0
    delimiter = ""
    if (told := _SEPARATOR.fullmatch(text.partition("\n")[0])) is not None:
        text, skipped, delimiter = text.partition("\n")[2], 1, told[1]
    head = next((line for line in text.split("\n") if line.strip()), "")
    _require_table(head, name, skipped + 1)
    # Where decimals have commas, spreadsheets write semicolons between columns.
    delimiter = delimiter or max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True, strict=True)
    columns: list[str] = []
    rows: list[dict[str, object]] = []
    lines: dict[tuple[str | int, ...], int] = {(): 1 + skipped}
    try:
        for values in reader:
            # A value in quotes may have several lines; the row is where it begins.
            line = skipped + reader.line_num - sum(value.count("\n") for value in values)
            if not any(map(_visible, values)):
                continue
            if not columns:
                columns = [own_key(column) for column in values]
                lines[()] = line
                _require_columns(columns, name, line)
                continue
            _require_fitting(values, columns, f"{name}:{line}", lines[()], delimiter)
            lines[len(rows),] = line
            rows.append(_student(dict(zip(columns, values, strict=False)), f"{name}:{line}"))
    except csv.Error as error:
        line = skipped + reader.line_num
        raise LabError(f"{name}:{line}: this is no CSV: {error}", "mend that line") from None
    if not columns:
        _require_columns(columns, name, 1 + skipped)
    return rows, lines


def _visible(text: str) -> str:
    """Return text without what nobody sees: characters without a width, and spaces around it of whatever kind."""
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", text).replace("\xa0", " ").replace("\u3000", " ")).strip()


def _require_table(head: str, name: str, line: int) -> None:
    if re.match(r"\s*<(!doctype|html|table|\?xml|meta)\b", head, re.IGNORECASE):
        raise LabError(f"{name}:{line}: this is a page of HTML or XML, not CSV", "save it as CSV UTF-8")


def _require_columns(columns: Sequence[str], name: str, line: int) -> None:
    if "id" not in columns:
        found = ", ".join(filter(None, columns)) or "none"
        raise LabError(f"{name}:{line}: found the columns {found}; one of them must be id", "add it")
    named = [column for column in columns if column]
    if doubled := sorted({column for column in named if named.count(column) > 1}):
        raise LabError(f"{name}:{line}: the column {doubled[0]} is there twice", "keep one of them")
    settings = {str(field.alias) for field in Settings.model_fields.values()}
    for column in named:
        group = next((other for other in named if column.startswith(f"{other}.")), None)
        if group:
            raise LabError(f"{name}:{line}: the column {column} is a part of the column {group}", "keep one of them")
        if column not in _OWN_COLUMNS and column.partition(".")[0] not in settings:
            raise LabError(
                f"{name}:{line}: the column {column} is none of {', '.join(_OWN_COLUMNS)}, and no setting such as "
                "shop.order.replicas",
                "take the column out, or rename it",
            )


def _require_fitting(values: Sequence[str], columns: Sequence[str], place: str, head: int, delimiter: str) -> None:
    if any(map(_visible, values[len(columns) :])):
        what = {",": "a comma", ";": "a semicolon", "\t": "a tab"}.get(delimiter, delimiter)
        raise LabError(
            f"{place}: more values than the {len(columns)} columns of line {head}",
            f"put a value that has {what} in it into quotes",
        )
    for column, value in zip(columns, values, strict=False):
        if not column and _visible(value):
            raise LabError(
                f"{place}: found {_visible(value)[:40]} in a column without a name",
                "name the column, or take it out",
            )


def _student(row: Mapping[str, str], place: str) -> dict[str, object]:
    """A row as a student; a column such as `shop.order.replicas` is that setting, unless it is empty."""
    given = {column: _value(value, f"{place}: {column}") for column, value in row.items() if column}
    student: dict[str, object] = {column: given.get(column, "") for column in _OWN_COLUMNS if column in row}
    for column in ("id", "mail"):
        if column in student:
            # Letters as wide as a Chinese character are the same letters.
            student[column] = unicodedata.normalize("NFKC", str(student[column]))
    settings: dict[str, object] = {}
    for column, value in given.items():
        if column not in _OWN_COLUMNS and value:
            _put(settings, column.split("."), value)
    return {**student, **({"settings": settings} if settings else {})}


def _value(text: str, place: str) -> str:
    visible = _visible(text)
    if (quoted := _TEXT.fullmatch(visible)) is not None:
        return _visible(quoted[1])
    if _FORMULA.match(visible):
        raise LabError(f"{place}: found {visible[:40]}, a formula of a spreadsheet", "write its value instead")
    return visible


def _put(into: dict[str, object], path: Sequence[str], value: str) -> None:
    name, *rest = path
    if not rest:
        into[name] = value
        return
    inner = into.setdefault(name, {})
    if isinstance(inner, dict):
        _put(inner, rest, value)
