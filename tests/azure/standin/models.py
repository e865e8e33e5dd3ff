"""Whether a resource's inputs are what Azure's API takes, judged by Microsoft's own models of it."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from tests.azure.standin import dialect, specs
from tests.azure.standin.specs import Choice, Kind, ListOf, MapOf, Nested, Property, Scalar
from tests.azure.standin.wire import is_unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.azure.standin.resources import ResourceType


@dataclass(frozen=True)
class Problem:
    """An input that Azure would refuse.

    Attributes:
        path: of the property.
        value: what it is.
        allowed: what it should be.
    """

    path: str
    value: object
    allowed: str

    @property
    def property(self) -> str:
        """The top-level property that the problem is in."""
        return re.split(r"[.\[]", self.path)[0]

    def told(self, token: str, *, secret: bool = False) -> str:
        """The message for the user; a secret does not appear in it."""
        value = "[secret]" if secret else json.dumps(self.value)
        return f"{token}: {self.path} is {value}: {self.allowed}"


_MISSING = None


def known(resource: ResourceType) -> dict[str, Property]:
    """All that a resource's inputs can be: its request's body, and the parts of its id."""
    path = {name: Property(name=name, kind=specs.STRING, required=True) for name in resource.path_parameters}
    return {**dialect.request_body(resource.model_class), **path}


def problems(resource: ResourceType, inputs: Mapping[str, Any]) -> list[Problem]:
    """Everything in a resource's inputs that does not fit the models; what is unknown fits anywhere."""
    return list(_of_object(known(resource), inputs, ""))


def _of_object(fitting: Mapping[str, Property], values: Mapping[str, Any], where: str) -> Iterator[Problem]:
    settable = [name for name, each in fitting.items() if not each.read_only]
    for name, value in values.items():
        if value is None:
            continue
        if name not in fitting:
            yield Problem(where + name, value, f"there is no such property{_nearest(name, settable)}")
        elif fitting[name].read_only:
            yield Problem(where + name, value, "the property is read-only, only Azure sets it")
        else:
            yield from _of_value(fitting[name].kind, value, where + name)
    for name in settable:
        if fitting[name].required and values.get(name) is None:
            yield Problem(where + name, _MISSING, f"the property is required, as {_words(fitting[name].kind)}")


def _of_value(kind: Kind, value: Any, path: str) -> Iterator[Problem]:  # noqa: ANN401 - of any shape
    if is_unknown(value):
        return
    match kind, value:
        case Choice(members), str() if value in members:
            pass
        case Choice(members), _:
            nearest = _nearest(value, members) if isinstance(value, str) else ""
            yield Problem(path, value, f"allowed is {_words(kind)}{nearest}")
        case Scalar(), _ if _is(kind, value):
            pass
        case ListOf(of), list():
            for index, each in enumerate(value):
                yield from _of_value(of, each, f"{path}[{index}]")
        case MapOf(of), dict():
            for key, each in value.items():
                yield from _of_value(of, each, f"{path}[{json.dumps(key)}]")
        case Nested(model), dict():
            yield from _of_object(dialect.properties(model), value, f"{path}.")
        case _:
            yield Problem(path, value, f"expected is {_words(kind)}")


def _is(kind: Scalar, value: Any) -> bool:  # noqa: ANN401 - of any shape
    if kind in (specs.INTEGER, specs.NUMBER):
        return isinstance(value, int if kind == specs.INTEGER else int | float) and not isinstance(value, bool)
    if kind == specs.BOOLEAN:
        return isinstance(value, bool)
    if kind in (specs.TIMESTAMP, specs.DATE):
        return isinstance(value, str) and _is_time(date if kind == specs.DATE else datetime, value)
    return kind == specs.ANYTHING or isinstance(value, str)


def _is_time(type_: type[date], value: str) -> bool:
    try:
        type_.fromisoformat(value)
    except ValueError:
        return False
    return True


def _words(kind: Kind) -> str:
    match kind:
        case Scalar(words):
            return words
        case Choice(members):
            return f"one of {', '.join(members)}"
        case ListOf(of):
            return f"a list, each {_words(of)}"
        case MapOf(of):
            return f"a map to {_words(of)}"
        case Nested(model):
            return f"an object ({model.__name__})"


def _nearest(name: str, candidates: list[str] | tuple[str, ...]) -> str:
    found = difflib.get_close_matches(name, candidates, n=1)
    return f"; did you mean {found[0]}?" if found else ""
