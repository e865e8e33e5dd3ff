"""Pulumi's provider for Azure: brought only for the azure target, for it is larger than all other tools together."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lab.adapters import process, workspace
from lab.core import paths, versions
from lab.core.errors import LabError

if TYPE_CHECKING:
    from pathlib import Path

    from lab.core.progress import Progress

SERVER = "ISTIO_LAB_PLUGIN_SERVER"
"""Environment variable: where else the plugin is downloaded from, for networks without a way out."""

_NAME = "azure-native"


def ensure(progress: Progress) -> None:
    """Have the plugin at its pinned version, by Pulumi's own installer.

    Raises:
        LabError: it could not be downloaded.
    """
    if _binary().is_file():
        return
    server = os.environ.get(SERVER)
    command = [str(paths.bin_dir() / "pulumi"), "plugin", "install", "resource", _NAME, versions.PULUMI_AZURE_NATIVE]
    with progress.step(f"pulumi-resource-{_NAME} {versions.PULUMI_AZURE_NATIVE}", usual=60):
        words = [*command, *(("--server", server) if server else ())]
        result = process.run(words, environment=workspace.environment(), check=False)
    if result.code:
        raise LabError(
            f"the Azure provider {versions.PULUMI_AZURE_NATIVE} could not be installed: {result.last_words[-500:]}",
            f"go online, or name a mirror of Pulumi's plugins: {SERVER}=https://mirror.example make up",
        )


def _binary() -> Path:
    folder = paths.pulumi_home() / "plugins" / f"resource-{_NAME}-v{versions.PULUMI_AZURE_NATIVE}"
    return folder / f"pulumi-resource-{_NAME}"
