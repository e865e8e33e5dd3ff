"""Known failures of Azure: patterns in the output of pulumi or az, each with a cause and a command."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass

from lab.core.errors import LabError


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A known failure: its code, its cause in one sentence, and the next command."""

    code: str
    cause: str
    command: str


class KnownError(LabError):
    """A failure that the catalog explains.

    Attributes:
        code: the catalog's.
    """

    def __init__(self, found: Explanation, command: str) -> None:
        super().__init__(f"{found.code}: {found.cause}", command)
        self.code = found.code


@dataclass(frozen=True)
class _Row:
    """A known failure; the named groups of the pattern can be used in cause and command."""

    code: str
    pattern: str
    cause: str
    command: str


_CLIENT = r"[Tt]he client '(?P<client>[^']+)' with object id '[^']*' does not have authorization to perform action"
_SUBSCRIPTION = r"over scope '(?P<scope>/subscriptions/[0-9A-Fa-f-]{36})"

BUDGET_REFUSED = "BudgetRefused"
"""The code of the one failure after which the lab stands."""

_KNOWN_ERRORS = (
    _Row(
        "LoginExpired",
        r"AADSTS\d{5,7}|[Rr]efresh token has expired|Interactive authentication is needed",
        "Azure does not accept the login any more: it has expired, was withdrawn, or needs a second factor.",
        "az login",
    ),
    _Row(
        "NotLoggedIn",
        r"[Pp]lease run '?az login'?",
        "Nobody is logged in to Azure on this machine.",
        "az login",
    ),
    _Row(
        "WebhookPreventsStop",
        r"webhooks, that might prevent stop/start.*?Webhook configuration '(?P<webhook>[^']+)'",
        "AKS does not stop or start a cluster whose webhook {webhook} has wildcard (*) rules: the webhook could block "
        "AKS itself. Without it the cluster can be stopped; install it anew after the next start.",
        "kubectl delete validatingwebhookconfiguration,mutatingwebhookconfiguration {webhook} --ignore-not-found",
    ),
    _Row(
        "WebhookPreventsStop",
        r"ValidationError.*?webhook|webhooks, that might prevent stop/start",
        "AKS does not stop or start a cluster with a webhook that has wildcard (*) rules: it could block AKS itself.",
        "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations",
    ),
    _Row(
        "CustomKubeletIdentityMissingPermissionError",
        r"CustomKubeletIdentityMissingPermissionError",
        "The cluster's identity was given the role Managed Identity Operator, but the role has not arrived everywhere "
        "in Azure yet; that takes minutes.",
        "lab up",
    ),
    _Row(
        "PrincipalNotFound",
        r"PrincipalNotFound|[Pp]rincipal \S+ does not exist in the directory",
        "A role was assigned to an identity so new that Entra ID does not know it everywhere yet.",
        "lab up",
    ),
    _Row(
        "RoleAssignmentExists",
        r"RoleAssignmentExists|[Rr]ole assignment already exists",
        "The same role was assigned before, by hand or by an earlier lab, under another name; delete that assignment.",
        "az role assignment list --all --output table",
    ),
    _Row(
        "RoleAssignmentUpdateNotPermitted",
        r"RoleAssignmentUpdateNotPermitted|principal ID, and scope are not allowed to be updated",
        "A role assignment of an identity that is gone has the name of the new one; delete that assignment.",
        "az role assignment list --all --output table",
    ),
    _Row(
        "AlreadyExists",
        r"cannot create already existing resource '(?P<id>/subscriptions/[^'/]+/resource[gG]roups/(?P<group>[^'/]+)"
        r"[^']*)'",
        "{id} is there already, but the state of this stack does not know it: the state was lost, or an update was "
        "killed while Azure made it. Put the state back if you have a copy; if not, delete the resource group with all "
        "that is in it.",
        "az group delete --name {group}",
    ),
    _Row(
        "AlreadyExists",
        r"cannot create already existing resource '(?P<id>[^']+)'",
        "{id} is there already, but the state of this stack does not know it: the state was lost, or an update was "
        "killed while Azure made it.",
        "az resource delete --ids {id}",
    ),
    _Row(
        "RoleAssignmentForbidden",
        rf"{_CLIENT} 'Microsoft\.Authorization/roleAssignments/write' {_SUBSCRIPTION}",
        "{client} may not assign roles, which the lab needs so that the cluster can pull from its registry. "
        "An Owner of the subscription can allow it.",
        "az role assignment create --assignee {client} --role 'Role Based Access Control Administrator' "
        "--scope {scope}",
    ),
    _Row(
        "AuthorizationFailed",
        rf"{_CLIENT} '(?P<action>[^']+)' {_SUBSCRIPTION}",
        "{client} may not do {action}. An Owner of the subscription can allow it.",
        "az role assignment create --assignee {client} --role Contributor --scope {scope}",
    ),
    _Row(
        "AuthorizationFailed",
        r"AuthorizationFailed|does not have authorization to perform action",
        "The one who is logged in may not do this; a role that was given just now counts after a new login.",
        "az login",
    ),
    _Row(
        "MissingSubscriptionRegistration",
        r"not registered to use (?:the )?namespace '(?P<namespace>[\w.]+)'",
        "The subscription has never used {namespace}; Azure wants it registered once.",
        "az provider register --namespace {namespace} --wait",
    ),
    _Row(
        "MissingSubscriptionRegistration",
        r"MissingSubscriptionRegistration|SubscriptionNotRegistered",
        "The subscription has never used a resource provider that the lab needs; Azure wants it registered once.",
        "lab doctor --target azure",
    ),
    _Row(
        "DirectoryQuotaExceeded",
        r"Directory_QuotaExceeded|directory object quota limit",
        "The Entra directory lets the one who is logged in make no more identities; its administrator can.",
        "az ad signed-in-user list-owned-objects --query '[].displayName'",
    ),
    _Row(
        "QuotaExceeded",
        r"ErrCode_InsufficientVCPUQuota|QuotaExceeded|exceeding (?:approved .{0,60}?quota|quota limits)",
        "The subscription's vCPU quota in this region is too small for the nodes and the surge node of an upgrade.",
        "lab doctor --target azure",
    ),
    _Row(
        "SkuNotAvailable",
        r"[Tt]he VM size of (?P<size>\S+) is not allowed in your subscription",
        "{size} is not offered to this subscription in this region; another size or region may be.",
        "lab doctor --target azure",
    ),
    _Row(
        "SkuNotAvailable",
        r"SkuNotAvailable|NotAvailableForSubscription",
        "The VM size is not offered to this subscription in this region at the moment; another size or region may be.",
        "lab doctor --target azure",
    ),
    _Row(
        "K8sVersionNotSupported",
        r"K8sVersionNotSupported|version \S+,? (?:which )?is (?:not supported in this region|only available for Long)",
        "AKS does not offer this Kubernetes version here, or only with long-term support.",
        "lab doctor --target azure",
    ),
    _Row(
        "AlreadyInUse",
        r"registry DNS name (?P<registry>\w+)\S* is already in use",
        "The registry's name {registry} belongs to somebody else: such names are unique in all of Azure.",
        "az acr check-name --name {registry}",
    ),
    _Row(
        "AlreadyInUse",
        r"\b(?:AlreadyInUse|NameNotAvailable)\b",
        "The registry's name belongs to somebody else: such names are unique in all of Azure.",
        "az acr list --output table",
    ),
    _Row(
        "ClusterStopped",
        r"Power ?State\s?\(?:?\s?\"?Stopped|[Mm]anaged cluster \S+ is (?:in (?:a )?)?[Ss]topped",
        "The AKS cluster is stopped, and a stopped cluster can only be started or deleted.",
        "lab start",
    ),
    _Row(
        "DockerHubLimit",
        r"toomanyrequests|TOOMANYREQUESTS|(?:unauthenticated )?pull rate limit",
        "Docker Hub's pull rate limit is reached for the address that the registry copies from. It counts six hours; "
        "until then the nodes can pull from Docker Hub themselves.",
        "pulumi config set --path istio-lab:azure.importImages false",
    ),
    _Row(
        "ImageNotFound",
        r"(?P<image>\S+) could not be copied into the registry .{0,80}Docker Hub has no such image",
        "Docker Hub has no image {image}, or none that everybody may pull; correct it in the settings.",
        "pulumi config",
    ),
    _Row(
        "ImageNotFound",
        r"MANIFEST_UNKNOWN|NAME_UNKNOWN|manifest unknown|pull access denied|[Uu]nable to find manifest digest",
        "Docker Hub has no such image, or none that everybody may pull; correct the image in the settings.",
        "pulumi config",
    ),
    _Row(
        "OperationInProgress",
        r"AnotherOperationInProgress|[Aa]nother operation .{0,80}in progress|there's an in.progress .{0,80}operation",
        "Azure is still busy with an earlier change of this resource; wait until its provisioning state is Succeeded.",
        "lab status",
    ),
    _Row(
        "ResourceGroupBeingDeleted",
        r"resource group '(?P<group>[^']+)' is in deprovisioning state",
        "The resource group {group} of an earlier lab is still being deleted; this returns when it is gone.",
        "az group wait --deleted --resource-group {group}",
    ),
    _Row(
        "ResourceGroupBeingDeleted",
        r"ResourceGroupBeingDeleted",
        "The resource group of an earlier lab is still being deleted.",
        "az group list --query \"[?properties.provisioningState=='Deleting'].name\" --output tsv",
    ),
    _Row(
        "RequestDisallowedByPolicy",
        r"RequestDisallowedByPolicy|was disallowed by policy",
        "A policy of the subscription forbids this, such as one that allows certain regions or VM sizes only.",
        "az policy assignment list --disable-scope-strict-match --output table",
    ),
    _Row(
        "ReadOnlyDisabledSubscription",
        r"ReadOnlyDisabledSubscription|disabled and therefore marked as read only",
        "The subscription is disabled, usually because its credit is used up; it is reactivated in the portal.",
        "az account list --refresh --output table",
    ),
    _Row(
        "LinkedAuthorizationFailed",
        r"LinkedAuthorizationFailed",
        "A right on a new identity or registry did not count in time, or the one who is logged in lacks it.",
        "lab up",
    ),
    _Row(
        "KubeloginMissing",
        r"exec: \"?kubelogin\"?: executable file not found|executable kubelogin not found",
        "kubelogin, which logs in to a cluster with Entra ID, is not installed or not on PATH.",
        "az aks install-cli",
    ),
    _Row(
        "AzureRbacForbidden",
        r"User \"(?P<user>[^\"]+)\" cannot .{1,300}User does not have access to the resource in Azure",
        "{user} has no role in the cluster yet: a role that was assigned just now takes up to five minutes to count, "
        "and the lab waits for ten.",
        "lab up",
    ),
    _Row(
        "ApiServerUnreachable",
        r"(?P<host>[\w.-]+\.azmk8s\.io)\S*?:? dial tcp \S+ (?:i/o timeout|connect: connection timed out)",
        "The API server {host} does not answer: this machine's public address is not among the allowed ranges, "
        "perhaps because it has changed, or the cluster is stopped.",
        "lab status",
    ),
    # The last: a budget is made when all else stands, so another error is the one to tell.
    _Row(
        BUDGET_REFUSED,
        r"Cost Management supports only|not associated with (?:an? )?(?:EA|valid) offer type|IndirectCostDisabled|"
        r"[Cc]ost management data is not supported for subscription|"
        r"[Bb]udgets?\b.{0,200}(?:new subscription|48 hours|not (?:supported|available|allowed|eligible))|"
        r"(?:new subscription|48 hours|not eligible).{0,200}\b[Bb]udgets?\b",
        "The subscription takes no budget: a new one takes none in its first two days, and some offers never do. All "
        "else of the lab stands. Try again later, or go on without the budget.",
        "pulumi config rm --path istio-lab:azure.budget.email",
    ),
)
"""In order: the first row that matches explains. Sources: issues of Azure/AKS, Azure/azure-cli, pulumi-azure-native."""

_TERMINAL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def explain(output: str) -> Explanation | None:
    """Explain the first known failure in an output."""
    text = " ".join(_TERMINAL.sub("", output).split())
    for known in _KNOWN_ERRORS:
        if found := re.search(known.pattern, text):
            values = found.groupdict()
            return Explanation(
                code=known.code, cause=known.cause.format(**values), command=known.command.format(**values)
            )
    return None


def error_messages(events: str) -> str:
    """Extract the errors of an event log, which pulumi writes with `--event-log FILE`; a cut-off last line is ignored.

    The flag is there only with `PULUMI_DEBUG_COMMANDS=true` in the environment.
    """
    messages = []
    for line in events.splitlines():
        with contextlib.suppress(ValueError):
            event = json.loads(line).get("diagnosticEvent") or {}
            if event.get("severity") == "error":
                messages.append(str(event.get("message", "")))
    return "\n".join(messages)
