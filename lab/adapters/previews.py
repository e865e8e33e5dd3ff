"""What `pulumi preview --json` says: one document, or a line for each event where the engine streams."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterator


def steps(preview: str) -> list[dict[str, Any]]:
    """The steps of an update that would come, as the engine writes them.

    Args:
        preview: the output of `pulumi preview --json`: one document, or a line for each event, which the engine writes
            when `PULUMI_ENABLE_STREAMING_JSON_PREVIEW` is set.

    Raises:
        LabError: it is neither, or the preview failed and so does not tell everything.
    """
    documents = list(_documents(preview))
    if errors := [text for document in documents for text in _errors(document)]:
        raise LabError(f"pulumi preview failed: {errors[0]}", "put right what it says, then run the same command again")
    if not any(_complete(document) for document in documents):
        raise unreadable("it is cut off or something else")
    return [step for document in documents for step in _steps(document)]


def unreadable(why: str) -> LabError:
    """What is raised for an output that is something else."""
    return LabError(f"the output of pulumi preview --json cannot be read: {why}", "pulumi preview")


def _documents(text: str) -> Iterator[dict[str, Any]]:
    """Every JSON object of a text, one after the other."""
    decoder = json.JSONDecoder()
    place = 0
    try:
        while place < len(text):
            if text[place].isspace():
                place += 1
                continue
            document, place = decoder.raw_decode(text, place)
            if not isinstance(document, dict):
                raise unreadable("it holds something that is no object")
            yield document
    except ValueError as error:
        raise unreadable(str(error)) from None


def _complete(document: dict[str, Any]) -> bool:
    """Whether this document ends a whole preview."""
    return "changeSummary" in document or "summaryEvent" in document


def _errors(document: dict[str, Any]) -> Iterator[str]:
    for entry in (*document.get("diagnostics", ()), document.get("diagnosticEvent", {})):
        if entry.get("severity") == "error":
            yield str(entry.get("message", "")).strip()


def _steps(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from document.get("steps", ())
    if event := document.get("resourcePreEvent"):
        yield event["metadata"]
