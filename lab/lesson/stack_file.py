"""A stack's file with other settings of `traffic`, and everything else byte for byte as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "istio-lab:traffic"
_CONFIG = "config:"


def block(traffic: Mapping[str, object]) -> str:
    """The lines of the setting; none for a lab without a rule."""
    if not traffic:
        return ""
    lines = yaml.safe_dump({KEY: dict(traffic)}, sort_keys=False).splitlines()
    return "".join(f"  {line}\n" for line in lines)


def replaced(text: str, traffic: Mapping[str, object]) -> str:
    """The same file with these settings instead of those it has.

    Args:
        text: a stack's file.
        traffic: what to write; empty takes the setting out.

    Raises:
        LabError: the file is written so that only a person can change it.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += newline
    begin = next((index for index, line in enumerate(lines) if _names(line)), None)
    if begin is None:
        end = begin = _end_of_config(lines, newline)
    else:
        end = begin + 1
        while end < len(lines) and lines[end].startswith("   "):
            end += 1
    changed = "".join([*lines[:begin], block(traffic).replace("\n", newline), *lines[end:]])
    if _meaning(changed) != _expected(text, traffic):
        raise LabError(
            f"{KEY} cannot be changed in a file that is written like this", f"write it by hand:\n{block(traffic)}"
        )
    return changed


def _names(line: str) -> bool:
    return line.startswith((f"  {KEY}:", f'  "{KEY}":', f"  '{KEY}':"))


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


def _expected(text: str, traffic: Mapping[str, object]) -> dict[str, object]:
    whole = _meaning(text)
    config = {key: value for key, value in dict(whole.get("config") or {}).items() if key != KEY}  # type: ignore[call-overload]
    return {**whole, "config": {**config, **({KEY: dict(traffic)} if traffic else {})}}
