"""Istio's charts with Istio's version, which their sources leave to the release."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

from lab.core import paths, versions
from lab.toolchain import artifacts

if TYPE_CHECKING:
    from pathlib import Path

_VERSION = re.compile(r"^(version|appVersion):.*$", re.MULTILINE)


def of_istio(name: str) -> Path:
    """Return a copy of a pinned chart that names Istio's version, as a release of Istio has it.

    The sources say 1.0.0, which would stand in the label `helm.sh/chart` of each object. The pinned one in the cache
    stays as it is, so that its checksum holds.

    Raises:
        LabError: the pinned chart is not there.
    """
    pinned = artifacts.path(name)
    # The folder in the cache is called after the checksum: another pin gives another copy.
    copy = paths.home() / "charts" / f"{versions.ISTIO}-{pinned.resolve().parent.name}" / name
    if copy.is_dir():
        return copy
    draft = copy.with_name(f".{name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(pinned, draft)
    chart = draft / "Chart.yaml"
    chart.write_text(_VERSION.sub(rf"\1: {versions.ISTIO}", chart.read_text(encoding="utf-8")), encoding="utf-8")
    try:
        draft.rename(copy)
    except OSError:  # another process was first
        shutil.rmtree(draft)
    return copy
