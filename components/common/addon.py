"""The base of all addons: one Helm release of Kubernetes objects that the lab composes.

As separate resources the objects would cost every preview a second. A release costs a fraction of that, and its diff
still shows each change object by object and line by line.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.common.exposure import PRIVATE, Exposure
from components.platform.images import PUBLISHED, Images
from lab.core import paths
from lab.core.manifests import dump
from lab.core.namespaces import ISTIO_SYSTEM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.common.exposure import WebEndpoint
    from components.platform.base import Capabilities
    from lab.core.manifests import Object

"""The namespace of the observability addons, as in the course."""

_CHART = Path(__file__).parent / "chart"
_TIMEOUT = 600
"""Seconds for a release to become ready; on new nodes most of it is pulling images."""


@dataclass(frozen=True, kw_only=True)
class ConfigMapFiles:
    """A ConfigMap whose content (text by file name) is too large for Pulumi's state."""

    config_map: str
    content: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class AddonManifests:
    """The content of an addon's release.

    Attributes:
        objects: Kubernetes objects.
        files: ConfigMaps of large files.
        definitions: custom resource definitions as YAML by file name. As objects they would be too large for Pulumi's
            state and for Helm's. Helm creates the missing ones and never changes or deletes one.
        endpoint: the addon's web page; None if it has no address outside the cluster.
    """

    objects: Sequence[Object]
    files: Sequence[ConfigMapFiles] = ()
    definitions: Mapping[str, str] = field(default_factory=dict)
    endpoint: WebEndpoint | None = None


@dataclass(frozen=True, kw_only=True)
class AddonContext:
    """The environment that addons are installed into; `directory` is the stack's own on this machine."""

    capabilities: Capabilities
    depends_on: Sequence[pulumi.Resource]
    directory: Path
    namespace: str = ISTIO_SYSTEM
    images: Images = PUBLISHED


@dataclass(frozen=True, kw_only=True)
class AddonArgs:
    """Arguments that all addons have."""

    context: AddonContext


@dataclass(frozen=True, kw_only=True)
class ToolArgs(AddonArgs):
    """Arguments of Istio's addons, which have a pinned manifest and a web page."""

    manifest: Path
    exposure: Exposure = PRIVATE


class Addon(pulumi.ComponentResource):
    """An addon whose objects are installed, changed and removed together; `url` is None if it stays private."""

    url: pulumi.Output[str] | None = None
    release: k8s.helm.v3.Release

    def __init__(
        self, token: str, name: str, manifests: AddonManifests, context: AddonContext, opts: ResourceOptions | None
    ) -> None:
        """Make the component of type `token` and its release, both called `name`."""
        super().__init__(token, name, None, opts)
        images = context.images.localize(manifests.objects)
        # Helm polls every two seconds for ready Pods, and simulated Pods are ready at once.
        await_pods = context.capabilities.runs_containers
        self.release = k8s.helm.v3.Release(
            name,
            name=name,
            chart=str(_chart(paths.charts_dir(context.directory) / name, manifests)),
            namespace=context.namespace,
            values={
                # As text: the engine handles and logs each property of a value, and shows a text's diff line by line.
                "objects": {f"{each['kind']}/{each['metadata']['name']}": dump(each) for each in manifests.objects},
                # The provider does not look into charts: the digests tell it what changed.
                "files": [{"name": each.config_map, "digests": _digests(each.content)} for each in manifests.files],
                "definitions": _digests(manifests.definitions),
            },
            atomic=await_pods,
            skip_await=not await_pods,
            disable_openapi_validation=True,
            timeout=_TIMEOUT,
            opts=ResourceOptions(parent=self, depends_on=[*context.depends_on, *images]),
        )
        if manifests.endpoint:
            self.url = manifests.endpoint.url(self.release, ResourceOptions(parent=self))
        self.register_outputs({})


def _digests(files: Mapping[str, str]) -> dict[str, str]:
    return {name: hashlib.sha256(text.encode()).hexdigest()[:16] for name, text in files.items()}


def _chart(folder: Path, manifests: AddonManifests) -> Path:
    """Return the chart, or a copy in `folder` that contains the addon's large files."""
    files = {f"files/{file}": text for each in manifests.files for file, text in each.content.items()}
    files |= {f"crds/{file}": text for file, text in manifests.definitions.items()}
    if not files:
        return _CHART
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(_CHART, folder)
    for file, text in files.items():
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(text, encoding="utf-8")
    return folder
