"""Every known failure of Azure is told as a cause and one command, from the text that pulumi or az shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.platforms.azure.error_catalog import error_messages, explain

DENIED = (
    'Status=403 Code="AuthorizationFailed" Message="The client \'kim@example.com\' with object id '
    "'021f6f34-4f1a-4f8f-b2ce-e55301892388'\n    does not have authorization to perform action\n    '{action}'\n"
    "    over scope "
    "'/subscriptions/5a0c1a4e-7d1b-4c0a-9b1f-2f6f0f8b6f11/resourceGroups/rg-kim/providers/x' or the scope "
    'is invalid."'
)

TEXTS = {
    "expired": (
        "AADSTS70043: The refresh token has expired or is invalid due to sign-in frequency checks.",
        "LoginExpired",
        "az login",
    ),
    "inactive": ("ERROR: AADSTS700082: The refresh token has expired due to inactivity.", "LoginExpired", "az login"),
    "second factor": ("AADSTS50076: you must use multi-factor authentication", "LoginExpired", "az login"),
    "logged out": ("ERROR: Please run 'az login' to setup account.", "NotLoggedIn", "az login"),
    "webhook": (
        (
            "(ValidationError) The managed cluster has the following webhooks, that might prevent stop/start cluster "
            "operations, Please remove them before the operation. 1. Webhook configuration "
            "'gatekeeper-validating-webhook-configuration': 'validation.gatekeeper.sh' Rule 1 has wildcard in "
            "both APIGroups "
            "and Resources."
        ),
        "WebhookPreventsStop",
        (
            "kubectl delete validatingwebhookconfiguration,mutatingwebhookconfiguration "
            "gatekeeper-validating-webhook-configuration --ignore-not-found"
        ),
    ),
    "some webhook": (
        "(ValidationError) a webhook may apply to cluster-scoped resources",
        "WebhookPreventsStop",
        "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations",
    ),
    "docker hub": (
        (
            "(TooManyRequests) Operation registries-1f0c failed. Resource /subscriptions/x Invalid message "
            'TooManyRequests {"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your unauthenticated '
            'pull rate limit."}]}'
        ),
        "DockerHubLimit",
        "pulumi config set --path istio-lab:azure.importImages false",
    ),
    "no such image": (
        'Invalid message NotFound Not Found {"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}',
        "ImageNotFound",
        "pulumi config",
    ),
    "no import": (
        DENIED.format(action="Microsoft.ContainerRegistry/registries/importImage/action"),
        "AuthorizationFailed",
        (
            "az role assignment create --assignee kim@example.com --role Contributor "
            "--scope /subscriptions/5a0c1a4e-7d1b-4c0a-9b1f-2f6f0f8b6f11"
        ),
    ),
    "kubelet identity": (
        (
            'Code="CustomKubeletIdentityMissingPermissionError" Message="The cluster using user-assigned managed '
            "identity "
            "must be granted 'Managed Identity Operator' role to assign kubelet identity.\""
        ),
        "CustomKubeletIdentityMissingPermissionError",
        "lab up",
    ),
    "principal": (
        'Code="PrincipalNotFound" Message="Principal 8f6d does not exist in the directory 72f0."',
        "PrincipalNotFound",
        "lab up",
    ),
    "assigned twice": (
        'Code="RoleAssignmentExists" Message="The role assignment already exists."',
        "RoleAssignmentExists",
        "az role assignment list --all --output table",
    ),
    "roles": (
        DENIED.format(action="Microsoft.Authorization/roleAssignments/write"),
        "RoleAssignmentForbidden",
        (
            "az role assignment create --assignee kim@example.com --role 'Role Based Access Control Administrator' "
            "--scope /subscriptions/5a0c1a4e-7d1b-4c0a-9b1f-2f6f0f8b6f11"
        ),
    ),
    "no right": (
        DENIED.format(action="Microsoft.Resources/subscriptions/resourcegroups/write"),
        "AuthorizationFailed",
        (
            "az role assignment create --assignee kim@example.com --role Contributor "
            "--scope /subscriptions/5a0c1a4e-7d1b-4c0a-9b1f-2f6f0f8b6f11"
        ),
    ),
    "denied somehow": ("(AuthorizationFailed) no", "AuthorizationFailed", "az login"),
    "unregistered": (
        (
            'Code="MissingSubscriptionRegistration" Message="The subscription is not registered to use namespace '
            "'Microsoft.ContainerService'. See https://aka.ms/rps-not-found\""
        ),
        "MissingSubscriptionRegistration",
        "az provider register --namespace Microsoft.ContainerService --wait",
    ),
    "unregistered somewhere": (
        'Code="SubscriptionNotRegistered" Message="no"',
        "MissingSubscriptionRegistration",
        "lab doctor --target azure",
    ),
    "directory quota": (
        'Code="Directory_QuotaExceeded" Message="The directory object quota limit has been exceeded."',
        "DirectoryQuotaExceeded",
        "az ad signed-in-user list-owned-objects --query '[].displayName'",
    ),
    "family quota": (
        (
            'Code="ErrCode_InsufficientVCPUQuota" Message="Insufficient vcpu quota requested 12, remaining 4 for '
            "family "
            'standardDSv5Family for region koreacentral."'
        ),
        "QuotaExceeded",
        "lab doctor --target azure",
    ),
    "regional quota": (
        (
            'Code="OperationNotAllowed" Message="Operation could not be completed as it results in exceeding '
            "approved Total "
            'Regional Cores quota. Current Limit: 4"'
        ),
        "QuotaExceeded",
        "lab doctor --target azure",
    ),
    "old quota": (
        "Operation results in exceeding quota limits of Core. Maximum allowed: 10",
        "QuotaExceeded",
        "lab doctor --target azure",
    ),
    "size": (
        (
            'Code="BadRequest" Message="The VM size of Standard_D4s_v5 is not allowed in your subscription in location '
            "'koreacentral'.\""
        ),
        "SkuNotAvailable",
        "lab doctor --target azure",
    ),
    "capacity": (
        'Code="SkuNotAvailable" Message="The requested size is currently not available"',
        "SkuNotAvailable",
        "lab doctor --target azure",
    ),
    "version": (
        "Managed cluster aks-kim is on version 1.33.1, which is only available for Long-Term Support (LTS).",
        "K8sVersionNotSupported",
        "lab doctor --target azure",
    ),
    "pool version": (
        'Code="AgentPoolK8sVersionNotSupported" Message="Version 1.26.3 is not supported in this region."',
        "K8sVersionNotSupported",
        "lab doctor --target azure",
    ),
    "registry": (
        'Code="AlreadyInUse" Message="The registry DNS name acrkim.azurecr.io is already in use."',
        "AlreadyInUse",
        "az acr check-name --name acrkim",
    ),
    "some registry": ('Code="NameNotAvailable"', "AlreadyInUse", "az acr list --output table"),
    "stopped": (
        (
            'Code="OperationNotAllowed" Message="managed cluster is in Provisioning State(Succeeded) and Power '
            "State(Stopped), "
            'scaling cannot be performed"'
        ),
        "ClusterStopped",
        "lab start",
    ),
    "busy": (
        'Code="AnotherOperationInProgress" Message="Another operation on this or dependent resource is in progress."',
        "OperationInProgress",
        "lab status",
    ),
    "busy cluster": (
        (
            'Code="OperationNotAllowed" Message="Operation is not allowed because there\'s an in progress create '
            "managed "
            'cluster operation on the managed cluster"'
        ),
        "OperationInProgress",
        "lab status",
    ),
    "group": (
        (
            'Code="ResourceGroupBeingDeleted" Message="The resource group \'rg-kim\' is in deprovisioning state '
            "and cannot "
            'perform this operation."'
        ),
        "ResourceGroupBeingDeleted",
        "az group wait --deleted --resource-group rg-kim",
    ),
    "some group": (
        'Code="ResourceGroupBeingDeleted"',
        "ResourceGroupBeingDeleted",
        "az group list --query \"[?properties.provisioningState=='Deleting'].name\" --output tsv",
    ),
    "policy": (
        'Code="RequestDisallowedByPolicy" Message="Resource \'aks-kim\' was disallowed by policy."',
        "RequestDisallowedByPolicy",
        "az policy assignment list --disable-scope-strict-match --output table",
    ),
    "disabled": (
        (
            'Code="ReadOnlyDisabledSubscription" Message="The subscription \'5a0c\' is disabled and therefore '
            "marked as read "
            'only."'
        ),
        "ReadOnlyDisabledSubscription",
        "az account list --refresh --output table",
    ),
    "kubelogin": (
        (
            'getting credentials: exec: executable kubelogin not found: exec: "kubelogin": executable file not '
            "found in $PATH"
        ),
        "KubeloginMissing",
        "az aks install-cli",
    ),
    "in the cluster": (
        (
            'namespaces is forbidden: User "021f6f34" cannot create resource "namespaces" in API group "" at the '
            "cluster "
            "scope: User does not have access to the resource in Azure. Update role assignment to allow access."
        ),
        "AzureRbacForbidden",
        "lab up",
    ),
    "walled off": (
        (
            'Get "https://kim-abc.hcp.koreacentral.azmk8s.io:443/version?timeout=32s": dial tcp 20.200.1.2:443: '
            "i/o timeout"
        ),
        "ApiServerUnreachable",
        "lab status",
    ),
    "lost state": (
        (
            "cannot create already existing resource '/subscriptions/5a0c/resourceGroups/rg-kim/providers/"
            "Microsoft.ContainerService/managedClusters/aks-kim'"
        ),
        "AlreadyExists",
        "az group delete --name rg-kim",
    ),
    "lost state of a group": (
        "cannot create already existing resource '/subscriptions/5a0c/resourceGroups/rg-kim'",
        "AlreadyExists",
        "az group delete --name rg-kim",
    ),
    "lost state elsewhere": (
        "cannot create already existing resource '/subscriptions/5a0c/providers/Microsoft.Consumption/budgets/kim'",
        "AlreadyExists",
        "az resource delete --ids /subscriptions/5a0c/providers/Microsoft.Consumption/budgets/kim",
    ),
    "an assignment changes hands": (
        (
            'Code="RoleAssignmentUpdateNotPermitted" Message="Tenant ID, application ID, principal ID, and scope are '
            'not allowed to be updated."'
        ),
        "RoleAssignmentUpdateNotPermitted",
        "az role assignment list --all --output table",
    ),
    "budget of an offer": (
        (
            "Status=400 Code=400 Message=Cost Management supports only Enterprise Agreement, Web direct and Microsoft "
            "Customer Agreement offer types. Subscription x is not associated with a valid offer type."
        ),
        "BudgetRefused",
        "pulumi config rm --path istio-lab:azure.budget.email",
    ),
    "budget of a new subscription": (
        "Cost management data is not supported for subscription(s) x in the provided api-version",
        "BudgetRefused",
        "pulumi config rm --path istio-lab:azure.budget.email",
    ),
}


@pytest.mark.parametrize(("text", "code", "command"), TEXTS.values(), ids=TEXTS.keys())
def test_a_failure_of_azure_is_explained_with_one_command(text: str, code: str, command: str) -> None:
    found = explain(f"Diagnostics:\n  azure-native:containerservice:ManagedCluster (aks):\n    error: {text}\n")

    assert found is not None
    assert (found.code, found.command) == (code, command)
    assert found.cause.endswith(".")
    assert "{" not in found.cause + found.command


def test_the_cause_names_what_azure_named() -> None:
    found = explain(TEXTS["walled off"][0])

    assert found is not None
    assert "kim-abc.hcp.koreacentral.azmk8s.io" in found.cause


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Resources:\n    + 42 created\n",
        'dial tcp 10.0.0.1:443: i/o timeout while asking "https://docker.io"',
        "error: deployment failed: there is no such file",
    ],
)
def test_what_is_not_known_is_not_guessed(text: str) -> None:
    assert explain(text) is None


def test_colours_and_broken_lines_do_not_hide_a_failure() -> None:
    found = explain(
        "\x1b[31merror:\x1b[0m The VM size of\n      \x1b[1mStandard_D4s_v5\x1b[0m is not allowed in your\n "
        "subscription"
    )

    assert found is not None
    assert found.cause.startswith("Standard_D4s_v5 is not offered")


def test_the_errors_of_an_event_log_are_those_the_engine_showed() -> None:
    log = (Path(__file__).parent / "recorded" / "event-log.jsonl").read_text()

    assert "Exception: boom" in error_messages(log)
    assert "registering resource" not in error_messages(log)


def test_an_event_log_that_was_cut_off_tells_what_came_before() -> None:
    event = '{"diagnosticEvent": {"severity": "error", "message": "(AuthorizationFailed) no"}}'

    assert error_messages(f'{event}\n{{"sequence": 7, "diagno') == "(AuthorizationFailed) no"
