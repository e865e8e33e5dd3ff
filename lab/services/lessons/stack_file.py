"""A stack's file with another value of one setting, and everything else byte for byte as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMESPACE = "istio-lab:"
_CONFIG = "config:"


def full(key: str) -> str:
    """A setting's key as the file has it."""
    return f"{_NAMESPACE}{key}"


def block(key: str, value: Mapping[str, object]) -> str:
    """The lines of a setting; none for one that is empty.

    Args:
        key: such as `traffic`.
        value: the whole of it.
    """
    if not value:
        return ""
    lines = yaml.safe_dump({full(key): dict(value)}, sort_keys=False).splitlines()
    return "".join(f"  {line}\n" for line in lines)


def replaced(text: str, key: str, value: Mapping[str, object]) -> str:
    """The same file with this value of a setting instead of the one it has.

    Args:
        text: a stack's file.
        key: which setting: `traffic`.
        value: what to write; empty takes the setting out.

    Raises:
        LabError: the file is written so that only a person can change it.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += newline
    begin = next((index for index, line in enumerate(lines) if _names(line, key)), None)
    if begin is None:
        end = begin = _end_of_config(lines, newline)
    else:
        end = begin + 1
        while end < len(lines) and lines[end].startswith("   "):
            end += 1
    changed = "".join([*lines[:begin], block(key, value).replace("\n", newline), *lines[end:]])
    if _meaning(changed) != _expected(text, key, value):
        raise LabError(
            f"{full(key)} cannot be changed in a file that is written like this",
            f"write it by hand:\n{block(key, value)}",
        )
    return changed


def _names(line: str, key: str) -> bool:
    return line.startswith((f"  {full(key)}:", f'  "{full(key)}":', f"  '{full(key)}':"))


def _end_of_config(lines: list[str], newline: str) -> int:
    """Where a new setting goes: behind the last one."""
    if (begin := next((index for index, line in enumerate(lines) if line.rstrip() == _CONFIG), None)) is None:
        lines.append(f"{_CONFIG}{newline}")
        return len(lines)
    end = begin + 1
    while end < len(lines) and lines[end].startswith(" "):
        end += 1
    return end


def _meaning(text: str) -> dict[str, object]:
    try:
        return dict(yaml.safe_load(text) or {})
    except yaml.YAMLError:
        return {}


def _expected(text: str, key: str, value: Mapping[str, object]) -> dict[str, object]:
    whole = _meaning(text)
    config = {name: each for name, each in dict(whole.get("config") or {}).items() if name != full(key)}  # type: ignore[call-overload]
    return {**whole, "config": {**config, **({full(key): dict(value)} if value else {})}}
