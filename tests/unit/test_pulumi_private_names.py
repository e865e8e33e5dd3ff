"""No private name of Pulumi's SDKs is used, and nothing of theirs is replaced."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from lab.core.paths import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = [
    PROJECT / "__main__.py",
    *(file for folder in ("components", "lab", "benchmarks") for file in sorted((PROJECT / folder).rglob("*.py"))),
]


def of_pulumi(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] == "pulumi" or name.startswith("pulumi_")


def private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def imported(tree: ast.Module) -> set[str]:
    """The names that a file's imports bind to something of Pulumi's."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {each.asname or each.name.split(".")[0] for each in node.names if of_pulumi(each.name)}
        elif isinstance(node, ast.ImportFrom) and of_pulumi(node.module or ""):
            found |= {each.asname or each.name for each in node.names}
    return found


def root(node: ast.expr) -> str:
    """The name that a chain of attributes, calls and subscripts begins with."""
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def offences(tree: ast.Module) -> Iterator[str]:
    """The private names of Pulumi's that a file uses, and the attributes of Pulumi's that it replaces."""
    names = imported(tree)
    for node in ast.walk(tree):
        words: list[str] = []
        if isinstance(node, ast.ImportFrom) and of_pulumi(node.module or ""):
            words = [*str(node.module).split("."), *(each.name for each in node.names)]
        elif isinstance(node, ast.Import):
            words = [word for each in node.names if of_pulumi(each.name) for word in each.name.split(".")]
        elif isinstance(node, ast.Attribute) and root(node) in names:
            words = [node.attr]
            if not isinstance(node.ctx, ast.Load):
                yield f"replaces {node.attr}"
        elif isinstance(node, ast.Call) and root(node) in {"setattr", "delattr"} and root(node.args[0]) in names:
            yield "replaces an attribute"
        yield from (word for word in words if private(word))


FORBIDDEN = {
    "an import of a private module": ("from pulumi.automation._cmd import CommandResult", ["_cmd"]),
    "an import of a private name": ("from pulumi_kubernetes.core import _utilities", ["_utilities"]),
    "a private module in full": ("import pulumi.runtime._x", ["_x"]),
    "a private attribute": ("import pulumi\npulumi.runtime.resource._get()", ["_get"]),
    "a private attribute by another name": ("from pulumi import automation as auto\nauto.Stack(1)._run()", ["_run"]),
    "a function that is replaced": ("import pulumi\npulumi.log.debug = print", ["replaces debug"]),
    "a function that is replaced by its name": (
        'import pulumi\nsetattr(pulumi.log, "debug", 1)',
        ["replaces an attribute"],
    ),
}
ALLOWED = (
    "import pulumi\nfrom pulumi import automation as auto\nself._x = pulumi.all(1)\nauto.__name__\n_y = auto.Stack"
)


@pytest.mark.parametrize(("source", "found"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_is_forbidden_is_found(source: str, found: list[str]) -> None:
    assert list(offences(ast.parse(source))) == found


def test_what_is_allowed_is_not_found() -> None:
    assert list(offences(ast.parse(ALLOWED))) == []


def test_no_private_name_of_pulumi_is_touched_and_nothing_of_it_is_replaced() -> None:
    found = {
        file.relative_to(PROJECT).as_posix(): list(offences(ast.parse(file.read_text(encoding="utf-8"))))
        for file in SOURCES
    }

    assert len(found) > 100
    assert {file: words for file, words in found.items() if words} == {}
