"""Images of Docker Hub, copied into the registry: nodes behind one address would soon meet its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi import ResourceHookBinding, ResourceOptions
from pulumi.dynamic import Resource

from components.platform.azure.import_provider import ImageImportProvider
from components.platform.images import Images, Pulled
from lab.core.docker_hub import HubImage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pulumi_azure_native import containerregistry

    from components.platform.azure.scope import Scope


class ImageImport(Resource, module="azure", name="ImageImport"):
    """A copy of an image, made by Azure."""

    def __init__(self, name: str, image: HubImage, scope: Scope, registry: containerregistry.Registry) -> None:
        props = {
            "registry": scope.names.registry,
            "group": scope.names.resource_group,
            "subscription": scope.subscription,
            "source": image.source,
            "copy": image.copy,
        }
        opts = ResourceOptions(
            parent=scope.parent,
            depends_on=[registry],
            # A registry that is made anew is empty.
            replace_with=[registry],
            deleted_with=scope.group,
            hooks=ResourceHookBinding(on_error=[scope.retry]),
        )
        super().__init__(ImageImportProvider(), name, props, opts)


class Imported(Images):
    """Images that are copied as soon as one container names them."""

    def __init__(self, scope: Scope, registry: containerregistry.Registry) -> None:
        self._scope, self._registry = scope, registry
        self._imports: dict[str, ImageImport] = {}

    def pulled(self, image: str) -> Pulled:
        """Return the copy of an image, which is made with the first question; others stay where they are."""
        found = HubImage.parse(image)
        if found is None:
            return Pulled(image=image)
        if found.copy not in self._imports:
            name = f"import-{found.copy.replace('/', '-').replace(':', '-')}"
            self._imports[found.copy] = ImageImport(name, found, self._scope, self._registry)
        # The name is known before the registry is, so that a preview shows it.
        host = f"{self._scope.names.registry}.azurecr.io"
        return Pulled(image=f"{host}/{found.copy}", depends_on=[self._imports[found.copy]])

    @property
    def copies(self) -> Sequence[str]:
        """Repositories and tags that are copied so far."""
        return sorted(self._imports)
