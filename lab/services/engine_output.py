"""The engine's output where nobody watches: what a reader of a log needs of it, and all of it in a file.

Without a terminal, pulumi prints each resource three times or more.
"""

from __future__ import annotations

import os
import re
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

from lab.adapters import process_log
from lab.core import paths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lab.adapters.stack import Stack

VARIABLE = "ISTIO_LAB_VERBOSE"
"""Set to 1, the whole output is printed also where there is no terminal."""

_PROGRESS = re.compile(
    r"^ [-+~>=*! ]{1,4} *(?P<type>[\w./:-]+:\S*) (?P<name>\S+) "
    r"(?P<what>\*{0,2}(?:creat|updat|delet|replac|refresh|read|import|discard|runn)\w*(?: original| replacement)?"
    r"(?: failed)?\*{0,2})"
    r"(?: \((?P<time>[\dhm.]+m?s)\))? ?(?P<text>.*)$"
)
_ENDED = re.compile(r"(?:created|updated|deleted|replaced|refreshed|imported|discarded|read)\b|.*failed")
_UNCHANGED = re.compile(r"^ {3,}[\w./:-]+:\S* \S+$")
"""A resource and nothing about it."""

_DOTS = re.compile(r"^@ \w+\.*")
"""A sign of life, which a line about a resource may follow."""

_SECTION = re.compile(r"^(?P<name>Diagnostics|Policies|Outputs|Resources|Duration)\b.*$")

_SLOW = 5.0
"""Seconds that a resource takes whose end is worth a line."""

_BEAT = 15.0
"""Seconds without a line until one says how far the update is."""

_AT_MOST = {"": 35, "Diagnostics": 30, "Policies": 10, "Outputs": 0, "Resources": 8, "Duration": 2, "error": 30}
"""Lines of each part of the output, the progress first; those with an error count by themselves."""

_NAMED = 4
"""Running resources that a sign of life names."""


class Condenser:
    """Selects lines of an update's output.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._section = ""
        self._destroying = False
        self._printed = dict.fromkeys(_AT_MOST, 0)
        self._running: dict[str, None] = {}
        self._done: set[str] = set()
        self._said: set[str] = set()
        self._last = clock()

    def take(self, line: str) -> list[str]:
        """Take the next line; return what of it, or about it, is to be printed."""
        line = _DOTS.sub("", line.rstrip())
        if found := _SECTION.match(line):
            self._section = found["name"]
        chosen = line if self._section else self._progress(line)
        if not chosen.strip():
            return self._beat()
        return self._limited(chosen)

    def _progress(self, line: str) -> str:
        """Choose a line of the progress: an error, a resource that took long, or a message that is new."""
        if not (found := _PROGRESS.match(line)):
            self._destroying = self._destroying or line.startswith("Destroying")
            return "" if _UNCHANGED.match(line) else line
        kind, name, what, text = found["type"], found["name"], found["what"].strip("*"), found["text"]
        key = f"{kind} {name}"
        ended = _ENDED.match(what)
        if ended:
            self._running.pop(key, None)
            self._done.add(key)
        elif not kind.startswith(("pulumi:pulumi:Stack", "istio-lab:")):
            self._running[key] = None
        if what.endswith("failed") or text.startswith("error"):
            return self._new(f"{key}: {what}{f': {text}' if text else ''}")
        if ended:
            # Of what is made or destroyed as a whole, the number at the end says enough.
            told = not what.startswith("created") and not self._destroying
            took = f" in {found['time']}" if found["time"] else ""
            return f"{key}: {what}{took}" if told or seconds(found["time"]) >= _SLOW else ""
        # Only the program and the lab's own providers have something to say that is not said again at the end.
        return self._new(f"{name}: {text}") if text and kind.startswith(("pulumi:", "pulumi-python:")) else ""

    def _new(self, line: str) -> str:
        if line in self._said:
            return ""
        self._said.add(line)
        return line

    def _limited(self, line: str) -> list[str]:
        part = "error" if "error" in line.lower() else self._section
        if self._printed[part] >= _AT_MOST[part]:
            return []
        self._printed[part] += 1
        self._last = self._clock()
        return [line]

    def _beat(self) -> list[str]:
        if self._section or self._clock() - self._last < _BEAT:
            return []
        names = [key.rpartition(" ")[2] for key in self._running]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        working = f"; working on {', '.join(names[:_NAMED])}{more}" if names else ""
        return self._limited(f"{len(self._done)} resources done{working}")


def watched() -> bool:
    """Check whether somebody watches the output, or wants all of it."""
    return sys.stdout.isatty() or os.environ.get(VARIABLE, "") not in ("", "0")


def pulumi(stack: Stack, *arguments: str, environment: Mapping[str, str] | None = None) -> int:
    """Run an update of pulumi; without a terminal, print little of its output and the file that has all of it.

    Returns:
        Its exit code.
    """
    if watched():
        return stack.pulumi(*arguments, environment=environment)
    log, condenser = log_file(stack, arguments[0]), Condenser()

    def show(line: str) -> None:
        for each in condenser.take(line):
            _print(each)

    code = stack.pulumi(*arguments, environment=environment, run=partial(process_log.follow, log=log, on_line=show))
    _print(f"All that pulumi printed is in {log}")
    return code


def log_file(stack: Stack, command: str) -> Path:
    """Return the file of the engine's output: that of the last `up` or `destroy` of a stack."""
    return paths.home().absolute() / "logs" / f"{stack.name}-{command}.log"


def _print(line: str) -> None:
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except BrokenPipeError:  # nobody reads any more, and the update goes on
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - for the rest of the program


def seconds(text: str | None) -> float:
    """Return a duration as pulumi writes it: `0.53s`, `14s`, `1m43s`, `300ms`."""
    if not text:
        return 0.0
    if text.endswith("ms"):
        return float(text.removesuffix("ms")) / 1000
    minutes, _, seconds = text.removesuffix("s").rpartition("m")
    return 60 * float(minutes.rpartition("h")[2] or 0) + float(seconds or 0)
