"""The tags by which the project knows what is its own."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.core.tags import Tags, read, tags

words = st.text(max_size=10)


def test_what_is_empty_is_left_out() -> None:
    assert tags(stack="kim", owner="", expires="") == {"project": "istio-lab", "stack": "kim"}


@settings(deadline=None)
@given(st.text(min_size=1, max_size=10), words, words, words, words)
def test_what_is_written_is_read_again(stack: str, owner: str, expires: str, class_: str, student: str) -> None:
    written = tags(stack=stack, owner=owner, expires=expires, class_=class_, student=student)

    assert read(written, stack=stack) == Tags(stack=stack, owner=owner, expires=expires, class_=class_, student=student)


@pytest.mark.parametrize(
    "found",
    [
        None,
        "istio-lab",
        [],
        {},
        {"project": "istio-lab"},
        {"project": "istio-lab", "stack": "lee"},
        {"project": "another", "stack": "kim"},
        {"stack": "kim"},
    ],
)
def test_anything_else_has_no_tags_of_the_project(found: object) -> None:
    assert read(found, stack="kim") is None
