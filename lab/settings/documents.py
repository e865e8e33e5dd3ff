"""Texts written from the settings: the declarations in `Pulumi.yaml`, the pages and the JSON schema of docs/."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_origin

import yaml
from pydantic import BaseModel

from lab.core.tags import PROJECT
from lab.settings import Settings
from lab.settings.messages import Language, allowed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pydantic.fields import FieldInfo

_BEGIN, _END = "Written by lab settings: change the fields in lab/settings.", "End of what lab settings writes."
_TYPES = {bool: "boolean", int: "integer"}


@dataclass(frozen=True)
class Setting:
    """A setting as people write it: its whole key, its default as JSON, and its field."""

    key: str
    default: Any
    field: FieldInfo

    def description(self, language: Language) -> str:
        """Its meaning in a language."""
        extra = self.field.json_schema_extra
        korean = extra.get("ko") if isinstance(extra, dict) else None
        return str(self.field.description if language == "en" else korean)

    @property
    def inside(self) -> Iterator[Setting]:
        """The settings of a group, and of the groups in it; none for what is no group."""
        if isinstance(self.field.default, BaseModel):
            for field in type(self.field.default).model_fields.values():
                each = Setting(f"{self.key}.{field.alias}", self.default[field.alias], field)
                yield each
                yield from each.inside

    @property
    def is_group(self) -> bool:
        """True for settings that are set one by one."""
        return isinstance(self.field.default, BaseModel)


def texts(project: Path) -> dict[str, str]:
    """Every written file by its path in the project, with the text that it should have."""

    def filled(name: str, written: str) -> str:
        return fill((project / name).read_text(encoding="utf-8"), written)

    return {
        "Pulumi.yaml": filled("Pulumi.yaml", declarations()),
        "docs/settings.md": filled("docs/settings.md", page("en")),
        "docs/settings.ko.md": filled("docs/settings.ko.md", page("ko")),
        "docs/settings.schema.json": schema(),
    }


def fill(text: str, written: str) -> str:
    """Replace the lines between the line that begins the written part and the one that ends it."""
    lines = text.splitlines(keepends=True)
    begin, end = (next(index for index, line in enumerate(lines) if mark in line) for mark in (_BEGIN, _END))
    return "".join([*lines[: begin + 1], written, *lines[end:]])


def write(project: Path) -> list[str]:
    """Write the files that are not as they should be, and name them."""
    changed = []
    for name, text in texts(project).items():
        file = project / name
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            changed.append(name)
    return changed


def _settings() -> list[Setting]:
    defaults = Settings().model_dump(mode="json", by_alias=True)
    return [Setting(str(field.alias), defaults[str(field.alias)], field) for field in Settings.model_fields.values()]


def declarations() -> str:
    """The declarations of the settings in `Pulumi.yaml`."""
    declared = {each.key: declaration(each) for each in _settings()}
    text = yaml.safe_dump(declared, sort_keys=False, allow_unicode=True, width=float("inf"))
    return textwrap.indent(text, "  ")


def declaration(of: Setting) -> dict[str, Any]:
    """The declaration of a setting, in the types that Pulumi knows."""
    annotation = of.field.annotation
    description, default = of.description("en"), _whole(of.default)
    if of.is_group:
        keys = ", ".join(each.key.removeprefix(f"{of.key}.") for each in of.inside if not each.is_group)
        return {"type": "object", "description": f"{description} Keys: {keys}.", "default": default}
    if get_origin(annotation) is tuple:
        return {"type": "array", "items": {"type": "string"}, "description": description, "default": default}
    kind = _TYPES.get(annotation, "string")  # type: ignore[arg-type]
    return {"type": kind, "description": description, "default": str(default) if kind == "string" else default}


def _whole(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Write 100.0 as people write it."""
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value


_GENERAL: dict[Language, str] = {"en": "General", "ko": "일반"}
_HEAD: dict[Language, str] = {
    "en": "| Key | Default | Allowed | Meaning |\n|---|---|---|---|\n",
    "ko": "| 키 | 기본값 | 허용되는 값 | 뜻 |\n|---|---|---|---|\n",
}


def page(language: Language) -> str:
    """The tables of all settings in a language, one for each group."""
    general = [each for each in _settings() if not each.is_group]
    text = f"\n## {_GENERAL[language]}\n\n{_table(general, language)}"
    for group in _settings():
        if group.is_group:
            rows = _table(group.inside, language)
            text += f"\n## `{group.key}`\n\n{group.description(language)}\n\n{rows}"
    return f"{text}\n"


def _table(settings: Iterable[Setting], language: Language) -> str:
    rows = [
        (f"**`{each.key}`**", "", "", each.description(language))
        if each.is_group
        else (f"`{each.key}`", _shown(each.default), allowed(each.field, language), each.description(language))
        for each in settings
    ]
    escaped = [" | ".join(cell.replace("|", r"\|") for cell in row) for row in rows]
    return _HEAD[language] + "".join(f"| {row} |\n" for row in escaped)


def _shown(default: object) -> str:
    """A default as YAML writes it."""
    if default == "":
        return ""
    return f"`{default}`" if isinstance(default, str) else f"`{json.dumps(_whole(default))}`"


def schema() -> str:
    """The JSON schema of a stack's file, for editors."""
    found = _english(Settings.model_json_schema())
    definitions = found.pop("$defs")
    properties = {f"{PROJECT}:{key}": value for key, value in found["properties"].items()}
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Stack file of {PROJECT}",
        "type": "object",
        "properties": {
            "config": {
                "type": ["object", "null"],
                "properties": properties,
                "propertyNames": {"anyOf": [{"enum": list(properties)}, {"not": {"pattern": f"^{PROJECT}:"}}]},
            }
        },
        "$defs": definitions,
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _english(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Leave out the Korean descriptions and the titles, which only repeat the keys."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key not in {"ko", "title"} or not isinstance(item, str)}
        return {key: _english(item) for key, item in kept.items()}
    return [_english(each) for each in value] if isinstance(value, list) else value
