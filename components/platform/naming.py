"""Names of Azure resources: pure functions, stable for a stack, within Azure's limits for each kind."""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass

_PROJECT = "istio-lab"
_ROLE_ASSIGNMENTS = uuid.UUID("6d1f3a52-5a0e-4f0c-9d0b-7c2f2f0a9e41")
"""The namespace of the lab's UUIDs (RFC 9562, version 5)."""

_SUFFIX = 6
"""Characters of the suffix that keeps names apart: 36^6 is two billion."""


@dataclass(frozen=True, kw_only=True)
class AzureNames:
    """Names of one stack's resources, by the naming rules of their Azure resource providers.

    Attributes:
        resource_group: of everything that the stack makes.
        node_resource_group: AKS' own, for machines, disks and addresses; at most 80 characters.
        cluster: at most 63.
        dns_prefix: of the API server's host name; at most 54, no underscores.
        registry: a host name, so unique in all of Azure; 5 to 50 lower-case letters and digits.
        control_plane_identity: of AKS itself.
        kubelet_identity: of the nodes, which pull images.
        budget: at most 63.
    """

    resource_group: str
    node_resource_group: str
    cluster: str
    dns_prefix: str
    registry: str
    control_plane_identity: str
    kubelet_identity: str
    budget: str


def azure_names(stack: str, subscription: str) -> AzureNames:
    """Return the names for a stack in a subscription.

    Args:
        stack: its name: letters, digits, hyphens, underscores and periods.
        subscription: its id, so that the same stack in two subscriptions has two registries.
    """
    plain, suffix = _plain(stack), _suffix(stack, subscription)
    group = _joined(_PROJECT, plain, suffix, limit=80 - len("-nodes"))
    return AzureNames(
        resource_group=group,
        node_resource_group=f"{group}-nodes",
        cluster=_joined(_PROJECT, plain, suffix, limit=63),
        dns_prefix=_joined(_PROJECT, plain, suffix, limit=54),
        registry=_joined("istiolab", plain.replace("-", ""), suffix, limit=50, separator=""),
        control_plane_identity=_joined(_PROJECT, plain, suffix, "control-plane", limit=128),
        kubelet_identity=_joined(_PROJECT, plain, suffix, "kubelet", limit=128),
        budget=_joined(_PROJECT, plain, suffix, limit=63),
    )


def role_assignment_name(scope: str, principal: str, role: str) -> str:
    """Return the GUID that names a role assignment: a repeated `up` computes the same one.

    Args:
        scope: the name of what the role is for.
        principal: the object id of who gets it.
        role: the role's id.
    """
    return str(uuid.uuid5(_ROLE_ASSIGNMENTS, f"{scope}\n{principal}\n{role}"))


def _plain(stack: str) -> str:
    """Reduce to lower-case letters, digits and single hyphens, which every kind allows."""
    return re.sub(r"[^a-z0-9]+", "-", stack.lower()).strip("-")


def _suffix(*parts: str) -> str:
    number = int.from_bytes(hashlib.sha256("\n".join(parts).encode()).digest()[:8])
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    made = ""
    while len(made) < _SUFFIX:
        number, digit = divmod(number, len(digits))
        made += digits[digit]
    return made


def _joined(before: str, stack: str, *after: str, limit: int, separator: str = "-") -> str:
    """Shorten only the stack's name: the suffix keeps two long names apart."""
    room = limit - len(separator.join((before, "", *after)))
    return separator.join(part for part in (before, stack[:room].strip("-"), *after) if part)
