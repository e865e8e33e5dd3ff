"""The course's Prometheus queries, shared by the documents, the dashboard and the checks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pydantic
import yaml

from lab.core.errors import LabError

FILE = Path(__file__).with_name("queries.yaml")
"""The file of the queries."""

_Text = Annotated[str, pydantic.StringConstraints(strict=True, min_length=1, pattern=r"^\S")]
_Name = Annotated[str, pydantic.StringConstraints(strict=True, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]


@dataclass(frozen=True)
class Query:
    """One query about `order` in the namespace `shop`.

    Attributes:
        name: in lower case with hyphens, unique.
        title: for people, as over a panel.
        query: in PromQL, on one line.
        meaning: one sentence.
    """

    __pydantic_config__ = pydantic.ConfigDict(extra="forbid")

    name: _Name
    title: _Text
    query: _Text
    meaning: _Text


def load(file: Path = FILE) -> tuple[Query, ...]:
    """Read and check the queries, in the order of the file.

    Raises:
        LabError: an entry is not as it must be, or two have one name; every place is named.
    """
    try:
        queries = pydantic.TypeAdapter(tuple[Query, ...]).validate_python(yaml.safe_load(file.read_bytes()))
    except pydantic.ValidationError as failure:
        places = [f"  {'.'.join(map(str, error['loc'])) or 'the whole'}: {error['msg']}" for error in failure.errors()]
        raise _wrong(file, places) from failure
    except (OSError, yaml.YAMLError) as failure:
        raise _wrong(file, [f"  {failure}"]) from failure
    if twice := [name for name, times in Counter(query.name for query in queries).items() if times > 1]:
        raise _wrong(file, [f"  {name}: is there more than once" for name in twice])
    return queries


def named(name: str) -> Query:
    """Return the query of this name.

    Raises:
        LabError: there is none.
    """
    queries = load()
    for query in queries:
        if query.name == name:
            return query
    raise LabError(f"There is no query {name}.", f"They are: {', '.join(query.name for query in queries)}.")


def _wrong(file: Path, places: list[str]) -> LabError:
    return LabError("\n".join((f"{file} is not a valid list of queries:", *places)), f"git checkout {file.name}")
