"""The project's own working folder, made ready for Pulumi: backend, passphrase, environment, activation script."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from lab.adapters import environment as environments
from lab.adapters import files, process
from lab.core import paths
from lab.core.errors import LabError

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
        files.folder(folder)
    _sweep_temporary_files()
    _make_passphrase(paths.passphrase_file())
    _write(paths.home() / "activate", _activation_script())
    command = _write(paths.bin_dir() / "lab", _command_script())
    command.chmod(0o700)
    _keep_salt_out_of_git()


def environment() -> dict[str, str]:
    """Return the environment of `pulumi` on this project.

    None of Pulumi's own variables comes from the user. A backend of one's own is chosen with `ISTIO_LAB_BACKEND_URL`;
    its login and the passphrase of its secrets are then Pulumi's usual variables.
    """
    program = environments.LAB if local_backend() else environments.LAB_WITH_BACKEND
    return environments.make(program, **_variables())


def local_backend() -> bool:
    """Whether state is kept in the project's own folder."""
    return not os.environ.get("ISTIO_LAB_BACKEND_URL")


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
        with contextlib.suppress(LabError):  # no git, or a clone that is read only: nobody commits from here
            command = ["git", "config", f"filter.{_SALT_FILTER}.clean", "sed '/^encryptionsalt:/d'"]
            process.run(command, environment=environments.make(environments.GIT), cwd=paths.PROJECT)


def _write(file: Path, text: str) -> Path:
    if not file.is_file() or file.read_text() != text:
        files.folder(file.parent)
        files.write(file, text)
    return file


def _command_script() -> str:
    """`lab` itself, so that it can be called from any folder."""
    project, python = (shlex.quote(str(path)) for path in (paths.PROJECT, paths.PROJECT / ".venv" / "bin" / "python"))
    unset = r"unset $(env | sed -n 's/^\(PYTHON[A-Z0-9_]*\)=.*/\1/p')"
    return f'#!/bin/sh\n{unset}\nPYTHONPATH={project} exec {python} -m lab "$@"\n'


def _activation_script() -> str:
    folders = os.pathsep.join(environments.tool_folders())
    lines = ["# source this file: pulumi, kubectl, istioctl and lab then work on this project"]
    # Pulumi's and Python's switches of the user's shell would change what an update does.
    kept = "" if local_backend() else f" | grep -vx -e {' -e '.join(environments.BACKEND_LOGIN)}"
    switches = rf"env | sed -nE 's/^((PULUMI_|PYTHON)[A-Z0-9_]*)=.*/\1/p'{kept}"
    lines.append(f'for name in $({switches}); do unset "$name"; done')
    lines += [f"export {key}={shlex.quote(value)}" for key, value in _variables().items()]
    lines += [f'export PATH={shlex.quote(folders)}:"$PATH"', ""]
    return "\n".join(lines)
