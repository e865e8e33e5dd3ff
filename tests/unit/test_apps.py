"""What the images of the applications are made of, and how an application is started without one."""

from __future__ import annotations

import importlib.util
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.core import paths
from lab.core.errors import LabError
from lab.core.progress import Progress
from lab.toolchain import applications

QUIET = Progress(quiet=True)

MADE_OF = (
    ".dockerignore",
    "common/__init__.py",
    "common/page.html",
    "order/Dockerfile",
    "order/__main__.py",
    "order/deep/inside.py",
    "requirements.txt",
)
BESIDE_IT = (
    "README.md",
    "common/__pycache__/__init__.cpython-311.pyc",
    "common/stray.pyc",
    "delivery/Dockerfile",
    "delivery/__main__.py",
    "order/.mypy_cache/order.json",
    "order/.secret",
    "order/__pycache__/__main__.cpython-313.pyc",
    "order/__pycache__/stray.txt",
    "requirements.in",
    "tests/test_order.py",
)


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two applications that need no packages, and a cache of its own."""
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    monkeypatch.setenv("ISTIO_LAB_CACHE", str(tmp_path / "cache"))
    for name in (*MADE_OF, *BESIDE_IT):
        write(tmp_path / "apps" / name, f"# {name}\n")
    return tmp_path / "apps"


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def pip(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> Path:
    """Put a Python in the place of the real one whose `-m pip` is pretended; it is told pip's arguments."""
    python = folder / "python"
    write(python, f"#!{sys.executable} -IS\nimport pathlib, sys\ndel sys.argv[1:3]\n{script}\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    return folder


def test_every_folder_with_a_dockerfile_is_an_application() -> None:
    assert applications.names() == tuple(
        sorted(file.parent.name for file in (paths.PROJECT / "apps").glob("*/Dockerfile"))
    )


def test_an_image_is_made_of_its_sources_its_recipe_and_its_packages(sources: Path) -> None:
    assert sources
    assert [str(file) for file in applications.content("order")] == sorted(MADE_OF)


@pytest.mark.parametrize("name", MADE_OF)
def test_the_hash_is_another_when_something_that_it_is_made_of_changes(sources: Path, name: str) -> None:
    before = applications.content_hash("order")
    write(sources / name, "changed")
    assert applications.content_hash("order") != before


@pytest.mark.parametrize("name", BESIDE_IT)
def test_the_hash_stays_when_something_beside_it_changes(sources: Path, name: str) -> None:
    before = applications.content_hash("order")
    write(sources / name, "changed")
    assert applications.content_hash("order") == before


def test_the_hash_does_not_depend_on_time(sources: Path) -> None:
    before = applications.content_hash("order")
    for name in MADE_OF:
        os.utime(sources / name, (0, 0))
    assert applications.content_hash("order") == before


def test_the_hash_tells_files_apart_whatever_is_in_them(sources: Path) -> None:
    write(sources / "order/a", "x")
    write(sources / "order/b", "")
    before = applications.content_hash("order")
    write(sources / "order/a", "")
    write(sources / "order/b", "x")
    assert applications.content_hash("order") != before


def test_two_applications_have_two_hashes(sources: Path) -> None:
    assert sources
    assert applications.content_hash("order") != applications.content_hash("delivery")


@pytest.mark.parametrize("name", ["orders", "common", "tests", "../order", ""])
def test_an_application_that_is_none_is_refused_with_those_that_there_are(sources: Path, name: str) -> None:
    runtime = applications.Runtime(packages=sources, sources=sources)
    for ask in (applications.content, applications.content_hash, runtime.command):
        with pytest.raises(LabError) as caught:
            ask(name)
        assert caught.value.remedy == "Name one of: delivery, order."


def test_packages_are_installed_once_with_their_hashes_checked_and_never_built(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip(
        monkeypatch,
        tmp_path,
        f"open({str(tmp_path / 'calls')!r}, 'a').write(' '.join(sys.argv[1:]) + chr(10))\n"
        "target = next(word[9:] for word in sys.argv if word.startswith('--target='))\n"
        "pathlib.Path(target).mkdir()",
    )
    shown = io.StringIO()
    with Progress(shown) as progress:
        first = applications.ensure(progress)
        again = applications.ensure(progress)

    (call,) = (tmp_path / "calls").read_text().splitlines()
    assert first == again
    assert "--require-hashes" in call
    assert "--only-binary=:all:" in call
    assert call.endswith(f"--requirement {sources / 'requirements.txt'}")
    assert shown.getvalue().count("installing the packages of the shop's applications ...") == 1


@pytest.mark.usefixtures("sources")
def test_other_packages_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sources: Path) -> None:
    pip(monkeypatch, tmp_path, "pathlib.Path(next(w[9:] for w in sys.argv if w.startswith('--target='))).mkdir()")
    before = applications.ensure(QUIET).packages
    write(sources / "requirements.txt", "other==1\n")
    assert applications.ensure(QUIET).packages != before
    assert before.is_dir()


@pytest.mark.usefixtures("sources")
def test_an_installation_that_fails_leaves_nothing_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip(
        monkeypatch,
        tmp_path,
        "pathlib.Path(next(w[9:] for w in sys.argv if w.startswith('--target='))).mkdir()\n"
        "sys.exit('ERROR: THESE PACKAGES DO NOT MATCH THE HASHES')",
    )
    with pytest.raises(LabError, match="DO NOT MATCH THE HASHES") as caught:
        applications.ensure(QUIET)
    assert "pip config list" in caught.value.remedy
    assert not (tmp_path / "cache/apps").exists()
    assert not list((tmp_path / "cache/tmp").iterdir())


@pytest.mark.usefixtures("sources")
def test_nothing_is_downloaded_when_downloads_are_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTIO_LAB_OFFLINE", "1")
    with pytest.raises(LabError, match="ISTIO_LAB_OFFLINE"):
        applications.ensure(QUIET)


def test_an_application_sees_its_packages_and_sources_but_nothing_of_this_python(sources: Path, tmp_path: Path) -> None:
    runtime = applications.Runtime(packages=tmp_path / "packages", sources=sources)
    write(tmp_path / "packages/dependency.py", "")
    write(tmp_path / "here/order/__main__.py", "raise SystemExit('the folder that it is started in')")
    write(tmp_path / "evil/common/__init__.py", "raise SystemExit('a folder of its environment')")
    write(sources / "order/__init__.py", "")
    write(
        sources / "order/__main__.py",
        "import importlib.util, common, dependency\nprint([importlib.util.find_spec(n) for n in ('pytest', 'pulumi')])",
    )
    done = subprocess.run(
        runtime.command("order"),
        env={
            "PYTHONPATH": str(tmp_path / "evil"),
            "PYTHONWARNINGS": "error",
            "PYTHONSTARTUP": "/evil",
            "HOME": "/evil",
        },
        cwd=tmp_path / "here",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[None, None]\n", "")
    assert Path(runtime.command("order")[0]).samefile(sys.executable)


def test_a_python_that_can_write_nothing_finds_the_bytecode_of_the_sources(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip(monkeypatch, tmp_path, "pathlib.Path(next(w[9:] for w in sys.argv if w.startswith('--target='))).mkdir()")
    runtime = applications.ensure(QUIET)

    assert Path(importlib.util.cache_from_source(str(sources / "order/__main__.py"))).is_file()
    assert "-B" in runtime.command("order"), "and it does not try"
