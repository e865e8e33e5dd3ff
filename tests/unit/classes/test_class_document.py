"""What docs/class.md says of the class file, the commands and a student's rights is so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import typer.main
import yaml

from components.students.rights import RIGHTS
from lab.cli.class_ import app
from lab.core.errors import LabError
from lab.core.paths import PROJECT
from lab.services.classes import roster, validation
from lab.settings.students import ID_RULE

if TYPE_CHECKING:
    from pathlib import Path

TEXT = (PROJECT / "docs" / "class.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
CODE = "\n".join(content for language, content in BLOCKS if language == "sh")
SPANS = set(re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", TEXT, flags=re.MULTILINE | re.DOTALL)))


def of(language: str) -> list[str]:
    return [content for each, content in BLOCKS if each == language]


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_the_class_file_is_accepted_and_has_every_key(tmp_path: Path) -> None:
    whole = of("yaml")[0]

    found = validation.read(write(tmp_path, "class.yaml", whole))

    written = yaml.safe_load(whole)
    assert set(written) == {field.alias for field in roster.Roster.model_fields.values()}
    assert {key for each in written["students"] for key in each} == set(roster.Student.model_fields)
    assert [each.id for each in found.students] == ["anna", "ben"]


def test_every_key_is_explained() -> None:
    keys = {str(field.alias) for field in roster.Roster.model_fields.values()} - {"quota", "budget"}
    keys |= {f"quota.{key}" for key in roster.Quota.model_fields} | {"budget.maxPerHour"}

    assert (keys | set(roster.Student.model_fields)) - SPANS == set()


def test_the_table_of_students_is_a_class_alone_and_beside_a_file(tmp_path: Path) -> None:
    (table,) = of("csv")
    write(tmp_path, "students.csv", table)

    assert validation.read(write(tmp_path, "ws26.csv", table)).classroom == "ws26"
    on_azure = validation.read(write(tmp_path, "class.yaml", of("yaml")[1]))

    assert on_azure.students[1].settings == {"shop": {"order": {"logLevel": "INFO"}}}


def test_the_messages_are_those_of_a_wrong_file(tmp_path: Path) -> None:
    settings = "settings:\n  shop: {order: {replicas: 0}}\n  mesh: {accessLog: false}\n"
    wrong = write(tmp_path, "class.yaml", f"class: ws26\n{settings}students: [{{id: anna}}]\n")

    with pytest.raises(LabError) as refused:
        validation.read(wrong)

    assert [refused.value.message] == [each.rstrip() for each in of("text")]


def test_the_rule_of_ids_is_the_programs() -> None:
    assert "1 to 20 lower-case letters, digits and inner hyphens, a letter first" in TEXT
    assert "1 to 20 lower-case letters, digits and inner hyphens, a letter first" in ID_RULE


def test_every_command_is_in_the_table_and_every_option_exists() -> None:
    commands = getattr(typer.main.get_command(app), "commands")  # noqa: B009 - mypy knows no group here
    listed = set(re.findall(r"^\| `lab class ([a-z]+)` \|", TEXT, re.MULTILINE))
    used = re.findall(r"^lab class ([a-z]+)(.*)$", CODE, re.MULTILINE)

    assert listed == set(commands)
    for command, words in used:
        known = {option for param in commands[command].params for option in param.opts}
        assert set(re.findall(r"--[a-z-]+", words)) <= known, command


def test_every_right_of_a_student_is_named() -> None:
    plain = {resource for right in RIGHTS for resource in right.resources if "/" not in resource}

    assert plain - SPANS == set()
