"""The lab's dashboards: its own about the shop, and published ones with their inputs filled in.

Grafana asks people for the inputs of a published dashboard (`${DS_PROMETHEUS}`), but not when it provisions a file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping

_OWN = Path(__file__).with_name("dashboards")

_DATA_SOURCES = {"prometheus": "prometheus", "loki": "loki", "jaeger": "jaeger"}
"""The uid of the data source by Grafana's plugin."""


def load(published: Mapping[int, Path]) -> dict[str, str]:
    """Return the lab's dashboards as JSON by file name.

    Args:
        published: downloaded files by their number on grafana.com.

    Raises:
        LabError: a file is not a dashboard, or needs an input that the lab does not have.
    """
    own = {file.name: file.read_text(encoding="utf-8") for file in sorted(_OWN.glob("*.json"))}
    return own | {f"grafana-{number}.json": _resolved(number, file) for number, file in sorted(published.items())}


def resolve(text: str, uid: str) -> str:
    """Fill in the inputs of a published dashboard.

    Args:
        text: the JSON of grafana.com.
        uid: the dashboard's uid in the lab, which keeps its URL stable.

    Raises:
        ValueError: it is not a dashboard, or needs an input that the lab does not have.
    """
    dashboard: dict[str, Any] = json.loads(text)
    if not isinstance(dashboard, dict) or not isinstance(dashboard.get("title"), str):
        raise ValueError("it is not a dashboard: it has no title")  # noqa: TRY004 - the content is wrong, not a type
    answers = {f"${{{entry['name']}}}": _answer(entry) for entry in dashboard.pop("__inputs", [])}
    for about_imports in ("__requires", "__elements"):
        dashboard.pop(about_imports, None)
    # The id is a key of another Grafana's database.
    whole = _replaced({**dashboard, "id": None, "uid": uid}, answers)
    return json.dumps(whole, indent=2) + "\n"


def _resolved(number: int, file: Path) -> str:
    try:
        return resolve(file.read_text(encoding="utf-8"), f"grafana-{number}")
    except (ValueError, KeyError, TypeError) as failure:
        raise LabError(
            f"{file} is not the dashboard {number} of grafana.com: {failure}",
            f"Delete it; then run `lab setup`, or put the file there that "
            f"https://grafana.com/grafana/dashboards/{number} offers.",
        ) from failure


def _answer(entry: Mapping[str, str]) -> str:
    """Return the lab's data source of the input's kind, or the constant's value."""
    if entry["type"] == "constant":
        return entry["value"]
    if (uid := _DATA_SOURCES.get(entry.get("pluginId", ""))) is None:
        raise ValueError(f"it asks for {entry['name']}, which the lab does not have")
    return uid


def _replaced(value: Any, answers: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON can be anything
    if isinstance(value, dict):
        return {key: _replaced(inner, answers) for key, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner, answers) for inner in value]
    if isinstance(value, str):
        for question, answer in answers.items():
            value = value.replace(question, answer)
    return value
