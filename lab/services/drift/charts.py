"""Objects of Helm releases as their charts declare them: Helm keeps each manifest in a Secret of the cluster."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import yaml

from lab.adapters import kubectl
from lab.core.errors import LabError
from lab.services.drift.fields import Path, text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.adapters.stack import Stack
    from lab.services.drift.fields import Value
    from lab.services.drift.state import Declared

Manifests = Mapping[str, "list[dict[str, Value]]"]
"""Objects by the name of their release."""

_SELECTOR = "owner=helm,status=deployed"


def ask(stack: Stack, releases: Iterable[str]) -> Manifests:
    """The manifests of releases; none of those that cannot be read."""
    selector = f"{_SELECTOR},name in ({','.join(sorted(releases))})"
    try:
        answer = json.loads(
            kubectl.run(stack.kubeconfig, "get", "secrets", "--all-namespaces", "-o", "json", "-l", selector)
        )
        return dict(_manifest(each) for each in answer["items"])
    except (LabError, ValueError, KeyError, OSError, yaml.YAMLError):
        return {}  # the change is reported all the same, without what the chart says


def declare(objects: Iterable[Declared], manifests: Manifests) -> tuple[Declared, ...]:
    """The declared objects, those of releases as their chart has them."""
    return tuple(replace(each, inputs=_found(each, manifests.get(each.release, []))) for each in objects)


def _manifest(secret: dict[str, dict[str, str]]) -> tuple[str, list[dict[str, Value]]]:
    packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
    release = json.loads(gzip.decompress(packed))
    documents = yaml.load_all(release["manifest"], Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return release["name"], [each for each in documents if isinstance(each, dict)]


def _found(wanted: Declared, objects: list[dict[str, Value]]) -> Value:
    for each in objects:
        namespace = text(Path(("f:metadata", "f:namespace")).read(each))
        if (
            each.get("kind") == wanted.kind
            and Path(("f:metadata", "f:name")).read(each) == wanted.name
            and (not namespace or namespace in wanted.namespaces)
        ):
            return dict(each)
    return wanted.inputs
