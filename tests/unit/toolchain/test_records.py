"""Pinned checksums and what their publishers say of them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from typer.testing import CliRunner

from lab.cli import app
from lab.cli import console as terminal
from lab.core import paths
from lab.core.errors import LabError
from lab.toolchain import lockfile, records, resolution
from lab.toolchain.download import Limits
from lab.toolchain.records import Verdict
from tests.unit.toolchain.support import Server, locked, prebuilt

if TYPE_CHECKING:
    from pathlib import Path

    from lab.toolchain.lockfile import Lock

IMPATIENT = Limits(connect=1, read=1, tries=1, pause=0.01)
SHA256, OTHER, SHA512 = "a" * 64, "b" * 64, "c" * 128
TOOL = "etcd-linux.tar.gz"
NONE = (Verdict.UNKNOWN, f"it has no such checksum of {TOOL}")


@pytest.fixture
def lock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "lab.lock.json"
    monkeypatch.setattr(resolution, "LOCK_FILE", file)
    return file


def pins(monkeypatch: pytest.MonkeyPatch, lock: Lock) -> None:
    monkeypatch.setattr(lockfile, "load", lambda: lock)


def pinned(server: Server, checksum: str = SHA256, *, sums: str = "/SUMS", agreed: date | None = None) -> Lock:
    address = f"{server.url}/{TOOL}"
    return locked(etcd=prebuilt(address, checksum, checksums=f"{server.url}{sums}", agreed=agreed))


def release(digest: str | None) -> str:
    return json.dumps(
        {"tag_name": "v1", "assets": [{"name": "other", "digest": None}, {"name": TOOL, "digest": digest}]}
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{SHA256}\n", SHA256),
        (SHA256.upper(), SHA256),
        (f"{OTHER}  {TOOL}.asc\n{SHA256}  {TOOL}\n", SHA256),
        (f"{SHA256} *dist/{TOOL}\n", SHA256),
        (release(f"sha256:{SHA256}"), SHA256),
        (release(None), ""),
        (f"{OTHER}  another\n", ""),
        ("<html>Sign in</html> first", ""),
        ('{"assets": 7}', ""),
        ("", ""),
    ],
)
def test_publishers_state_a_checksum_in_several_ways(text: str, found: str) -> None:
    assert records.published(text, TOOL) == found


@pytest.mark.usefixtures("lock_file")
@pytest.mark.parametrize(
    ("checksum", "said", "expected"),
    [
        (SHA256, SHA256, (Verdict.AGREED, "")),
        (SHA512, f"{SHA512}  {TOOL}", (Verdict.AGREED, "")),
        (SHA256, OTHER, (Verdict.DIFFERS, f"pinned {SHA256}, published {OTHER}")),
        (SHA256, f"{OTHER}  another\n{OTHER}  other", NONE),
        (SHA512, SHA256, NONE),
        (SHA256, "Not found", NONE),
    ],
)
def test_a_pin_is_compared_with_the_publishers_own(
    server: Server, monkeypatch: pytest.MonkeyPatch, checksum: str, said: str, expected: tuple[Verdict, str]
) -> None:
    pins(monkeypatch, pinned(server, checksum))
    server.files["/SUMS"] = said.encode()
    [found] = records.verify(limits=IMPATIENT)
    assert (found.tool, found.verdict, found.detail) == ("etcd", *expected)


@pytest.mark.usefixtures("lock_file")
def test_a_publisher_out_of_reach_is_told_from_one_who_differs(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    pins(monkeypatch, pinned(server, sums="/gone"))
    [found] = records.verify(limits=IMPATIENT)
    assert (found.verdict, found.detail) == (Verdict.UNKNOWN, f"{server.url}/gone: HTTP 404 Not Found")


@pytest.mark.usefixtures("lock_file")
def test_a_checksum_file_of_several_downloads_is_asked_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    of = {
        name: prebuilt(f"{server.url}/{name}", SHA256, checksums=f"{server.url}/SUMS") for name in ("kwok", "kwokctl")
    }
    pins(monkeypatch, locked(**of, helm=prebuilt(f"{server.url}/helm", SHA256)))
    server.files["/SUMS"] = f"{SHA256}  kwok\n{OTHER}  kwokctl\n".encode()
    found = records.verify(limits=IMPATIENT)
    assert {each.tool: each.verdict for each in found} == {"kwok": Verdict.AGREED, "kwokctl": Verdict.DIFFERS}
    assert server.requests == ["/SUMS"]


def test_who_agreed_is_kept_in_the_lock_file_and_not_asked_again(
    server: Server, monkeypatch: pytest.MonkeyPatch, lock_file: Path
) -> None:
    pins(monkeypatch, pinned(server))
    server.files["/SUMS"] = SHA256.encode()
    records.verify(limits=IMPATIENT)
    today = datetime.now(UTC).date()
    [kept] = json.loads(lock_file.read_text())["tools"]["etcd"].values()
    assert (kept["agreed"], kept["sha256"]) == (today.isoformat(), SHA256)
    pins(monkeypatch, pinned(server, agreed=today))
    assert records.verify(limits=IMPATIENT) == []
    assert server.requests == ["/SUMS"]


def test_the_word_of_a_mirror_is_told_and_not_kept(
    server: Server, monkeypatch: pytest.MonkeyPatch, lock_file: Path
) -> None:
    """The committed pins, whose publishers this machine need not reach."""
    lock = lockfile.load(paths.PROJECT / "lab.lock.json")
    pins(monkeypatch, lock)
    monkeypatch.setenv("ISTIO_LAB_MIRROR", server.url)
    once = [pin for each in lock.tools.values() for pin in each.values() if pin.checksums and not pin.agreed]
    for pin in once:
        where = "/" + str(pin.checksums).removeprefix("https://")
        line = f"{pin.checksum}  {PurePosixPath(pin.url).name}\n".encode()
        server.files[where] = server.files.get(where, b"") + line
    found = records.verify(limits=IMPATIENT)
    assert {each.verdict for each in found} == ({Verdict.AGREED} if once else set())
    assert all(each.address.startswith(server.url) for each in found)
    assert len(found) == len(once)
    assert not lock_file.exists()


@pytest.mark.usefixtures("lock_file")
@pytest.mark.parametrize(("said", "ends_well"), [(SHA256, True), (OTHER, False), ("", True)])
def test_the_command_ends_with_an_error_only_where_a_checksum_differs(
    server: Server, monkeypatch: pytest.MonkeyPatch, said: str, *, ends_well: bool
) -> None:
    pins(monkeypatch, pinned(server))
    server.files["/SUMS"] = said.encode()
    monkeypatch.setattr(terminal, "console", shown := Console(width=400, record=True, markup=False))
    result = CliRunner().invoke(app.app, ["lock", "--verify"])
    assert (result.exception is None) is ends_well
    verdict = {SHA256: "agreed", OTHER: "differs"}.get(said, "cannot be asked")
    text = shown.export_text()
    assert f"{verdict}: {server.url}/SUMS" in text
    assert f"1 {verdict}" in text
    if not ends_well:
        assert isinstance(result.exception, LabError)
        assert "than the publisher of etcd (" in result.exception.message
