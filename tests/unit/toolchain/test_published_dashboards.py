"""Dashboards of grafana.com come pinned or by hand; without them the lab stands."""

from __future__ import annotations

import hashlib
import io
import os
import time
from typing import TYPE_CHECKING

import pytest

from lab.core import paths
from lab.core.progress import Progress
from lab.toolchain import dashboards, lockfile, resolution
from lab.toolchain.download import Limits

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.toolchain.support import Server

PINNED, UNPINNED = 315, 6417
ADDRESS = "/grafana.com/api/dashboards/{}/revisions/{}/download"
CONTENT = b'{"title": "a dashboard"}\n'


@pytest.fixture(autouse=True)
def lock(lab: Path, monkeypatch: pytest.MonkeyPatch) -> lockfile.Lock:
    """One dashboard with a checksum and one without."""
    pins = {
        PINNED: lockfile.Dashboard(revision=3, sha256=hashlib.sha256(CONTENT).hexdigest()),
        UNPINNED: lockfile.Dashboard(revision=1),
    }
    made = lockfile.Lock(tools={}, artifacts={}, dashboards=pins)
    file = lab / "lab.lock.json"
    file.write_text(made.canonical())
    monkeypatch.setattr(resolution, "LOCK_FILE", file)
    return made


@pytest.fixture(autouse=True)
def mirror(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("ISTIO_LAB_MIRROR", server.url)
    return server


def serve(mirror: Server, content: bytes = CONTENT) -> None:
    mirror.files[ADDRESS.format(PINNED, 3)] = content
    mirror.files[ADDRESS.format(UNPINNED, 1)] = content


def ensure(*, again: bool = False) -> str:
    """What is said."""
    said = io.StringIO()
    limits = Limits(connect=1, read=1, tries=1)
    dashboards.ensure(again=again, progress=Progress(said), limits=limits)
    return said.getvalue()


def by_hand(number: int) -> Path:
    file = paths.cache() / "dashboards" / f"{number}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(CONTENT)
    return file


def test_what_is_pinned_is_downloaded_and_what_is_not_is_never_asked_for(mirror: Server) -> None:
    serve(mirror)
    said = ensure()
    assert mirror.requests == [ADDRESS.format(PINNED, 3)]
    assert {number: file.read_bytes() for number, file in dashboards.found().items()} == {PINNED: CONTENT}
    assert "dashboard 6417 of grafana.com is missing, the lab stands without it: its checksum is not known" in said
    assert f"Save https:/{ADDRESS.format(UNPINNED, 1)} as {paths.cache()}/dashboards/6417.json." in said


def test_other_content_is_refused(mirror: Server) -> None:
    serve(mirror, b"{}")
    assert "wrong checksum" in ensure()
    assert dashboards.found() == {}


def test_without_grafana_com_the_missing_are_named_once_and_it_is_not_asked_again(mirror: Server) -> None:
    said = ensure()
    assert "dashboard 315 of grafana.com is missing, the lab stands without it" in said
    assert "HTTP 404" in said
    assert f"Run `lab setup` where it can be reached, or save https:/{ADDRESS.format(PINNED, 3)} as " in said
    assert ensure() == ""
    assert len(mirror.requests) == 1


def test_a_try_that_is_asked_for_is_made(mirror: Server) -> None:
    ensure()
    serve(mirror)
    ensure(again=True)
    assert list(dashboards.found()) == [PINNED]


@pytest.mark.parametrize("what", ["a day later", "other pins"])
def test_another_try_is_made(what: str, mirror: Server) -> None:
    ensure()
    serve(mirror)
    note = paths.cache() / "dashboards" / "looked"
    if what == "a day later":
        os.utime(note, times=(time.time() - 25 * 3600,) * 2)
    else:
        os.utime(note, times=(time.time() - 60,) * 2)
    ensure()
    assert list(dashboards.found()) == [PINNED]


def test_offline_nothing_is_asked(mirror: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTIO_LAB_OFFLINE", "1")
    serve(mirror)
    assert "downloads are off (ISTIO_LAB_OFFLINE)" in ensure()
    assert mirror.requests == []


@pytest.mark.parametrize("number", [PINNED, UNPINNED])
def test_a_file_that_was_put_there_by_hand_is_used(number: int, mirror: Server) -> None:
    file = by_hand(number)
    assert dashboards.found()[number] == file
    assert f"dashboard {number} " not in ensure()
    assert ADDRESS.format(number, 3) not in mirror.requests


def test_a_changed_download_does_not_count_and_is_replaced(mirror: Server) -> None:
    serve(mirror)
    ensure()
    dashboards.found()[PINNED].write_text("{}")
    assert dashboards.found() == {}
    ensure(again=True)
    assert dashboards.found()[PINNED].read_bytes() == CONTENT


def test_when_all_is_there_nothing_is_asked_or_said(mirror: Server) -> None:
    by_hand(PINNED)
    by_hand(UNPINNED)
    assert ensure() == ""
    assert mirror.requests == []


def test_the_same_day_not_even_the_lock_file_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    ensure()
    monkeypatch.setattr(lockfile, "load", lambda: pytest.fail("slow path"))
    assert ensure() == ""


def test_the_report_tells_where_each_came_from(mirror: Server) -> None:
    serve(mirror)
    ensure()
    by_hand(UNPINNED)
    assert [(item.name, item.version, item.origin, item.remedy) for item in dashboards.report()] == [
        ("dashboard 315", "revision 3", "cache (download)", ""),
        ("dashboard 6417", "revision 1", "put there by hand", ""),
    ]
    (paths.cache() / "dashboards" / "6417.json").unlink()
    assert dashboards.report()[1].origin == "missing"
    assert dashboards.report()[1].remedy.startswith("Save https://grafana.com/")


def test_relocking_learns_only_what_is_unknown(mirror: Server, lock: lockfile.Lock) -> None:
    serve(mirror, b"{}")
    dashboards.relock()
    pins = lockfile.load().dashboards
    assert pins[PINNED] == lock.dashboards[PINNED]
    assert pins[UNPINNED].sha256 == hashlib.sha256(b"{}").hexdigest()


def test_relocking_without_grafana_com_changes_nothing() -> None:
    before = resolution.LOCK_FILE.read_text()
    said = io.StringIO()
    dashboards.relock(progress=Progress(said), limits=Limits(connect=1, read=1, tries=1))
    assert resolution.LOCK_FILE.read_text() == before
    assert "the checksum of dashboard 6417 of grafana.com stays unknown" in said.getvalue()


def test_the_committed_lock_file_has_the_dashboards_of_the_course() -> None:
    pins = lockfile.load(paths.PROJECT / "lab.lock.json").dashboards
    assert {number: pin.revision for number, pin in pins.items()} == {315: 3, 6417: 1}
