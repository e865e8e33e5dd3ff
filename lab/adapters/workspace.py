"""The project's own working folder, made ready for Pulumi: backend, passphrase, environment, activation script."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import subprocess
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from lab.adapters import files
from lab.core import paths

if TYPE_CHECKING:
    from pathlib import Path

_LOG_CAP_MEGABYTES = 50
"""The engine logs every property it handles; without a cap that was 165 MB for one preview."""

_TEMPORARY = timedelta(days=1)
"""Older than any update of a lab."""

_SALT_FILTER = "istio-lab-salt"


def prepare() -> None:
    """Make the folders, the passphrase, the activation script and git's filter; what is there already stays."""
    for folder in (paths.home(), paths.state_dir(), paths.pulumi_home(), paths.temporary_dir()):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _sweep_temporary_files()
    _make_passphrase(paths.passphrase_file())
    _write(paths.home() / "activate", _activation_script())
    command = _write(paths.bin_dir() / "lab", _command_script())
    command.chmod(0o755)
    _keep_salt_out_of_git()


def environment() -> dict[str, str]:
    """This process's environment with what makes `pulumi`, `kubectl` and `istioctl` work on this project.

    A script of another clone may have been sourced in the same terminal, so Pulumi's own variables are overruled; a
    backend of one's own is chosen with `ISTIO_LAB_BACKEND_URL`, and secrets then follow Pulumi's usual variables.
    """
    folders = [str(folder) for folder in _folders()]
    present = os.environ.get("PATH", os.defpath).split(os.pathsep)
    search = os.pathsep.join(folders + [folder for folder in present if folder not in folders])
    result = {**os.environ, **_variables(), "PATH": search}
    return {name: value for name, value in result.items() if name not in _unwanted()}


def local_backend() -> bool:
    """Whether state is kept in the project's own folder."""
    return not os.environ.get("ISTIO_LAB_BACKEND_URL")


def _unwanted() -> tuple[str, ...]:
    # Where Python may not keep its bytecode, every start compiles a thousand modules anew: that doubles a preview.
    return ("PYTHONDONTWRITEBYTECODE", *(("PULUMI_CONFIG_PASSPHRASE",) if local_backend() else ()))


def _variables() -> dict[str, str]:
    # Beside each state the backend would write its metadata, and not atomically: an engine killed just then would leave
    # an empty file, and no command could read the state any more.
    variables = {
        "PULUMI_HOME": str(paths.pulumi_home()),
        "PULUMI_BACKEND_URL": os.environ.get("ISTIO_LAB_BACKEND_URL") or f"{paths.state_dir().as_uri()}?metadata=skip",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "TMPDIR": str(paths.temporary_dir()),
        "KUBECACHEDIR": str(paths.home() / "kubectl-cache"),
        "PULUMI_LOG_ROTATION_MAX_TOTAL_MB": str(_LOG_CAP_MEGABYTES),
    }
    if local_backend():
        variables["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(paths.passphrase_file())
    return variables


def _folders() -> list[Path]:
    return [paths.bin_dir(), paths.PROJECT / ".venv" / "bin"]


def _sweep_temporary_files() -> None:
    """Delete what earlier runs left. What a run of another stack may be using at this moment stays."""
    for file in paths.temporary_dir().glob("kubeconfig*"):
        with contextlib.suppress(FileNotFoundError):  # somebody else sweeps as well
            if time.time() - file.stat().st_mtime > _TEMPORARY.total_seconds():
                file.unlink()


def _make_passphrase(file: Path) -> None:
    if file.is_file() and file.stat().st_size:
        return
    files.write(file, secrets.token_urlsafe(32))
    if local_backend():
        _forget_salts()


def _forget_salts() -> None:
    """A salt that an earlier passphrase left would make the engine refuse the new one."""
    for settings in paths.PROJECT.glob("Pulumi.*.yaml"):
        lines = settings.read_text().splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith("encryptionsalt:")]
        if kept != lines:
            settings.write_text("".join(kept))


def _keep_salt_out_of_git() -> None:
    """Define the filter that `.gitattributes` names: `make up` must not leave a tracked file changed."""
    config = paths.PROJECT / ".git" / "config"
    if config.is_file() and _SALT_FILTER not in config.read_text():
        subprocess.run(
            ["git", "config", f"filter.{_SALT_FILTER}.clean", "sed '/^encryptionsalt:/d'"],  # noqa: S607 - git is the user's
            check=True,
            cwd=paths.PROJECT,
        )


def _write(file: Path, text: str) -> Path:
    if not file.is_file() or file.read_text() != text:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return file


def _command_script() -> str:
    """`lab` itself, so that it can be called from any folder."""
    python = paths.PROJECT / ".venv" / "bin" / "python"
    return f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(paths.PROJECT))} exec {shlex.quote(str(python))} -m lab "$@"\n'


def _activation_script() -> str:
    folders = os.pathsep.join(str(folder) for folder in _folders())
    lines = ["# source this file: pulumi, kubectl, istioctl and lab then work on this project"]
    lines += [f"export {key}={shlex.quote(value)}" for key, value in _variables().items()]
    lines.append(f"unset {' '.join(_unwanted())}")
    lines += [f'export PATH={shlex.quote(folders)}:"$PATH"', ""]
    return "\n".join(lines)
