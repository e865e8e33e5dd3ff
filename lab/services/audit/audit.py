"""Look for everything that a destroyed lab may have left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.adapters import backend
from lab.core.errors import LabError
from lab.services.audit import finding, machine, record
from lab.services.audit.finding import AuditReport, AuditVerdict, Finding

if TYPE_CHECKING:
    from lab.adapters.stack import Stack


def examine(stack: Stack) -> AuditReport:
    """Look for what the target of a stack can leave.

    Raises:
        LabError: the lab is still up, or something cannot be examined.
    """
    findings = [_state(stack), *machine.examine(stack)]
    if stack.target == "kubeconfig":
        from lab.services.audit import existing

        findings += existing.examine(stack)
    elif stack.target == "azure":
        from lab.services.audit import subscription

        findings += subscription.examine(stack)
    elif stack.target == "shared":
        note = "they are in the cluster of another stack: kubectl get namespaces, with that one's kubeconfig"
        findings.append(Finding(looked_at="namespaces", verdict=AuditVerdict.UNSEEN, note=note))
    return AuditReport(stack=stack.name, target=stack.target, findings=tuple(findings))


def _state(stack: Stack) -> Finding:
    """Resources that a failed `down` left in the state."""
    if (state := stack.state()) is None:
        note = f"there is no stack {stack.name} in {backend.described()}"
        return Finding(looked_at="state", verdict=AuditVerdict.UNSEEN, note=note)
    known = record.resources(state)
    if known and stack.last_update() != "destroy":
        raise LabError(
            f"stack {stack.name} still stands, with {len(known)} resources: an audit is for what was taken down",
            f"make down{stack.suffix}",
        )
    return finding.of("state", known, remedy=f"make down{stack.suffix}")
