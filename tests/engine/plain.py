"""A fresh copy of the project as people who know Pulumi have it: no command of the lab's own ever ran in it."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lab import toolchain
from lab.core import paths, versions
from tests.engine.laboratory import PROGRAM, Result

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ENGINE = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec", "pulumi-resource-pulumi-python")
_LANGUAGE = "pulumi-language-python"
_KUBERNETES = "pulumi-resource-kubernetes"
_TIMEOUT = 300.0

_WITH_OPTIONS = """#!/bin/sh
exec "$0-3.79" -virtualenv .venv -root "$PWD" "$@"
"""
"""The language host that can be built here is older than the engine, and does not read `runtime.options`."""

_NOTE_STARTS = """\
import os, sys

def note(event, arguments):
    if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.system"):
        with open(os.environ["STARTS"], "a") as file:
            print(event, arguments, file=file)

sys.addaudithook(note)
"""
"""Runs at the start of each Python, before the program or a provider."""


@dataclass(frozen=True)
class PlainPulumi:
    """The project's files, a virtualenv, and Pulumi with its plugins as its own installer leaves them."""

    project: Path
    user_home: Path
    extra: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def copy_to(folder: Path, *, virtualenv: Path | None) -> PlainPulumi:
        """Copy the project; without a virtualenv, `pulumi install` makes one."""
        project, user_home = folder / "project", folder / "home"
        installed = user_home / ".pulumi" / "bin"
        installed.mkdir(parents=True)
        for name in _ENGINE:
            shutil.copy2(toolchain.path(name), installed / name)
        (installed / _LANGUAGE).rename(installed / f"{_LANGUAGE}-3.79")
        (installed / _LANGUAGE).write_text(_WITH_OPTIONS)
        (installed / _LANGUAGE).chmod(0o755)
        provider = toolchain.catalog.TOOLS[_KUBERNETES]
        plugins = user_home / ".pulumi" / "plugins"
        (plugins / provider.plugin).mkdir(parents=True)
        (plugins / provider.plugin / _KUBERNETES).symlink_to(toolchain.path(_KUBERNETES))
        # `pulumi install` would download it; only the target azure starts it.
        azure = plugins / f"resource-azure-native-v{versions.PULUMI_AZURE_NATIVE}" / "pulumi-resource-azure-native"
        azure.parent.mkdir()
        azure.touch(mode=0o755)
        (folder / "state").mkdir()
        project.mkdir()
        for name in PROGRAM:
            source = paths.PROJECT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy2
            copy(source, project / name)
        if virtualenv:
            (project / ".venv").symlink_to(virtualenv)
        return PlainPulumi(project, user_home)

    def with_environment(self, **extra: str) -> PlainPulumi:
        return replace(self, extra={**self.extra, **extra})

    @property
    def environment(self) -> dict[str, str]:
        folders = [self.user_home / ".pulumi" / "bin", self.project / ".venv" / "bin", "/usr/sbin", "/usr/bin", "/bin"]
        return {
            "HOME": str(self.user_home),
            "PATH": os.pathsep.join(map(str, folders)),
            "LANG": "C.UTF-8",
            # The cache of artifacts and tools is this machine's; everything else begins empty.
            "ISTIO_LAB_CACHE": str(paths.cache()),
            "PULUMI_BACKEND_URL": (self.project.parent / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "correct horse battery staple",
            # By default the engine takes the home folder of the user, whatever HOME says.
            "PULUMI_HOME": str(self.user_home / ".pulumi"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            **{name: value for name, value in os.environ.items() if name.startswith("PIP_")},
            **self.extra,
        }

    def noting_starts(self, note: Path) -> PlainPulumi:
        """Have the program and its providers write down each process that they start."""
        hook = note.with_name("hook")
        hook.mkdir()
        (hook / "sitecustomize.py").write_text(_NOTE_STARTS)
        note.touch()
        return self.with_environment(PYTHONPATH=str(hook), STARTS=str(note))

    def pulumi(self, *arguments: str) -> Result:
        return self.run(str(self.user_home / ".pulumi" / "bin" / "pulumi"), *arguments, "--non-interactive")

    def run(self, *command: str) -> Result:
        done = subprocess.run(
            command,
            cwd=self.project,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
        return Result(done.returncode, done.stdout)
