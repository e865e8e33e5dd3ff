"""One Pulumi project directory per class stack, so a manual `pulumi` call cannot hit a student's stack."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import yaml

from lab.adapters import backend, files, stack_file
from lab.adapters.stack import Stack
from lab.core import paths
from lab.core.errors import LabError
from lab.services.classes.plan import StackRecord, State
from lab.settings import Target

if TYPE_CHECKING:
    from pathlib import Path

    from lab.services.classes.plan import Action, Selection
    from lab.services.classes.roster import Config, Roster

_SALT = "encryptionsalt"
_KEPT = (_SALT, "secretsprovider", "encryptedkey")
"""Settings that pulumi itself writes into a stack's file, and needs."""

_RECORD = "class.json"
_DERIVED = ("stack", "healthy")

_SHARE = "namespaces"
"""The output that only a share of a cluster has."""


def prepare(action: Action) -> Path:
    """Write a stack's project directory with the action's configuration and no other; return the directory."""
    folder = paths.class_workspace(action.stack)
    files.folder(folder)
    files.write(folder / "Pulumi.yaml", _project(paths.PROJECT, os.path.relpath(paths.PROJECT, folder)))
    if action.config:
        _configure(folder / f"Pulumi.{action.stack}.yaml", action.config, like=_platform_file(action))
    return folder


@functools.cache
def _project(project: Path, main: str) -> str:
    """The `Pulumi.yaml` of every stack; `main` is the project, relative to the stack's directory."""
    found = yaml.safe_load((project / "Pulumi.yaml").read_text(encoding="utf-8"))
    found["main"] = main
    # By its whole path: the engine takes a relative one from here, a dynamic provider from where the program is.
    found["runtime"]["options"]["virtualenv"] = str(project / ".venv")
    return yaml.safe_dump(found, sort_keys=False, allow_unicode=True)


def _platform_file(action: Action) -> Path | None:
    """The settings of the shared cluster's stack; None for a stack with a cluster of its own."""
    if not shares(action):
        return None
    platform = str(action.config["shared"]["platform"])
    return paths.class_workspace(platform) / f"Pulumi.{platform}.yaml"


def mark_started(action: Action, classroom: str) -> None:
    """Record that work on a stack of a class began: it is unfinished until the work ends well."""
    before = load(action.stack)
    save(
        StackRecord(
            stack=action.stack,
            classroom=classroom,
            student=action.student,
            name=action.name,
            state=State.UNFINISHED,
            seconds=before.seconds if before else 0.0,
            shares=_may_share(action, before),
        )
    )


def _may_share(action: Action, before: StackRecord | None) -> bool:
    """True if a stack that is being worked on has nothing of its own.

    One that had a cluster of its own still has it until the change to a share has ended well.
    """
    if before is None or before.state is State.GONE:
        return shares(action)
    return before.shares and (shares(action) or not action.config)


def shares(action: Action) -> bool:
    """True if a stack is to be a part of the cluster that a class shares."""
    return action.config.get("target") == Target.SHARED.value


def _configure(file: Path, config: Config, *, like: Path | None) -> None:
    """Write a stack's settings; `like` is the file of a stack that the program reads as well.

    With the same salt both have the same key, which takes the engine a third of a second to derive.
    """
    own = _of_pulumi(file)
    kept = own or ({key: value for key, value in _of_pulumi(like).items() if key == _SALT} if like else {})
    written = {**kept, "config": {f"istio-lab:{key}": value for key, value in config.items()}}
    files.write(file, yaml.safe_dump(written, sort_keys=False, allow_unicode=True))


def _of_pulumi(file: Path) -> Config:
    """The settings that pulumi itself has written into a stack's file."""
    return {key: value for key, value in stack_file.read(file).items() if key in _KEPT}


def save(entry: StackRecord) -> None:
    """Write a stack's record atomically."""
    written = {key: value for key, value in asdict(entry).items() if key not in _DERIVED}
    files.write(paths.class_workspace(entry.stack) / _RECORD, json.dumps(written, indent=2, ensure_ascii=False))


def mark_up(action: Action, seconds: float) -> None:
    """Record that a stack is up to date, and how long that took."""
    _change(action.stack, state=State.STANDS, digest=action.digest, seconds=seconds, shares=shares(action), error="")


def mark_failed(stack: str, error: str) -> None:
    """Record that work on a stack failed, and why."""
    _change(stack, state=State.UNFINISHED, digest="", error=error)


def mark_destroyed(stack: str) -> None:
    """Record that a stack was destroyed; its settings stay, because an audit needs to know where it was."""
    _change(stack, state=State.GONE, digest="", error="")


def _change(stack: str, **fields: Any) -> None:  # noqa: ANN401 - of the record
    if before := load(stack):
        save(replace(before, **fields))


def load(stack: str) -> StackRecord | None:
    """A stack's record; None if it is of no class or its record cannot be read."""
    try:
        found = json.loads((paths.class_workspace(stack) / _RECORD).read_text(encoding="utf-8"))
        entry = StackRecord(stack=stack, **{**found, "state": State(found["state"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    texts = (entry.classroom, entry.student, entry.name, entry.digest, entry.error)
    return entry if all(isinstance(each, str) for each in texts) and isinstance(entry.seconds, int | float) else None


def known() -> dict[str, StackRecord]:
    """The records on this machine, by stack; a copied folder beside them is no stack."""
    folder = paths.class_workspace("")
    names = sorted(entry.name for entry in folder.iterdir() if _is_stack(entry.name)) if folder.is_dir() else []
    return {name: replace(found, healthy=_healthy(name)) for name in names if (found := load(name))}


def known_anywhere(roster: Roster, selection: Selection) -> dict[str, StackRecord]:
    """The records on this machine, and with a shared backend also the selected stacks that are only there."""
    found = known()
    if backend.local():
        return found
    wanted = {roster.platform_stack: ""} if roster.shared else {}
    wanted |= {each.stack: each.id for each in roster.students}
    for stack, student in wanted.items():
        if stack not in found and selection.includes(student) and (there := Stack(stack)).exists():
            found[stack] = StackRecord(
                stack=stack,
                classroom=roster.classroom,
                student=student,
                state=State.UNFINISHED,
                shares=_SHARE in there.values(),
            )
    return found


def others() -> set[str]:
    """Stacks of the local backend that no class made."""
    folder = paths.stacks_dir()
    found = (file.stem for file in folder.glob("*.json")) if folder.is_dir() else ()
    return {stack for stack in found if load(stack) is None}


def _is_stack(name: str) -> bool:
    try:
        Stack(name)
    except LabError:
        return False
    return True


def _healthy(stack: str) -> bool:
    """False if the embedded control plane of a stack is down, as after a reboot of the machine."""
    from lab.platforms.embedded import control_plane

    return control_plane.runs(Stack(stack).directory)


def remove(stack: str) -> None:
    """Delete a stack's directory with its logs."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(paths.class_workspace(stack))
