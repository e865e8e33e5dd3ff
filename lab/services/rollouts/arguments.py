"""Arguments of an AnalysisRun, put into its metrics as the controller does when it measures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\{\{\s*args\.([\w.-]+)\s*\}\}")


def metrics(spec: Mapping[str, Any]) -> list[Any]:
    """Return the metrics of an AnalysisRun's spec with the values of its arguments; one without a value stays.

    >>> metrics({"args": [{"name": "most", "value": "5"}], "metrics": [{"failureLimit": "{{args.most}}"}]})
    [{'failureLimit': '5'}]
    """
    values = {each.get("name", ""): str(each["value"]) for each in spec.get("args") or () if "value" in each}
    return [_resolved(each, values) for each in spec.get("metrics") or ()]


def whole(value: object) -> int:
    """Parse a number that may be text; 0 when it is none."""
    text = str(value or "").strip()
    return int(text) if re.fullmatch(r"[-+]?\d+", text) else 0


def _resolved(value: Any, values: Mapping[str, str]) -> Any:  # noqa: ANN401 - whatever JSON has
    if isinstance(value, dict):
        return {key: _resolved(each, values) for key, each in value.items()}
    if isinstance(value, list):
        return [_resolved(each, values) for each in value]
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), value)
    return value
