"""Pulumi.yaml and the stack files say what the settings say."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from lab.core import tags
from lab.core.paths import PROJECT
from lab.settings import Settings

WHOLE: dict[str, Any] = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text(encoding="utf-8"))
DECLARED = {key: value for key, value in WHOLE["config"].items() if ":" not in key}
STACK: dict[str, Any] = yaml.safe_load((PROJECT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))
FIELDS = {str(field.alias): field for field in Settings.model_fields.values()}


def as_pulumi_passes_it(value: object) -> str:
    """Scalars as text and objects as JSON text, as the engine does."""
    return value if isinstance(value, str) else json.dumps(value)


def test_the_project_is_the_namespace_of_the_settings() -> None:
    assert WHOLE["name"] == tags.PROJECT


def test_the_program_runs_in_the_virtual_environment_that_pip_made() -> None:
    assert WHOLE["runtime"] == {"name": "python", "options": {"toolchain": "pip", "virtualenv": ".venv"}}


def test_the_declared_keys_are_the_settings_in_their_order() -> None:
    assert list(DECLARED) == list(FIELDS)


@pytest.mark.parametrize("key", FIELDS)
def test_a_declared_key_has_the_type_and_the_default_of_its_setting(key: str) -> None:
    declared, default = DECLARED[key], FIELDS[key].default
    is_object = isinstance(default, BaseModel)

    assert declared["type"] == ("object" if is_object else "string")
    assert declared["default"] == (default.model_dump(mode="json", by_alias=True) if is_object else default)


@pytest.mark.parametrize("key", FIELDS)
def test_a_declared_key_is_described_with_the_names_of_its_parts(key: str) -> None:
    declared = DECLARED[key]
    parts = declared["default"] if declared["type"] == "object" else ()

    assert len(declared["description"]) > 20
    assert [part for part in parts if part not in declared["description"]] == []


def test_the_declared_defaults_pass_the_settings_as_the_engine_hands_them_over() -> None:
    given = {key: as_pulumi_passes_it(declared["default"]) for key, declared in DECLARED.items()}

    assert Settings.from_mapping(given, source="Pulumi.yaml", today=date(2026, 11, 23)) == Settings()


def test_the_dev_stack_has_everything_on() -> None:
    given = {
        key.removeprefix(f"{tags.PROJECT}:"): as_pulumi_passes_it(value)
        for key, value in STACK["config"].items()
        if key.startswith(f"{tags.PROJECT}:")
    }

    stack = Settings.from_mapping(given, source="Pulumi.dev.yaml", today=date(2026, 11, 23))

    assert given["target"] == "embedded"
    assert stack.warnings == ()
    assert all((stack.mesh.access_log, stack.mesh.egress_gateway, stack.tutorial.hello_nginx, stack.tutorial.bookinfo))


def test_every_stack_refuses_resources_without_an_explicit_provider() -> None:
    assert WHOLE["config"]["pulumi:disable-default-providers"] == {"value": ["kubernetes", "azure-native"]}
