"""A control plane that was moved with the clone around it: its paths follow, and what runs from the old ones ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from lab.platforms.embedded import moved

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.conftest import Spawn


def made_in(place: Path, kept_in: Path) -> Path:
    """A cluster's folder in one place, with the files of another."""
    cluster = kept_in / "kwok" / "clusters" / "lab"
    cluster.mkdir(parents=True)
    former = place / "kwok" / "clusters" / "lab"
    authority = {"certificate-authority": f"{former}/pki/ca.crt"}
    (cluster / "kubeconfig.yaml").write_text(yaml.safe_dump({"clusters": [{"cluster": authority}]}))
    components = [{"name": "etcd", "args": [f"--data-dir={former}/etcd", "--name=x"], "port": 7}]
    (cluster / "kwok.yaml").write_text(yaml.safe_dump_all([{"components": components}, {"kind": "Other"}]))
    return cluster


def test_the_paths_of_a_moved_cluster_follow_it(tmp_path: Path) -> None:
    cluster = made_in(tmp_path / "before", tmp_path / "it's: here")

    moved.adapt(tmp_path / "it's: here", cluster)

    first, second = yaml.safe_load_all((cluster / "kwok.yaml").read_text())
    assert first["components"] == [{"name": "etcd", "args": [f"--data-dir={cluster}/etcd", "--name=x"], "port": 7}]
    assert second == {"kind": "Other"}
    assert str(tmp_path / "before") not in (cluster / "kubeconfig.yaml").read_text()


def test_what_still_runs_from_the_former_place_ends_and_nothing_else(tmp_path: Path, spawn: Spawn) -> None:
    cluster = made_in(tmp_path / "before", tmp_path / "now")
    old = spawn("/bin/sh", "-c", "echo ready; sleep 60", f"{tmp_path}/before/bin/etcd")
    other = spawn("/bin/sh", "-c", "echo ready; sleep 60", "another")
    for name, process in {"etcd": old, "stranger": other}.items():
        (cluster / f"{name}.pid").write_text(str(process.pid))
    (cluster / "cut.pid").write_text("")

    moved.adapt(tmp_path / "now", cluster)

    assert not old.is_running() or old.status() == "zombie"
    assert other.status() != "zombie"


def test_a_cluster_that_was_not_moved_stays_as_it_is(tmp_path: Path) -> None:
    cluster = made_in(tmp_path, tmp_path)
    before = {file: file.read_bytes() for file in cluster.iterdir()}

    moved.adapt(tmp_path, cluster)
    moved.adapt(tmp_path / "nowhere", tmp_path / "nowhere" / "kwok" / "clusters" / "lab")

    assert {file: file.read_bytes() for file in cluster.iterdir()} == before
