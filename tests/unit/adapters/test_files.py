"""Files and folders that nobody else may read or change."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.adapters import files, process

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Whatever the user's umask is."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.usefixtures("umask")
def test_folders_and_files_are_private(tmp_path: Path) -> None:
    folder = files.folder(tmp_path / "one" / "two")
    files.write(folder / "secret", "a")
    with files.append(folder / "log") as log:
        log.write(b"b")
    files.create_once(folder / "password", "c")

    assert {each.name: oct(mode(each)) for each in tmp_path.rglob("*")} == {
        **dict.fromkeys(("one", "two"), "0o700"),
        **dict.fromkeys(("secret", "log", "password"), "0o600"),
    }


@pytest.mark.usefixtures("umask")
def test_what_an_earlier_version_has_left_open_is_closed(tmp_path: Path) -> None:
    (folder := tmp_path / "open").mkdir()
    (file := folder / "file").touch()
    (log := folder / "log").touch()
    for each in (folder, file, log):
        each.chmod(0o777)

    files.folder(folder)
    files.write(file, "new")
    files.append(log).close()

    assert (mode(folder), mode(file), mode(log)) == (0o700, 0o600, 0o600)


def test_the_folders_above_one_that_is_there_stay_as_they_are(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    files.folder(tmp_path / "new")

    assert mode(tmp_path) == 0o755


def test_nothing_is_changed_where_a_log_leads_nowhere() -> None:
    before = Path(os.devnull).stat().st_mode

    with files.append(Path(os.devnull)) as log:
        log.write(b"gone")

    assert Path(os.devnull).stat().st_mode == before


def test_all_who_create_a_password_at_once_get_the_same(tmp_path: Path) -> None:
    got: list[str] = []
    threads = [
        threading.Thread(target=lambda each=each: got.append(files.create_once(tmp_path / "password", each)))
        for each in map(str, range(20))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(got) == 20
    assert len(set(got)) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["password"]


@pytest.mark.usefixtures("umask")
def test_a_program_creates_private_files_unless_somebody_else_is_to_read_them(tmp_path: Path) -> None:
    process.run(["/bin/sh", "-c", "mkdir folder; : >file"], cwd=tmp_path)
    process.run(["/bin/sh", "-c", ": >readable"], cwd=tmp_path, umask=files.READABLE)

    assert [mode(tmp_path / name) for name in ("folder", "file", "readable")] == [0o700, 0o600, 0o644]


@pytest.mark.usefixtures("umask")
def test_a_server_keeps_its_log_and_its_pid_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[str]] = []
    monkeypatch.setattr(process, "_DETACHED", started)
    folder = tmp_path / "server"

    process.start_detached(["/bin/true"], pid_file=folder / "server.pid", log=folder / "logs" / "server.log")
    started[0].wait(5)

    found = {each.name: oct(mode(each)) for each in (folder, *folder.rglob("*"))}
    assert found == {"server": "0o700", "logs": "0o700", "server.pid": "0o600", "server.log": "0o600"}


def test_a_process_begins_private() -> None:
    asked = "import os; from lab.adapters import files; files.be_private(); print(oct(os.umask(0)))"
    said = subprocess.run([sys.executable, "-c", asked], umask=0, capture_output=True, text=True, check=True)

    assert said.stdout == "0o77\n"


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "free space"), (errno.EROFS, "writable"), (errno.EACCES, "writable"), (errno.ENOENT, "")],
)
def test_a_disk_that_cannot_be_written_is_told_by_its_cause(number: int, remedy: str) -> None:
    error = OSError(number, os.strerror(number), "/somewhere/file")

    found = files.refusal(error)

    assert (found is not None) is bool(remedy)
    assert found is None or (remedy in found.remedy and "/somewhere/file" in found.message)


def test_a_full_disk_leaves_neither_a_cut_off_file_nor_a_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write(tmp_path / "file", "before")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fdopen", refuse)
    with pytest.raises(OSError, match="full"):
        files.write(tmp_path / "file", "after")

    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("file", "before")]
