"""Artifacts are the pinned bytes, from whatever source has them."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.core import paths, versions
from lab.core.errors import LabError
from lab.core.progress import Progress
from lab.toolchain import artifacts, golang, lockfile, resolution
from lab.toolchain.cache import SourceFailed
from lab.toolchain.download import Limits
from tests.unit.toolchain.support import FakeGo, Server, left_over

if TYPE_CHECKING:
    from collections.abc import Callable

IMPATIENT = Limits(connect=1, read=1, tries=1, pause=0.01)
ARCHIVE = f"https://github.com/istio/istio/archive/{versions.ISTIO_MODULE.rsplit('-', 1)[-1]}.tar.gz"


@pytest.fixture
def repository(lab: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The part of a repository that artifacts come from; the others are left out."""
    root = lab / "repository"
    of_one = {name: source for name, source in artifacts.CATALOG.items() if source[0] is artifacts.ISTIO}
    monkeypatch.setattr(artifacts, "CATALOG", of_one)
    for _, kind, inside in artifacts.CATALOG.values():
        place = root / inside
        if kind == "file":
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(f"file {inside}\n")
        else:
            (place / "templates").mkdir(parents=True)
            (place / "Chart.yaml").write_text(f"chart {inside}\n")
            (place / "templates" / "all.yaml").write_text("{}\n")
    return root


@pytest.fixture
def lock(repository: Path, lab: Path, monkeypatch: pytest.MonkeyPatch) -> lockfile.Lock:
    """A lock file that pins the repository's content."""
    pins = {
        name: lockfile.Artifact(
            kind=kind,
            sha256=artifacts.hash_of(repository / inside),
            path=inside,
            module="istio.io/istio",
            version=versions.ISTIO_MODULE,
            archive=ARCHIVE,
        )
        for name, (_, kind, inside) in artifacts.CATALOG.items()
    }
    made = lockfile.Lock(tools={}, artifacts=pins)
    file = lab / "lab.lock.json"
    file.write_text(made.canonical())
    monkeypatch.setattr(resolution, "LOCK_FILE", file)
    return made


