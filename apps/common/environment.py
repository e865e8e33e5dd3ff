"""Settings from the environment: read once, checked at once, and refused with the variable's name."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

_VARIANTS: Mapping[str, tuple[float, float]] = {"good": (0.0, 0.0), "slow": (3.0, 0.0), "failing": (0.0, 0.3)}
"""Delay in seconds and share of failures of each variant."""

_SLOWEST = 600.0
"""Seconds that an answer may be delayed at most."""


class WrongSettingError(Exception):
    """A variable has a value that is not allowed; the text says which, and what is."""


@dataclass(frozen=True, kw_only=True)
class Common:
    """What both applications are told.

    Attributes:
        host: address to listen on.
        port: port to listen on; 0 for any free one.
        log_level: how much is said.
        version: what it says of itself.
        colour: the same for people.
        delay: seconds that every answer is late from the start.
        failure_rate: share of requests that fail from the start, 0 to 1.
        max_requests: how many requests may be in work at once.
    """

    host: str
    port: int
    log_level: str
    version: str
    colour: str
    delay: float
    failure_rate: float
    max_requests: int


def common(app: str, environment: Mapping[str, str]) -> Common:
    """Read what both applications are told.

    Args:
        app: the application's name, whose log level it is.
        environment: variables by name.

    Raises:
        WrongSettingError: a variable has a value that is not allowed.
    """
    variant = one_of(environment, "VARIANT", "good", tuple(_VARIANTS))
    delay, rate = _VARIANTS[variant]
    return Common(
        host=environment.get("HOST") or "0.0.0.0",  # noqa: S104 - inside a Pod, whose address nobody knows before
        port=int(number(environment, "PORT", 8080, 0, 65_535, whole=True)),
        log_level=one_of(environment, f"{app.upper()}_LOG_LEVEL", "INFO", LEVELS),
        version=_label(environment, "APP_VERSION", "v1"),
        colour=_label(environment, "APP_COLOUR", "blue"),
        delay=number(environment, "FAULT_DELAY", delay, 0, _SLOWEST),
        failure_rate=number(environment, "FAULT_RATE", rate, 0, 1),
        max_requests=int(number(environment, "MAX_REQUESTS", 512, 1, 10_000, whole=True)),
    )


def number(  # noqa: PLR0913 - the bounds of a number
    environment: Mapping[str, str], name: str, default: float, low: float, high: float, *, whole: bool = False
) -> float:
    """A number within bounds, both included.

    Raises:
        WrongSettingError: it is none, or out of bounds.
    """
    text = environment.get(name, "")
    if not text:
        return default
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        _refuse(name, text, f"a {'whole ' if whole else ''}number from {low:g} to {high:g}")
    return value


def one_of(environment: Mapping[str, str], name: str, default: str, allowed: tuple[str, ...]) -> str:
    """One of some words.

    Raises:
        WrongSettingError: it is another one.
    """
    value = environment.get(name) or default
    if value not in allowed:
        _refuse(name, value, ", ".join(allowed))
    return value


def _label(environment: Mapping[str, str], name: str, default: str) -> str:
    value = environment.get(name) or default
    if not re.fullmatch(r"[\w.-]{1,63}", value, re.ASCII):
        _refuse(name, value, "at most 63 letters, digits, dots, hyphens and underscores")
    return value


def _refuse(name: str, value: str, allowed: str) -> NoReturn:
    raise WrongSettingError(f"{name}: found {value!r}; allowed: {allowed}")


def read(settings: Callable[[Mapping[str, str]], T]) -> T:
    """Read an application's settings, or end the process with one clear line.

    Args:
        settings: makes them of the variables.
    """
    try:
        return settings(os.environ)
    except WrongSettingError as error:
        raise SystemExit(_complain(str(error))) from None


def _complain(text: str) -> int:
    os.write(2, f"error: {text}\n".encode())
    return 2
