"""Files that people write, as text: whatever an editor or a spreadsheet made of them, or a message with the line."""

from __future__ import annotations

import codecs
import contextlib
import re
from typing import TYPE_CHECKING

import yaml
from yaml.constructor import ConstructorError
from yaml.reader import ReaderError

from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WIDE = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Marks at the beginning of a file, the longer ones first: one begins with another."""

_OTHERS = {
    b"PK\x03\x04": "a spreadsheet or an archive (ZIP)",
    b"\xd0\xcf\x11\xe0": "a spreadsheet or a document of an old Office",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "compressed (gzip)",
}
"""First bytes of files that are not text."""

_HANGUL = re.compile(r"[\x00-\x7f가-힣]*")

_MOST_VALUES = 100_000
"""Values of a file with all that its aliases repeat; a few lines can stand for millions."""


_DEEPEST = 300
"""Brackets inside each other."""


def read(path: Path, name: str = "", *, of_spreadsheets: bool = False) -> str:
    """Return a file's text, without the mark that some editors begin it with.

    Args:
        path: of the file, which is there.
        name: the file as messages with a line call it; its own name if left out.
        of_spreadsheets: understand the encodings that spreadsheets save in as well: UTF-16, and CP949 in Korea.

    Raises:
        LabError: it cannot be read, or is no text; with the line and what to do.
    """
    try:
        raw = path.read_bytes()
    except IsADirectoryError:
        raise LabError(f"{path} is a folder, and should be a file", "move the folder away") from None
    except OSError as error:
        raise LabError(f"{path} cannot be read: {error.strerror}", "make it readable, or name another") from None
    return decode(raw, name or path.name, of_spreadsheets=of_spreadsheets)


def decode(raw: bytes, name: str, *, of_spreadsheets: bool = False) -> str:
    """Return the text that a file's content is; `name` is for messages.

    Raises:
        LabError: it is none.
    """
    if found := next((what for magic, what in _OTHERS.items() if raw.startswith(magic)), None):
        raise LabError(f"{name}:1: this is no text, but {found}", "save it as text: a spreadsheet as CSV UTF-8")
    wide = next((encoding for mark, encoding in _WIDE.items() if raw.startswith(mark)), "")
    if wide and not of_spreadsheets:
        raise LabError(f"{name}:1: this is {wide.upper()} text, not UTF-8", "save the file as UTF-8")
    try:
        return raw.decode(wide or "utf-8-sig").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        korean = _korean(raw) if of_spreadsheets and not wide else None
        if korean is not None:
            return korean
        line = raw.count(b"\n", 0, error.start) + 1
        raise LabError(f"{name}:{line}: this is not {(wide or 'utf-8').upper()} text", _SAVE) from None


_SAVE = "save the file as UTF-8; in Excel: CSV UTF-8"


def _korean(raw: bytes) -> str | None:
    """Return text of Korean Windows. Whatever is not Hangul and ASCII alone may be of another encoding."""
    try:
        text = raw.decode("cp949")
    except UnicodeDecodeError:
        return None
    return text if _HANGUL.fullmatch(text) else None


def mapping(text: str, name: str) -> dict[str, object]:
    """Return the mapping that a YAML file is; an empty file is an empty one.

    Raises:
        LabError: it is none, or a key stands there twice; with the line.
    """
    with parsing(text, name):
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            return {}
        if not isinstance(root, yaml.MappingNode) and root.tag != "tag:yaml.org,2002:null":
            raise LabError(f"{name}:1: found {_kind(root)}; allowed: keys with values", "mend the file")
        _check(root, name, {}, ())
        return loader.construct_document(root) or {}


@contextlib.contextmanager
def parsing(text: str, name: str) -> Iterator[None]:
    """Name the line of what YAML's parser refuses in a text.

    Raises:
        LabError: the text is no YAML, or nested without end.
    """
    require_shallow(text, name)
    try:
        yield
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise LabError(f"{name}:{line}: this is no YAML: {error.problem}", "mend that line") from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise LabError(f"{name}:{line}: this is no YAML: {error.reason}", "mend that line") from None
    except RecursionError:
        raise LabError(f"{name}:1: values are nested without end", "take the innermost out") from None


def require_shallow(text: str, name: str) -> None:
    """Refuse brackets in brackets without end, on which the parser would spend many seconds before it gives up."""
    if text.count("[") + text.count("{") < _DEEPEST:
        return
    depth = 0
    for position, character in enumerate(text):
        depth += (character in "[{") - (character in "]}")
        if depth > _DEEPEST:
            line = text.count("\n", 0, position) + 1
            raise LabError(f"{name}:{line}: values are nested without end", "take the innermost out")


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "keys with values"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a text or a number"


def _check(node: yaml.Node, name: str, sizes: dict[int, int], above: tuple[int, ...]) -> int:
    """Refuse what YAML allows and nobody means; return the number of values with those that aliases repeat."""
    if id(node) in above:
        raise ConstructorError(problem="a value that is inside itself", problem_mark=node.start_mark)
    if id(node) in sizes:
        return sizes[id(node)]
    inside: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            _check_key(key, name, seen)
            inside.append(value)
    elif isinstance(node, yaml.SequenceNode):
        inside = node.value
    else:
        _check_scalar(node)
    size = 1 + sum(_check(each, name, sizes, (*above, id(node))) for each in inside)
    if size > _MOST_VALUES:
        line = node.start_mark.line + 1
        raise LabError(f"{name}:{line}: aliases make more than {_MOST_VALUES} values of it", "write fewer")
    sizes[id(node)] = size
    return size


def _check_key(key: yaml.Node, name: str, seen: set[str]) -> None:
    line = key.start_mark.line + 1
    if not isinstance(key, yaml.ScalarNode):
        raise LabError(f"{name}:{line}: a key is {_kind(key)}; allowed: text", "mend that line")
    kind = key.tag.rpartition(":")[2]
    if kind not in ("str", "merge"):
        raise LabError(f"{name}:{line}: the key {key.value} is no text to YAML ({kind})", f'write it so: "{key.value}"')
    if key.value in seen and kind == "str":
        raise LabError(f"{name}:{line}: {key.value} stands there twice", "keep one of them")
    seen.add(key.value)


def _check_scalar(node: yaml.Node) -> None:
    try:
        yaml.SafeLoader("").construct_object(node)
    except (ValueError, LookupError):
        kind = node.tag.rpartition(":")[2]
        raise ConstructorError(problem=f"{node.value} is no {kind}", problem_mark=node.start_mark) from None


def line_of(text: str, *keys: str) -> int:
    """Return the line in which the value at these keys of a YAML mapping begins; 1 if it is not there."""
    node, line = yaml.compose(text, Loader=yaml.SafeLoader), 1
    for key in keys:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next((pair for pair in pairs if pair[0].value == key), None)
        if found is None:
            break
        node, line = found[1], found[0].start_mark.line + 1
    return line
