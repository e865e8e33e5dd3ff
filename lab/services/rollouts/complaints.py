"""Complaints of the controller that no status has: in events, and in its log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Object = Mapping[str, Any]

_TOLD_ELSEWHERE = ("AnalysisRun", "Experiment", "Metric", "RolloutAborted")
"""Reasons, by their beginnings, that the status of a Rollout or of its analyses tells better."""

_PROGRESS = {"UpdatedDestinationRule", "TrafficWeightUpdated", "RolloutStepCompleted"}
_PROGRESS |= {"RolloutCompleted", "RolloutUpdated"}
"""Reasons after which an older warning is over."""

_PASSING = re.compile(r"delaying destination rule switch|object has been modified|context (deadline exceeded|canceled)")
"""Of errors that every Rollout meets on its way: Pods that are not all available yet, two writers at once, a slow API
server."""

_ERROR = re.compile(r'msg="(?:rollout syncHandler error|roCtx\.reconcile err):? ((?:[^"\\]|\\.)*)"')
_BEGUN = 'msg="Started syncing rollout"'


def of_events(name: str, events: Iterable[Object]) -> str:
    """Return the last warning about a Rollout that no progress has followed; empty for none."""
    warning, since, progress = "", "", ""
    for each in events:
        about = each.get("involvedObject") or {}
        if each.get("kind") != "Event" or (about.get("kind"), about.get("name")) != ("Rollout", name):
            continue
        when = str(each.get("lastTimestamp") or each.get("eventTime") or "")
        reason = str(each.get("reason", ""))
        message = str(each.get("message", ""))
        if each.get("type") == "Warning":
            if when >= since and not reason.startswith(_TOLD_ELSEWHERE) and not _PASSING.search(message):
                warning, since = message, when
        elif reason in _PROGRESS:
            progress = max(progress, when)
    return warning if since >= progress else ""


def of_log(name: str, namespace: str, lines: Iterable[str]) -> str:
    """Return the error that the controller's last look at a Rollout ended with; empty for none.

    The refusal of a header route or a mirror route is in no event.
    """
    error = ""
    words = {f"rollout={name}", f"namespace={namespace}"}
    for line in lines:
        if not words <= set(line.split()):
            continue
        if _BEGUN in line:
            error = ""
        elif found := _ERROR.search(line):
            error = re.sub(r"\\(.)", r"\1", found[1])
    return "" if _PASSING.search(error) else error
