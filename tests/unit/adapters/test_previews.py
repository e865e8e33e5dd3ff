"""What an update would do, as the engine writes it. The previews were recorded from the real engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab.adapters.previews import steps
from lab.core.errors import LabError


def recorded(name: str) -> str:
    return (Path(__file__).parent / "recorded" / name).read_text()


def preview(*found: dict[str, Any]) -> str:
    return json.dumps({"steps": found, "duration": 1, "changeSummary": {"same": 1}})


def told(text: str) -> list[tuple[str, str]]:
    """Names and operations of the steps that change something that is there."""
    found = [(str(step["urn"]).rpartition("::")[2], str(step["op"])) for step in steps(text)]
    return sorted({(name, operation) for name, operation in found if operation in {"replace", "delete"}})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("preview-create.json", []),
        ("preview-same.json", []),
        ("preview-replace.json", [("one", "replace")]),
        ("preview-update-and-delete.json", [("two", "delete")]),
        ("preview-streamed.jsonl", [("one", "replace"), ("two", "delete")]),
    ],
)
def test_what_the_engine_would_delete_or_replace_is_found(name: str, expected: list[object]) -> None:
    assert told(recorded(name)) == expected


def test_a_preview_that_failed_is_no_clearance() -> None:
    with pytest.raises(LabError, match="pulumi preview failed: error: Program failed"):
        steps(recorded("preview-failed.json"))


def test_a_stream_that_tells_an_error_is_no_clearance() -> None:
    error = {"diagnosticEvent": {"severity": "error", "message": "no login"}}

    with pytest.raises(LabError, match="pulumi preview failed: no login"):
        steps(f"{recorded('preview-streamed.jsonl')}{json.dumps(error)}\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n",
        "error: no stack",
        "[]",
        "7",
        "{}",
        recorded("preview-replace.json")[:-40],
        recorded("preview-streamed.jsonl")[:3000],
        "\n".join(recorded("preview-streamed.jsonl").splitlines()[:4]),
        recorded("preview-create.json") + "Warning: something",
    ],
)
def test_what_is_no_whole_preview_is_no_clearance(text: str) -> None:
    with pytest.raises(LabError, match="the output of pulumi preview --json cannot be read"):
        steps(text)


def test_a_huge_preview_is_read_through() -> None:
    found = [{"op": "same", "urn": "urn", "newState": {"inputs": {"data": "x" * 1000}}} for _ in range(5000)]

    assert told(preview(*found, {"op": "delete", "urn": "a::b::c::lab"})) == [("lab", "delete")]
