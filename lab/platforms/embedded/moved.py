"""A control plane whose folder was moved or renamed, as with the clone around it: kwokctl keeps absolute paths."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import yaml

from lab.adapters import files, process_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

_KUBECONFIG = "kubeconfig.yaml"
"""kwokctl's own, which names the certificates' files."""

_AUTHORITY = ("clusters", 0, "cluster", "certificate-authority")


def adapt(directory: Path, cluster: Path) -> None:
    """Have what was made in another place work in this one; a folder that was not moved stays as it is.

    What still runs from there is ended: it writes into files that it will not find again.

    Args:
        directory: the stack's folder.
        cluster: the cluster's in it.
    """
    if (former := _former(cluster)) is None:
        return
    work = former.parent.parent
    process_tree.stop(_processes(directory, str(work.parent)))
    for name in ("kwok.yaml", _KUBECONFIG):
        file = cluster / name
        documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
        files.write(
            file, yaml.safe_dump_all(_replaced(each, str(work), str(cluster.parent.parent)) for each in documents)
        )


def _former(cluster: Path) -> Path | None:
    """Return where the cluster's folder was, by its own kubeconfig; None if it is still there."""
    try:
        found = yaml.safe_load((cluster / _KUBECONFIG).read_text(encoding="utf-8"))
        for key in _AUTHORITY:
            found = found[key]
    except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError):
        return None
    former = Path(str(found)).parent.parent
    return former if former != cluster else None


def _processes(directory: Path, former: str) -> Iterator[psutil.Process]:
    """Yield what the pid files of a folder name that was started by a path in its former place."""
    for file in directory.rglob("*.pid"):
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            for each in process_tree.tree(int(file.read_text())):
                if any(former in word for word in process_tree.command(each)):
                    yield each


def _replaced(value: object, before: str, after: str) -> object:
    if isinstance(value, str):
        return value.replace(before, after)
    if isinstance(value, list):
        return [_replaced(each, before, after) for each in value]
    if isinstance(value, dict):
        return {key: _replaced(each, before, after) for key, each in value.items()}
    return value
