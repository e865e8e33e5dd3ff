"""A project folder for each stack of a class, so that pulumi called by hand in the project never means a student's."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import yaml

from lab.adapters import files
from lab.adapters.stack import Stack
from lab.adapters.workspace import local_backend
from lab.core import paths
from lab.core.errors import LabError
from lab.services.classes.plan import Known, State
from lab.settings import Target

if TYPE_CHECKING:
    from pathlib import Path

    from lab.services.classes.plan import Action, Wish
    from lab.services.classes.roster import Config, Roster

_SALT = "encryptionsalt"
_KEPT = (_SALT, "secretsprovider", "encryptedkey")
"""What pulumi writes into a stack's file by itself, and cannot do without."""

_RECORD = "class.json"

_SHARE = "namespaces"
"""The output that only a share of a cluster has."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is known of a stack between runs.

    Attributes:
        classroom: name of the class.
        student: id; empty for a shared cluster.
        name: the student's, as people say it.
        state: how the last run ended.
        digest: of what it was made to be.
        seconds: how long making it took; 0 when that is not known.
        error: why it failed, in a line; empty when it did not.
        shares: whether it is a part of the cluster that the class shares, and has nothing of its own beside it.
    """

    classroom: str
    student: str
    name: str
    state: State
    digest: str = ""
    seconds: float = 0.0
    error: str = ""
    shares: bool = False


def prepare(action: Action) -> Path:
    """Make the folder of a stack, and write into it what the stack is to be: those settings and no others.

    Args:
        action: what is done to the stack.

    Returns:
        The folder.
    """
    folder = paths.class_workspace(action.stack)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.write(folder / "Pulumi.yaml", _project(paths.PROJECT, os.path.relpath(paths.PROJECT, folder)))
    if action.config:
        _configure(folder / f"Pulumi.{action.stack}.yaml", action.config, like=_platform_file(action))
    return folder


@functools.cache
def _project(project: Path, main: str) -> str:
    """The `Pulumi.yaml` of every stack.

    Args:
        project: the folder of the lab.
        main: the same folder, from where the file will be.
    """
    found = yaml.safe_load((project / "Pulumi.yaml").read_text(encoding="utf-8"))
    found["main"] = main
    # By its whole path: the engine takes a relative one from here, a dynamic provider from where the program is.
    found["runtime"]["options"]["virtualenv"] = str(project / ".venv")
    return yaml.safe_dump(found, sort_keys=False, allow_unicode=True)


def _platform_file(action: Action) -> Path | None:
    """The settings of the stack whose cluster a share is a part of, where they are on this machine."""
    if not shares(action):
        return None
    platform = str(action.config["shared"]["platform"])
    return paths.class_workspace(platform) / f"Pulumi.{platform}.yaml"


def begin(action: Action, classroom: str) -> None:
    """Note that a stack is being worked on: until it is done, its last run counts as not finished.

    Args:
        action: what is done to the stack.
        classroom: name of the class.
    """
    before = load(action.stack)
    entry = Record(
        classroom=classroom,
        student=action.student,
        name=action.name,
        state=State.UNFINISHED,
        seconds=before.seconds if before else 0.0,
        shares=_may_share(action, before),
    )
    record(action.stack, entry)


def _may_share(action: Action, before: Record | None) -> bool:
    """Whether nothing of a stack is its own, while it is being worked on.

    One that had a cluster of its own still has it until the change to a share has ended well.
    """
    if before is None or before.state is State.GONE:
        return shares(action)
    return before.shares and (shares(action) or not action.config)


def shares(action: Action) -> bool:
    """Whether a stack is to be a part of the cluster that a class shares."""
    return action.config.get("target") == Target.SHARED.value


def on_azure(action: Action) -> bool:
    """Whether a stack is to stand on Azure."""
    return action.config.get("target") == Target.AZURE.value


