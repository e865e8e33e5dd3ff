"""A student's objects that a lesson took over, as files: what is needed to give them back."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import yaml

from lab.adapters import files, kubectl
from lab.core import paths
from lab.core.errors import LabError
from lab.services.lessons.lessons import KEYS, Subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from lab.adapters.stack import Stack
    from lab.services.lessons.foreign import Met
    from lab.services.lessons.lessons import Configured

_SETTINGS = "settings-before.json"
_OF_THE_SERVER = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def folder(stack: Stack, subject: Subject) -> Path:
    """The place of the objects that lessons of a subject took over. `lab down` leaves it alone."""
    return paths.home() / "taken-over" / stack.name / subject.value


def objects(stack: Stack, subject: Subject) -> list[Path]:
    """The files of the objects that were taken over and not given back, the first one first."""
    return sorted(folder(stack, subject).glob("*.yaml"))


def settings(stack: Stack, subject: Subject) -> Configured:
    """The settings of before."""
    file = folder(stack, subject) / _SETTINGS
    found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return {key: found.get(key, {}) for key in KEYS[subject]}


def take_over(stack: Stack, subject: Subject, before: Configured, taken: Iterable[Met]) -> Iterator[Path]:
    """Write each object to a file, then delete it from the cluster; yield the file.

    Args:
        stack: the lab.
        subject: of the lesson that needs it so.
        before: the subject's settings of now.
        taken: the objects.

    Raises:
        LabError: the cluster does not let an object be deleted.
    """
    place = files.folder(folder(stack, subject))
    if not objects(stack, subject):
        files.write(place / _SETTINGS, json.dumps(before))
    for each in taken:
        title = each.object
        file = _free(place, f"{title.kind}-{title.namespace}-{title.name}".lower())
        files.write(file, yaml.safe_dump(plain(each.content), sort_keys=False))
        kind = ".".join(filter(None, [title.kind.lower(), _group(title.api_version)]))
        kubectl.run(stack.kubeconfig, "delete", kind, title.name, "-n", title.namespace, "--ignore-not-found")
        yield file


def give_back(stack: Stack, subject: Subject) -> Iterator[Path]:
    """Create each object again as it was, delete its file, and yield its former name.

    Raises:
        LabError: the cluster does not take an object; its file stays.
    """
    for file in objects(stack, subject):
        try:
            kubectl.run(stack.kubeconfig, "create", "-f", str(file))
        except LabError as error:
            raise LabError(
                f"the object in {file} could not be given back: {error.message}",
                f"see what stands in its way, then run the same command again, or: kubectl apply -f {file}",
            ) from None
        file.unlink()
        yield file
    (folder(stack, subject) / _SETTINGS).unlink(missing_ok=True)


def plain(content: dict[str, Any]) -> dict[str, Any]:
    """An object as somebody could have written it, without what the API server adds."""
    metadata = {key: each for key, each in content["metadata"].items() if key not in _OF_THE_SERVER}
    notes = {key: each for key, each in metadata.pop("annotations", {}).items() if key != _LAST_APPLIED}
    spec = content.get("spec")
    if content["kind"] == "Service" and isinstance(spec, dict) and spec.get("clusterIP") != "None":
        spec = {key: each for key, each in spec.items() if key not in {"clusterIP", "clusterIPs"}}
    return {
        "apiVersion": content["apiVersion"],
        "kind": content["kind"],
        "metadata": {**metadata, **({"annotations": notes} if notes else {})},
        **{key: each for key, each in content.items() if key not in {"apiVersion", "kind", "metadata", "status"}},
        **({"spec": spec} if spec is not None else {}),
    }


def _free(place: Path, name: str) -> Path:
    candidates = itertools.chain([f"{name}.yaml"], (f"{name}-{number}.yaml" for number in itertools.count(2)))
    return next(place / each for each in candidates if not (place / each).exists())


def _group(api_version: str) -> str:
    group, _, version = api_version.rpartition("/")
    return f"{version}.{group}" if group else ""
