"""Conversion of AKS's kubeconfig for people and for Pulumi."""

from __future__ import annotations

import base64
from typing import Any

import yaml

_DEVICE_LOGIN_ONLY = ("--client-id", "--tenant-id")
"""Options of a login by device code, each with a value."""


def kubeconfig(encoded: str, *, azure_cli: bool) -> str:
    """Decode what `listClusterUserCredential` answers.

    Args:
        encoded: the kubeconfig in base64.
        azure_cli: let `kubelogin` take the login of the Azure CLI; AKS writes a login by device code, which asks a
            person to open a browser, for each of Pulumi's processes again.
    """
    text = base64.b64decode(encoded).decode()
    if not azure_cli:
        return text
    config: dict[str, Any] = yaml.safe_load(text)
    for user in config["users"]:
        command = user["user"].get("exec")
        if command and command["command"] == "kubelogin":
            command["args"] = _with_azure_cli(command["args"])
    return yaml.safe_dump(config, sort_keys=False)


def _with_azure_cli(arguments: list[str]) -> list[str]:
    kept: list[str] = []
    words = iter(arguments)
    for word in words:
        if word in (*_DEVICE_LOGIN_ONLY, "--login", "-l"):
            next(words, None)
        else:
            kept.append(word)
    return [*kept, "--login", "azurecli"]
