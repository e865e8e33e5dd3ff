"""The lock file is strict, canonical and complete."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lab.core.errors import LabError
from lab.toolchain import lockfile, resolution
from lab.toolchain.catalog import TOOLS

if TYPE_CHECKING:
    from pathlib import Path

PIN = {"url": "https://dl.example.org/etcd.tar.gz", "sha256": "a" * 64, "member": "etcd-v3/etcd"}


def write(
    tmp_path: Path, pin: dict[str, str | None], *, tool: str = "etcd", platform: str = "linux/amd64", **more: object
) -> Path:
    file = tmp_path / "lab.lock.json"
    file.write_text(json.dumps({"tools": {tool: {platform: pin}}, "artifacts": {}} | more))
    return file


def test_the_committed_file_is_valid_canonical_and_names_every_tool() -> None:
    lock = lockfile.load()
    assert resolution.LOCK_FILE.read_text() == lock.canonical()
    assert lock.tools.keys() == TOOLS.keys()


def test_a_whole_pin_is_read(tmp_path: Path) -> None:
    [item] = lockfile.load(write(tmp_path, PIN)).tools["etcd"].values()
    assert (item.url, item.sha256, item.member) == (PIN["url"], PIN["sha256"], PIN["member"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"url": "http://dl.example.org/etcd"}, "url: .*https"),
        ({"sha256": "a" * 63}, "sha256: "),
        ({"sha256": "A" * 64}, "sha256: "),
        ({"sha512": "a" * 127}, "sha512: "),
        ({"checksums": "http://dl.example.org/SHA256SUMS"}, "checksums: .*https"),
        ({"agreed": "some day"}, "agreed: "),
        ({"member": "../../etc/passwd"}, "member: .*relative path"),
        ({"member": "/etc/passwd"}, "member: .*relative path"),
        ({"md5": "x"}, "md5: Extra inputs"),
    ],
)
def test_a_wrong_pin_is_refused_naming_the_place(tmp_path: Path, change: dict[str, str | None], said: str) -> None:
    with pytest.raises(LabError, match=rf"tools\.etcd\.linux/amd64\.{said}"):
        lockfile.load(write(tmp_path, PIN | change))


def test_unknown_tools_platforms_and_sections_are_refused(tmp_path: Path) -> None:
    for file, said in (
        (lambda: write(tmp_path, PIN, tool="terraform"), "is no tool of the lab"),
        (lambda: write(tmp_path, PIN, platform="windows/amd64"), "windows/amd64"),
        (lambda: write(tmp_path, PIN, charts={}), "charts: Extra inputs"),
    ):
        with pytest.raises(LabError, match=said):
            lockfile.load(file())


@pytest.mark.parametrize("pin", [{"url": PIN["url"]}, PIN | {"sha256": None}, PIN | {"sha512": "a" * 128}])
def test_a_pin_has_one_checksum(tmp_path: Path, pin: dict[str, str | None]) -> None:
    with pytest.raises(LabError, match=r"tools\.etcd\.linux/amd64: .*either sha256 or sha512"):
        lockfile.load(write(tmp_path, pin))


def test_a_checksum_may_be_of_sha512(tmp_path: Path) -> None:
    [item] = lockfile.load(write(tmp_path, {"url": PIN["url"], "sha512": "b" * 128})).tools["etcd"].values()
    assert item.checksum == "b" * 128


def test_a_checksum_of_one_public_record_names_the_publishers_own() -> None:
    pins = [pin for downloads in lockfile.load().tools.values() for pin in downloads.values()]
    once = [pin for pin in pins if (pin.seen or "").startswith("one public record")]
    assert once
    assert [pin.url for pin in once if not pin.checksums] == []


def test_a_download_is_of_the_pinned_version_or_names_its_own() -> None:
    lock = lockfile.load()
    pins = [(pin.version or TOOLS[name].version, pin) for name, each in lock.tools.items() for pin in each.values()]
    # This archive is named after its API server, and says elsewhere which etcd it has.
    named = [(version, pin) for version, pin in pins if pin.member != "controller-tools/envtest/etcd"]
    assert len(named) > len(TOOLS)
    assert [pin.url for version, pin in named if version not in pin.url] == []


def test_a_missing_lock_file_says_how_to_get_it_back(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="git checkout"):
        lockfile.load(tmp_path / "lab.lock.json")
