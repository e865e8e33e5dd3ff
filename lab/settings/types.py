"""Types of settings: what each accepts, as text too, and the words for it in messages and documents."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from http import HTTPStatus
from ipaddress import IPv4Network
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    Strict,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from lab.settings import expiry, students

T = TypeVar("T")


@dataclass(frozen=True)
class Words:
    """The values that a type allows, in words, where its constraints alone do not say it well enough."""

    en: str
    ko: str


class RefusedError(ValueError):
    """A value that its type allows and another setting does not; the message is what is allowed."""


def setting(default: Any, description: str, *, ko: str, **constraints: Any) -> Any:  # noqa: ANN401 - as pydantic's Field
    """Declare a setting: its default, what it means in English and Korean, and pydantic's constraints."""
    return Field(default, description=description, json_schema_extra={"ko": ko}, **constraints)


def matching(pattern: str, longest: int | None = None) -> StringConstraints:
    """Require that a pattern matches the whole text."""
    return StringConstraints(strict=True, pattern=f"^(?:{pattern})$", max_length=longest)


def _reading(pattern: str, number: Callable[[str], object]) -> WrapValidator:
    """Read numbers from text too: Pulumi stores every scalar as text. What is refused is shown as it was written."""

    def read(value: object, check: ValidatorFunctionWrapHandler) -> object:
        try:
            return check(number(str(value)) if re.fullmatch(pattern, str(value)) else None)
        except ValidationError:
            raise ValueError from None

    return WrapValidator(read)


def satisfying(holds: Callable[[Any], bool]) -> AfterValidator:
    """Require what constraints cannot say."""

    def check(value: T) -> T:
        if not holds(value):
            raise ValueError
        return value

    return AfterValidator(check)


def _from_json(value: object) -> object:
    """Parse what Pulumi hands over as JSON text."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return None


def _read_section(value: object) -> object:
    found = _from_json(value)
    if not isinstance(found, Mapping):
        raise ValueError  # noqa: TRY004 - pydantic reports it
    return {str(key): item for key, item in found.items()}


def _read_mapping(value: object) -> object:
    found = _from_json(value)
    if not isinstance(found, Mapping) or not all(isinstance(key, str) for key in found):
        raise ValueError
    return dict(found)


def _read_ranges(value: object) -> tuple[str, ...]:
    found = _from_json(value)
    if not isinstance(found, (list, tuple)) or not all(isinstance(each, str) for each in found):
        raise ValueError
    ranges = [IPv4Network(each) for each in found]
    if any(each.prefixlen == 0 for each in ranges):
        raise ValueError
    return tuple(map(str, ranges))


def _read_expiry(value: object) -> str:
    # A day without quotes is a date for YAML, which Pulumi then writes in its own way.
    given = value.isoformat() if isinstance(value, date) else value
    if not isinstance(given, str) or given == _MIDNIGHT:
        raise ValueError
    given = given.removesuffix(_MIDNIGHT)
    expiry.parse(given)
    return given


_MIDNIGHT = " 00:00:00 +0000 UTC"


# --- quantities ---


def seconds(text: str) -> Decimal:
    """Seconds of one of Go's durations; zero for any other text."""
    parts = re.fullmatch(_DURATION, text)
    found = re.findall(r"([\d.]+)(ms|s|m|h)", text) if parts else []
    return sum((Decimal(number) * _UNITS[unit] for number, unit in found), Decimal(0))


def size(text: str) -> Decimal:
    """Bytes of one of Kubernetes' quantities; zero for any other text."""
    match = re.fullmatch(_QUANTITY, text)
    return Decimal(match[1]) * _FACTORS[match[2] or ""] if match else Decimal(0)


_DURATION = r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ms|s|m|h))+"
_QUANTITY = r"([0-9]{1,15}(?:\.[0-9]{1,3})?)([kMGT]|[KMGT]i)?"
_UNITS = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600)}
_FACTORS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_MILLISECOND, _LONGEST = _UNITS["ms"], Decimal(24 * 3600)
_DAY, _YEAR = 24, 8760  # hours


def _is_duration(text: str) -> bool:
    return _MILLISECOND <= seconds(text) <= _LONGEST and not seconds(text) % _MILLISECOND


def _between(low: str, high: str) -> AfterValidator:
    return satisfying(lambda text: size(low) <= size(text) <= size(high))


# --- types ---

Whole = Annotated[int, Strict(), _reading(r"[0-9]{1,9}", int)]
"""A whole number; its bounds are the field's `ge` and `le`."""

