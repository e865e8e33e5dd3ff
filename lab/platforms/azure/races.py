"""Refusals of Azure that end by themselves: something that was just made is not known everywhere yet."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.core.patience import PATIENCE, SHORT


@dataclass(frozen=True)
class Race:
    """A refusal that is over after a while.

    Attributes:
        pattern: of the error's text.
        patience: seconds after which it is no race; short where the same words also tell of a right that is missing.
        unknown: what is not known yet.
    """

    pattern: re.Pattern[str]
    patience: float
    unknown: str


def _race(pattern: str, patience: float, unknown: str) -> Race:
    return Race(re.compile(pattern), patience, unknown)


_MADE = r"Microsoft\.(?:ManagedIdentity|ContainerRegistry|ContainerService)/"

RACES = (
    # A role of the cluster's identity on that of its nodes: given before the cluster, and minutes late at AKS.
    _race(
        r"CustomKubeletIdentityMissingPermissionError|must be (?:given|granted)\b.{0,80}(?:assign kubelet identity|"
        r"Managed Identity Operator)|[Cc]heck access result not allowed for action Microsoft\.ManagedIdentity/",
        PATIENCE,
        "the role of the cluster's identity",
    ),
    _race(
        r"PrincipalNotFound|does not exist in the directory|No matches in graph database|"
        r"ServicePrincipalNotFound|AADSTS700016|[Aa]pplication with identifier '[^']*' was not found in the directory",
        PATIENCE,
        "a new identity",
    ),
    _race(
        r"FailedIdentityOperation|[Ii]dentity operation for resource .{0,300}failed|"
        r"(?:UserAssigned)?(?:ManagedIdentity|Identity|MSICredential)NotFound|InvalidIdentityValues|"
        r"[Rr]econcile (?:MSI|managed identity) credential failed",
        PATIENCE,
        "a new identity",
    ),
    # The same words tell of a caller who lacks a right.
    _race(r"LinkedAuthorizationFailed|LinkedInvalidPropertyId", SHORT, "a right on a new identity or registry"),
    # A resource that another region of Azure Resource Manager does not have yet.
    _race(
        r"(?:Linked|Parent|Referenced)ResourceNot(?:Found|Provisioned)|RegistryNotFound|"
        rf"(?:ResourceNotFound|NotFound|InvalidResourceReference|could not be found|was not found).{{0,400}}{_MADE}|"
        rf"{_MADE}.{{0,400}}(?:was not found|could not be found|does not exist)|"
        r"ResourceGroupNotFound",
        SHORT,
        "a new resource",
    ),
)
"""In order: the first that matches counts. Sources: issues of Azure/AKS, terraform-provider-azurerm, azure-cli."""


def find(error: str) -> Race | None:
    """Return the race that an error tells of, if it tells of one."""
    text = " ".join(error.split())
    return next((each for each in RACES if each.pattern.search(text)), None)
