"""Messages about settings: key, what was found, and what is allowed, from pydantic's errors and constraints."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, get_args

from annotated_types import Ge, Le
from pydantic import BaseModel, ValidationError

from lab.core.errors import LabError
from lab.core.tags import PROJECT
from lab.settings.types import RefusedError, Words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic.fields import FieldInfo

    from lab.settings.compatibility import Pair

Language = Literal["en", "ko"]

MOVED = {"azure.expires": "expires"}
"""Settings that have another key now."""


@dataclass(frozen=True)
class Problem:
    """A wrong setting: its key without the namespace, and what is wrong with it."""

    key: str
    text: str


def allowed(field: FieldInfo, language: Language = "en") -> str:
    """Describe the values of a setting, from its constraints."""
    annotation = field.annotation
    low = next((each.ge for each in field.metadata if isinstance(each, Ge)), None)
    high = next((each.le for each in field.metadata if isinstance(each, Le)), None)
    words = next((each for each in field.metadata if isinstance(each, Words)), _PLAIN.get(annotation))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "an object of settings; set one of them with `pulumi config set --path`"
    if annotation is int and None not in {low, high}:
        return f"a whole number from {low} to {high}" if language == "en" else f"{low}에서 {high}까지의 정수"
    if words:
        return words.en if language == "en" else words.ko
    either, nothing = (" or ", ", or nothing") if language == "en" else (" 또는 ", ", 또는 빈 값")
    names = _names(annotation)
    return either.join(f'"{name}"' for name in names if name) + (nothing if "" in names else "")


_PLAIN: dict[object, Words] = {
    bool: Words("true or false", "true 또는 false"),
    int: Words("a whole number", "정수"),
    float: Words("a number", "숫자"),
    str: Words("text", "글자"),
}


def _names(annotation: object) -> list[str]:
    is_enum = isinstance(annotation, type) and issubclass(annotation, StrEnum)
    return [str(name) for name in (annotation if is_enum else get_args(annotation))]  # type: ignore[attr-defined]


def expected(model: type[BaseModel], details: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    """Say what is allowed where one of pydantic's errors is."""
    reason = details.get("ctx", {}).get("error")
    if isinstance(reason, RefusedError):
        return str(reason)
    field = _field(model, details["loc"])
    return allowed(field) if field else str(details["msg"])


def format_errors(model: type[BaseModel], error: ValidationError) -> list[Problem]:
    """Turn pydantic's errors into a line each, with the key as people write it."""
    return [_problem(model, details) for details in error.errors(include_url=False)]


def _problem(model: type[BaseModel], details: Any) -> Problem:  # noqa: ANN401 - pydantic's ErrorDetails
    location: tuple[int | str, ...] = details["loc"]
    found = _show(details["input"])
    key = ".".join(str(part) for part in location)
    if moved := MOVED.get(key):
        text = f"found {found}; it holds for every target now, and is {PROJECT}:{moved}"
        return Problem(key, f"{text}: pulumi config set {PROJECT}:{moved} {found}")
    if details["type"] == "extra_forbidden":
        return Problem(key, f"found {found}; there is no such setting; {_did_you_mean(model, location)}")
    # A default that is refused is located by its name in Python.
    fields = (_field(model, location[: depth + 1]) for depth in range(len(location)))
    key = ".".join(str(field.alias if field else part) for field, part in zip(fields, location, strict=True))
    return Problem(key, f"found {found}; allowed: {expected(model, details)}")


def _field(model: type[BaseModel], location: Sequence[int | str]) -> FieldInfo | None:
    """The field at a location, by alias or by name; None where there is no field, but an item or a model."""
    inside: Any = model
    field = None
    for part in location:
        if isinstance(part, int):
            inside, field = get_args(inside)[0], None
            continue
        fields = getattr(inside, "model_fields", {})
        field = next((each for name, each in fields.items() if part in {each.alias, name}), None)
        if field is None:
            return None
        inside = field.annotation
    return field


def _did_you_mean(model: type[BaseModel], location: Sequence[int | str]) -> str:
    *path, wrong = (str(part) for part in location)
    group = _field(model, path)
    inside: Any = group.annotation if group else model
    names = [str(field.alias) for field in inside.model_fields.values()]
    if "." in wrong and wrong.split(".", maxsplit=1)[0] in names:
        return f"did you mean `pulumi config set --path {PROJECT}:{wrong}`? Without --path the dot is part of the name"
    near = difflib.get_close_matches(_plain(wrong), plain := {_plain(name): name for name in names}, n=1)
    hint = f"did you mean `{plain[near[0]]}`? " if near else ""
    return f"{hint}The names {'here' if path else 'of all settings'} are: {', '.join(names)}"


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _show(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - room for the rest of the line


def refusal(source: str, problems: Sequence[Problem], proposal: Pair | None) -> LabError:
    """Report every wrong setting of a source at once, with the remedy."""
    count = "1 setting is" if len(problems) == 1 else f"{len(problems)} settings are"
    lines = [f"{source}: {count} wrong:", *(f"  {PROJECT}:{problem.key}: {problem.text}" for problem in problems)]
    remedy = [f"Edit {source}, or go back to a default: pulumi config rm --path {PROJECT}:{problems[0].key}"]
    if proposal:
        remedy = [
            f"The nearest pair that works is Kubernetes {proposal.kubernetes} with Istio {proposal.istio}:",
            f"  pulumi config set {PROJECT}:kubernetesVersion {proposal.kubernetes}",
            f"  pulumi config set {PROJECT}:istioVersion {proposal.istio}",
        ]
    return LabError("\n".join(lines), "\n".join(remedy))
