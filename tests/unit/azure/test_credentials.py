"""The kubeconfig that AKS hands out: who logs in, and how, is all that changes."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml

from lab.platforms.azure import credentials

HEAD = ["get-token", "--login", "devicecode", "--server-id", "6dae42f8", "--client-id", "80faf920"]
AS_AKS_WRITES = [*HEAD, "--tenant-id", "72f0d8a1", "--environment", "AzurePublicCloud"]
AZURE_CLI = ["get-token", "--server-id", "6dae42f8", "--environment", "AzurePublicCloud", "--login", "azurecli"]


def config(*users: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "aks-kim", "cluster": {"server": "https://aks-kim.example.test:443"}}],
        "contexts": [{"name": "aks-kim", "context": {"cluster": "aks-kim", "user": "user-0"}}],
        "current-context": "aks-kim",
        "users": [{"name": f"user-{place}", "user": user} for place, user in enumerate(users)],
    }


def plugin(*arguments: str, command: str = "kubelogin") -> dict[str, Any]:
    return {"exec": {"command": command, "args": list(arguments), "env": None, "interactiveMode": "IfAvailable"}}


def encoded(content: str) -> str:
    return base64.b64encode(content.encode()).decode()


def decoded(given: dict[str, Any], *, azure_cli: bool = True) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(
        credentials.kubeconfig(encoded(yaml.safe_dump(given, sort_keys=False)), azure_cli=azure_cli)
    )
    return found


def test_without_entra_every_byte_stays_as_aks_wrote_it() -> None:
    text = f"# 서울\n{yaml.safe_dump(config(plugin(*AS_AKS_WRITES)))}\n\n"

    assert credentials.kubeconfig(encoded(text), azure_cli=False) == text


def test_with_entra_kubelogin_takes_the_login_of_the_azure_cli() -> None:
    found = decoded(config(plugin(*AS_AKS_WRITES)))

    assert found["users"][0]["user"]["exec"]["args"] == AZURE_CLI


def test_nothing_else_of_the_kubeconfig_changes() -> None:
    given = config(plugin(*AS_AKS_WRITES))

    found = decoded(given)

    given["users"][0]["user"]["exec"]["args"] = AZURE_CLI
    assert found == given
    assert list(found) == list(given)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(["get-token"], ["get-token", "--login", "azurecli"], id="no login"),
        pytest.param(["get-token", "-l", "devicecode"], ["get-token", "--login", "azurecli"], id="the short option"),
        pytest.param(["get-token", "--login"], ["get-token", "--login", "azurecli"], id="an option cut off"),
        pytest.param(["get-token", "--login", "azurecli"], ["get-token", "--login", "azurecli"], id="right already"),
        pytest.param(
            ["get-token", "--tenant-id", "t", "--server-id", "s", "--client-id", "c"],
            ["get-token", "--server-id", "s", "--login", "azurecli"],
            id="another order",
        ),
        pytest.param(
            ["get-token", "--server-id", "--login", "x"],
            ["get-token", "--server-id", "--login", "azurecli"],
            id="one login only",
        ),
    ],
)
def test_what_only_a_login_by_device_code_needs_is_left_out_with_its_value(before: list[str], after: list[str]) -> None:
    assert decoded(config(plugin(*before)))["users"][0]["user"]["exec"]["args"] == after


@pytest.mark.parametrize(
    "user",
    [
        pytest.param({"client-certificate-data": "YQ==", "client-key-data": "Yg=="}, id="a certificate"),
        pytest.param({"token": "t"}, id="a token"),
        pytest.param(plugin("--login", "devicecode", "--tenant-id", "t", command="gke-gcloud-auth-plugin"), id="other"),
        pytest.param({"exec": None}, id="an empty plugin"),
    ],
)
def test_users_without_kubelogin_are_left_alone(user: dict[str, Any]) -> None:
    assert decoded(config(user, plugin(*AS_AKS_WRITES)))["users"][0]["user"] == user


def test_every_user_with_kubelogin_is_changed() -> None:
    found = decoded(config(plugin(*AS_AKS_WRITES), plugin(*AS_AKS_WRITES)))

    assert [each["user"]["exec"]["args"] for each in found["users"]] == [AZURE_CLI, AZURE_CLI]
