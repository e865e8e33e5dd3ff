"""No stack trace reaches a user, whatever command meets whatever is broken."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from typing import TYPE_CHECKING, NoReturn

import click
import pytest
import typer

from lab.adapters import defects, process
from lab.cli import app as command_line
from lab.core import paths
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GIVEN = {"lesson show": "01", "lesson apply": "01", "class reap": "", "rollout promote": "delivery"}
"""Arguments of commands that would say no more than that theirs is wrong."""


def leaves(command: click.Command, *above: str) -> Iterator[tuple[str, click.Command]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield " ".join(above), command
        return
    for name, each in inner.items():
        yield from leaves(each, *above, name)


WHOLE = typer.main.get_command(command_line.app)
"""Made once: it takes as long as most commands here."""

COMMANDS = dict(leaves(WHOLE))
"""Every command by its words."""


def words(name: str) -> list[str]:
    arguments = [each for each in COMMANDS[name].params if isinstance(each, click.Argument) and each.required]
    options = [each for each in COMMANDS[name].params if each.required and not isinstance(each, click.Argument)]
    given = GIVEN.get(name, "x").split()
    asked = [word for each in options for word in (each.opts[0], "x")]
    yes = ["--yes"] if any("--yes" in each.opts for each in COMMANDS[name].params) else []
    return [*name.split(), *asked, *yes, *(given * len(arguments))]


def refuse(*_: object, **__: object) -> NoReturn:
    raise RuntimeError("nobody has foreseen this")


def nothing_can_be_started(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_started", refuse)


def a_file_is_where_the_folder_should_be(project: Path, _: pytest.MonkeyPatch) -> None:
    (project / ".lab").write_text("mine")


def settings(content: bytes) -> Callable[[Path, pytest.MonkeyPatch], None]:
    def broken(project: Path, _: pytest.MonkeyPatch) -> None:
        (project / "Pulumi.dev.yaml").write_bytes(content)

    return broken


def everything_there_is_garbage(project: Path, _: pytest.MonkeyPatch) -> None:
    folder = project / ".lab" / "stacks" / "dev"
    stacks = project / ".lab" / "state" / ".pulumi" / "stacks" / "istio-lab"
    for each in (folder, stacks):
        each.mkdir(parents=True)
    for file in (folder / "kubeconfig", stacks / "dev.json", project / "class.yaml", project / "x"):
        file.write_bytes(b"\xff\x00{[garbage")


BROKEN: dict[str, Callable[[Path, pytest.MonkeyPatch], None]] = {
    "nothing can be started": nothing_can_be_started,
    "a file is where the folder should be": a_file_is_where_the_folder_should_be,
    "settings in UTF-16": settings("config: {}".encode("utf-16")),
    "settings of 50,000 brackets": settings(b"[" * 50_000),
    "garbage": everything_there_is_garbage,
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project in which no program can be started and nobody answers."""
    umask = os.umask(0o022)
    for name in ("Pulumi.yaml", "lab.lock.json"):
        (tmp_path / name).write_bytes((paths.PROJECT / name).read_bytes())
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / ".lab"))
    monkeypatch.setenv("ISTIO_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ISTIO_LAB_OFFLINE", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def start(command: list[str], *_: object, **__: object) -> NoReturn:
        raise process.CannotStartError(f"{command[0]} is not installed", "install it")

    def connect(*_: object) -> NoReturn:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(process, "_started", start)
    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr("time.sleep", lambda _: None)
    yield tmp_path
    os.umask(umask)


def typed(monkeypatch: pytest.MonkeyPatch, *given: str) -> int:
    monkeypatch.setattr(sys, "argv", ["lab", *given])
    try:
        command_line.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_ends_in_a_stack_trace(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    name: str,
    broken: Callable[[Path, pytest.MonkeyPatch], None],
) -> None:
    broken(project, monkeypatch)
    monkeypatch.setattr(command_line, "app", WHOLE)

    code = typed(monkeypatch, *words(name))
    said = "".join(capfd.readouterr())

    assert code in {0, 1, 2}
    assert "Traceback" not in said
    assert not code or "error" in said.lower() or "Usage:" in said or "missing" in said, said
    assert "a defect of the lab itself" not in said or broken is nothing_can_be_started, said


def test_an_error_that_nobody_has_foreseen_is_told_in_two_lines_and_kept_with_its_trace(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command_line, "app", refuse)

    assert typed(monkeypatch, "up") == 1
    told = capsys.readouterr().err.splitlines()

    assert told[0] == "error: a defect of the lab itself: RuntimeError: nobody has foreseen this"
    assert told[1].startswith("do: run the command again; if it comes again, report it")
    assert len(told) == 2
    log = project / ".lab" / "logs" / "defect.log"
    assert str(log) in told[1]
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("error", "message", "remedy"),
    [
        (
            PermissionError(13, "Permission denied", "/etc/x"),
            "/etc/x cannot be written: Permission",
            "make it writable",
        ),
        (OSError(30, "Read-only file system", "/etc/x"), "/etc/x cannot be written: Read-only", "make it writable"),
        (OSError(28, "No space left on device", "/etc/x"), "/etc/x cannot be written: No space", "free space"),
        (FileNotFoundError(2, "No such file or directory", b"/etc/x"), "/etc/x: No such file", "lab doctor"),
        (LabError("known", "do that"), "known", "do that"),
        (ValueError("two\nlines"), "a defect of the lab itself: ValueError: two lines", "report it"),
        (ValueError("a name: \udcbd"), "a defect of the lab itself: ValueError: a name: ", "report it"),
        (OSError(5, "Input/output error"), "a defect of the lab itself: OSError: ", "report it"),
    ],
)
def test_any_error_has_a_message_and_a_remedy(project: Path, error: Exception, message: str, remedy: str) -> None:
    assert project
    found = defects.told(error)

    assert message in found.message
    assert remedy in found.remedy


