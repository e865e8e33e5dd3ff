"""The file of the course's queries is checked when it is read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from lab.core.errors import LabError
from lab.core.paths import PROJECT
from lab.services import queries

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = "- {name: one, title: One, query: up, meaning: That it is up.}\n"


def test_the_queries_of_the_notes_are_there_to_the_letter() -> None:
    assert [query.query for query in queries.load()][:4] == [
        "istio_requests_total",
        'istio_requests_total{app="order"}',
        'istio_requests_total{app="order",response_code!~"5.*"}',
        'rate(istio_requests_total{app="order",destination_service="order.shop.svc.cluster.local"}[5m])',
    ]


def test_a_query_is_one_line_and_its_meaning_one_sentence() -> None:
    assert [q.name for q in queries.load() if "\n" in q.query or not re.fullmatch(r"[^\n]+\.", q.meaning)] == []


@pytest.mark.parametrize(
    "name", ["success-rate", "latency-p50", "latency-p95", "latency-p99", "version-share", "retries", "ejected"]
)
def test_what_later_checks_need_is_found_by_name(name: str) -> None:
    assert queries.named(name).name == name


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(LabError, match="There is no query nonsense") as failure:
        queries.named("nonsense")
    assert "success-rate" in failure.value.remedy


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ENTRY.replace("meaning", "sense"), "0.meaning: Field required"),
        (ENTRY.replace("query: up", "query: 5"), "0.query: Input should be a valid string"),
        (ENTRY.replace("name: one", "name: No Name"), "0.name: String should match"),
        (ENTRY.replace("name: one", "name: one, colour: red"), "0.colour: Unexpected keyword argument"),
        (ENTRY * 2, "one: is there more than once"),
        ("", "the whole: Input should be a valid tuple"),
        ("- {", "while parsing"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "queries.yaml"
    file.write_text(text)
    with pytest.raises(LabError, match=re.escape(said)):
        queries.load(file)


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_a_readme_shows_every_query(name: str) -> None:
    text = " ".join((PROJECT / name).read_text(encoding="utf-8").split())  # a long one may be broken into lines

    assert [query.name for query in queries.load() if query.query not in text] == []
