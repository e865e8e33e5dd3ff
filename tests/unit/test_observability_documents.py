"""What the documents say of observability is so, in both languages."""

from __future__ import annotations

import re
import sys
from types import ModuleType
from typing import Any

import pytest

from components.observability.addon import Addon
from lab import queries, versions
from lab.paths import PROJECT
from lab.settings import Settings


def test_an_addon_made_as_contributing_says_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "PUSHGATEWAY", "1.11.1", raising=False)
    text = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    file, line, test = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    example = ModuleType("components.observability.pushgateway")
    monkeypatch.setitem(sys.modules, example.__name__, example)

    exec(file, vars(example))  # noqa: S102 - the document's own example

    def one(content: Any, kind: str, name: str) -> Any:  # noqa: ANN401 - as the tests of components have it
        (found,) = (each for each in content.objects if (each["kind"], each["metadata"]["name"]) == (kind, name))
        return found

    names: dict[str, Any] = {"pushgateway": example, "one": one}
    exec(test, names)  # noqa: S102
    names["test_prometheus_finds_what_was_pushed"]()
    assert issubclass(vars(example)["Pushgateway"], Addon)
    composition = (PROJECT / "components/observability/observability.py").read_text(encoding="utf-8")
    assert 'NodeExporter("node-exporter", surroundings, inside)' in composition
    assert line.strip().endswith('Pushgateway("pushgateway", surroundings, inside)')


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_a_readme_says_every_query_of_the_course_literally(name: str) -> None:
    lines = (PROJECT / name).read_text(encoding="utf-8").splitlines()

    assert [query.name for query in queries.load() if query.query not in lines] == []


def test_the_documents_have_the_same_code_in_both_languages() -> None:
    english, korean = (
        (PROJECT / "docs" / name).read_text(encoding="utf-8") for name in ("observability.md", "observability.ko.md")
    )
    blocks = re.compile(r"^```\w+\n.*?^```$", re.MULTILINE | re.DOTALL)
    spans = re.compile(r"`([^`\n]+)`")

    assert blocks.findall(english) == blocks.findall(korean)
    assert set(spans.findall(blocks.sub("", english))) == set(spans.findall(blocks.sub("", korean)))


@pytest.mark.parametrize("name", ["observability.md", "observability.ko.md"])
def test_the_documents_name_settings_and_files_that_exist(name: str) -> None:
    text = (PROJECT / "docs" / name).read_text(encoding="utf-8")
    defaults: Any = Settings().model_dump(by_alias=True)

    for key in re.findall(r"\bobservability(?:\.(?!ko\b|md\b)[a-zA-Z]+)+", text):
        found = defaults
        for part in key.split("."):
            assert part in found, key
            found = found[part]
    links = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    assert [target for target in links if target and not (PROJECT / "docs" / target).exists()] == []
