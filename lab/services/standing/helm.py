"""Objects of Helm releases, as the release's record in the cluster has them."""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any

import yaml

from lab.adapters import kubectl
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lab.core.manifests import Object
    from lab.services.standing.expected import Expected

_MANAGER = "pulumi-resource-kubernetes"
"""The field manager by which Pulumi's provider installs releases: what is put right counts as its own."""


def make_again(kubeconfig: Path, objects: Iterable[Expected]) -> None:
    """Create objects of releases that are missing.

    Raises:
        LabError: the API server refuses one.
    """
    _write(kubeconfig, objects, "create")


def put_back(kubeconfig: Path, objects: Iterable[Expected]) -> None:
    """Write objects of releases as the releases have them.

    Raises:
        LabError: the API server refuses one.
    """
    chosen = list(objects)
    try:
        _write(kubeconfig, chosen, "replace")
    except LabError:
        # A field that cannot be changed: the object is deleted and made anew.
        _write(kubeconfig, chosen, "replace", "--force")


def wanted(manifest: str, release: str, namespace: str, objects: Iterable[Expected]) -> list[Object]:
    """Select objects of a release's manifest, marked as Helm marks what it installs."""
    names = {(each.object.kind, each.object.name, place) for each in objects for place in each.object.namespaces}
    # The parser in C takes a fiftieth of the time.
    documents: list[Any] = [each for each in yaml.load_all(manifest, yaml.CSafeLoader) if each]
    return [
        _marked(each, release, namespace)
        for each in documents
        if (each["kind"], each["metadata"]["name"], _namespace(each, namespace)) in names
    ]


def decoded(data: str) -> dict[str, Any]:
    """Return the record of a release, as the API server shows it in a Secret."""
    return dict(json.loads(gzip.decompress(base64.b64decode(base64.b64decode(data)))))


def _marked(document: Object, release: str, namespace: str) -> Object:
    metadata = document["metadata"]
    labels = {**(metadata.get("labels") or {}), "app.kubernetes.io/managed-by": "Helm"}
    own = {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace}
    annotations = {**(metadata.get("annotations") or {}), **own}
    # Without what others have noted: they would count as the object's owners for ever.
    return {**document, "metadata": {**metadata, "labels": labels, "annotations": annotations, "managedFields": [{}]}}


def _write(kubeconfig: Path, objects: Iterable[Expected], *verb: str) -> None:
    by_release: dict[str, list[Expected]] = {}
    for each in objects:
        by_release.setdefault(each.object.release, []).append(each)
    manifests: dict[str, list[Object]] = {}
    for release, group in by_release.items():
        record = _record(kubeconfig, release)
        home = str(record["namespace"])
        for document in wanted(record["manifest"], release, home, group):
            manifests.setdefault(_namespace(document, home), []).append(document)
    for namespace, documents in manifests.items():
        command = (*verb, "--namespace", namespace, f"--field-manager={_MANAGER}", "-f", "-")
        kubectl.run(kubeconfig, *command, stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": documents}))


def _namespace(document: Object, home: str) -> str:
    """Return where an object goes: what names no namespace goes to that of its release."""
    return str(document["metadata"].get("namespace") or home)


def _record(kubeconfig: Path, release: str) -> dict[str, Any]:
    """Return the newest record of a release that is installed."""
    selector = f"--selector=owner=helm,status=deployed,name={release}"
    listing = json.loads(kubectl.run(kubeconfig, "get", "secrets", "--all-namespaces", selector, "-o", "json"))
    if not listing["items"]:
        raise LabError(f"the Helm release {release} is not installed")
    newest = max(listing["items"], key=lambda each: int(each["metadata"]["labels"]["version"]))
    return decoded(newest["data"]["release"])
