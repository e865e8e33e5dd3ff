"""What a download survives, what it refuses, and how it says so."""

from __future__ import annotations

import hashlib
import io
import socket
import tarfile
import threading
import time
import zipfile
from typing import TYPE_CHECKING

import pytest

from lab.core import paths
from lab.core.progress import Step
from lab.toolchain.cache import SourceFailed
from lab.toolchain.download import Downloader, Limits, extract

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.toolchain.support import Server

BODY = bytes(range(256)) * 4000
SHA = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def downloader() -> Iterator[Downloader]:
    made = Downloader(threading.Event(), Limits(connect=1, read=0.3, tries=3, pause=0.01))
    yield made
    made.close()


@pytest.fixture
def step() -> Step:
    return Step(0, "test", None)


def downloads() -> list[Path]:
    return list((paths.cache() / "downloads").iterdir())


def test_gives_the_file_and_tells_how_far_it_is(server: Server, downloader: Downloader, step: Step) -> None:
    server.files["/tool"] = BODY
    assert downloader.fetch(f"{server.url}/tool", SHA, step).read_bytes() == BODY
    assert (step.done, step.total) == (len(BODY), len(BODY))


def test_refuses_a_wrong_sha512(server: Server, downloader: Downloader, step: Step) -> None:
    server.files["/tool"] = b"evil"
    with pytest.raises(SourceFailed, match=f"expected SHA-512 {hashlib.sha512(BODY).hexdigest()}, got "):
        downloader.fetch(f"{server.url}/tool", hashlib.sha512(BODY).hexdigest(), step)
    assert downloads() == []


def test_refuses_a_wrong_checksum_naming_both_and_keeps_nothing(
    server: Server, downloader: Downloader, step: Step
) -> None:
    server.files["/tool"] = b"evil"
    with pytest.raises(
        SourceFailed, match=f"wrong checksum: expected SHA-256 {SHA}, got {hashlib.sha256(b'evil').hexdigest()}"
    ):
        downloader.fetch(f"{server.url}/tool", SHA, step)
    assert downloads() == []


def test_starts_a_cut_download_over(server: Server, downloader: Downloader, step: Step) -> None:
    server.files["/tool"] = BODY
    server.cut_after["/tool"] = [500_000]
    assert downloader.fetch(f"{server.url}/tool", SHA, step).read_bytes() == BODY
    assert len(server.requests) == 2


def test_says_how_much_came_of_a_download_that_is_cut_every_time(
    server: Server, downloader: Downloader, step: Step
) -> None:
    server.files["/tool"] = BODY
    server.cut_after["/tool"] = [10, 0, 0]
    with pytest.raises(SourceFailed, match=r"truncated: got 0 of 1024000 bytes \(3 tries\)"):
        downloader.fetch(f"{server.url}/tool", SHA, step)
    assert downloads() == []


def test_does_not_try_a_missing_file_again(server: Server, downloader: Downloader, step: Step) -> None:
    with pytest.raises(SourceFailed, match="/tool: HTTP 404"):
        downloader.fetch(f"{server.url}/tool", SHA, step)
    assert len(server.requests) == 1


def test_tries_again_after_a_server_error(server: Server, downloader: Downloader, step: Step) -> None:
    server.files["/tool"] = BODY
    server.statuses["/tool"] = [503, 500]
    assert downloader.fetch(f"{server.url}/tool", SHA, step).read_bytes() == BODY


def test_gives_up_after_three_server_errors(server: Server, downloader: Downloader, step: Step) -> None:
    server.statuses["/tool"] = [503] * 9
    with pytest.raises(SourceFailed, match=r"HTTP 503 \(3 tries\)"):
        downloader.fetch(f"{server.url}/tool", SHA, step)
    assert len(server.requests) == 3


def test_does_not_wait_for_a_silent_server_longer_than_told(server: Server, downloader: Downloader, step: Step) -> None:
    server.files["/tool"] = BODY
    server.stall = threading.Event()
    begun = time.monotonic()
    with pytest.raises(SourceFailed, match=r"timed out: no byte for 0.3 s \(3 tries\)"):
        downloader.fetch(f"{server.url}/tool", SHA, step)
    assert time.monotonic() - begun < 5


