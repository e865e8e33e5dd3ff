"""The two READMEs say the same, and what they say is so."""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, cast

import pytest
import yaml
from typer.main import get_command

from lab.cli.app import app
from lab.core.paths import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.core import TyperGroup

ENGLISH, KOREAN = "README.md", "README.ko.md"
TEXTS = {name: (PROJECT / name).read_text(encoding="utf-8") for name in (ENGLISH, KOREAN, "CONTRIBUTING.md")}
MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")
WHOLE: dict[str, Any] = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text(encoding="utf-8"))
DECLARED = {key: value for key, value in WHOLE["config"].items() if ":" not in key}

FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
readmes = pytest.mark.parametrize("name", [ENGLISH, KOREAN])
documents = pytest.mark.parametrize("name", list(TEXTS))


def blocks(text: str) -> list[tuple[str, str]]:
    """Language and content of every code block."""
    return [(language, content) for _, language, content in FENCE.findall(text)]


def prose(text: str) -> str:
    return FENCE.sub("", text)


def spans(text: str) -> list[str]:
    """What stands between backticks in the text."""
    return re.findall(r"`([^`\n]+)`", prose(text))


def code(text: str) -> str:
    """All that is code, in blocks and in the text."""
    return "\n".join([content for _, content in blocks(text)] + spans(text))


def levels(text: str) -> list[int]:
    return [len(marks) for marks in re.findall(r"^(#+) ", prose(text), re.MULTILINE)]


def links(text: str) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", prose(text))


def tables(text: str) -> list[list[list[str]]]:
    """Every table as its rows of cells, the head first."""
    found = re.findall(r"(?:^\|.*\|\n)+", prose(text), re.MULTILINE)
    rows = [[re.split(r"(?<!\\)\|", line.strip("|")) for line in table.splitlines()] for table in found]
    return [[[cell.strip() for cell in row] for row in table if set("".join(row)) != {"-"}] for table in rows]


def table_after(marker: str, text: str) -> list[list[str]]:
    """The rows below the head of the table that a comment marks."""
    return tables(text.split(f"<!-- {marker} -->\n", maxsplit=1)[1])[0][1:]


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def lab_commands(text: str) -> list[tuple[str, str]]:
    """Every `lab` command that begins a command of the shell, with the words behind it."""
    return re.findall(r"(?:^|[|;&]) *lab ([a-z]+)([^\n|;&]*)", code(text), re.MULTILINE)


def options(group: TyperGroup) -> dict[str, set[str]]:
    """What can stand behind every command of a command line; behind a group of them, the options of all its own."""
    return {
        name: {
            opt
            for each in (command, *getattr(command, "commands", {}).values())
            for param in each.params
            for opt in param.opts
        }
        for name, command in group.commands.items()
    }


def defaults() -> Iterator[tuple[str, str]]:
    """Every key as a user writes it, with its default as YAML writes it."""
    for key, declared in DECLARED.items():
        yield from leaves(key, declared["default"])


def leaves(key: str, default: object) -> Iterator[tuple[str, str]]:
    if isinstance(default, dict):
        for part, value in default.items():
            yield from leaves(f"{key}.{part}", value)
    else:
        yield key, str(default).lower() if isinstance(default, bool) else str(default)


def test_the_readmes_have_the_same_code_blocks_in_the_same_order() -> None:
    pairs = zip_longest(blocks(TEXTS[ENGLISH]), blocks(TEXTS[KOREAN]))

    assert [pair for pair in pairs if pair[0] != pair[1]] == []


def test_the_readmes_have_headings_of_the_same_levels_in_the_same_order() -> None:
    assert levels(TEXTS[ENGLISH]) == levels(TEXTS[KOREAN])


def test_the_readmes_link_to_the_same_places_and_to_each_other() -> None:
    assert links(TEXTS[ENGLISH])[0] == KOREAN
    assert links(TEXTS[KOREAN])[0] == ENGLISH
    assert sorted(links(TEXTS[ENGLISH])[1:]) == sorted(links(TEXTS[KOREAN])[1:])


def test_the_readmes_have_tables_of_the_same_shape() -> None:
    shapes = [[[len(row) for row in table] for table in tables(TEXTS[name])] for name in (ENGLISH, KOREAN)]

    assert shapes[0] == shapes[1]


def test_the_readmes_have_the_same_comments_for_machines() -> None:
    assert re.findall(r"<!--.*?-->", TEXTS[ENGLISH]) == re.findall(r"<!--.*?-->", TEXTS[KOREAN])


def test_the_readmes_name_the_same_commands_keys_and_messages_in_the_text() -> None:
    assert set(spans(TEXTS[ENGLISH])) == set(spans(TEXTS[KOREAN]))


@readmes
def test_a_readme_shows_the_architecture_as_a_picture(name: str) -> None:
    assert [language for language, _ in blocks(TEXTS[name])].count("mermaid") == 1


@readmes
def test_a_readme_lists_exactly_the_targets_of_the_makefile(name: str) -> None:
    listed = [row[0].strip("`").removeprefix("make ") for row in table_after("make", TEXTS[name])]

    assert sorted(listed) == sorted(make_targets())


@readmes
def test_a_setting_that_a_readme_sets_or_removes_exists(name: str) -> None:
    set_or_removed = set(re.findall(r"istio-lab:([\w.]+)", code(TEXTS[name]))) - {"KEY"}

    assert set_or_removed - dict(defaults()).keys() == set()


@documents
def test_every_make_command_that_is_named_exists(name: str) -> None:
    assert set(re.findall(r"\bmake ([a-z-]+)", code(TEXTS[name]))) - make_targets() == set()


@documents
def test_every_lab_command_and_option_that_is_named_exists(name: str) -> None:
    named = lab_commands(TEXTS[name])
    known = options(cast("TyperGroup", get_command(app)))

    assert named != []
    assert [(command, words) for command, words in named if command not in known] == []
    assert [
        (command, option)
        for command, words in named
        for option in re.findall(r"--[a-z-]+", words)
        if option not in known[command]
    ] == []


@documents
def test_every_variable_of_the_lab_that_is_named_is_read(name: str) -> None:
    sources = "\n".join(file.read_text(encoding="utf-8") for file in (PROJECT / "lab").rglob("*.py"))

    assert [word for word in re.findall(r"ISTIO_LAB_[A-Z_]*[A-Z]", TEXTS[name]) if f'"{word}"' not in sources] == []


@documents
def test_every_relative_link_resolves(name: str) -> None:
    local = [target.split("#")[0] for target in links(TEXTS[name]) if not target.startswith("https://")]

    assert local != []
    assert [target for target in local if not (PROJECT / target).exists()] == []


@documents
def test_no_document_has_a_path_of_somebodys_machine(name: str) -> None:
    assert re.findall(r"(?:/root|/home|/Users|/work)/\S*", TEXTS[name]) == []