@pytest.fixture
def mirror(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("ISTIO_LAB_MIRROR", server.url)
    return server


def serve(
    mirror: Server,
    repository: Path,
    change: Callable[[tarfile.TarFile], None] | None = None,
    *,
    archive: str = ARCHIVE,
) -> str:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.add(repository, "istio-eed52")
        if change:
            change(tar)
    address = "/" + archive.removeprefix("https://")
    mirror.files[address] = buffer.getvalue()
    return address


def ensure(stream: io.StringIO | None = None) -> None:
    progress = Progress(stream) if stream else Progress(quiet=True)
    artifacts.ensure(progress=progress, limits=IMPATIENT)


def origins() -> set[str]:
    return {item.origin.rsplit(" ", 1)[0] for item in artifacts.report()}


@pytest.mark.usefixtures("lock")
def test_one_download_of_the_archive_serves_all(repository: Path, mirror: Server) -> None:
    address = serve(mirror, repository)
    ensure()
    assert mirror.requests == [address]
    assert (artifacts.path("istiod") / "templates" / "all.yaml").read_text() == "{}\n"
    assert artifacts.path("bookinfo.yaml").read_text().startswith("file samples/bookinfo")
    assert artifacts.path("istiod") == paths.artifacts_dir() / "istiod"
    assert artifacts.path("istiod").resolve().name == "istiod"
    assert origins() == {"cache (archive"}
    assert left_over() == []
    assert list((paths.cache() / "downloads").glob("*[!g]")) == []


@pytest.mark.usefixtures("lock", "mirror")
def test_the_go_module_serves_what_the_archive_cannot(repository: Path, go: FakeGo) -> None:
    go.behaves(MODULE=str(repository))
    said = io.StringIO()
    ensure(said)
    assert "HTTP 404" in said.getvalue()
    assert go.calls("mod") == ["mod download -json istio.io/istio"]
    assert origins() == {"cache (module"}


@pytest.mark.usefixtures("lock")
def test_offline_the_archive_is_not_asked(
    go: FakeGo, repository: Path, mirror: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    go.behaves(MODULE=str(repository))
    monkeypatch.setenv("ISTIO_LAB_OFFLINE", "1")
    serve(mirror, repository)
    ensure()
    assert mirror.requests == []


@pytest.mark.usefixtures("lock")
def test_other_content_is_refused_and_the_next_source_asked_for_just_that(
    go: FakeGo, repository: Path, mirror: Server
) -> None:
    other = shutil.copytree(repository, repository.with_name("other"))
    (other / artifacts.CATALOG["istiod"][2] / "Chart.yaml").write_text("evil\n")
    serve(mirror, other)
    go.behaves(MODULE=str(repository))
    said = io.StringIO()
    ensure(said)
    assert (
        "istiod: archive: wrong content of manifests/charts/istio-control/istio-discovery: expected" in said.getvalue()
    )
    assert "fetching istiod (module) ..." in said.getvalue()
    assert origins() == {"cache (archive", "cache (module"}


@pytest.mark.usefixtures("lock", "repository")
def test_the_error_names_each_source_with_its_cause(mirror: Server) -> None:
    with pytest.raises(LabError) as failure:
        ensure()
    assert failure.value.message.splitlines() == [
        f"No source has {', '.join(artifacts.CATALOG)}:",
        f"  archive: {mirror.url}/{ARCHIVE.removeprefix('https://')}: HTTP 404 Not Found",
        "  module: no `go` on PATH: install Go >= 1.26.4",
    ]


@pytest.mark.usefixtures("lock")
def test_links_in_an_archive_become_what_they_point_to(repository: Path, mirror: Server) -> None:
    chart = artifacts.CATALOG["istiod"][2]
    (repository / chart / "Chart.yaml").unlink()

    def link(tar: tarfile.TarFile) -> None:
        shared = tarfile.TarInfo("istio-eed52/shared.yaml")
        content = f"chart {chart}\n".encode()
        shared.size = len(content)
        tar.addfile(shared, io.BytesIO(content))
        info = tarfile.TarInfo(f"istio-eed52/{chart}/Chart.yaml")
        info.type = tarfile.SYMTYPE
        info.linkname = "../" * len(Path(chart).parts) + "shared.yaml"
        tar.addfile(info)

    serve(mirror, repository, link)
    ensure()
    assert not (artifacts.path("istiod") / "Chart.yaml").is_symlink()
    assert (artifacts.path("istiod") / "Chart.yaml").read_text() == f"chart {chart}\n"


@pytest.mark.usefixtures("lock")
def test_an_archive_cannot_write_outside(repository: Path, mirror: Server) -> None:
    def escape(tar: tarfile.TarFile) -> None:
        info = tarfile.TarInfo(f"istio-eed52/{artifacts.CATALOG['istiod'][2]}/../../../../../../evil")
        info.size = 4
        tar.addfile(info, io.BytesIO(b"evil"))

    serve(mirror, repository, escape)
    ensure()
    assert list(paths.cache().parent.rglob("evil")) == []


@pytest.mark.usefixtures("lock")
def test_a_damaged_archive_is_named_as_such(repository: Path, mirror: Server) -> None:
    address = serve(mirror, repository)
    mirror.files[address] = mirror.files[address][:200]
    with pytest.raises(LabError, match="archive: the archive is damaged"):
        ensure()


@pytest.mark.usefixtures("lock")
def test_when_all_is_there_nothing_is_asked(repository: Path, mirror: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(mirror, repository)
    ensure()
    monkeypatch.setattr(lockfile, "load", lambda: pytest.fail("slow path"))
    ensure()
    assert len(mirror.requests) == 1


@pytest.mark.usefixtures("lock")
def test_a_second_project_takes_everything_from_the_cache(
    repository: Path, mirror: Server, lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(mirror, repository)
    ensure()
    monkeypatch.setenv("ISTIO_LAB_HOME", str(lab / "second"))
    ensure()
    assert len(mirror.requests) == 1
    assert artifacts.path("istiod").is_relative_to(lab / "second")


@pytest.mark.usefixtures("lock")
def test_a_changed_cache_entry_is_noticed_and_replaced(repository: Path, mirror: Server) -> None:
    serve(mirror, repository)
    ensure()
    assert artifacts.verify() == []
    tampered = artifacts.path("istiod") / "Chart.yaml"
    tampered.write_text("evil\n")
    [said] = artifacts.verify()
    assert said.startswith("istiod: ")
    assert "Delete" in said
    (paths.home() / "artifacts.json").unlink()
    ensure()
    assert artifacts.verify() == []
    assert tampered.read_text() != "evil\n"


@pytest.mark.usefixtures("lock")
def test_an_artifact_that_is_not_there_says_what_to_run() -> None:
    with pytest.raises(LabError, match="istiod is not there") as failure:
        artifacts.path("istiod")
    assert failure.value.remedy == "Run `lab setup`."
    assert {item.origin for item in artifacts.report()} == {"missing"}
    with pytest.raises(LabError, match="Unknown artifact kiali"):
        artifacts.path("kiali")


@pytest.mark.usefixtures("lock")
def test_pins_of_another_version_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(artifacts.ISTIO, version="v0.0.0-20270101000000-abcdef123456")
    changed = {name: (other, kind, inside) for name, (_, kind, inside) in artifacts.CATALOG.items()}
    monkeypatch.setattr(artifacts, "CATALOG", changed)
    with pytest.raises(LabError, match=r"does not pin istio-base of v0\.0\.0-2027") as failure:
        ensure()
    assert failure.value.remedy == "Run `lab lock`."


def test_relocking_writes_the_pins_of_the_module_and_keeps_the_tools(
    go: FakeGo, lock: lockfile.Lock, repository: Path
) -> None:
    go.behaves(MODULE=str(repository))
    pin = lockfile.Prebuilt(url="https://dl.example.org/etcd", sha256="a" * 64)
    before = lock.model_copy(update={"tools": {"etcd": {"linux/amd64": pin}}})
    resolution.LOCK_FILE.write_text(before.model_copy(update={"artifacts": {}}).canonical())
    artifacts.relock()
    assert resolution.LOCK_FILE.read_text() == before.canonical()


# --- two repositories ---


@pytest.fixture
def both(lab: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One folder with what both repositories have, and a lock file that pins it."""
    chosen = ("bookinfo.yaml", "argo-rollouts.yaml", "argo-rollouts-dashboard.yaml")
    catalogue = {name: artifacts.CATALOG[name] for name in chosen}
    monkeypatch.setattr(artifacts, "CATALOG", catalogue)
    root, pins = lab / "both", {}
    for name, (source, kind, inside) in catalogue.items():
        (root / inside).parent.mkdir(parents=True, exist_ok=True)
        (root / inside).write_text(f"file {inside}\n")
        pins[name] = lockfile.Artifact(
            kind=kind,
            sha256=artifacts.hash_of(root / inside),
            path=inside,
            module=source.module,
            version=source.version,
            archive=source.archive,
        )
    file = lab / "lab.lock.json"
    file.write_text(lockfile.Lock(tools={}, artifacts=pins).canonical())
    monkeypatch.setattr(resolution, "LOCK_FILE", file)
    return root


def test_each_repository_is_downloaded_once_for_all_that_comes_from_it(both: Path, mirror: Server) -> None:
    for archive in (artifacts.ISTIO.archive, artifacts.ARGO_ROLLOUTS.archive):
        serve(mirror, both, archive=archive)
    ensure()

    asked = mirror.requests
    assert sorted(asked) == sorted(
        "/" + source.archive.removeprefix("https://") for source in (artifacts.ISTIO, artifacts.ARGO_ROLLOUTS)
    )
    assert {artifacts.path(name).read_text() for name in artifacts.CATALOG} == {
        f"file {inside}\n" for _, _, inside in artifacts.CATALOG.values()
    }


def test_the_module_of_the_missing_repository_is_asked_and_no_other(both: Path, mirror: Server, go: FakeGo) -> None:
    serve(mirror, both, archive=artifacts.ISTIO.archive)
    go.behaves(MODULE=str(both))
    ensure()

    assert go.calls("mod") == ["mod download -json github.com/argoproj/argo-rollouts"]
    assert origins() == {"cache (archive", "cache (module"}


@pytest.mark.usefixtures("go")
def test_a_module_is_downloaded_at_the_version_that_its_own_recipe_locks(
    both: Path, mirror: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(mirror, both, archive=artifacts.ISTIO.archive)
    asked: dict[str, str] = {}

    def module_folder(module: str, *, recipe: Path, **_: object) -> Path:
        asked[module] = (recipe / "go.mod").read_text()
        return both

    monkeypatch.setattr(golang, "module_folder", module_folder)
    ensure()

    (found,) = asked.values()
    assert set(asked) == {artifacts.ARGO_ROLLOUTS.module}
    assert f"{artifacts.ARGO_ROLLOUTS.module} {artifacts.ARGO_ROLLOUTS.version}" in found


def test_only_what_is_missing_is_named_with_the_source_that_it_would_come_from(both: Path, mirror: Server) -> None:
    serve(mirror, both, archive=artifacts.ISTIO.archive)
    with pytest.raises(LabError) as failure:
        ensure()

    archive = artifacts.ARGO_ROLLOUTS.archive.removeprefix("https://")
    assert failure.value.message.splitlines() == [
        "No source has argo-rollouts.yaml, argo-rollouts-dashboard.yaml:",
        f"  archive: {mirror.url}/{archive}: HTTP 404 Not Found",
        "  module: no `go` on PATH: install Go >= 1.26.4",
    ]


def test_a_module_that_cannot_be_had_is_named_when_the_pins_are_made(
    both: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def module_folder(module: str, **_: object) -> Path:
        if module == artifacts.ARGO_ROLLOUTS.module:
            raise SourceFailed("no network")
        return both

    monkeypatch.setattr(golang, "check", lambda _recipe: None)
    monkeypatch.setattr(golang, "module_folder", module_folder)
    with pytest.raises(LabError) as failure:
        artifacts.relock()

    wanted = f"{artifacts.ARGO_ROLLOUTS.module}@{artifacts.ARGO_ROLLOUTS.version}"
    assert failure.value.message == f"The module {wanted} cannot be had: no network"


def test_relocking_pins_each_artifact_to_its_own_repository(both: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golang, "check", lambda _recipe: None)
    monkeypatch.setattr(golang, "module_folder", lambda _module, **_: both)
    before = resolution.LOCK_FILE.read_text()
    resolution.LOCK_FILE.write_text(lockfile.Lock(tools={}, artifacts={}).canonical())
    artifacts.relock()

    assert resolution.LOCK_FILE.read_text() == before


@pytest.mark.usefixtures("both")
def test_a_report_names_the_version_of_each_repository() -> None:
    assert {item.name: item.version for item in artifacts.report()} == {
        "bookinfo.yaml": versions.ISTIO_MODULE,
        "argo-rollouts.yaml": f"v{versions.ARGO_ROLLOUTS}",
        "argo-rollouts-dashboard.yaml": f"v{versions.ARGO_ROLLOUTS}",
    }


def test_the_hash_of_a_folder_is_the_one_that_standard_tools_give(lab: Path) -> None:
    tree = lab / "tree"
    for name in ("b.yaml", "a/z.yaml", "a/b/c.yaml"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(name)
    command = "find * -type f | xargs sha256sum | LC_ALL=C sort | sha256sum"
    usual = os.environ | {"PATH": "/usr/bin:/bin"}
    answer = subprocess.run(["/bin/sh", "-c", command], cwd=tree, env=usual, capture_output=True, text=True, check=True)
    assert artifacts.hash_of(tree) == answer.stdout.split()[0]
    (tree / "b.yaml").rename(tree / "c.yaml")
    assert artifacts.hash_of(tree) != answer.stdout.split()[0]


def test_the_committed_pins_are_those_of_the_catalog() -> None:
    pins = lockfile.load().artifacts
    found = {name: (pin.module, pin.version, pin.archive, pin.kind, pin.path) for name, pin in pins.items()}
    assert found == {
        name: (source.module, source.version, source.archive, kind, inside)
        for name, (source, kind, inside) in artifacts.CATALOG.items()
    }
