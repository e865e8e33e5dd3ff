"""An az that only pretends, and answers as Azure gives them."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SUBSCRIPTION = "5a0c1a4e-7d1b-4c0a-9b1f-2f6f0f8b6f11"

ACCOUNT = {
    "environmentName": "AzureCloud",
    "homeTenantId": "72f0d8a1-0000-4000-8000-000000000001",
    "id": SUBSCRIPTION,
    "isDefault": True,
    "managedByTenants": [],
    "name": "Course 2026",
    "state": "Enabled",
    "tenantId": "72f0d8a1-0000-4000-8000-000000000001",
    "user": {"name": "kim@example.com", "type": "user"},
}

POLICIES = {
    "id": f"/subscriptions/{SUBSCRIPTION}",
    "displayName": "Course 2026",
    "state": "Enabled",
    "subscriptionPolicies": {
        "locationPlacementId": "Public_2014-09-01",
        "quotaId": "PayAsYouGo_2014-09-01",
        "spendingLimit": "Off",
    },
    "authorizationSource": "RoleBased",
}


def usage(name: str, label: str, used: int, limit: int) -> dict[str, object]:
    """As az writes it: the numbers are text."""
    return {
        "currentValue": str(used),
        "limit": str(limit),
        "localName": label,
        "name": {"localizedValue": label, "value": name},
        "unit": "Count",
    }


def usages(regional: int = 0, family: int = 0, spot: int = 0, limit: int = 20) -> list[dict[str, object]]:
    return [
        usage("availabilitySets", "Availability Sets", 0, 2500),
        usage("cores", "Total Regional vCPUs", regional, limit),
        usage("standardDSv5Family", "Standard DSv5 Family vCPUs", family, limit),
        usage("lowPriorityCores", "Total Regional Low-priority vCPUs", spot, limit),
    ]


def vm_size(
    name: str = "Standard_D4s_v5", vcpus: int = 4, *, spot: bool = True, refused: str = "", zones: bool = False
) -> dict[str, object]:
    restrictions = []
    if refused:
        restrictions.append(restriction("Location", refused))
    if zones:
        restrictions.append(restriction("Zone", "NotAvailableForSubscription"))
    return {
        "apiVersions": None,
        "capabilities": [
            {"name": "MaxResourceVolumeMB", "value": "0"},
            {"name": "vCPUs", "value": str(vcpus)},
            {"name": "MemoryGB", "value": "16"},
            {"name": "LowPriorityCapable", "value": str(spot)},
        ],
        "capacity": None,
        "family": "standardDSv5Family",
        "kind": None,
        "locationInfo": [{"location": "koreacentral", "zoneDetails": [], "zones": ["1", "2", "3"]}],
        "locations": ["koreacentral"],
        "name": name,
        "resourceType": "virtualMachines",
        "restrictions": restrictions,
        "size": name.removeprefix("Standard_"),
        "tier": "Standard",
    }


def restriction(kind: str, reason: str) -> dict[str, object]:
    return {
        "reasonCode": reason,
        "restrictionInfo": {"locations": ["koreacentral"], "zones": ["2"] if kind == "Zone" else None},
        "type": kind,
        "values": ["koreacentral"],
    }


def kubernetes(
    version: str, *patches: str, plans: tuple[str, ...] = ("KubernetesOfficial",), preview: bool | None = None
) -> dict[str, object]:
    return {
        "capabilities": {"supportPlan": list(plans)},
        "isDefault": None,
        "isPreview": preview,
        "patchVersions": {patch: {"upgrades": []} for patch in patches},
        "version": version,
    }


VERSIONS = {
    "values": [
        kubernetes("1.37", "1.37.0", preview=True),
        kubernetes("1.36", "1.36.2", "1.36.10"),
        kubernetes("1.35", "1.35.4", plans=("KubernetesOfficial", "AKSLongTermSupport")),
        kubernetes("1.33", "1.33.9", plans=("AKSLongTermSupport",)),
    ]
}


def providers(**states: str) -> list[dict[str, str]]:
    """All registered, but for those named by the end of their namespace."""
    names = [
        "Authorization",
        "Compute",
        "Consumption",
        "ContainerRegistry",
        "ContainerService",
        "ManagedIdentity",
        "Network",
        "Storage",
    ]
    return [
        {"namespace": f"Microsoft.{name}", "registrationState": states.get(name, "Registered")}
        for name in names
        if states.get(name) != "absent"
    ]


def permissions(*entries: tuple[list[str], list[str]]) -> dict[str, object]:
    return {
        "value": [
            {"actions": actions, "notActions": refused, "dataActions": [], "notDataActions": []}
            for actions, refused in entries
        ]
    }


OWNER = permissions((["*"], []))
CONTRIBUTOR = permissions(
    (["*"], ["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"]),
    (["Microsoft.Authorization/*/read"], []),
)


def cluster(power: str | None = "Running", provisioning: str = "Succeeded") -> dict[str, object]:
    return {
        "id": f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg-kim/providers/Microsoft.ContainerService/"
        "managedClusters/aks-kim",
        "agentPoolProfiles": [
            {
                "count": 2,
                "enableAutoScaling": True,
                "mode": "System",
                "name": "system",
                "powerState": {"code": power or "Running"},
                "scaleSetPriority": None,
                "vmSize": "Standard_D4s_v5",
            },
            {"count": 1, "mode": "User", "name": "spot", "scaleSetPriority": "Spot", "vmSize": "Standard_D2s_v5"},
        ],
        "currentKubernetesVersion": "1.36.2",
        "kubernetesVersion": "1.36",
        "name": "aks-kim",
        "powerState": {"code": power} if power else None,
        "provisioningState": provisioning,
        "resourceGroup": "rg-kim",
    }


class FakeAz:
    """An az that answers from a table and remembers what it was asked."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self._calls = program.with_name("calls")
        self._rows: list[str] = []
        self._write()

    def answers(self, begin: str, answer: object = "", *, error: str = "", code: int = 0, then: str = "") -> None:
        """Answer commands that begin so; what was said last counts.

        Args:
            begin: words after `az`, with `*` for anything.
            answer: standard output, an object as JSON.
            error: standard error.
            code: exit code.
            then: a shell command to run first.
        """
        stem = self._program.with_name(f"answer{len(self._rows)}")
        stem.with_suffix(".out").write_text(answer if isinstance(answer, str) else json.dumps(answer))
        stem.with_suffix(".err").write_text(error)
        pattern = "*".join(shlex.quote(part) for part in begin.split("*"))
        out, err = (shlex.quote(str(stem.with_suffix(suffix))) for suffix in (".out", ".err"))
        self._rows.append(f"{pattern}*) {then or ':'}; cat {out}; cat {err} >&2; exit {code} ;;")
        self._write()

    def _write(self) -> None:
        # One write of one line, so that those who ask at the same time do not mix.
        lines = ["#!/bin/sh", f'echo "$*" >> {shlex.quote(str(self._calls))}', 'case "$*" in', *reversed(self._rows)]
        lines += ["esac", 'echo "nobody taught az: $*" >&2', "exit 64", ""]
        self._program.write_text("\n".join(lines))
        self._program.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        return self._calls.read_text().splitlines() if self._calls.exists() else []

    def asked(self, begin: str) -> list[str]:
        return [call for call in self.calls if call.startswith(begin)]
