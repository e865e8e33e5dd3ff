"""An aimed killer: it follows the engine's events and kills one process of an update at a chosen resource."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from lab.platforms.embedded.control_plane import COMPONENTS
from tests.engine.laboratory import runs

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

    from tests.engine.laboratory import Laboratory

_SHIM = """#!/bin/sh
case "$1" in
up|destroy) PULUMI_DEBUG_COMMANDS=true exec {engine} "$@" --event-log={log} ;;
*) exec {engine} "$@" ;;
esac
"""
"""In place of the engine: the same, and it writes its events to a file, whatever is shown of them."""

_WORK = ("kubernetes:", "pulumi-python:")
"""The types behind which is a provider's work, and not an entry in the state alone."""

_TIMEOUT = 300.0
"""Seconds that an update may take; about 20 are usual."""


class Victim(StrEnum):
    """Who gets SIGKILL, or Ctrl-C twice: the signal goes to the whole group of the terminal."""

    LAB = "lab"
    ENGINE = "pulumi"
    PROGRAM = "program"
    KUBERNETES = "kubernetes"
    DYNAMIC = "dynamic"
    CTRL_C = "ctrl-c"


class Moment(StrEnum):
    """When: as the engine says that it begins with a resource, or that it is done."""

    BEGIN = "resourcePreEvent"
    END = "resOutputsEvent"


_COMMANDS = {
    Victim.PROGRAM: "pulumi-language-python-exec",
    Victim.KUBERNETES: "pulumi-resource-kubernetes",
    Victim.DYNAMIC: "pulumi-resource-pulumi-python",
}
"""A part of the victim's command line. The dynamic provider is two processes, and its shell would not start another."""


@dataclass(frozen=True, kw_only=True)
class Aim:
    """One shot. A resource is called by the end of its URN: its type and its name."""

    verb: str
    victim: Victim
    moment: Moment
    resource: str

    def __str__(self) -> str:
        when = "beginning" if self.moment is Moment.BEGIN else "end"
        return f"{self.victim} during {self.verb} at the {when} of {self.resource}"


@dataclass(kw_only=True)
class Shot:
    """What came of it: whether the victim was there to be hit, and all that the command printed."""

    aim: Aim
    hit: bool = False
    code: int | None = None
    lines: list[str] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None

    @property
    def output(self) -> str:
        return "".join(self.lines)


