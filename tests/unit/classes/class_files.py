"""Class files for tests."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

from lab.services.classes import validation
from lab.services.classes.roster import Roster

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

GROUP = "0a1b2c3d-0000-4000-8000-00000000abcd"
"""An Entra group of nobody."""

INLINE = """
    class: ws26
    expires: 2026-12-24
    days: 5
    settings:
      shop: {order: {replicas: 3, version: v2}}
      traffic: {reviews: {v2: 100}}
    students:
    - id: anna
      name: 안나
      mail: anna@example.test
      settings: {shop: {order: {version: v7}}}
    - {id: bob-k2, group: 0a1b2c3d-0000-4000-8000-00000000abcd}
"""


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Files beside each other; the first is the class file."""
    for name, text in files.items():
        (folder / name).write_text(dedent(text), encoding="utf-8")
    return folder / next(iter(files))


def read(folder: Path, text: str, **beside: str) -> Roster:
    """The class that a class file describes, with tables of students beside it by their names."""
    return validation.read(
        write(folder, {"class.yaml": text, **{f"{name}.csv": rows for name, rows in beside.items()}})
    )


def many(count: int, **platform: object) -> Roster:
    """A class of so many, with settings for their shared cluster."""
    rows = [{"id": f"s{number}"} for number in range(count)]
    return Roster.model_validate({"class": "ws26", "platform": platform, "students": rows}, by_alias=True)
