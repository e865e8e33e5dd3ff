"""A copy of the project in a folder of its own, driven as a user drives it: by its commands."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from lab.core import paths

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = (
    "Pulumi.yaml",
    "Pulumi.dev.yaml",
    "Pulumi.azure.yaml",
    "__main__.py",
    "apps",
    "components",
    "lab",
    "lab.lock.json",
    "pipelines",
    "toolchain",
    "Makefile",
    "pyproject.toml",
    "requirements.txt",
    "requirements-dev.txt",
)
_TIMEOUT = 300.0

MARKER = "known-to-the-owner-of-the-shell-alone"
"""The value of a variable of the user's shell, as a password would be."""


@dataclass(frozen=True)
class Result:
    """What a command printed and how it ended."""

    code: int
    output: str

    def succeeded(self) -> Result:
        assert self.code == 0, self.output
        return self


@dataclass(frozen=True)
class Laboratory:
    """One copy of the project, with a home folder of its own, and one stack of it."""

    project: Path
    user_home: Path
    stack: str = "dev"
    extra: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def copy_to(folder: Path, name: str = "project") -> Laboratory:
        project, user_home = folder / name, folder / "home"
        user_home.mkdir(parents=True)
        project.mkdir()
        for each in PROGRAM:
            source = paths.PROJECT / each
            copy = shutil.copytree if source.is_dir() else shutil.copy2  # make compares times
            copy(source, project / each)
        (project / ".venv").symlink_to(Path(sys.prefix))
        laboratory = Laboratory(project, user_home)
        laboratory.lab("setup").succeeded()
        return laboratory

    def other(self, stack: str) -> Laboratory:
        return replace(self, stack=stack)

    def with_environment(self, **extra: str) -> Laboratory:
        return replace(self, extra={**self.extra, **extra})

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "ISTIO_LAB_"))}
        for name in ("KUBECONFIG", "KUBECACHEDIR", "PYTHONPATH"):
            kept.pop(name, None)
        return {
            **kept,
            "HOME": str(self.user_home),
            "ISTIO_LAB_CACHE": str(paths.cache()),
            "STACK": self.stack,
            "KUBECONFIG": str(self.kubeconfig),
            "DATABASE_PASSWORD": MARKER,
            "ISTIO_LAB_VERBOSE": "1",  # tests wait for what the engine says of single resources
            **self.extra,
        }

    @property
    def kubeconfig(self) -> Path:
        return self.directory / "kubeconfig"

    @property
    def directory(self) -> Path:
        return self.project / ".lab" / "stacks" / self.stack

    def lab(self, *arguments: str) -> Result:
        return self._finish(self.start("lab", *arguments))

    def pulumi(self, *arguments: str) -> Result:
        """Plain pulumi, as in a terminal where the activation script was sourced."""
        return self._finish(self.start("pulumi", *arguments, "--stack", self.stack))

    def python(self, program: str, *arguments: str) -> Result:
        """A program of a user's own, in the project's virtualenv."""
        return self._finish(self.start(str(self.project / ".venv" / "bin" / "python"), "-c", program, *arguments))

    def kubectl(self, *arguments: str, stdin: str = "") -> Result:
        return self._finish(self.start("kubectl", *arguments), stdin)

    def istioctl(self, *arguments: str) -> Result:
        return self._finish(self.start("istioctl", *arguments))

    def start(self, *command: str) -> subprocess.Popen[str]:
        script = f'. {shlex.quote(str(self.project))}/.lab/activate; exec "$@"'
        if command[0] == "lab":
            words = [str(self.project / ".venv" / "bin" / "python"), "-m", *command]
        else:
            words = ["/bin/sh", "-c", script, "sh", *command]
        return subprocess.Popen(
            words,
            cwd=self.project,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            umask=0,  # the worst there is: everybody may write what is created without a mode
        )

    def run(self, script: str) -> Result:
        """A script of the shell that ends with its first command that fails."""
        return self._finish(self.start("/bin/bash", "-ec", script))

    def get(self, *arguments: str) -> dict[str, Any]:
        return dict(json.loads(self.kubectl("get", *arguments, "-o", "json").succeeded().output))

    def export(self) -> str:
        return self.pulumi("stack", "export").succeeded().output

    def state(self) -> list[dict[str, Any]]:
        return list(json.loads(self.export())["deployment"].get("resources", []))

    def pid_file(self, process: str) -> Path:
        if process == "istiod":
            return self.directory / "istiod" / "istiod.pid"
        if process == "rollouts-controller":
            return self.directory / "rollouts" / "controller.pid"
        return self.directory / "kwok" / "clusters" / "lab" / "pids" / f"{process}.pid"

    def kill(self, process: str) -> None:
        victim = psutil.Process(int(self.pid_file(process).read_text()))
        victim.kill()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and runs(victim):
            time.sleep(0.05)

    def processes(self) -> list[psutil.Process]:
        """Everything that runs from this copy of the project."""
        mark = f"{self.project}/"
        return [
            process
            for process in psutil.process_iter(["cmdline"])
            if any(mark in word for word in process.info["cmdline"] or ()) and runs(process)
        ]

    def _finish(self, process: subprocess.Popen[str], stdin: str = "") -> Result:
        output, _ = process.communicate(stdin, timeout=_TIMEOUT)
        return Result(process.returncode, output)


def runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
