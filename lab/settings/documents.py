"""Texts written from the settings: the declarations in `Pulumi.yaml`, the pages and the JSON schema of docs/."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_origin

import yaml
from pydantic import BaseModel

from lab.settings import Settings
from lab.settings.messages import Language, allowed
from lab.tags import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pydantic.fields import FieldInfo

BEGIN = "  # Written by `lab settings` from lab/settings: change the fields there.\n"
END = "  # End of what `lab settings` writes.\n"
_SCHEMA = "docs/settings.schema.json"
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
    return {
        "Pulumi.yaml": declare((project / "Pulumi.yaml").read_text(encoding="utf-8")),
        "docs/settings.md": page("en"),
        "docs/settings.ko.md": page("ko"),
        _SCHEMA: schema(),
    }


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


def declare(pulumi_yaml: str) -> str:
    """Replace the declarations of the settings in `Pulumi.yaml`, and leave the rest as it is."""
    before, rest = pulumi_yaml.split(BEGIN)
    _, after = rest.split(END)
    declared = {each.key: _declaration(each) for each in _settings()}
    text = yaml.safe_dump(declared, sort_keys=False, allow_unicode=True, width=float("inf"))
    return "".join([before, BEGIN, *(f"  {line}\n" for line in text.splitlines()), END, after])


def _declaration(of: Setting) -> dict[str, Any]:
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


_PAGE: dict[Language, str] = {
    "en": f"""\
# Settings

[한국어](settings.ko.md)

This page is written by `lab settings` from the fields in [`lab/settings/`](../lab/settings/).

Every setting has a default.
Set a value in the stack's file `Pulumi.STACK.yaml`, or by a command; a nested key needs `--path`:

```sh
source .lab/activate
pulumi config set --stack dev istio-lab:expires 2026-12-24
pulumi config set --stack dev --path istio-lab:nodes.count 5
```

To return to the default, remove the key:

```sh
pulumi config rm --stack dev --path istio-lab:nodes.count
```

An unknown key or a value that is not allowed is refused before any resource is created.
The message names the key, the value and what is allowed.

An editor with the YAML language server completes and checks the keys once this is the first line of the stack's file:

```yaml
# yaml-language-server: $schema={_SCHEMA}
```
""",
    "ko": f"""\
# 설정

[English](settings.md)

이 페이지는 `lab settings`가 [`lab/settings/`](../lab/settings/)의 필드에서 만듭니다.

모든 설정에는 기본값이 있습니다.
값은 스택의 파일 `Pulumi.STACK.yaml`이나 명령으로 정하며, 안쪽의 키에는 `--path`가 필요합니다.

```sh
source .lab/activate
pulumi config set --stack dev istio-lab:expires 2026-12-24
pulumi config set --stack dev --path istio-lab:nodes.count 5
```

기본값으로 돌아가려면 키를 지웁니다.

```sh
pulumi config rm --stack dev --path istio-lab:nodes.count
```

없는 키나 허용되지 않는 값은 리소스를 만들기 전에 거부합니다.
메시지에는 키와 값, 허용되는 값이 나옵니다.

YAML 언어 서버를 쓰는 편집기는 스택 파일의 첫 줄이 다음과 같으면 키를 완성하고 검사해 줍니다.

```yaml
# yaml-language-server: $schema={_SCHEMA}
```
""",
}
_GENERAL: dict[Language, str] = {"en": "General", "ko": "일반"}
_HEAD: dict[Language, str] = {
    "en": "| Key | Default | Allowed | Meaning |\n|---|---|---|---|\n",
    "ko": "| 키 | 기본값 | 허용되는 값 | 뜻 |\n|---|---|---|---|\n",
}


def page(language: Language) -> str:
    """The page of all settings in a language: a table for each group."""
    general = [each for each in _settings() if not each.is_group]
    text = f"{_PAGE[language]}\n## {_GENERAL[language]}\n\n{_table(general, language)}"
    for group in _settings():
        if group.is_group:
            rows = _table(group.inside, language)
            text += f"\n## `{group.key}`\n\n{group.description(language)}\n\n{rows}"
    return text


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
