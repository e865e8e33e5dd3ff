"""The digest of the program: another one for another program, and the same whatever tools leave beside it."""

from __future__ import annotations

import ast
import shutil
from typing import TYPE_CHECKING

import pytest

from lab.core import paths
from lab.services.classes import program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SOURCES = [
    "__main__.py",
    "Pulumi.yaml",
    "lab.lock.json",
    "lab/core/versions.py",
    "lab/core/manifests.py",
    "lab/settings/groups.py",
    "lab/platforms/embedded/kwok.yaml",
    "lab/platforms/dataplane/workloads.yaml",
    "components/shop/shop.py",
    "components/common/chart/Chart.yaml",
    "components/observability/dashboards/shop.json",
]
DECIDE_NOTHING = {
    "lab": "has no code",
    "lab.adapters": "has no code",
    "lab.adapters.cluster_api": "asks a cluster what it is; the resources say what they made of it",
    "lab.adapters.cluster_login": "proves who asks",
    "lab.adapters.defects": "words an error",
    "lab.adapters.files": "gives files their modes",
    "lab.toolchain": "has no code that the program needs",
    "lab.toolchain.artifacts": "finds the pinned charts; lab.lock.json says which",
    "lab.toolchain.dashboards": "finds dashboards, which may be missing",
}
"""Modules that the program imports and the digest leaves out, and why."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of all that may count."""
    folder = tmp_path / ".clones" / "lab"
    ignored = shutil.ignore_patterns("__pycache__", "export")
    for name in ("components", "lab"):
        shutil.copytree(paths.PROJECT / name, folder / name, ignore=ignored)
    for name in ("__main__.py", "Pulumi.yaml", "lab.lock.json"):
        shutil.copy(paths.PROJECT / name, folder / name)
    monkeypatch.setattr(paths, "PROJECT", folder)
    return folder


def test_it_is_the_same_in_every_clone(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = program.digest()
    monkeypatch.setattr(paths, "PROJECT", project.rename(tmp_path / "another"))

    assert program.digest() == here
    assert len(here) == 16


@pytest.mark.parametrize("name", SOURCES)
def test_a_changed_source_makes_another(project: Path, name: str) -> None:
    before = program.digest()
    file = project / name
    file.write_bytes(file.read_bytes() + b"\n")

    assert program.digest() != before


CHANGES: dict[str, Callable[[Path], object]] = {
    "a new file": lambda project: (project / "components" / "new.py").touch(),
    "one that is gone": lambda project: (project / "components" / "common" / "volumes.py").unlink(),
    "one in another place": lambda project: (project / "components" / "tutorial.py").rename(
        project / "components" / "shop" / "tutorial.py"
    ),
    "one with another name": lambda project: (project / "components" / "common" / "volumes.py").rename(
        project / "components/v.py"
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_so_does_a_file_that_comes_or_goes(project: Path, change: Callable[[Path], object]) -> None:
    before = program.digest()
    change(project)

    assert program.digest() != before


@pytest.mark.parametrize(
    "name",
    [
        "components/__pycache__/shop.cpython-311.pyc",
        "lab/settings/__pycache__/x/y.pyc",
        "components/.ruff_cache/0.1/x",
        "components/.shop.py.swp",
        "lab/cli/class_board.py",
        "README.md",
        "Pulumi.dev.yaml",
        ".lab/state/x.json",
    ],
)
def test_what_decides_nothing_changes_nothing(project: Path, name: str) -> None:
    before = program.digest()
    file = project / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("left behind", encoding="utf-8")

    assert program.digest() == before


def imported() -> Iterator[tuple[str, str]]:
    """Modules of lab that the program imports, with a file that does."""
    for file in (paths.PROJECT / "__main__.py", *(paths.PROJECT / "components").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "lab":
                yield node.module, file.name
                for name in node.names:
                    yield f"{node.module}.{name.name}", file.name


def test_every_module_that_the_program_imports_counts() -> None:
    counted = set(program._sources())  # noqa: SLF001 - what the digest is of
    left_out = {
        f"{module}, imported by {by}"
        for module, by in imported()
        if module not in DECIDE_NOTHING
        for stem in [paths.PROJECT / module.replace(".", "/")]
        for file in (stem.with_suffix(".py"), stem / "__init__.py")
        if file.is_file() and file not in counted
    }

    assert left_out == set(), "add them to the digest, or say here why they decide nothing"
