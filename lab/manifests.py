"""Pinned manifests, read and fitted to the lab: parsed, never patched as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """What the lab changes in somebody else's manifest.

    Attributes:
        namespace: where the objects go.
        image_hubs: image prefixes to replace.
        skip_await: do not wait for Services to have settled endpoints, which takes ten seconds for each.
    """

    namespace: str
    image_hubs: Mapping[str, str]
    skip_await: bool = True


def load(path: Path, overlay: Overlay) -> list[dict[str, Any]]:
    """The objects of a manifest with the overlay applied.

    Args:
        path: a YAML file of namespaced Kubernetes objects.
        overlay: what to change.
    """
    objects = [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document]
    for document in objects:
        metadata = document["metadata"]
        metadata["namespace"] = overlay.namespace
        if overlay.skip_await and document["kind"] == "Service":
            metadata.setdefault("annotations", {})["pulumi.com/skipAwait"] = "true"
        _replace_hubs(document, overlay.image_hubs)
    return objects


def _replace_hubs(node: object, hubs: Mapping[str, str]) -> None:
    """Change the hub of every `image` below a node, in place."""
    if isinstance(node, dict):
        image = node.get("image")
        if isinstance(image, str):
            hub, _, name = image.rpartition("/")
            node["image"] = f"{hubs.get(hub, hub)}/{name}" if hub else image
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _replace_hubs(child, hubs)
