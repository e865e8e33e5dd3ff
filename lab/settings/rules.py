"""What a setting may be: each rule is a field's whole check, with its own message."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from http import HTTPStatus
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from pydantic import BeforeValidator

from lab.settings import expiry as expires
from lab.settings import students as names

if TYPE_CHECKING:
    from enum import StrEnum

NAMESPACE = "istio-lab"
"""The project's name in `Pulumi.yaml`, and so the namespace of its keys."""


def rule(allowed: str, parse: Callable[[object], Any]) -> BeforeValidator:
    """Makes a field's whole check, so that the message about a bad value is always ours.

    `parse` gives the value, or none for a value that is not allowed. It also takes the text of a number or a switch:
    Pulumi stores every scalar as text.
    """

    def validate(value: object) -> object:
        parsed = parse(value)
        if parsed is None:
            raise ValueError(allowed)
        return parsed

    return BeforeValidator(validate)


def _number(value: object, pattern: str, low: float, high: float) -> Decimal | None:
    text = str(value)
    return Decimal(text) if re.fullmatch(pattern, text, re.ASCII) and low <= Decimal(text) <= high else None


def whole(low: int, high: int) -> BeforeValidator:
    """A whole number within bounds, both included."""

    def parse(value: object) -> int | None:
        number = _number(value, r"\d{1,9}", low, high)
        return None if number is None else int(number)

    return rule(f"a whole number from {low} to {high}", parse)


def percent() -> BeforeValidator:
    """A percentage."""

    def parse(value: object) -> float | None:
        number = _number(value, r"\d{1,3}(\.\d{1,2})?", 0, 100)
        return None if number is None else float(number)

    # Envoy counts sampling in steps of one in 10 000.
    return rule("a percentage from 0 to 100 in steps of 0.01, such as 0.5", parse)


def dollars() -> BeforeValidator:
    """An amount of US dollars, or none."""

    def parse(value: object) -> float | None:
        number = _number(value, r"\d{1,4}(\.\d{1,4})?", 0, 1000)
        return None if number is None else float(number)

    return rule("US dollars from 0 to 1000 in steps of 0.0001, such as 1.5; 0 for no limit", parse)


def hours() -> BeforeValidator:
    """A time of at least a day."""

    def parse(value: object) -> str | None:
        match = re.fullmatch(r"(\d{2,4})h", word(value), re.ASCII)
        return word(value) if match and _DAY <= int(match[1]) <= _YEAR else None

    return rule(f"hours from {_DAY}h to {_YEAR}h, such as 48h", parse)


def duration(*, empty: bool = False) -> BeforeValidator:
    """A time as Istio reads it: Go's durations, of whole milliseconds and of at least one.

    Args:
        empty: whether no time at all is allowed too.
    """

    def parse(value: object) -> str | None:
        text = word(value)
        if empty and value == "":
            return ""
        return text if _MILLISECOND <= seconds(text) <= _LONGEST and not seconds(text) % _MILLISECOND else None

    nothing = ", or nothing" if empty else ""
    return rule(f"a time from 1ms to 24h, such as 3s, 500ms or 1m30s{nothing}", parse)


def window() -> BeforeValidator:
    """A time that Prometheus reads as well: it knows neither fractions nor a shorter unit before a longer one."""

    def parse(value: object) -> str | None:
        text = word(value)
        ordered = re.fullmatch(r"(\d{1,9}h)?(\d{1,9}m)?(\d{1,9}s)?(\d{1,9}ms)?", text, re.ASCII)
        return text if ordered and _MILLISECOND <= seconds(text) <= _LONGEST else None

    return rule("a time from 1ms to 24h, in whole numbers and the longest unit first, such as 30s or 1m30s", parse)


def seconds(text: str) -> Decimal:
    """How long one of Go's durations is; zero for what is none."""
    parts = re.fullmatch(r"(?:\d{1,9}(?:\.\d{1,9})?(?:ms|s|m|h))+", text, re.ASCII)
    found = re.findall(r"([\d.]+)(ms|s|m|h)", text) if parts else []
    return sum((Decimal(number) * _UNITS[unit] for number, unit in found), Decimal(0))