Flag = Annotated[
    bool,
    Strict(),
    BeforeValidator(
        lambda value: {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value
    ),
]
Percent = Annotated[
    float,
    Strict(),
    Field(ge=0, le=100),
    # Envoy counts sampling in steps of one in 10 000.
    _reading(r"[0-9]{1,3}(\.[0-9]{1,2})?", float),
    Words("a percentage from 0 to 100 in steps of 0.01, such as 0.5", "0에서 100까지의 백분율, 0.01 단위"),
]
Dollars = Annotated[
    float,
    Strict(),
    Field(ge=0, le=1000),
    _reading(r"[0-9]{1,4}(\.[0-9]{1,4})?", float),
    Words(
        "US dollars from 0 to 1000 in steps of 0.0001, such as 1.5; 0 for no limit",
        "0에서 1000까지의 미국 달러, 0.0001 단위; 0이면 한도 없음",
    ),
]
Retention = Annotated[
    str,
    matching("[0-9]{2,4}h"),
    satisfying(lambda text: _DAY <= int(text[:-1]) <= _YEAR),
    Words("hours from 24h to 8760h, such as 48h", "24h에서 8760h까지의 시간"),
]
Duration = Annotated[
    str,
    matching(_DURATION),
    satisfying(_is_duration),
    Words("a time from 1ms to 24h, such as 3s, 500ms or 1m30s", "1ms에서 24h까지의 시간, 예: 3s, 500ms, 1m30s"),
]
"""A time as Istio reads it: one of Go's durations, of whole milliseconds."""

OptionalDuration = Annotated[
    str,
    matching(f"({_DURATION})?"),
    satisfying(lambda text: not text or _is_duration(text)),
    Words(
        "a time from 1ms to 24h, such as 3s, 500ms or 1m30s, or nothing",
        "1ms에서 24h까지의 시간(예: 3s, 500ms, 1m30s) 또는 빈 값",
    ),
]
Window = Annotated[
    str,
    matching("([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?([0-9]{1,9}ms)?"),
    satisfying(_is_duration),
    Words(
        "a time from 1ms to 24h, in whole numbers and the longest unit first, such as 30s or 1m30s",
        "1ms에서 24h까지의 시간, 정수로 큰 단위부터, 예: 30s, 1m30s",
    ),
]
"""A time that Prometheus reads as well: it knows neither fractions nor a shorter unit before a longer one."""

Memory = Annotated[
    str,
    matching(_QUANTITY),
    _between("2Gi", "512Gi"),
    Words(
        "a Kubernetes quantity of bytes from 2Gi to 512Gi, such as 16Gi",
        "2Gi에서 512Gi까지의 쿠버네티스 수량, 예: 16Gi",
    ),
]
VolumeSize = Annotated[
    str,
    matching(_QUANTITY),
    _between("1Gi", "1024Gi"),
    Words(
        "a Kubernetes quantity of bytes from 1Gi to 1024Gi, such as 16Gi",
        "1Gi에서 1024Gi까지의 쿠버네티스 수량, 예: 16Gi",
    ),
]
Expiry = Annotated[
    str,
    BeforeValidator(_read_expiry),
    Words(expiry.ALLOWED, '"2026-12-24" 같은 UTC 날짜(그날 끝까지), "2026-12-24T18:00Z" 같은 UTC 시각, 또는 빈 값'),
]
StudentId = Annotated[
    str,
    matching("[a-z0-9-]*"),
    satisfying(lambda text: not text or students.is_id(text)),
    Words(
        students.ID_RULE,
        f"소문자로 시작하는 소문자, 숫자, 안쪽 하이픈 1~{students.LONGEST_ID}자, 예: anna-k; "
        "플랫폼의 네임스페이스처럼 시작하는 이름은 안 됨",
    ),
]
Ranges = Annotated[
    tuple[str, ...],
    Field(max_length=200),  # AKS takes no more authorized ranges
    BeforeValidator(_read_ranges),
    Words(
        "a list of at most 200 IPv4 ranges such as 203.0.113.7/32; for everybody: apiServer",
        "203.0.113.7/32 같은 IPv4 대역 최대 200개의 목록; 모두에게 열려면 apiServer",
    ),
]
"""Ranges of an allowlist; one that lets everybody in is not one."""

Section = Annotated[T, BeforeValidator(_read_section)]
"""A group of settings."""

FreeMapping = Annotated[dict[str, Any], Strict(), BeforeValidator(_read_mapping), Words("keys with values", "키와 값")]

_RETRY_ON = (
    "5xx, gateway-error, reset, reset-before-request, connect-failure, retriable-4xx, refused-stream, "
    "retriable-status-codes, retriable-headers, envoy-ratelimited, http3-post-connect-failure, cancelled, "
    "deadline-exceeded, internal, resource-exhausted, unavailable"
)
"""Conditions that Istio's validation accepts (pkg/config/validation of the pinned module)."""

_CONDITIONS = {*_RETRY_ON.split(", "), *(str(int(status)) for status in HTTPStatus)}

RetryConditions = Annotated[
    str,
    matching("[a-z0-9-]+(,[a-z0-9-]+)*"),
    satisfying(lambda text: len(set(text.split(",")) & _CONDITIONS) == text.count(",") + 1),
    Words(
        f"names with commas and without spaces between them, each once: {_RETRY_ON}, or a status",
        f"빈칸 없이 쉼표로 구분한 이름, 각각 한 번: {_RETRY_ON}, 또는 상태 코드",
    ),
]