def test_asks_an_unreachable_host_only_once(
    downloader: Downloader, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(SourceFailed, match=r"no connection to 127\.0\.0\.1.*refused"):
        downloader.fetch(f"{url}/one", SHA, step)
    monkeypatch.setattr(downloader, "_stream", lambda *_: pytest.fail("asked again"))
    with pytest.raises(SourceFailed, match=r"/two: no connection to 127\.0\.0\.1"):
        downloader.fetch(f"{url}/two", SHA, step)


def test_says_that_a_name_is_not_resolved(downloader: Downloader, step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(SourceFailed, match=r"the name tools\.invalid is not resolved \(Name or service not known\)"):
        downloader.fetch("https://tools.invalid/tool", SHA, step)


def test_asks_only_the_mirror_when_there_is_one(
    server: Server, downloader: Downloader, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISTIO_LAB_MIRROR", f"{server.url}/base/")
    server.files["/base/dl.example.org/v1/tool"] = BODY
    assert downloader.fetch("https://dl.example.org/v1/tool", SHA, step).read_bytes() == BODY
    assert server.requests == ["/base/dl.example.org/v1/tool"]


def test_asks_nothing_when_offline(
    server: Server, downloader: Downloader, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISTIO_LAB_OFFLINE", "1")
    server.files["/tool"] = BODY
    with pytest.raises(SourceFailed, match="ISTIO_LAB_OFFLINE"):
        downloader.fetch(f"{server.url}/tool", SHA, step)
    assert server.requests == []


def test_goes_through_the_proxy_of_the_environment(server: Server, step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    server.files["http://tools.invalid/tool"] = BODY
    made = Downloader(threading.Event(), Limits(connect=1, read=1, tries=1))
    assert made.fetch("http://tools.invalid/tool", SHA, step).read_bytes() == BODY
    made.close()


def test_refuses_an_archive_larger_than_its_limit(server: Server, downloader: Downloader, step: Step) -> None:
    server.files["/archive"] = BODY
    with pytest.raises(SourceFailed, match="larger than"):
        downloader.fetch_to_verify(f"{server.url}/archive", "archive", 1000, step)


def test_takes_one_file_out_of_a_tarball_or_zip(tmp_path: Path) -> None:
    tarball, zipped = tmp_path / "a.tar.gz", tmp_path / "a.zip"
    with tarfile.open(tarball, "w:gz") as tar:
        info = tarfile.TarInfo("dist/tool")
        info.size = len(BODY)
        tar.addfile(info, io.BytesIO(BODY))
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("dist/tool", BODY)
    for file in (tarball, zipped):
        extract(file, {"dist/tool": tmp_path / "out"})
        assert (tmp_path / "out").read_bytes() == BODY
        with pytest.raises(SourceFailed, match="has no readable file dist/other"):
            extract(file, {"dist/other": tmp_path / "out"})


def test_says_that_an_archive_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"no archive")
    with pytest.raises(SourceFailed, match="no readable file tool"):
        extract(tmp_path / "a.tar.gz", {"tool": tmp_path / "out"})


def test_takes_several_files_out_of_an_archive_in_one_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "a.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in ("one", "unwanted", "two"):
            info = tarfile.TarInfo(f"dist/{name}")
            info.size = len(BODY)
            tar.addfile(info, io.BytesIO(BODY))
        link = tarfile.TarInfo("dist/link")
        link.type, link.linkname = tarfile.SYMTYPE, "one"
        tar.addfile(link)
    opened: list[Path] = []
    really = tarfile.open
    monkeypatch.setattr(tarfile, "open", lambda file, mode: (opened.append(file), really(file, mode))[1])
    extract(archive, {f"dist/{name}": tmp_path / name for name in ("one", "two")})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes() == BODY
    assert opened == [archive]
    assert not (tmp_path / "unwanted").exists()
    with pytest.raises(SourceFailed, match="has no readable file dist/link"):
        extract(archive, {"dist/one": tmp_path / "one", "dist/link": tmp_path / "link"})
