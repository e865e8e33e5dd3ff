"""Pinned manifests, read and fitted to the lab: parsed, never patched as text."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
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
    objects = _parse(path.read_text(encoding="utf-8"))
    for document in objects:
        metadata = document["metadata"]
        metadata["namespace"] = overlay.namespace
        if overlay.skip_await and document["kind"] == "Service":
            metadata.setdefault("annotations", {})["pulumi.com/skipAwait"] = "true"
        _replace_hubs(document, overlay.image_hubs)
    return objects


_DEFINITION = "\nkind: CustomResourceDefinition\n"


def _parse(text: str) -> list[dict[str, Any]]:
    # The parser in C takes a fiftieth of the time, which the addons' dashboards make a quarter of a second.
    return [document for document in yaml.load_all(text, yaml.CSafeLoader) if document]


def _replace_hubs(node: object, hubs: Mapping[str, str]) -> None:
    """Change the hub of every `image` below a node, in place."""
    if isinstance(node, dict):
        image = node.get("image")
        if isinstance(image, str):
            hub, _, name = image.rpartition("/")
            node["image"] = f"{hubs.get(hub, hub)}/{name}" if hub else image
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _replace_hubs(child, hubs)


Object = dict[str, Any]
"""A Kubernetes object, or a part of one, as YAML has it."""


class Manifest:
    """The objects of a manifest, to be fitted to the lab in place.

    Attributes:
        objects: in the manifest's order.
        definitions: the custom resource definitions among them, as they stand there: reading a megabyte takes longer
            than everything else, and nothing of the lab changes one.
    """

    objects: list[Object]
    definitions: str

    def __init__(self, path: Path) -> None:
        """Read a YAML file of Kubernetes objects."""
        texts = path.read_text(encoding="utf-8").split("\n---\n")
        self.definitions = "\n---\n".join(text for text in texts if _DEFINITION in text)
        self.objects = _parse("\n---\n".join(text for text in texts if _DEFINITION not in text))

    def one(self, kind: str, name: str) -> Object:
        """The object of that kind and name.

        Raises:
            KeyError: the manifest has none.
        """
        for document in self.objects:
            if (document["kind"], document["metadata"]["name"]) == (kind, name):
                return document
        raise KeyError(f"{kind}/{name}")

    def drop(self, kind: str, name: str) -> Object:
        """Take an object out, and return it.

        Raises:
            KeyError: the manifest has none.
        """
        found = self.one(kind, name)
        self.objects.remove(found)
        return found


def merge(into: Object, overlay: Mapping[str, Any]) -> None:
    """Lay an overlay over an object, in place: mappings are merged, all else is replaced, None takes a key away."""
    for key, value in overlay.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict):
            merge(into.setdefault(key, {}), value)
        else:
            into[key] = value


def named(items: Sequence[Object], name: str) -> Object:
    """The item of a list such as `containers`, `volumes` or `env` that has this name.

    Raises:
        KeyError: there is none.
    """
    for item in items:
        if item["name"] == name:
            return item
    raise KeyError(name)


class _Dumper(yaml.CSafeDumper):
    def ignore_aliases(self, _data: object) -> bool:
        """A value that stands in two places is written twice: people read this."""
        return True


def dump(part: Mapping[str, Any]) -> str:
    """An object, or a part of one, as YAML text."""
    return yaml.dump(part, Dumper=_Dumper, sort_keys=False, width=120)


@contextmanager
def configuration(config_map: Object, key: str) -> Iterator[Object]:
    """The YAML text that a ConfigMap has under a key, parsed; what is changed in it is written back."""
    parsed = yaml.load(config_map["data"][key], yaml.CSafeLoader) or {}
    yield parsed
    config_map["data"][key] = dump(parsed)


def roll_with(workload: Object, *configurations: Object) -> None:
    """Have a workload's Pods replaced when a configuration of theirs changes: many programs read theirs only once."""
    digest = hashlib.sha256(json.dumps(configurations, sort_keys=True).encode()).hexdigest()
    merge(workload, {"spec": {"template": {"metadata": {"annotations": {"checksum/config": digest}}}}})