@pytest.mark.parametrize(("folder", "variable"), [(".lab", "ISTIO_LAB_HOME"), ("cache", "ISTIO_LAB_CACHE")])
def test_a_folder_of_the_lab_that_cannot_be_written_may_be_elsewhere(project: Path, folder: str, variable: str) -> None:
    found = defects.told(PermissionError(13, "Permission denied", str(project / folder / "x")))

    assert f"export {variable}=FOLDER" in found.remedy


@pytest.mark.parametrize("variable", ["ISTIO_LAB_HOME", "ISTIO_LAB_CACHE"])
def test_a_folder_whose_name_is_in_another_encoding_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str
) -> None:
    monkeypatch.setenv(variable, os.fsdecode(os.fsencode(project / "실습").replace("실습".encode(), b"\xbd\xc7")))

    assert typed(monkeypatch, "settings", "--help") == 1
    said = capsys.readouterr().err

    assert variable in said
    assert "\\xbd\\xc7, which is not UTF-8" in said
    assert "do: give the folder a name in UTF-8" in said


def test_a_reader_of_the_output_that_has_enough_is_no_error(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def stop() -> NoReturn:
        raise BrokenPipeError

    monkeypatch.setattr(command_line, "app", stop)
    monkeypatch.setattr(os, "dup2", lambda *_: 0)

    assert project
    assert typed(monkeypatch, "doctor") == 141
    assert "".join(capfd.readouterr()) == ""


def test_folders_that_variables_name_are_the_same_from_everywhere(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISTIO_LAB_HOME", "mine")
    monkeypatch.setenv("ISTIO_LAB_CACHE", "~/tools")
    monkeypatch.setattr(command_line, "app", lambda: None)

    with contextlib.suppress(SystemExit):
        typed(monkeypatch)

    assert paths.home() == project / "mine"
    assert paths.cache() == project / "tools"


@pytest.mark.parametrize("home", ["", "relative", None])
def test_without_a_home_the_cache_is_where_the_system_says(monkeypatch: pytest.MonkeyPatch, home: str | None) -> None:
    monkeypatch.delenv("ISTIO_LAB_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative too")
    monkeypatch.delenv("HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("HOME", home)

    assert paths.cache().is_absolute()
    assert paths.cache().parts[-2:] == (".cache", "istio-lab")
