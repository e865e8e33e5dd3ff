"""One try of a student, and the objects that tries begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

HOME, TUTORIAL, SHOP = "anna-default", "anna-tutorial", "anna-shop"


@dataclass(frozen=True)
class Refused:
    """An object that a student creates, and words of the message that says why not."""

    name: str
    object: Object
    words: str


@dataclass(frozen=True)
class Allowed:
    """An object that a student creates as the course asks."""

    name: str
    object: Object


def made(kind: str, version: str, spec: Object, *, namespace: str = SHOP, **metadata: Any) -> Object:  # noqa: ANN401
    """Any object with a spec."""
    given = {"name": "tried", "namespace": namespace, **metadata}
    return {"apiVersion": version, "kind": kind, "metadata": given, "spec": spec}


def container(**fields: Any) -> Object:  # noqa: ANN401
    return {"name": "app", "image": "nginx:1.29", **fields}


def pod(spec: Object | None = None, *, app: Object | None = None, **metadata: Any) -> Object:  # noqa: ANN401
    """A Pod of one container."""
    return made("Pod", "v1", {"containers": [container(**(app or {}))], **(spec or {})}, **metadata)


def template(spec: Object, **metadata: Any) -> Object:  # noqa: ANN401
    return {
        "metadata": {"labels": {"app": "tried"}, **metadata},
        "spec": {"containers": [container()], **spec},
    }


SELECTOR: Object = {"selector": {"matchLabels": {"app": "tried"}}}


def secured(**fields: Any) -> Object:  # noqa: ANN401
    """The security context of a container."""
    return {"securityContext": fields}


def volume(**source: Any) -> Object:  # noqa: ANN401
    """A Pod's spec with one volume."""
    return {"volumes": [{"name": "tried", **source}]}