def _configure(file: Path, config: Config, *, like: Path | None) -> None:
    """Write a stack's settings.

    Args:
        file: of the stack.
        config: all its settings.
        like: of another stack that the program reads as well. With the same salt the key is the same, of which it takes
            the engine a third of a second to make one.
    """
    own = _of_pulumi(file)
    kept = own or ({key: value for key, value in _of_pulumi(like).items() if key == _SALT} if like else {})
    written = {**kept, "config": {f"istio-lab:{key}": value for key, value in config.items()}}
    files.write(file, yaml.safe_dump(written, sort_keys=False, allow_unicode=True))


def salt(stack: str) -> str:
    """What the key of a stack's secrets is made from, beside the passphrase; empty while it has none."""
    return str(_of_pulumi(paths.class_workspace(stack) / f"Pulumi.{stack}.yaml").get(_SALT, ""))


def _of_pulumi(file: Path) -> Config:
    """What pulumi has written into a stack's file by itself."""
    found = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else None
    return {key: value for key, value in (found or {}).items() if key in _KEPT}


def record(stack: str, entry: Record) -> None:
    """Note what is known of a stack, all of it or nothing."""
    files.write(paths.class_workspace(stack) / _RECORD, json.dumps(asdict(entry), indent=2, ensure_ascii=False))


def stands(action: Action, seconds: float) -> None:
    """Note that a stack is what it was to be.

    Args:
        action: what was done to it.
        seconds: how long that took.
    """
    if before := load(action.stack):
        now = replace(
            before, state=State.STANDS, digest=action.digest, seconds=seconds, shares=shares(action), error=""
        )
        record(action.stack, now)


def fails(stack: str, error: str) -> None:
    """Note that a stack is not what it was to be, and why."""
    if before := load(stack):
        record(stack, replace(before, state=State.UNFINISHED, digest="", error=error))


def gone(stack: str) -> None:
    """Note that a stack was taken down; its settings stay, since an audit has to know where it stood."""
    if before := load(stack):
        record(stack, replace(before, state=State.GONE, digest="", error=""))


def load(stack: str) -> Record | None:
    """What is known of a stack; None for one that is no class' or whose record cannot be read."""
    try:
        found = json.loads((paths.class_workspace(stack) / _RECORD).read_text(encoding="utf-8"))
        entry = Record(**{**found, "state": State(found["state"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    texts = (entry.classroom, entry.student, entry.name, entry.digest, entry.error)
    return entry if all(isinstance(each, str) for each in texts) and isinstance(entry.seconds, int | float) else None


def known() -> dict[str, Known]:
    """What earlier runs left, by stack; a folder that somebody has copied beside them is none."""
    folder = paths.class_workspace("")
    names = sorted(entry.name for entry in folder.iterdir() if _is_stack(entry.name)) if folder.is_dir() else []
    found = {name: load(name) for name in names}
    return {
        stack: Known(
            stack=stack,
            classroom=each.classroom,
            student=each.student,
            name=each.name,
            state=each.state,
            digest=each.digest,
            healthy=_healthy(stack),
            shares=each.shares,
        )
        for stack, each in found.items()
        if each
    }


def known_anywhere(klass: Roster, wish: Wish) -> dict[str, Known]:
    """What earlier runs left here, and with a backend that others use as well, what is in it.

    Args:
        klass: the class.
        wish: what was asked for: nobody else is looked for.
    """
    found = known()
    if local_backend():
        return found
    wanted = {klass.platform_stack: ""} if klass.shared else {}
    wanted |= {each.stack: each.id for each in klass.students}
    for stack, student in wanted.items():
        if stack not in found and wish.means(student) and (there := Stack(stack)).exists():
            found[stack] = Known(
                stack=stack,
                classroom=klass.classroom,
                student=student,
                state=State.UNFINISHED,
                shares=_SHARE in there.values(),
            )
    return found


def others() -> set[str]:
    """Stacks of the local backend that no class has made."""
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
    """Whether the embedded control plane of a stack runs, where it has one; after a reboot of the machine none does."""
    from lab.platforms.embedded import control_plane

    return control_plane.runs(Stack(stack).directory)


def remove(stack: str) -> None:
    """Delete a stack's folder, the logs of its runs with it."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(paths.class_workspace(stack))
