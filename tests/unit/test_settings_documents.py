"""What is written from the settings: it is fresh, it says all, and a setting is added by one edit and one command."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from lab.core.paths import PROJECT
from lab.settings import Settings, documents
from lab.settings.groups import Group
from lab.settings.types import Flag, Ranges, Whole, setting
from tests.unit.test_readme import FENCE, TEXTS, defaults, tables

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA: dict[str, Any] = json.loads((PROJECT / "docs/settings.schema.json").read_text(encoding="utf-8"))
PAGES = ("docs/settings.md", "docs/settings.ko.md")
STACKS = sorted(file.name for file in PROJECT.glob("Pulumi.*.yaml"))
HANGUL = re.compile("[가-힣]")

pages = pytest.mark.parametrize("name", PAGES)


@pytest.mark.parametrize(("name", "text"), documents.texts(PROJECT).items())
def test_what_is_written_from_the_settings_is_fresh(name: str, text: str) -> None:
    assert (PROJECT / name).read_text(encoding="utf-8") == text, "run: lab settings"


def rows(name: str) -> list[list[str]]:
    """The rows of settings, without those that only name a group."""
    found = [row for table in tables((PROJECT / name).read_text(encoding="utf-8")) for row in table[1:]]
    return [row for row in found if not row[0].startswith("**")]


@pages
def test_a_page_lists_exactly_the_settings_with_their_defaults(name: str) -> None:
    assert [(row[0].strip("`"), row[1].strip("`")) for row in rows(name)] == list(defaults())


@pages
def test_a_page_says_of_every_setting_what_is_allowed_and_what_it_means(name: str) -> None:
    assert [row for row in rows(name) if len(row) != 4 or not row[2] or not row[3].endswith(".")] == []


def test_every_setting_means_something_in_korean() -> None:
    assert [row for row in rows(PAGES[1]) if not HANGUL.search(row[3])] == []
    assert [row for row in rows(PAGES[0]) if HANGUL.search("".join(row))] == []


@pytest.mark.parametrize("name", ["Pulumi.yaml", *PAGES])
def test_what_people_write_around_is_left_as_it_is(name: str) -> None:
    text = (PROJECT / name).read_text(encoding="utf-8")
    begin, end = (
        re.search(f"^.*{mark} lab settings.*\n", text, re.MULTILINE) for mark in ("Written by", "End of what")
    )
    assert begin
    assert end
    emptied = f"mine\n{text[: begin.end()]}{text[end.start() :]}mine too\n"

    assert documents.fill(emptied, text[begin.end() : end.start()]) == f"mine\n{text}mine too\n"


class Sample(Group):
    """A setting of each type."""

    flag: Flag = setting(True, "A flag.", ko="스위치.")
    number: Whole = setting(3, "A number.", ko="숫자.", ge=1, le=9)
    ranges: Ranges = setting((), "Ranges.", ko="대역.")
    text: str = setting("1.30", "A text.", ko="글자.")
    share: float = setting(0.5, "A share.", ko="비율.")


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("flag", {"type": "boolean", "description": "A flag.", "default": True}),
        ("number", {"type": "integer", "description": "A number.", "default": 3}),
        ("ranges", {"type": "array", "items": {"type": "string"}, "description": "Ranges.", "default": []}),
        ("text", {"type": "string", "description": "A text.", "default": "1.30"}),
        ("share", {"type": "string", "description": "A share.", "default": "0.5"}),
    ],
)
def test_a_setting_is_declared_by_a_type_that_pulumi_knows(name: str, declared: dict[str, object]) -> None:
    default = Sample().model_dump(mode="json")[name]

    assert documents.declaration(documents.Setting(name, default, Sample.model_fields[name])) == declared


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def complaints(config: dict[str, object]) -> list[str]:
    return [error.message for error in Draft202012Validator(SCHEMA).iter_errors({"config": config})]


@pytest.mark.parametrize("name", STACKS)
def test_an_editor_accepts_the_stacks_of_the_project(name: str) -> None:
    assert complaints(yaml.safe_load((PROJECT / name).read_text(encoding="utf-8"))["config"]) == []


def test_an_editor_accepts_every_default_and_what_others_configure() -> None:
    every = Settings().model_dump(mode="json", by_alias=True)

    assert (
        complaints({**{f"istio-lab:{key}": value for key, value in every.items()}, "azure-native:location": "x"}) == []
    )


@pytest.mark.parametrize(
    "config",
    [
        {"istio-lab:target": "azrue"},
        {"istio-lab:istioVerison": "1.31.1"},
        {"istio-lab:nodes.count": 3},
        {"istio-lab:nodes": {"count": 0}},
        {"istio-lab:nodes": {"count": 51}},
        {"istio-lab:nodes": {"cuont": 3}},
        {"istio-lab:nodes": {"memory": "16GB"}},
        {"istio-lab:mesh": {"accessLog": "yes"}},
        {"istio-lab:mesh": {"traceSampling": 101}},
        {"istio-lab:istioHub": "docker.io/Istio"},
        {"istio-lab:tutorial": {"helloNginxImage": "nginx"}},
        {"istio-lab:traffic": {"order": {"timeout": "3"}}},
        {"istio-lab:rollouts": {"delivery": {"variant": "broken"}}},
    ],
)
def test_an_editor_marks_what_is_wrong(config: dict[str, object]) -> None:
    assert complaints(config) != []


# --- CONTRIBUTING, "Add a setting" ---


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the setting of CONTRIBUTING's example: one edit and one command."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("lab", "docs"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in PROJECT.glob("*.yaml"):
        shutil.copy(file, folder)
    section = TEXTS["CONTRIBUTING.md"].split("\n## Add a setting\n")[1].split("\n## ")[0]
    (field,) = (content for _, language, content in FENCE.findall(section) if language == "python")
    named = re.search(r"Add this field to the class `(\w+)` in \[`([\w/.]+)`\]", section)
    assert named
    module = folder / named[2]
    source = module.read_text(encoding="utf-8")
    classes = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}
    lines = source.splitlines(keepends=True)
    lines.insert(classes[named[1]].end_lineno or 0, textwrap.indent(field, "    "))
    module.write_text("".join(lines), encoding="utf-8")
    run(folder, "-m", "lab", "settings")
    return folder


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(  # this very Python, on the copy
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_setting_that_was_added_is_declared(copy: Path) -> None:
    declared = yaml.safe_load((copy / "Pulumi.yaml").read_text(encoding="utf-8"))["config"]["mesh"]

    assert declared["default"]["proxyMemory"] == 128
    assert "proxyMemory" in declared["description"]


@pytest.mark.parametrize(
    ("page", "row"),
    [
        (PAGES[0], "| `mesh.proxyMemory` | `128` | a whole number from 64 to 4096 | Memory of each sidecar, in MiB. |"),
        (PAGES[1], "| `mesh.proxyMemory` | `128` | 64에서 4096까지의 정수 | 사이드카마다의 메모리(MiB). |"),
    ],
)
def test_a_setting_that_was_added_is_described(copy: Path, page: str, row: str) -> None:
    assert row in (copy / page).read_text(encoding="utf-8").splitlines()


def test_a_setting_that_was_added_is_known_to_editors(copy: Path) -> None:
    schema = json.loads((copy / "docs/settings.schema.json").read_text(encoding="utf-8"))

    assert schema["$defs"]["Mesh"]["properties"]["proxyMemory"] == {
        "default": 128,
        "description": "Memory of each sidecar, in MiB.",
        "maximum": 4096,
        "minimum": 64,
        "type": "integer",
    }


CHECK = """
from lab.core.errors import LabError
from lab.settings import Settings

print(Settings.from_mapping({"mesh": '{"proxyMemory": "256"}'}, source="Pulumi.dev.yaml").mesh.proxy_memory)
try:
    Settings.from_mapping({"mesh": {"proxyMemory": "63"}}, source="Pulumi.dev.yaml")
except LabError as error:
    print(error.message.splitlines()[1].strip())
"""


def test_a_setting_that_was_added_is_checked(copy: Path) -> None:
    assert run(copy, "-c", CHECK).splitlines() == [
        "256",
        'istio-lab:mesh.proxyMemory: found "63"; allowed: a whole number from 64 to 4096',
    ]


def test_the_command_says_when_there_is_nothing_to_write(copy: Path) -> None:
    assert run(copy, "-m", "lab", "settings") == "All files are up to date.\n"
