"""How a tool on PATH is asked for its version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.toolchain import onpath
from lab.toolchain.catalog import TOOLS
from tests.unit.toolchain.support import program

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "answer", "version"),
    [
        ("pulumi", "v3.259.0", "3.259.0"),
        ("kube-apiserver", "Kubernetes v1.36.3", "1.36.3"),
        ("kubectl", "Client Version: v1.36.3\\nKustomize Version: v5.8.1", "1.36.3"),
        ("etcd", "etcd Version: 3.6.8\\nGit SHA: x\\nGo Version: go1.26.1", "3.6.8"),
        ("kwok", "kwok version v0.8.0 go1.26.8 (linux/amd64)", "0.8.0"),
        ("kwok", "kwok version unknown go1.26.8 (linux/amd64)", ""),
        ("kwok", "kwok version v0.8.0-alpha.1 go1.26.8", "0.8.0-alpha.1"),
        ("helm", "v3.18.6+gb76a950", "3.18.6"),
        ("istioctl", "client version: 1.31.1", "1.31.1"),
    ],
)
def test_reads_the_version_out_of_the_answer(lab: Path, name: str, answer: str, version: str) -> None:
    program(lab / "bin" / name, f"#!/bin/sh\nprintf '{answer}\\n'\n")
    assert onpath.find(TOOLS[name]).version == version


def test_a_tool_that_hangs_is_of_an_unknown_version(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onpath, "_PATIENCE", 0.1)
    program(lab / "bin" / "etcd", "#!/bin/sh\nexec sleep 5\n")
    assert onpath.find(TOOLS["etcd"]).version == ""


def test_a_tool_that_cannot_run_is_of_an_unknown_version(lab: Path) -> None:
    program(lab / "bin" / "etcd", "\x7fELF of another machine")
    assert onpath.find(TOOLS["etcd"]).version == ""


@pytest.mark.usefixtures("lab")
def test_what_is_not_on_path_is_not_found() -> None:
    assert onpath.find(TOOLS["etcd"]) is None
