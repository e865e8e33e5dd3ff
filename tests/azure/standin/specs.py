"""What Microsoft's Python models say of properties, in one form for both generations of their generators.

Newer packages declare a `rest_field` for each property, older ones have an `_attribute_map` and a `_validation`.
"""

from __future__ import annotations

import datetime as dt
import decimal
import sys
import types
import typing
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Scalar:
    """A single value, by the words that a message has for it."""

    words: str


@dataclass(frozen=True)
class Choice:
    """One of a few texts."""

    members: tuple[str, ...]


@dataclass(frozen=True)
class ListOf:
    """Any number of values of one kind."""

    kind: Kind


@dataclass(frozen=True)
class MapOf:
    """Values of one kind under names of the user's choice."""

    kind: Kind


@dataclass(frozen=True)
class Nested:
    """An object with a model of its own."""

    model: type


Kind = Scalar | Choice | ListOf | MapOf | Nested

STRING = Scalar("a string")
INTEGER = Scalar("an integer")
NUMBER = Scalar("a number")
BOOLEAN = Scalar("a boolean")
TIMESTAMP = Scalar("an ISO 8601 timestamp")
DATE = Scalar("an ISO 8601 date")
ANYTHING = Scalar("anything")

_SCALARS: dict[object, Scalar] = {
    str: STRING,
    bytes: STRING,
    int: INTEGER,
    float: NUMBER,
    decimal.Decimal: NUMBER,
    bool: BOOLEAN,
    dt.datetime: TIMESTAMP,
    dt.date: DATE,
}


@dataclass(frozen=True, kw_only=True)
class Property:
    """One property of a model.

    Attributes:
        name: on the wire.
        kind: of its values.
        required: whether Azure wants it.
        read_only: whether only Azure sets it.
    """

    name: str
    kind: Kind
    required: bool = False
    read_only: bool = False


@cache
def properties(model: type) -> dict[str, Property]:
    """The properties of a model by their names on the wire."""
    read = _of_attribute_map if hasattr(model, "_attribute_map") else _of_rest_fields
    return {each.name: each for each in read(model)}


def _of_rest_fields(model: type) -> Iterator[Property]:
    hints = typing.get_type_hints(model, localns=_namespace(model))
    for owner in reversed(model.__mro__):
        for attribute, field in vars(owner).items():
            if type(field).__name__ == "_RestField":
                yield Property(
                    name=field._rest_name_input or attribute,  # noqa: SLF001 - the models have no other way
                    kind=_kind(hints[attribute]),
                    required=not _is_optional(hints[attribute]),
                    read_only=field._visibility == ["read"],  # noqa: SLF001 - the models have no other way
                )


def _of_attribute_map(model: Any) -> Iterator[Property]:  # noqa: ANN401 - generated, without a common base
    hints = typing.get_type_hints(model.__init__, localns=_namespace(model))
    for attribute, entry in model._attribute_map.items():  # noqa: SLF001 - the models have no other way
        rules = model._validation.get(attribute, {})  # noqa: SLF001 - the models have no other way
        yield Property(
            name=entry["key"].rpartition(".")[2],
            # What only Azure sets is no parameter and so has no type; as an input it is refused anyway.
            kind=_kind(hints.get(attribute, Any)),
            required=rules.get("required", False),
            read_only=rules.get("readonly", False),
        )


def _namespace(model: type) -> dict[str, object]:
    """What the models' annotations are written against; they import it for type checkers only."""
    return {"_models": sys.modules[model.__module__.rpartition(".")[0]]}


def _is_optional(annotation: object) -> bool:
    return types.NoneType in typing.get_args(annotation)


def _kind(annotation: Any) -> Kind:  # noqa: ANN401 - types, unions and literals alike
    arguments = [each for each in typing.get_args(annotation) if each is not types.NoneType]
    match typing.get_origin(annotation):
        case typing.Union | types.UnionType:
            # `str | SomeEnum` means that Azure may answer with values newer than the package; a request must not.
            enums = [each for each in arguments if _is_enum(each)]
            return _kind(enums[0] if enums else arguments[0])
        case origin if origin is list:
            return ListOf(_kind(arguments[0]))
        case origin if origin is dict:
            return MapOf(_kind(arguments[1]))
    return _plain_kind(annotation)


def _plain_kind(annotation: Any) -> Kind:  # noqa: ANN401 - classes and special forms alike
    if _is_enum(annotation):
        return Choice(tuple(each.value for each in annotation))
    if isinstance(annotation, type) and annotation.__module__.startswith("azure."):
        return Nested(annotation)
    return _SCALARS.get(annotation, ANYTHING)


def _is_enum(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Enum)
