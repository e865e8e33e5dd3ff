"""The terminal that every command prints to.

Words of people, clusters and files are printed as they are: markup and emoji codes are read in this program's own
templates alone (`styled`). Tables keep all of their words at any width (`Table`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Column
from rich.table import Table as RichTable
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import ConsoleOptions, RenderableType, RenderResult
    from rich.style import StyleType

console = Console(markup=False, emoji=False, highlight=False)
errors = Console(stderr=True, markup=False, emoji=False, highlight=False)

_READABLE = 16
"""Letters in a line of a column that may wrap; where there is room for less, each row becomes a block."""


_SHIELDED = {ord("["): 0xE000, ord("\\"): 0xE001}
_SHOWN = {shield: letter for letter, shield in _SHIELDED.items()}
"""Letters with a meaning in markup, and letters that mean nothing anywhere."""


def say(text: str | Text) -> None:
    """Print a line, as long as it is: the terminal wraps it, and a pipe gets it whole."""
    console.print(text if isinstance(text, Text) else Text(text), soft_wrap=True)


def styled(template: str, *values: object) -> Text:
    """Fill values into a template with markup, such as `[bold]{}[/]: {}`; no markup is read in the values."""
    filled = template.format(*(str(value).translate(_SHIELDED) for value in values))
    line = Text.from_markup(filled, emoji=False)
    return Text(line.plain.translate(_SHOWN), spans=line.spans)


def print_json(value: object) -> None:
    """Print a result for programs."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 change`, `2 changes`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class Table(RichTable):
    """A table whose rows become blocks where its columns do not fit; its cells are plain text, and none is cut."""

    def __init__(self, *heads: Column | str, title: str | None = None, **options: object) -> None:
        made = [Column(Text(head)) if isinstance(head, str) else head for head in heads]
        super().__init__(*made, title=Text(title) if title else None, **options)  # type: ignore[arg-type]
        for column in self.columns:
            if not column.no_wrap:
                column.overflow = "fold"

    def add_row(self, *cells: RenderableType | None, style: StyleType | None = None, end_section: bool = False) -> None:
        """Add a row; a string is plain text."""
        plain = (Text(cell) if isinstance(cell, str) else cell for cell in cells)
        super().add_row(*plain, style=style, end_section=end_section)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it as a table where that can be read."""
        if _needed(self) <= options.max_width:
            yield from super().__rich_console__(console, options)
        else:
            yield from _blocks(self, options.max_width)


def _needed(table: RichTable) -> int:
    """Return the width in which each line of a column that wraps can be read, and the others are whole."""
    _, right, _, left = table.padding
    inside = 0
    for column in table.columns:
        longest = max(map(_width, (column.header, *column.cells)))
        inside += longest if column.no_wrap else min(longest, _READABLE)
    count = len(table.columns)
    return inside + count * (left + right) + (count + 1 if table.box else 0)


def _width(cell: RenderableType) -> int:
    return max((cell_len(line) for line in _plain(cell).splitlines()), default=0)


def _plain(cell: RenderableType) -> str:
    return cell.plain if isinstance(cell, Text) else str(cell)


def _blocks(table: RichTable, width: int) -> Iterator[RenderableType]:
    """Draw each row as its first cell with the others below, each behind the name of its column."""
    if table.title:
        yield table.title
    heads = [_plain(column.header) for column in table.columns]
    if heads[0]:
        yield Text(heads[0], "italic", overflow="fold")
    named = max((cell_len(head) for head in heads[1:]), default=0) + 4
    beside = width - named >= _READABLE
    for cells, row in zip(zip(*(column.cells for column in table.columns), strict=True), table.rows, strict=True):
        mark = f"{_plain(cells[0])} ".lstrip() if not heads[0] else ""
        first = 0 if heads[0] else 1
        yield Text.assemble((f"{mark}{_plain(cells[first])}", "bold"), overflow="fold")
        for head, cell in list(zip(heads, cells, strict=True))[first + 1 :]:
            if not _plain(cell).strip():
                continue
            value = cell.copy() if isinstance(cell, Text) else Text(_plain(cell))
            value.overflow, value.no_wrap = "fold", False
            if beside:
                line = RichTable.grid(Column(width=named, no_wrap=True), Column(overflow="fold"))
                line.add_row(Text(f"  {head}"), value, style=row.style)
                yield line
            else:
                yield Text(f"  {head}", overflow="fold")
                yield Padding(value, (0, 0, 0, 4))
