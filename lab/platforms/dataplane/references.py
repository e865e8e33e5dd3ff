"""The variables of a Pod's container, with everything that they refer to: resolved as a kubelet does."""

from __future__ import annotations

import math
import re
from decimal import Decimal, DecimalException
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.platforms.dataplane.pods import Pod

_MOST = 2 * 2**20
"""Letters of all variables: no process can be started with more."""

_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")
_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']*)'\]")

_UNITS = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(1000),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("MGTPE", 2)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)},
}
_QUANTITY = re.compile(r"([+-]?[0-9.]+)(?:([eE][+-]?[0-9]{1,3})|([numkKMGTPE]i?))?")


class UnresolvedError(Exception):
    """A reference leads nowhere; the text is a kubelet's."""


class Objects(Protocol):
    """Where references lead."""

    async def config_map(self, namespace: str, name: str) -> dict[str, str] | None:
        """Read a ConfigMap's entries; None when there is none."""

    async def secret(self, namespace: str, name: str) -> dict[str, str] | None:
        """Read a Secret's entries; None when there is none."""

    async def allocatable(self, node: str) -> dict[str, str]:
        """Read what a node has for its Pods."""


async def resolve(pod: Pod, objects: Objects) -> dict[str, str]:
    """Return all variables of a Pod's application container.

    Raises:
        UnresolvedError: a reference that is not optional leads nowhere, or they are too much.
    """
    resolver = _Resolver(pod, objects)
    await resolver.volumes()
    for each in pod.container.get("envFrom") or []:
        await resolver.take_all(each)
    for each in pod.container.get("env") or []:
        await resolver.take(each)
    return resolver.found


class _Resolver:
    """Reads each object once, and never holds more than a process could be given."""

    def __init__(self, pod: Pod, objects: Objects) -> None:
        self.found: dict[str, str] = {}
        self._pod = pod
        self._objects = objects
        self._read: dict[tuple[str, str], dict[str, str] | None] = {}
        self._size = 0

    async def volumes(self) -> None:
        """Look for the ConfigMaps and Secrets that the container mounts."""
        mounted = {each.get("name") for each in self._pod.container.get("volumeMounts") or []}
        for volume in self._pod.volumes:
            for kind, key in (("configMap", "name"), ("secret", "secretName")):
                source = volume.get(kind)
                if volume.get("name") in mounted and source and not source.get("optional"):
                    name = source.get(key, "")
                    if await self._entries(kind, name) is None:
                        raise UnresolvedError(
                            f'MountVolume.SetUp failed for volume "{volume["name"]}": {_missing(kind, name)}'
                        )

    async def take_all(self, source: Mapping[str, Any]) -> None:
        """Take every entry of an object."""
        for field, kind in (("configMapRef", "configMap"), ("secretRef", "secret")):
            if not (reference := source.get(field)):
                continue
            entries = await self._entries(kind, reference.get("name", ""))
            if entries is None and not reference.get("optional"):
                raise UnresolvedError(_missing(kind, reference.get("name", "")))
            for key, value in (entries or {}).items():
                self._add(f"{source.get('prefix') or ''}{key}", value)

    async def take(self, variable: Mapping[str, Any]) -> None:
        """Take one variable."""
        name, value, source = variable["name"], variable.get("value") or "", variable.get("valueFrom")
        if value or not source:
            self._add(name, self._expand(value))
        elif (found := await self._refer(source)) is not None:
            self._add(name, found)

    async def _refer(self, source: Mapping[str, Any]) -> str | None:
        """What a reference leads to; None for nothing where that is allowed."""
        for field, kind in (("configMapKeyRef", "configMap"), ("secretKeyRef", "secret")):
            if reference := source.get(field):
                return await self._entry(kind, reference)
        if reference := source.get("fieldRef"):
            return self._field(reference.get("fieldPath", ""))
        if reference := source.get("resourceFieldRef"):
            return await self._resource(reference)
        raise UnresolvedError(f"unsupported reference: {', '.join(sorted(source)) or 'none'}")

    async def _entry(self, kind: str, reference: Mapping[str, Any]) -> str | None:
        name, key = reference.get("name", ""), reference.get("key", "")
        entries = await self._entries(kind, name)
        if entries is not None and key in entries:
            return entries[key]
        if reference.get("optional"):
            return None
        if entries is None:
            raise UnresolvedError(_missing(kind, name))
        shown = {"configMap": "ConfigMap", "secret": "Secret"}[kind]
        raise UnresolvedError(f"couldn't find key {key} in {shown} {self._pod.namespace}/{name}")

    def _field(self, path: str) -> str:
        pod = self._pod
        if found := _SUBSCRIPT.fullmatch(path):
            return str({"labels": pod.labels, "annotations": pod.annotations}[found[1]].get(found[2], ""))
        known = {
            "metadata.name": pod.name,
            "metadata.namespace": pod.namespace,
            "metadata.uid": pod.uid,
            "spec.nodeName": pod.node,
            "spec.serviceAccountName": pod.service_account,
            "status.podIP": pod.address,
            "status.podIPs": pod.address,
            "status.hostIP": pod.host_address,
            "status.hostIPs": pod.host_address,
        }
        if path not in known:
            raise UnresolvedError(f"unsupported fieldPath: {path}")
        return known[path]

    async def _resource(self, reference: Mapping[str, Any]) -> str:
        """The limit or the request of a container; what the node has stands for a limit that is not given."""
        part, _, kind = reference.get("resource", "").partition(".")
        container = self._pod.container_named(reference.get("containerName", ""))
        if part not in {"limits", "requests"} or container is None:
            raise UnresolvedError(f"unsupported resource: {reference.get('resource', '')}")
        given = (container.get("resources") or {}).get(part, {}).get(kind)
        if given is None:
            given = (await self._objects.allocatable(self._pod.node)).get(kind, "0") if part == "limits" else "0"
        divisor = quantity(str(reference.get("divisor") or "1")) or Decimal(1)
        return str(math.ceil(quantity(str(given)) / divisor))

    async def _entries(self, kind: str, name: str) -> dict[str, str] | None:
        if (kind, name) not in self._read:
            read = {"configMap": self._objects.config_map, "secret": self._objects.secret}[kind]
            self._read[kind, name] = await read(self._pod.namespace, name)
        return self._read[kind, name]

    def _expand(self, text: str) -> str:
        """Put in the values of variables that came before; others stay as they are written."""
        pieces, at, size = [], 0, 0
        for found in _REFERENCE.finditer(text):
            put = "$" if found[1] is None else self.found.get(found[1], found[0])
            pieces += [text[at : found.start()], put]
            at, size = found.end(), size + len(put)
            self._require(size)
        return "".join([*pieces, text[at:]])

    def _add(self, name: str, value: str) -> None:
        self._size += len(name) + len(value)
        self._require(self._size)
        self.found[name] = value

    def _require(self, size: int) -> None:
        if size > _MOST:
            raise UnresolvedError(f"argument list too long: the variables take more than {_MOST} bytes")


def quantity(text: str) -> Decimal:
    """Read a quantity of Kubernetes.

    Raises:
        UnresolvedError: it is none.
    """
    try:
        if found := _QUANTITY.fullmatch(text):
            return Decimal(found[1] + (found[2] or "")) * _UNITS[found[3] or ""]
    except (DecimalException, KeyError):
        pass
    raise UnresolvedError(f"unsupported quantity: {text[:64]}")


def _missing(kind: str, name: str) -> str:
    return f'{kind.lower()} "{name}" not found'
