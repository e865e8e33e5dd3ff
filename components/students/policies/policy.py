"""A ValidatingAdmissionPolicy as typed values, and the specs of the policy and of its binding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Rules = Mapping[str, str]
"""CEL expressions of what is allowed, by the message for whoever is refused."""


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Resources of an API group, in all its versions; empty for the core group."""

    group: str
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What objects in a student's namespace may be.

    Attributes:
        key: ends the name of the policy; empty for the first one.
        resources: that are checked when they are made and when they are changed.
        variables: CEL expressions by name, each of which may use those before it.
        rules: all of which must hold.
    """

    key: str
    resources: tuple[Resources, ...]
    rules: Rules
    variables: Mapping[str, str] = field(default_factory=dict)


def spec(policy: Policy) -> dict[str, Any]:
    """Return the spec of the ValidatingAdmissionPolicy."""
    return {
        # An object that cannot be checked, such as one that is too large, is refused.
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {
                    "apiGroups": [each.group],
                    "apiVersions": ["*"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": list(each.names),
                }
                for each in policy.resources
            ]
        },
        "variables": [{"name": name, "expression": expression} for name, expression in policy.variables.items()],
        "validations": [{"expression": rule, "message": message} for message, rule in policy.rules.items()],
    }


def binding(name: str, namespaces: Mapping[str, Any]) -> dict[str, Any]:
    """Return the spec of the binding of a policy to the namespaces that a label selector selects."""
    return {
        "policyName": name,
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": dict(namespaces)},
    }


def literals(values: tuple[str, ...]) -> str:
    """Return a list of texts in CEL."""
    return "[" + ", ".join(f"'{value}'" for value in values) + "]"
