"""The pages of docs/ say the same in both languages, and what they name is there."""

from __future__ import annotations

import re
from typing import Any

import pytest

from lab.core.paths import PROJECT
from lab.settings import Settings

DOCS = PROJECT / "docs"
ENGLISH = sorted(file.name for file in DOCS.glob("*.md") if not file.name.endswith(".ko.md"))
BLOCKS = re.compile(r"^```\w*\n.*?^```$", re.MULTILINE | re.DOTALL)
SPANS = re.compile(r"`([^`\n]+)`")
GROUPS = ("azure", "kubeconfig", "mesh", "nodes", "observability", "shop", "tutorial")

pages = pytest.mark.parametrize("page", ENGLISH)
documents = pytest.mark.parametrize("name", sorted(file.name for file in DOCS.glob("*.md")))


def text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def both(page: str) -> tuple[str, str]:
    return text(page), text(page.replace(".md", ".ko.md"))


@pages
def test_a_page_has_the_same_code_in_both_languages(page: str) -> None:
    english, korean = both(page)

    assert BLOCKS.findall(english) == BLOCKS.findall(korean)
    assert set(SPANS.findall(BLOCKS.sub("", english))) == set(SPANS.findall(BLOCKS.sub("", korean)))


@pages
def test_a_page_has_headings_of_the_same_levels_in_both_languages(page: str) -> None:
    english, korean = (re.findall(r"^(#+) ", BLOCKS.sub("", each), re.MULTILINE) for each in both(page))

    assert english == korean


@documents
def test_a_page_names_settings_that_exist(name: str) -> None:
    defaults: Any = Settings().model_dump(by_alias=True)
    code = "\n".join([*BLOCKS.findall(text(name)), *SPANS.findall(BLOCKS.sub("", text(name)))])

    named = re.findall(rf"(?<![\w./-])(?:istio-lab:)?((?:{'|'.join(GROUPS)})(?:\.[a-z][a-zA-Z]+)+)", code)
    for key in named:
        if key.rsplit(".", 1)[-1] in {"md", "svc", "yaml", "git"}:
            continue
        found = defaults
        for part in key.split("."):
            assert part in found, key
            found = found[part]


@documents
def test_a_page_links_to_what_is_there(name: str) -> None:
    links = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text(name))]

    assert [each for each in links if each and "://" not in each and not (DOCS / each).exists()] == []


@documents
def test_a_page_links_to_headings_that_are_there(name: str) -> None:
    headings = {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", BLOCKS.sub("", text(name)), re.MULTILINE)
    }

    assert [anchor for anchor in re.findall(r"\]\(#([^)\s]+)\)", text(name)) if anchor not in headings] == []
