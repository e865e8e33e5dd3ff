"""A guard before `lab down`: the login must see what it is to destroy."""

from __future__ import annotations

import json
import re

from lab.core.errors import LabError

_SUBSCRIPTION = re.compile(r"^/subscriptions/([0-9a-f-]{36})(?:/|$)", re.IGNORECASE)


def require_same_subscription(state: str, current: str) -> None:
    """Refuse to destroy with a login that cannot see the resources, which Azure would report as gone.

    Raises:
        LabError: a resource of the state is in another one, or the state cannot be read.
    """
    try:
        resources = json.loads(state)["deployment"].get("resources") or []
        ids = [str(entry.get("id", "")) for entry in resources if str(entry["type"]).startswith("azure-native:")]
    except (ValueError, LookupError, TypeError, AttributeError):
        raise LabError("the stack's state cannot be read", "pulumi stack export") from None
    found = {match[1].lower() for match in map(_SUBSCRIPTION.match, ids) if match}
    if others := sorted(found - {current.lower()}):
        raise LabError(
            f"the lab stands in subscription {', '.join(others)}, but the login works on {current}",
            f"az account set --subscription {others[0]}",
        )
