"""Builds images from the real Dockerfiles, with the real Buildah: a builder that needs neither daemon nor registry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from apps.tests import base, debian
from lab.core import paths
from lab.core.errors import LabError
from lab.core.progress import Progress
from lab.toolchain import applications, cache

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PACKAGES = ("buildah", "patchelf")
_BASE = "localhost/base"
_TRUST_ALL = '{"default": [{"type": "insecureAcceptAnything"}]}'


@dataclass(frozen=True, kw_only=True)
class Image:
    """A built image.

    Attributes:
        root: its file system.
        base: the one that it began with.
        configuration: how it wants to be run, as OCI's image specification says.
    """

    root: Path
    base: Path
    configuration: Mapping[str, Any]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that it brings."""
        return dict(entry.split("=", 1) for entry in self.configuration["Env"])


class Builder:
    """Buildah with a storage of its own.

    Args:
        folder: for all that it keeps; delete it at the end.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = _program()
        self._sources = paths.PROJECT / "apps"
        self._base = folder / "base"
        (folder / "policy.json").write_text(_TRUST_ALL)
        (folder / "registries.conf").touch()
        # In the real one pip asks its index; here it is given the same files, so that a build needs no network.
        (folder / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
        with Progress() as progress:
            packages = applications.ensure(progress).packages
            self._wheels = _wheels(progress)
            with progress.step("making a base image of this machine's Python", usual=10):
                base.make(self._base, packages.rglob("*.so"))
                recipe = folder / "base.Dockerfile"
                recipe.write_text(f"FROM scratch\nCOPY . /\nENV PATH={base.PATH}\n")
                self._build(_BASE, recipe, self._base)

    def build(self, app: str, arguments: Mapping[str, str]) -> Image:
        """Build an application's image.

        Args:
            app: which.
            arguments: of the build, besides the base.

        Raises:
            LabError: a step fails; the message has the last that it said.
        """
        mounts = (f"{self._wheels}:/wheels:ro", f"{self._folder / 'pip.conf'}:/etc/pip.conf:ro")
        given = [f"--build-arg={name}={value}" for name, value in {"BASE_IMAGE": _BASE, **arguments}.items()]
        options = [*given, *(f"--volume={mount}" for mount in mounts)]
        with Progress() as progress, progress.step(f"building the image of {app}", usual=20):
            self._build(f"localhost/{app}", self._sources / app / "Dockerfile", self._sources, *options)
            container = self._run("from", "--pull-never", f"localhost/{app}").strip()
            root = self._run("mount", container).strip()
        described = json.loads(self._run("inspect", "--type=image", f"localhost/{app}"))
        return Image(root=self._folder / root, base=self._base, configuration=described["OCIv1"]["config"])

    def _build(self, name: str, recipe: Path, sources: Path, *options: str) -> None:
        # No namespaces but a root folder: the builder runs inside containers too.
        how = ("--isolation=chroot", "--network=host", "--pull=never", "--format=oci")
        self._run("build", *how, *options, f"--file={recipe}", f"--tag={name}", str(sources))

    def _run(self, command: str, *arguments: str) -> str:
        own = [f"--root={self._folder / 'store'}", f"--runroot={self._folder / 'run'}", "--storage-driver=vfs"]
        own.append(f"--registries-conf={self._folder / 'registries.conf'}")
        policy = [f"--signature-policy={self._folder / 'policy.json'}"] if command in ("build", "from") else []
        done = subprocess.run(
            [self._program, *own, command, *policy, *arguments],
            stdin=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": str(self._folder), "TMPDIR": str(self._folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise LabError(f"buildah {command} failed:\n{(done.stdout + done.stderr).strip()[-3000:]}")
        return done.stdout


def needed() -> None:
    """For fixtures: where nothing can be built the test is skipped; on CI it fails."""
    why = ""
    if os.geteuid():
        why = "Buildah's isolation by a root folder needs root"
    else:
        try:
            _program()
        except LabError as error:
            why = str(error)
    if why and os.environ.get("CI"):
        pytest.fail(why)
    if why:
        pytest.skip(why)


def _program() -> Path:
    """Always the one of the system's packages in the cache: an installed one has settings of its own."""
    return debian.unpacked("buildah", _PACKAGES, finish=_make_self_contained) / "usr/bin/buildah"


def _make_self_contained(draft: Path, folder: Path) -> None:
    """Have Buildah find its libraries by itself: it starts itself again with no environment."""
    found = [f"/{library.relative_to(draft)}" for library in debian.libraries(draft)]
    path = ":".join(f"{folder}{library}" for library in found)
    subprocess.run(
        [draft / "usr/bin/patchelf", "--force-rpath", "--set-rpath", path, draft / "usr/bin/buildah"], check=True
    )


def _wheels(progress: Progress) -> Path:
    """The files that pip would download for the images, downloaded once."""
    folder = cache.entry("apps", "wheels", applications.ensure(progress).packages.name)
    if not folder.is_dir():
        with cache.exclusive(progress), cache.staging() as draft, progress.step("downloading packages", usual=20):
            options = ["--quiet", "--disable-pip-version-check", "--require-hashes", "--only-binary=:all:"]
            requirements = paths.PROJECT / "apps/requirements.txt"
            subprocess.run(
                [sys.executable, "-m", "pip", "download", *options, f"--dest={draft / 'wheels'}", "-r", requirements],
                check=True,
            )
            if not folder.is_dir():
                cache.put(draft / "wheels", folder)
    return folder
