"""Compare what a stack declared with what there is."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from lab.services.drift import managers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.core.manifests import Object
    from lab.services.standing.cluster import Snapshot
    from lab.services.standing.expected import Expectation, Expected, Release

_RELEASE_NAME = "meta.helm.sh/release-name"

_BY_HAND = "kubectl"
"""Prefix of the managers of a person's own changes, which stay."""

_UNTOUCHED = "CustomResourceDefinition"
"""Installers of one version all have the same definitions, and each is a megabyte."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Differences.

    Attributes:
        missing: objects that are not there.
        releases: Helm releases that are not recorded there.
        ending: objects that are being deleted.
        foreign: objects of the lab's names that somebody else has made.
        overwritten: objects of Helm releases that another installer has written, with that one's name.
    """

    missing: tuple[Expected, ...] = ()
    releases: tuple[Release, ...] = ()
    ending: tuple[Expected, ...] = ()
    foreign: tuple[Expected, ...] = ()
    overwritten: tuple[tuple[Expected, str], ...] = ()

    @property
    def resources(self) -> tuple[Expected | Release, ...]:
        """The resources that the engine makes again: the objects inside a release are not its own."""
        return (*self.releases, *(each for each in self.missing if not each.object.release))

    @property
    def none(self) -> bool:
        """True if there is nothing to repair."""
        return not (self.missing or self.releases or self.ending or self.overwritten)


def compare(expectation: Expectation, snapshot: Snapshot) -> Findings:
    """Find what is missing, somebody else's, or overwritten."""
    found = [(each, find(snapshot, each)) for each in expectation.objects]
    there = [(each, live) for each, live in found if live is not None]
    foreign = [each for each, live in there if _is_foreign(each, live)]
    return Findings(
        missing=tuple(each for each, live in found if live is None),
        releases=tuple(each for each in expectation.releases if (each.namespace, each.name) not in snapshot.releases),
        ending=tuple(each for each, live in there if live["metadata"].get("deletionTimestamp")),
        foreign=tuple(foreign),
        overwritten=tuple(
            (each, by) for each, live in there if each not in foreign for by in _another_installer(each, live)
        ),
    )


def find(snapshot: Snapshot, wanted: Expected) -> Object | None:
    """Return the live object, if there is one."""
    named = wanted.object
    keys = ((named.group, named.kind, namespace, named.name) for namespace in named.namespaces)
    return next((snapshot.metadata[key] for key in keys if key in snapshot.metadata), None)


def _is_foreign(expected: Expected, live: Object) -> bool:
    metadata = live["metadata"]
    if any(managers.is_pulumi(str(each.get("manager"))) for each in metadata.get("managedFields") or ()):
        return False
    if expected.object.release:
        return (metadata.get("annotations") or {}).get(_RELEASE_NAME) != expected.object.release
    return bool(expected.uid) and metadata.get("uid") != expected.uid


def _expected(manager: str) -> bool:
    return any(fnmatchcase(manager, row.manager) for row in managers.EXPECTED_MANAGERS)


def _another_installer(expected: Expected, live: Object) -> Iterator[str]:
    """Return the tool that has declared an object of a Helm release as its own, by server-side apply."""
    if not expected.object.release or expected.object.kind == _UNTOUCHED:
        return
    for entry in live["metadata"].get("managedFields") or ():
        manager = str(entry.get("manager") or "")
        declares = entry.get("operation") == "Apply" and not entry.get("subresource")
        if declares and not (manager.startswith(_BY_HAND) or managers.is_pulumi(manager) or _expected(manager)):
            yield manager
            return
