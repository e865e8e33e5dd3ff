"""The dynamic provider of copies of images in the registry.

This module keeps its path: the state of every stack names its class by it. `lab.platforms.azure.imports` does the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pulumi.dynamic import CreateResult, DiffResult, ResourceProvider, UpdateResult

if TYPE_CHECKING:
    from lab.platforms.azure.imports import Import

Props = dict[str, Any]
"""Properties of a resource, as the provider protocol has them."""

_FIELDS = ("registry", "group", "subscription", "source", "copy")


class ImageImportProvider(ResourceProvider):
    """Copies an image once; the copy goes with the registry."""

    def create(self, props: Props) -> CreateResult:
        """Copy the image."""
        from lab.platforms.azure import imports

        imports.run(_import(props))
        return CreateResult(props["copy"], {field: props[field] for field in _FIELDS})

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        """Copy again what has another source or goes elsewhere."""
        return DiffResult(changes=any(olds.get(field) != news[field] for field in _FIELDS))

    def update(self, _id: str, _olds: Props, news: Props) -> UpdateResult:
        """Copy the image over the former one."""
        from lab.platforms.azure import imports

        imports.run(_import(news))
        return UpdateResult({field: news[field] for field in _FIELDS})


def _import(props: Props) -> Import:
    from lab.platforms.azure.imports import Import

    return Import(**{field: props[field] for field in _FIELDS})
