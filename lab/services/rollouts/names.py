"""The Rollouts of the lab, and where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT = "example-rollout"
"""The one that is meant when none is named."""

NAMESPACES: Mapping[str, str] = {DEFAULT: "default", "delivery": "shop"}
"""Where each of them is."""

CONTROLLER = "argo-rollouts"
"""The controller's Deployment, and its namespace."""


def namespace_of(name: str) -> str:
    """Where a Rollout is unless another namespace is named."""
    return NAMESPACES.get(name, "default")


def behind(name: str, namespace: str) -> str:
    """What a command needs behind a Rollout's name to mean this namespace; nothing for the usual one."""
    return "" if namespace == namespace_of(name) else f" -n {namespace}"