def retry_conditions() -> BeforeValidator:
    """Which answers are asked for again, by the names that Envoy knows and statuses of HTTP."""

    def parse(value: object) -> str | None:
        names = word(value).split(",")
        known = all(name in _RETRY_ON or name in _STATUSES for name in names)
        return word(value) if known and len(set(names)) == len(names) else None

    return rule(
        f"names with commas and without spaces between them, each once: {', '.join(_RETRY_ON)}, or a status", parse
    )


def switch() -> BeforeValidator:
    """On or off."""
    words = {"true": True, "false": False}
    return rule(
        "true or false", lambda value: words.get(str(value).lower() if isinstance(value, bool) else word(value))
    )


def optional(checked: BeforeValidator) -> BeforeValidator:
    """What another rule allows, or nothing."""

    def validate(value: object) -> object:
        return "" if value == "" else checked.func(value)  # type: ignore[call-arg]

    return BeforeValidator(validate)


def text(pattern: str, allowed: str) -> BeforeValidator:
    """Text that a pattern describes, and the words that describe it to a user."""
    return rule(
        allowed, lambda value: value if isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII) else None
    )


def one_of(names: type[StrEnum]) -> BeforeValidator:
    """One of some names."""
    members = {member.value: member for member in names}
    return rule(" or ".join(f'"{name}"' for name in names), lambda value: members.get(word(value)))


def memory(low: str, high: str) -> BeforeValidator:
    """An amount of memory within bounds, both included."""

    def parse(value: object) -> object:
        return value if size(low) <= size(word(value)) <= size(high) else None

    return rule(f"a Kubernetes quantity of bytes from {low} to {high}, such as 16Gi", parse)


def size(text: str) -> Decimal:
    """How many bytes one of Kubernetes' quantities is; zero for what is none."""
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,3})?)([kMGT]|[KMGT]i)?", text, re.ASCII)
    return Decimal(match[1]) * _FACTORS[match[2] or ""] if match else Decimal(0)


def expiry() -> BeforeValidator:
    """Until when something is wanted, or nothing."""

    def parse(value: object) -> str | None:
        # A day without quotes is a date for YAML, which Pulumi then writes in its own way.
        given = value.isoformat() if isinstance(value, date) else word(value).removesuffix(_MIDNIGHT)
        if given == "" != value:
            return None
        try:
            expires.parse(given)
        except ValueError:
            return None
        return given

    return rule(expires.ALLOWED, parse)


def student() -> BeforeValidator:
    """A student's id, or none."""

    def parse(value: object) -> str | None:
        return word(value) if value == "" or names.is_id(word(value)) else None

    return rule(names.ID_RULE, parse)


def ipv4_ranges() -> BeforeValidator:
    """Ranges of an allowlist; one that lets everybody in is not one."""

    def parse(value: object) -> tuple[str, ...] | None:
        items = _json(value)
        if not isinstance(items, (list, tuple)) or len(items) > _MOST_RANGES:
            return None
        try:
            ranges = [ip_network(word(item)) for item in items]
        except ValueError:
            return None
        return None if any(found.prefixlen == 0 or found.version != 4 for found in ranges) else tuple(map(str, ranges))  # noqa: PLR2004

    return rule(f"a list of at most {_MOST_RANGES} IPv4 ranges such as 203.0.113.7/32; for everybody: apiServer", parse)


def section() -> BeforeValidator:
    """A group of settings: Pulumi hands objects over as JSON text."""

    def parse(value: object) -> dict[str, object] | None:
        found = _json(value)
        return {str(key): item for key, item in found.items()} if isinstance(found, Mapping) else None

    return rule("an object of settings; set one of them with `pulumi config set --path`", parse)


def mapping() -> BeforeValidator:
    """Keys with values, whatever they are."""

    def parse(value: object) -> object:
        found = _json(value)
        return dict(found) if isinstance(found, Mapping) and all(isinstance(key, str) for key in found) else None

    return rule("keys with values", parse)


