"""`lab image` as people type it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from lab.cli import image
from tests.unit.images.conftest import MARK

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    from tests.unit.images.conftest import Pretending
    from tests.unit.images.pretended import Pretended

    Put = Callable[..., Pretended]

FIRST, SECOND = "sha256:" + "1" * 64, "sha256:" + "2" * 64


@pytest.fixture
def typed(azure: Pretending, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setattr(image, "Stack", lambda _name: azure)
    monkeypatch.setattr(
        type(azure), "config", lambda self: {"shop": {"order": {"image": self.settings.get("shop.order.image", "")}}}
    )

    def run(*words: str) -> Result:
        return CliRunner().invoke(image.app, words)

    return run


def test_a_built_image_becomes_the_stacks_and_the_next_command_is_said(
    pretended: Put, azure: Pretending, typed: Callable[..., Result]
) -> None:
    programs = pretended("az")

    said = typed("build", "order", "--tag", "v2").stdout

    assert "order:v2: built" in said
    assert "make up STACK=azure" in said
    assert azure.settings == {"shop.order.image": "order:v2"}
    assert set(programs.tags("order")) == {"v2", MARK}


def test_the_setting_is_left_alone_when_asked(pretended: Put, azure: Pretending, typed: Callable[..., Result]) -> None:
    pretended("az")

    assert typed("build", "order", "--no-use").exit_code == 0
    assert azure.settings == {}


def test_the_list_marks_what_the_stack_uses(pretended: Put, azure: Pretending, typed: Callable[..., Result]) -> None:
    pretended("az").hold(order={"v2": SECOND, "v1": FIRST, MARK: FIRST})
    azure.settings["shop.order.image"] = "order:v1"

    rows: list[dict[str, Any]] = json.loads(typed("list", "order", "--json").stdout)
    table = typed("list", "order").stdout

    assert [(row["tag"], row["used"]) for row in rows] == [("v2", False), ("v1", True)]
    assert "111111111111" in table
    assert MARK not in table


def test_going_back_is_one_command(pretended: Put, azure: Pretending, typed: Callable[..., Result]) -> None:
    pretended("az").hold(order={"v2": SECOND, "v1": FIRST})

    assert "make up STACK=azure" in typed("use", "order", "v1").stdout
    assert azure.settings == {"shop.order.image": "order:v1"}


@pytest.mark.parametrize("name", ["build", "list", "use"])
def test_every_command_teaches_by_an_example(name: str, typed: Callable[..., Result]) -> None:
    assert "lab image" in " ".join(typed(name, "--help").output.split())
