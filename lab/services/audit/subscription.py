"""Leftovers on Azure: resource groups, tagged resources, role assignments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lab.core import tags
from lab.platforms.azure import cli
from lab.platforms.azure.models import ResourceGroup, RoleAssignment, TaggedResource, read
from lab.services.audit import finding, record
from lab.services.audit.finding import AuditVerdict, Finding
from lab.services.audit.record import LabRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.adapters.stack import Stack


def examine(stack: Stack) -> list[Finding]:
    """Look for a stack's leftovers in the subscription of its settings, its last record or the login."""
    known = record.last(stack)
    subscription = _configured(stack) or (known.subscription if known else "") or cli.account().id
    here = ("--subscription", subscription)
    groups = read(tuple[ResourceGroup, ...], cli.ask("group", "list", *here, "--query", _GROUPS))
    tagged = ("--tag", f"project={tags.PROJECT}")
    resources = read(tuple[TaggedResource, ...], cli.ask("resource", "list", *here, *tagged, "--query", _RESOURCES))
    assigned = ("--all", "--query", _ASSIGNMENTS)
    assignments = read(tuple[RoleAssignment, ...], cli.ask("role", "assignment", "list", *here, *assigned))
    return [
        *_groups(stack.name, known or LabRecord(), groups, subscription),
        _resources(stack.name, resources),
        _assignments(stack.name, known, assignments, subscription),
    ]


def own_groups(stack: str, known: LabRecord, groups: Sequence[ResourceGroup]) -> list[str]:
    """Resource groups of a stack: recorded, tagged, named like one, or managed by its cluster."""
    pattern = _pattern(stack)
    first = [
        each.name
        for each in groups
        if each.name in known.groups or tags.read(each.tags, stack=stack) or pattern.fullmatch(each.name)
    ]
    inside = re.compile(
        rf"/subscriptions/[^/]+/resourcegroups/({'|'.join(map(re.escape, first)) or '-'})/", re.IGNORECASE
    )
    return [*first, *(each.name for each in groups if each.name not in first and inside.match(each.managed_by))]


def own_assignments(
    stack: str, known: LabRecord | None, assignments: Sequence[RoleAssignment]
) -> tuple[list[RoleAssignment], list[RoleAssignment]]:
    """Role assignments of a stack, and all others whose principal no longer exists."""
    names = "|".join(map(re.escape, known.groups)) if known and known.groups else _pattern(stack).pattern
    inside = re.compile(rf"/subscriptions/[^/]+/resourcegroups/(?:{names})(?:/.*)?", re.IGNORECASE)
    principals = known.principals if known else ()
    own = [each for each in assignments if each.principal_id in principals or inside.fullmatch(each.scope)]
    return own, [each for each in assignments if not each.principal_name and each not in own]


def _groups(stack: str, known: LabRecord, groups: Sequence[ResourceGroup], subscription: str) -> list[Finding]:
    found = own_groups(stack, known, groups)
    nodes = [name for name in found if name.endswith("-nodes") or name.startswith("MC_")]

    def of(title: str, names: Sequence[str]) -> Finding:
        commands = [f"az group delete --subscription {subscription} --name {name}" for name in names]
        return finding.of(title, names, remedy="\n".join(commands))

    return [
        of("resource group", [name for name in found if name not in nodes]),
        of("resource group of the nodes", nodes),
    ]


def _resources(stack: str, resources: Sequence[TaggedResource]) -> Finding:
    own = [each.id for each in resources if tags.read(each.tags, stack=stack)]
    return finding.of("resources with its tags", own, remedy=f"az resource delete --ids {' '.join(own)}")


def _assignments(
    stack: str, known: LabRecord | None, assignments: Sequence[RoleAssignment], subscription: str
) -> Finding:
    title = "role assignments"
    own, others = own_assignments(stack, known, assignments)
    note = ""
    if others:
        note = f"{len(others)} more in the subscription are of nobody that the directory knows"
    if not own and others and known is None:
        # Without the record of its identities, one of these may be the lab's.
        ids = tuple(each.id for each in others)
        return Finding(
            looked_at=title, verdict=AuditVerdict.UNSEEN, left=ids, note=f"{note}; whose they were, nobody wrote down"
        )
    remedy = f"az role assignment delete --subscription {subscription} --ids {' '.join(each.id for each in own)}"
    return finding.of(title, [_describe(each) for each in own], note=note, remedy=remedy)


def _describe(each: RoleAssignment) -> str:
    who = each.principal_name or f"{each.principal_id}, which is gone"
    return f"{each.role} for {who} on {each.scope}"


def _pattern(stack: str) -> re.Pattern[str]:
    """Names of a stack's resource groups; the suffix depends on the subscription."""
    return re.compile(rf"{tags.PROJECT}-{re.escape(stack)}-[0-9a-z]{{6}}(?:-nodes)?")


def _configured(stack: Stack) -> str:
    given = stack.config().get("azure")
    return str(given.get("subscription") or "") if isinstance(given, dict) else ""


_GROUPS = "[].{name:name, managedBy:managedBy, tags:tags}"
_RESOURCES = "[].{id:id, tags:tags}"
_ASSIGNMENTS = "[].{id:id, scope:scope, principalId:principalId, principalName:principalName, role:roleDefinitionName}"
"""The used fields: whole answers are megabytes."""
