"""The images: built from their Dockerfiles by a real builder, then run as a cluster would run them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from apps.tests import builder, container
from apps.tests.builder import Builder
from lab.core import paths
from lab.toolchain import applications

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from apps.tests.builder import Image
    from apps.tests.container import Container

SOURCES = paths.PROJECT / "apps"
USER = 10001
BOUND = 110_000_000
"""Bytes that an image may add to its base."""

ARGUMENTS = {"VERSION": "20260101-abc1234-0123456789ab", "REVISION": "abc1234", "SOURCE": "https://example.org/lab"}
PIN = re.compile(r"^ARG BASE_IMAGE=docker\.io/library/python:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}$", re.MULTILINE)
BYTECODE = re.compile(r"usr/local/lib/python3\.\d+/(.+/)?__pycache__/[^/]+\.pyc$")
PIP = re.compile(r"usr/local/(bin/pip|lib/python3\.\d+/(site|dist)-packages/pip)")
MOUNTED = ("etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/pip.conf")
"""Where the builder shows files while a step runs; it leaves empty ones."""

NO_PART = ("tests", "pip", "wheel", "setuptools", "uv", "Dockerfile", "requirements.txt")

each_app = pytest.mark.parametrize("app", applications.names())


@pytest.fixture(scope="module")
def images() -> Iterator[Mapping[str, Image]]:
    """Both images, each built once."""
    builder.needed()
    # Half a gigabyte: not one to be kept when a test fails.
    folder = Path(tempfile.mkdtemp(prefix="images-"))
    try:
        real = Builder(folder)
        yield {app: real.build(app, ARGUMENTS) for app in applications.names()}
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def image(images: Mapping[str, Image], app: str) -> Image:
    return images[app]


@each_app
def test_the_linter_finds_nothing_wrong_with_the_recipe(app: str) -> None:
    program = Path(sys.executable).with_name("hadolint")
    if not program.exists():
        told = "hadolint is not installed beside this Python"
        pytest.fail(told) if os.environ.get("CI") else pytest.skip(told)
    done = subprocess.run(
        [program, "--no-color", "--failure-threshold=style", SOURCES / app / "Dockerfile"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@each_app
def test_the_base_is_pinned_to_one_content_and_the_same_for_all(app: str) -> None:
    found = PIN.findall((SOURCES / app / "Dockerfile").read_text())
    assert found == PIN.findall((SOURCES / "order/Dockerfile").read_text())
    assert len(found) == 1


def test_the_recipes_differ_in_the_application_alone() -> None:
    order, delivery = ((SOURCES / app / "Dockerfile").read_text() for app in ("order", "delivery"))
    assert order.replace("order", "delivery") == delivery


@each_app
def test_an_image_has_the_sources_that_its_hash_is_made_of_and_no_others(image: Image, app: str) -> None:
    root = image.root / "app"
    recipe = {".dockerignore", "requirements.txt", f"{app}/Dockerfile"}
    there = {
        str(file.relative_to(root))
        for package in root.iterdir()
        if package.name != "packages"
        for file in package.rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
    assert there == {str(file) for file in applications.content(app)} - recipe
    assert {folder.name for folder in root.iterdir()} == {"common", app, "packages"}


@each_app
@pytest.mark.usefixtures("app")
def test_an_image_adds_its_application_and_bytecode_to_its_base_and_takes_pip_away(image: Image) -> None:
    before, after = tree(image.base), tree(image.root)
    added = {name for name, facts in after.items() if before.get(name) != facts and not name.startswith("app/")}
    assert {name for name in added if not BYTECODE.match(name) and name not in MOUNTED} == set()
    assert [name for name in MOUNTED if name in after and after[name][1]] == []
    gone = set(before) - set(after)
    assert {name for name in gone if not PIP.match(name)} == set()
    assert [name for name in after if PIP.match(name)] == []
    assert container.try_out(image, "python", "-m", "pip").returncode == 1


@each_app
@pytest.mark.usefixtures("app")
def test_an_image_has_no_tests_no_tools_to_build_with_and_nothing_hidden(image: Image) -> None:
    root = image.root / "app"
    assert [name for name in NO_PART if (root / "packages" / name).exists()] == []
    own = [file.relative_to(root) for name in (*applications.names(), "common") for file in (root / name).rglob("*")]
    assert [file for file in own if file.name.startswith((".", "test")) or file.name in NO_PART] == []


@each_app
@pytest.mark.usefixtures("app")
def test_an_image_adds_little(image: Image) -> None:
    added = sum(file.lstat().st_size for file in (image.root / "app").rglob("*") if not file.is_dir())
    assert added < BOUND


@each_app
@pytest.mark.usefixtures("app")
def test_everything_in_an_image_is_compiled_and_belongs_to_somebody_else_than_its_user(image: Image) -> None:
    for file in (image.root / "app").rglob("*"):
        status = file.lstat()
        assert (status.st_uid, status.st_gid) == (0, 0), file
        assert not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH | stat.S_ISUID | stat.S_ISGID), file
        assert status.st_mode & stat.S_IROTH, file
        if file.suffix == ".py":
            assert list(file.parent.glob(f"__pycache__/{file.stem}.cpython-*.pyc")), file


@each_app
def test_an_image_says_how_to_run_it_and_what_it_is(image: Image, app: str) -> None:
    configuration = image.configuration
    assert configuration["User"] == f"{USER}:{USER}"
    assert configuration["Entrypoint"] == ["python", "-m", app]
    assert not configuration.get("Cmd")
    assert list(configuration["ExposedPorts"]) == ["8080/tcp"]
    assert not any(word in name for name in image.environment for word in ("PASS", "TOKEN", "SECRET", "KEY"))
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in configuration["Labels"].items()}
    expected = {"title": app, **{name.lower(): value for name, value in ARGUMENTS.items()}}
    assert {name: labels.get(name) for name in expected} == expected


@each_app
def test_an_application_answers_from_its_image_as_a_user_who_may_do_nothing(
    image: Image, app: str, tmp_path: Path
) -> None:
    with running(image, tmp_path / f"{app}.log") as (inside, base):
        assert get(f"{base}/actuator/health") == {"status": "UP"}
        echo = get(f"{base}/actuator/echo")
        program = inside.process
        told = status_of(program.pid)
        assert told["Uid"].split() == told["Gid"].split() == [str(USER)] * 4
        assert {told["CapEff"], told["CapPrm"], told["CapInh"]} == {"0" * 16}
        assert told["NoNewPrivs"] == "1"
        assert told["NSpid"].split()[-1] == "1"
    assert not program.is_running()
    assert "v7" in json.dumps(echo)


@each_app
@pytest.mark.usefixtures("app")
def test_an_application_ends_well_when_it_is_told_to_as_the_first_process(image: Image, tmp_path: Path) -> None:
    with running(image, tmp_path / "log") as (inside, base):
        get(f"{base}/actuator/health")
        inside.process.send_signal(signal.SIGTERM)
        assert inside.wait() == 0, inside.log.read_text()
    for line in inside.log.read_text().splitlines():
        assert "message" in json.loads(line)


@each_app
def test_an_application_cannot_change_its_own_files_even_where_the_file_system_could_be_written(
    image: Image, app: str
) -> None:
    change = f"open('/app/{app}/__main__.py', 'a')"
    assert "PermissionError" in container.try_out(image, "python", "-c", change, read_only=False).stderr
    for folder in ("/app", "/app/packages", "/usr/local/bin", "/"):
        done = container.try_out(image, "python", "-c", f"open('{folder}/new', 'w')", read_only=False)
        assert "PermissionError" in done.stderr
    assert container.try_out(image, "python", "-c", "open('/tmp/new', 'w')").returncode == 0


@each_app
def test_an_image_brings_all_that_its_application_imports_and_all_of_it_compiled(image: Image, app: str) -> None:
    done = container.try_out(
        image,
        "python",
        "-c",
        f"import importlib, os, pkgutil, sys, {app}, common\n"
        f"for package in ({app}, common):\n"
        "    for each in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        if not each.name.endswith('.__main__'):\n"
        "            importlib.import_module(each.name)\n"
        "caches = {getattr(module, '__cached__', None) for module in sys.modules.values()} - {None}\n"
        "print([cache for cache in caches if not os.path.exists(cache)])\n",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


@pytest.mark.parametrize("app", applications.names()[:1])
@pytest.mark.usefixtures("app")
def test_nothing_is_left_of_a_command_that_does_not_end(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "_PATIENCE", 2.0)
    for_ever = f"import time; time.sleep(60 + {os.getpid()})"

    with pytest.raises(subprocess.TimeoutExpired):
        container.try_out(image, "python", "-c", for_ever)

    assert not [each for each in psutil.process_iter(["cmdline"]) if for_ever in (each.info["cmdline"] or ())]


@contextlib.contextmanager
def running(image: Image, log: Path) -> Iterator[tuple[Container, str]]:
    """An image's application, ready, and its address."""
    port = free_port()
    settings = {"HOST": "127.0.0.1", "PORT": str(port), "APP_VERSION": "v7", "DELIVERY_RETRY": "0"}
    base = f"http://127.0.0.1:{port}"
    with container.run(image, log, settings) as inside:
        deadline = time.monotonic() + 20
        while not ready(base):
            assert inside.runs, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield inside, base


def ready(base: str) -> bool:
    try:
        return get(f"{base}/actuator/health/readiness") == {"status": "UP"}
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tree(root: Path) -> dict[str, tuple[int, int]]:
    """Every file by name: kind with permissions, and size."""
    found = {}
    for file in root.rglob("*"):
        status = file.lstat()
        if not stat.S_ISDIR(status.st_mode):
            found[str(file.relative_to(root))] = (status.st_mode, status.st_size)
    return found


def status_of(process: int) -> dict[str, str]:
    """What the kernel says of a process."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def get(url: str) -> dict[str, object]:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - an application of this test, on loopback
        return dict(json.load(answer))