def _json(value: object) -> object:
    """What Pulumi handed over as JSON text; none for text that is not JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return None


def word(value: object) -> str:
    """A value that must be text; what is not becomes empty text."""
    return value if isinstance(value, str) else ""


_MIDNIGHT = " 00:00:00 +0000 UTC"
_DAY, _YEAR = 24, 8760  # hours
_MILLISECOND, _LONGEST = Decimal("0.001"), Decimal(24 * 3600)  # seconds
_UNITS = {"ms": _MILLISECOND, "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600)}

_RETRY_ON = (
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "envoy-ratelimited",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
)
"""What Istio's validation takes (pkg/config/validation of the pinned module)."""

_STATUSES = frozenset(str(int(status)) for status in HTTPStatus)

_MOST_RANGES = 200
"""AKS takes no more authorized ranges."""

_FACTORS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}

_N = r"(0|[1-9]\d{0,2})"
KUBERNETES = text(
    rf"{_N}\.{_N}(\.{_N})?",
    'a minor in quotes such as "1.36", or an exact version such as "1.36.3", without a v',
)
ISTIO = text(rf"{_N}\.{_N}\.{_N}", 'an exact version such as "1.31.1", without a v')
_HOST = r"[a-z0-9]+([.-]+[a-z0-9]+)*(:\d{1,5})?"
_PATH = r"[a-z0-9]+([._-]+[a-z0-9]+)*"
_TAG = r":\w[\w.-]{0,127}"
HUB = text(
    rf"{_HOST}(/{_PATH})+",
    "an image repository prefix such as docker.io/istio: lower case, without scheme, tag, space or trailing slash",
)
_IMAGE = rf"({_HOST}/)?{_PATH}(/{_PATH})*((?!:latest$){_TAG}|({_TAG})?@sha256:[0-9a-f]{{64}})"
_NEVER_LATEST = "latest, or no tag, is another image tomorrow and cannot be rolled back"
IMAGE = text(_IMAGE, f"an image with a tag such as nginx:1.29; {_NEVER_LATEST}")
OWN_IMAGE = text(
    rf"({_IMAGE})?",
    "an image with a tag such as order:v1, in the stack's own registry when it names no other, or nothing; "
    f"`lab image list` shows what there is; {_NEVER_LATEST}",
)
NOTES_SIEGE = "apexacme/siege-nginx"
"""The course's own load generator: there is no tag of it."""

SIEGE_IMAGE = text(
    rf"{NOTES_SIEGE}|{_IMAGE}", f"{NOTES_SIEGE} as in the notes, or an image with a tag; {_NEVER_LATEST}"
)
STORAGE_CLASS = text(
    r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)?",
    "the name of a storage class such as managed-csi, or nothing for the cluster's default; `kubectl get storageclass`",
)
VERSION = text(r"[a-z0-9]([a-z0-9.-]{0,30}[a-z0-9])?", "at most 32 lower-case letters, digits, dots and hyphens: v2")
COLOUR = text(r"[a-z]{1,32}", "at most 32 lower-case letters: green")
SUBSCRIPTION = text(
    r"([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?",
    "the id of an Azure subscription: 36 characters, lower case; `az account list` shows them",
)
LOCATION = text(r"[a-z]{3,30}[0-9]?", "an Azure region by its name such as westeurope; `az account list-locations`")
VM_SIZE = text(r"Standard_[A-Z]\w{1,60}", "an Azure machine by its name such as Standard_D4s_v5")
STACK = text(r"([a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?)?", "the name of a stack, or nothing")
CLASSROOM = text(r"([a-z]([a-z0-9-]{0,18}[a-z0-9])?)?", "at most 20 lower-case letters, digits and inner hyphens: ws26")
GROUP = text(
    r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?", "the object id of an Entra group, or nothing"
)
EMAIL = text(r"([^@\s,;]{1,64}@[^@\s,;]{1,190}\.[a-zA-Z]{2,})?", "one mail address, or nothing")
TAG = text(r"[^<>%&\\?/]{0,256}", "at most 256 characters, none of < > % & \\ ? /")
