"""The project's own working folder, made ready for Pulumi: passphrase, environment, activation script."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shlex
import shutil
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from lab.adapters import backend, checkpoints, files
from lab.adapters import environment as environments
from lab.core import paths

if TYPE_CHECKING:
    from pathlib import Path

_LOG_CAP_MEGABYTES = 50
"""The engine logs every property it handles; without a cap that was 165 MB for one preview."""

_TEMPORARY = timedelta(days=1)
"""Older than any update of a lab."""

_SALT = "encryptionsalt:"

_ENCRYPTED = re.compile(r"\bsecure:")
"""Begins a value in a stack's file that cannot be read without the salt."""


def prepare() -> None:
    """Make the folders, the passphrase and the activation script; what is there already stays."""
    for folder in (paths.home(), paths.state_dir(), paths.pulumi_home(), paths.temporary_dir()):
        files.folder(folder)
    _sweep_temporary_files()
    _make_passphrase(paths.passphrase_file())
    # An address of a backend may have a password in it.
    _write(paths.home() / "activate", _activation_script()).chmod(0o600)
    command = _write(paths.bin_dir() / "lab", _command_script())
    command.chmod(0o700)


def environment() -> dict[str, str]:
    """Return the environment of `pulumi` on this project.

    None of Pulumi's own variables comes from the user, but for the login to a backend of the user's own.
    """
    program = environments.LAB if backend.local() else environments.LAB_WITH_BACKEND
    return environments.make(program, **_variables())


def forget_salt(settings: Path) -> None:
    """Delete the salt from a stack's file, where the state has it too; one that encrypted values need stays."""
    try:
        text = settings.read_bytes().decode() if settings.is_file() else ""
    except (OSError, UnicodeDecodeError):
        return  # whoever reads it next says what is wrong with it
    kept = "".join(line for line in text.splitlines(keepends=True) if not line.startswith(_SALT))
    if kept == text or _ENCRYPTED.search(text):
        return
    _replace(settings, kept.encode())


def restore_cut(settings: Path, before: bytes) -> None:
    """Restore a stack's file that pulumi has cut off: it does so where the disk is full."""
    now = settings.read_bytes() if settings.is_file() else b""
    if len(now) < len(before) and before.startswith(now):
        _replace(settings, before)


def _replace(settings: Path, content: bytes) -> None:
    """Replace a stack's file in one step, unless its folder is read only: then pulumi does not write it either."""
    new = settings.with_name(f".{settings.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        try:
            new.write_bytes(content)
            if settings.is_file():
                shutil.copymode(settings, new)
            new.replace(settings)
        finally:
            new.unlink(missing_ok=True)


def _variables() -> dict[str, str]:
    return {
        "PULUMI_HOME": str(paths.pulumi_home()),
        **backend.variables(),
        # A stack's file need not have the salt of its passphrase: the state has it too.
        "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "TMPDIR": str(paths.temporary_dir()),
        "KUBECACHEDIR": str(paths.home() / "kubectl-cache"),
        "PYTHONUTF8": "1",  # names of files are UTF-8 whatever the locale
        "PULUMI_LOG_ROTATION_MAX_TOTAL_MB": str(_LOG_CAP_MEGABYTES),
    }


def _sweep_temporary_files() -> None:
    """Delete what earlier runs left. What a run of another stack may be using at this moment stays."""
    for file in paths.temporary_dir().glob("kubeconfig*"):
        with contextlib.suppress(FileNotFoundError):  # somebody else sweeps as well
            if time.time() - file.stat().st_mtime > _TEMPORARY.total_seconds():
                file.unlink()


def _make_passphrase(file: Path) -> None:
    if file.is_file() and file.read_bytes().strip():
        return
    files.write(file, secrets.token_urlsafe(32))
    if backend.local():
        # The engine would refuse the new passphrase for the salt of an earlier one.
        for settings in paths.PROJECT.glob("Pulumi.*.yaml"):
            forget_salt(settings)
        _forget_empty_states()


def _forget_empty_states() -> None:
    """Forget the states of labs that were taken down: they have nothing but the salt of the former passphrase."""
    for file in paths.stacks_dir().glob("*.json*"):
        with contextlib.suppress(checkpoints.UnreadableError):
            if not checkpoints.read(file, _leave_compressed).resources:
                file.unlink()


def _leave_compressed(_: Path) -> str:
    raise checkpoints.UnreadableError("Pulumi is not there yet")


def _write(file: Path, text: str) -> Path:
    if not file.is_file() or file.read_text() != text:
        files.folder(file.parent)
        files.write(file, text)
    return file


def _command_script() -> str:
    """`lab` itself, so that it can be called from any folder."""
    project, python = (shlex.quote(str(path)) for path in (paths.PROJECT, paths.PROJECT / ".venv" / "bin" / "python"))
    unset = r"unset $(env | sed -n 's/^\(PYTHON[A-Z0-9_]*\)=.*/\1/p')"
    return f'#!/bin/sh\n{unset}\nPYTHONPATH={project} exec {python} -X utf8 -m lab "$@"\n'


def _activation_script() -> str:
    folders = os.pathsep.join(environments.tool_folders())
    lines = ["# source this file: pulumi, kubectl, istioctl and lab then work on this project"]
    # Pulumi's and Python's switches of the user's shell would change what an update does.
    kept = "" if backend.local() else f" | grep -vx -e {' -e '.join(environments.BACKEND_LOGIN)}"
    switches = rf"env | sed -nE 's/^((PULUMI_|PYTHON)[A-Z0-9_]*)=.*/\1/p'{kept}"
    lines.append(f'for name in $({switches}); do unset "$name"; done')
    lines += [f"export {key}={shlex.quote(value)}" for key, value in _variables().items()]
    lines += [f'export PATH={shlex.quote(folders)}:"$PATH"', ""]
    return "\n".join(lines)
