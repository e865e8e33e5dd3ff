"""Files for contributors: the dev container, the hooks before a commit, the proposals of newer versions."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from lab.core import versions
from lab.core.paths import PROJECT
from lab.toolchain import lockfile

DEVCONTAINER = PROJECT / ".devcontainer" / "devcontainer.json"
DOCKERFILE = PROJECT / ".devcontainer" / "Dockerfile"
HOOKS = PROJECT / ".pre-commit-config.yaml"
RENOVATE = PROJECT / ".github" / "renovate.json"

NOT_FOLLOWED = {
    "ISTIO_MODULE": "a commit, chosen by hand",
    "ISTIO_HUB": "an address",
    "PULUMI_LANGUAGE_PYTHON": "the last one that can be built",
    "PROMETHEUS_MODULE": "follows PROMETHEUS",
}

STRINGS = {"type": "array", "items": {"type": "string"}}
OF_DEVCONTAINER = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "build", "remoteUser", "postCreateCommand"],
    "properties": {
        "name": {"type": "string"},
        "build": {
            "type": "object",
            "additionalProperties": False,
            "required": ["dockerfile"],
            "properties": {"dockerfile": {"type": "string"}},
        },
        "remoteUser": {"type": "string"},
        "init": {"type": "boolean"},
        "hostRequirements": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "cpus": {"type": "integer", "minimum": 1},
                "memory": {"type": "string", "pattern": r"^\d+[tgmk]b$"},
                "storage": {"type": "string", "pattern": r"^\d+[tgmk]b$"},
            },
        },
        "mounts": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["type", "target"],
                "properties": {
                    "type": {"enum": ["bind", "volume"]},
                    "source": {"type": "string"},
                    "target": {"type": "string"},
                },
            },
        },
        "securityOpt": STRINGS,
        "postCreateCommand": {"type": ["string", "array", "object"]},
        "customizations": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "vscode": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"extensions": STRINGS, "settings": {"type": "object"}},
                }
            },
        },
    },
}
"""The properties that the file uses, as containers.dev describes them; no package brings the published schema."""


def devcontainer() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DEVCONTAINER.read_text(encoding="utf-8"))
    return found


def renovate() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RENOVATE.read_text(encoding="utf-8"))
    return found


def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


# ---------------------------------------------------------------------------------------------------- dev container


def test_the_dev_container_is_described_by_known_properties() -> None:
    jsonschema.validate(devcontainer(), OF_DEVCONTAINER)


@pytest.mark.parametrize(
    "wrong", [{"postCreateComand": "make"}, {"init": "yes"}, {"hostRequirements": {"memory": "8 GB"}}, {"mounts": [{}]}]
)
def test_a_wrong_property_of_the_dev_container_would_be_seen(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**devcontainer(), **wrong}, OF_DEVCONTAINER)


def test_the_dev_container_has_the_recipe_and_the_user_that_it_names() -> None:
    found, recipe = devcontainer(), DOCKERFILE.read_text(encoding="utf-8")

    assert DEVCONTAINER.with_name(found["build"]["dockerfile"]) == DOCKERFILE
    assert f"useradd --create-home --shell /bin/bash {found['remoteUser']} " in recipe
    assert f"/home/{found['remoteUser']}/.cache/istio-lab" in [mount["target"] for mount in found["mounts"]]


def test_the_dev_containers_go_builds_every_recipe_and_its_content_is_pinned() -> None:
    first = next(line for line in DOCKERFILE.read_text(encoding="utf-8").splitlines() if line.startswith("FROM"))
    image = re.fullmatch(r"FROM docker\.io/library/golang:(\d+\.\d+\.\d+)-trixie@sha256:[0-9a-f]{64}", first)
    texts = (file.read_text(encoding="utf-8") for file in (PROJECT / "toolchain").glob("*/go.mod"))
    asked = {found for text in texts for found in re.findall(r"^go (\S+)$", text, re.MULTILINE)}

    assert image
    assert asked
    assert all(order(version) <= order(image[1]) for version in asked)


def order(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def test_the_linter_finds_nothing_wrong_with_the_dev_containers_recipe() -> None:
    program = Path(sys.executable).with_name("hadolint")
    if not program.exists():
        told = "hadolint is not installed beside this Python"
        pytest.fail(told) if os.environ.get("CI") else pytest.skip(told)
    command = [program, "--no-color", "--failure-threshold=style", DOCKERFILE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_dev_container_is_prepared_by_the_projects_own_command() -> None:
    program, target = devcontainer()["postCreateCommand"].split()
    make = shutil.which(program)

    assert program == "make"
    assert make
    done = subprocess.run([make, "--dry-run", target], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# ------------------------------------------------------------------------------------------- hooks before a commit


def test_the_hooks_are_valid_by_the_programs_own_check() -> None:
    done = run("pre_commit", "validate-config", str(HOOKS))

    assert done.returncode == 0, done.stdout


def test_the_programs_own_check_would_refuse_broken_hooks(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(HOOKS.read_text(encoding="utf-8").replace("entry:", "enter:"), encoding="utf-8")

    assert run("pre_commit", "validate-config", str(broken)).returncode != 0


def test_the_hooks_are_the_fast_checks_of_make_test_and_nothing_is_fetched() -> None:
    (repository,) = yaml.safe_load(HOOKS.read_text(encoding="utf-8"))["repos"]
    checks = dict(
        re.findall(r'^check "([^"]+)" (\S+)', (PROJECT / ".ci" / "checks").read_text(encoding="utf-8"), re.MULTILINE)
    )
    hooks = {hook["name"]: hook["entry"].split()[0] for hook in repository["hooks"]}

    assert repository["repo"] == "local"
    assert hooks == {name: f".venv/bin/{checks[name]}" for name in ("format", "lint", "layers", "types")}
    assert {hook["language"] for hook in repository["hooks"]} == {"unsupported"}


# --------------------------------------------------------------------------------------- proposals of newer versions


def test_the_proposals_are_valid_by_renovates_own_schema() -> None:
    done = run("check_jsonschema", "--builtin-schema", "vendor.renovate", str(RENOVATE))

    assert done.returncode == 0, done.stdout


def test_renovates_schema_would_refuse_a_wrong_value(tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps({**renovate(), "prConcurrentLimit": "four"}), encoding="utf-8")

    assert run("check_jsonschema", "--builtin-schema", "vendor.renovate", str(broken)).returncode != 0


def test_renovate_knows_every_option_that_is_set() -> None:
    """Its schema lets unknown ones pass."""
    text = resources.files("check_jsonschema").joinpath("builtin_schemas/vendor/renovate.json").read_text("utf-8")
    schema = json.loads(text)
    manager = schema["definitions"]["customManagers"]["items"]["allOf"][0]["properties"]

    assert set(renovate()) - {"$schema"} - set(schema["properties"]) == set()
    assert {key for each in renovate()["customManagers"] for key in each} - set(manager) == set()


def matches(file: str) -> list[tuple[str, str]]:
    """The dependency and the version of each place that Renovate finds in a file."""
    found = []
    for manager in renovate()["customManagers"]:
        if not any(re.search(pattern.strip("/"), file) for pattern in manager["managerFilePatterns"]):
            continue
        for pattern in manager["matchStrings"]:
            # JavaScript's named groups, in Python's writing.
            text = (PROJECT / file).read_text(encoding="utf-8")
            for match in re.finditer(re.sub(r"\(\?<(?=[a-zA-Z])", "(?P<", pattern), text):
                groups = match.groupdict()
                found.append((groups.get("depName") or manager["depNameTemplate"], groups["currentValue"]))
    return found


def test_renovate_finds_every_pinned_version() -> None:
    pinned = {
        name: value.partition("@")[0]
        for name, value in vars(versions).items()
        if name.isupper() and isinstance(value, str) and name not in NOT_FOLLOWED
    }

    assert sorted(version for _, version in matches("lab/core/versions.py")) == sorted(pinned.values())


def test_renovate_finds_every_download_of_the_lock_under_the_name_of_its_pin() -> None:
    every = [each.url for tool in lockfile.load().tools.values() for each in tool.values()]
    downloads = [url for url in every if "/envtest-" not in url]  # carries Kubernetes for macOS; chosen by hand
    found = matches("lab.lock.json")

    assert len(found) == len(downloads) > 30
    assert {name for name, _ in found} <= {name for name, _ in matches("lab/core/versions.py")}