class Killer:
    """Aims at the updates of one laboratory."""

    def __init__(self, laboratory: Laboratory) -> None:
        self.laboratory = laboratory
        self.resources: list[str] = []
        self.deleted: list[str] = []
        self.log = laboratory.project / ".lab" / "events.json"
        self._shim = laboratory.project / ".lab" / "bin" / "pulumi"
        self._engine = laboratory.project / ".lab" / "engine" / "pulumi"
        self._arm()

    def _arm(self) -> None:
        if not self._engine.exists():
            self._engine.parent.mkdir(exist_ok=True)
            self._shim.rename(self._engine)
            self._shim.write_text(_SHIM.format(engine=self._engine, log=self.log))
            self._shim.chmod(0o700)

    def disarm(self) -> None:
        """Put the engine back where it was."""
        if self._engine.exists():
            self._engine.replace(self._shim)

    def steps(self, *command: str) -> list[str]:
        """Run a command to its end and return the resources that it changed, in the engine's order."""
        self.log.unlink(missing_ok=True)
        self.laboratory.lab(*command).succeeded()
        events = map(json.loads, self.log.read_text(encoding="utf-8").splitlines())
        steps = dict.fromkeys(filter(None, (_step(event, Moment.BEGIN) for event in events)))
        return [step for step in steps if step.startswith(_WORK)]

    def missing(self) -> list[str]:
        """Return the resources that an `up` has still to make, of those that take a provider's work."""
        file = self.laboratory.project / ".lab" / "state" / ".pulumi" / "stacks" / "istio-lab" / "dev.json"
        latest = json.loads(file.read_text(encoding="utf-8"))["checkpoint"]["latest"] if file.is_file() else None
        made = {_short(entry["urn"]) for entry in (latest or {}).get("resources") or ()}
        return [step for step in self.resources if step not in made]

    def shoot(self, aim: Aim) -> Shot:
        """Run a command, kill the victim at the moment, and return when the command has ended.

        A command that was killed itself leaves an engine that goes on; nobody waits for that here.
        """
        self._arm()
        self.log.unlink(missing_ok=True)
        process = self.laboratory.start("lab", *aim.verb.split())
        shot = Shot(aim=aim, process=process)
        reader = threading.Thread(target=_drain, args=(process, shot.lines), daemon=True)
        reader.start()
        if self._wait_for(aim, process):
            shot.hit = self._kill(aim.victim, process)
        shot.code = process.wait(_TIMEOUT)
        if aim.victim is not Victim.LAB:
            reader.join(_TIMEOUT)
        return shot

    def _wait_for(self, aim: Aim, process: subprocess.Popen[str]) -> bool:
        position = 0
        while process.poll() is None:
            with contextlib.suppress(FileNotFoundError), self.log.open(encoding="utf-8") as file:
                file.seek(position)
                while (line := file.readline()).endswith("\n"):
                    position = file.tell()
                    if _step(json.loads(line), aim.moment) == aim.resource:
                        return True
            time.sleep(0.002)
        return False

    def _kill(self, victim: Victim, process: subprocess.Popen[str]) -> bool:
        if victim is Victim.CTRL_C:
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.3)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            return True
        if victim is Victim.LAB:
            process.kill()
            return True
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(process.pid).children(recursive=True)
            if victim is Victim.ENGINE:
                found = [child for child in children if child.name() == "pulumi"]
            else:
                found = [child for child in children if _COMMANDS[victim] in " ".join(child.cmdline())]
            for each in found:
                each.kill()
            return bool(found)
        return False


def converge(laboratory: Laboratory, commands: Sequence[str] = ("up", "recover")) -> list[str]:
    """Do what a user does after a crash, and return the commands that it took: `up`, else what that advises."""
    said = []
    for number, command in enumerate(commands, start=1):
        result = laboratory.lab(command)
        if result.code == 0:
            return list(commands[:number])
        said.append(f"lab {command}:\n{result.output}")
    raise AssertionError("\n".join(said))


def require_standing(laboratory: Laboratory) -> None:
    """Have a lab that stands whole: nothing to change, nothing missing, nothing left over."""
    laboratory.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes").succeeded()
    laboratory.kubectl("wait", "pods", "-A", "--all", "--for=condition=Ready", "--timeout=240s").succeeded()
    laboratory.lab("drift").succeeded()
    assert '"pending_operations":' not in laboratory.export()
    assert plugins(laboratory) == []
    servers = Counter(Path(process.info["cmdline"][0]).name for process in laboratory.processes())
    assert {name: servers[name] for name in (*COMPONENTS, "kwokctl")} == {**dict.fromkeys(COMPONENTS, 1), "kwokctl": 0}


def require_nothing(laboratory: Laboratory) -> None:
    """Have a lab that was taken down: no process, no file, and an audit that says so."""
    assert [process.cmdline() for process in laboratory.processes()] == []
    assert not laboratory.directory.exists()
    laboratory.lab("audit").succeeded()


def plugins(laboratory: Laboratory) -> list[str]:
    """Return the command lines of the engines, programs and providers that run."""
    return [
        " ".join(process.info["cmdline"])
        for process in laboratory.processes()
        if any("pulumi" in Path(word).name for word in process.info["cmdline"][:4]) and runs(process)
    ]


def _step(event: dict[str, object], moment: Moment) -> str | None:
    """Return the resource of an event in which something is made, changed or deleted."""
    found = event.get(moment)
    if not isinstance(found, dict) or found["metadata"]["op"] in {"same", "read", "refresh"}:
        return None
    return _short(str(found["metadata"]["urn"]))


def _short(urn: str) -> str:
    return urn.split("::", 2)[2].rsplit("$", 1)[-1]


def _drain(process: subprocess.Popen[str], lines: list[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    with process.stdout as output:
        lines.extend(output)
