"""What the documents say of observability beyond their own pages is so."""

from __future__ import annotations

import re
import sys
from types import ModuleType
from typing import Any

import pytest

from components.common.addon import Addon
from lab.core import versions
from lab.core.paths import PROJECT
from lab.services import queries


def test_an_addon_made_as_contributing_says_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "PUSHGATEWAY", "1.11.1", raising=False)
    text = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split("\n## Add an addon\n")[1]
    file, line, test = re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
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
    assert 'NodeExporter("node-exporter", AddonArgs(context=context), child_opts)' in composition
    assert line.strip().endswith('Pushgateway("pushgateway", AddonArgs(context=context), child_opts)),')


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_a_readme_says_every_query_of_the_course_literally(name: str) -> None:
    lines = (PROJECT / name).read_text(encoding="utf-8").splitlines()

    assert [query.name for query in queries.load() if query.query not in lines] == []
