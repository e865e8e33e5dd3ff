"""What a preview says beside a pull request: from what the engine wrote, never a value."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.core.errors import LabError
from lab.services.pipeline import comment

RECORDED = Path(__file__).parents[1] / "adapters" / "recorded"


def recorded(name: str) -> str:
    return (RECORDED / name).read_text(encoding="utf-8")


def preview(*steps: dict[str, object]) -> str:
    return json.dumps({"steps": steps, "changeSummary": {}})


def step(op: str, name: str, **more: object) -> dict[str, object]:
    return {"op": op, "urn": f"urn:pulumi:dev::istio-lab::a:b:Chapter$kubernetes:core/v1:ConfigMap::{name}", **more}


def test_nothing_to_do_is_said_in_one_line() -> None:
    text = comment.markdown(recorded("preview-same.json"), stack="dev")

    assert "Nothing would change." in text
    assert "<details>" not in text
    assert comment.totals(recorded("preview-same.json")) == {"create": 0, "update": 0, "delete": 0}


def test_what_takes_something_away_stands_first_with_a_warning() -> None:
    found = comment.changes(recorded("preview-update-and-delete.json"))
    text = comment.markdown(recorded("preview-update-and-delete.json"), stack="dev")

    assert [each.verb for each in found] == sorted((each.verb for each in found), key=["delete", "update"].index)
    assert "Something would go" in text
    assert "Something would go" not in comment.markdown(recorded("preview-create.json"), stack="dev")


def test_a_replacement_is_one_change_however_often_the_engine_tells_it() -> None:
    streamed = "\n".join(
        [
            json.dumps({"resourcePreEvent": {"metadata": step("create-replacement", "x")}}),
            json.dumps({"resourcePreEvent": {"metadata": step("replace", "x", detailedDiff={"spec.a": {}})}}),
            json.dumps({"resourcePreEvent": {"metadata": step("delete-replaced", "x")}}),
            json.dumps({"summaryEvent": {}}),
        ]
    )
    (change,) = comment.changes(streamed)

    assert (change.verb, change.name, change.properties) == ("**replace**", "x", ("spec.a",))
    assert comment.totals(streamed) == {"create": 1, "update": 0, "delete": 1}


def test_properties_are_named_and_values_are_not() -> None:
    secret = {"old": "hunter2", "new": "hunter3", "kind": "update"}
    text = comment.markdown(
        preview(step("update", "x", detailedDiff={"data.password": secret}, oldState={"outputs": {"a": "hunter2"}})),
        stack="dev",
    )

    assert "`data.password`" in text
    assert "hunter" not in text


def test_a_property_cannot_break_the_table() -> None:
    text = comment.markdown(preview(step("update", "x", detailedDiff={'data["a|b`c"]': {}})), stack="dev")
    (row,) = (line for line in text.splitlines() if line.startswith("| update | `"))

    assert row.replace("\\|", "").count("|") == 5


def test_a_comment_is_never_longer_than_its_host_takes() -> None:
    many = preview(*(step("create", f"resource-{number}") for number in range(3000)))

    text = comment.markdown(many, stack="dev")

    assert len(text) < 65_536
    assert "3000" in text


@pytest.mark.parametrize("text", ["", "no JSON", "{}", '{"steps": []}'])
def test_what_is_no_preview_is_refused(text: str) -> None:
    with pytest.raises(LabError, match="cannot be read"):
        comment.markdown(text, stack="dev")


def test_a_preview_that_failed_says_why() -> None:
    with pytest.raises(LabError, match="pulumi preview failed"):
        comment.markdown(recorded("preview-failed.json"), stack="dev")
