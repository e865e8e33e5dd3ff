"""What all addons have in common: one Helm release each, of Kubernetes objects that the lab has composed.

As resources of their own the objects would cost every preview a second; a release takes a fraction of it, and still
shows what changes, object by object and line by line.
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

from components.common import load_balancer
from lab.manifests import dump

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.platform.base import Capabilities
    from lab.manifests import Object

NAMESPACE = "istio-system"
"""Where the course has them."""

_CHART = Path(__file__).parent / "chart"
_TIMEOUT = 600
"""Seconds for a release to be ready: on new nodes most of it is pulling images."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """Where an addon's page is when it has an address outside the cluster.

    Attributes:
        service: name of its Service.
        port: of the Service.
        path: of the page.
    """

    service: str
    port: int
    path: str = ""


@dataclass(frozen=True, kw_only=True)
class Files:
    """A ConfigMap whose content is too large for Pulumi's state.

    Attributes:
        config_map: its name.
        content: text by file name.
    """

    config_map: str
    content: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Content:
    """What an addon consists of.

    Attributes:
        objects: Kubernetes objects.
        files: ConfigMaps of large files beside them.
        definitions: custom resource definitions, as YAML text by file name: too large for Pulumi's state, and twice too
            large for Helm's where they would be objects like others. Helm makes those that are missing, and never
            changes or deletes one.
        page: where its page is; None when it has no address outside the cluster.
    """

    objects: Sequence[Object]
    files: Sequence[Files] = ()
    definitions: Mapping[str, str] = field(default_factory=dict)
    page: Page | None = None


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What every addon is put into.

    Attributes:
        capabilities: of the cluster.
        after: what has to be there first.
        directory: the stack's own folder on this machine.
        namespace: where its objects go.
    """

    capabilities: Capabilities
    after: Sequence[pulumi.Resource]
    directory: Path
    namespace: str = NAMESPACE


class Addon(pulumi.ComponentResource):
    """One addon: its objects, installed, changed and removed together.

    Attributes:
        url: the page's address outside the cluster; None when it has none.
        release: what installs it.
    """

    url: pulumi.Output[str] | None = None
    release: k8s.helm.v3.Release

    def __init__(
        self, token: str, name: str, content: Content, surroundings: Surroundings, opts: ResourceOptions
    ) -> None:
        """Make the component and its release.

        Args:
            token: the component's type.
            name: logical name of the component and of the release.
            content: what the release installs.
            surroundings: where.
            opts: parent and providers.
        """
        super().__init__(token, name, None, opts)
        # Helm looks only every two seconds whether Pods are ready, and simulated ones are ready at once.
        await_pods = surroundings.capabilities.runs_containers
        self.release = k8s.helm.v3.Release(
            name,
            name=name,
            chart=str(_chart(surroundings.directory / "charts" / name, content)),
            namespace=surroundings.namespace,
            values={
                # As text: the engine handles and logs each property of a value, and shows texts line by line.
                "objects": {_name(each): dump(each) for each in content.objects},
                # The provider does not look into charts: the digests tell it what changed.
                "files": [{"name": each.config_map, "digests": _digests(each.content)} for each in content.files],
                "definitions": _digests(content.definitions),
            },
            atomic=await_pods,
            skip_await=not await_pods,
            disable_openapi_validation=True,
            timeout=_TIMEOUT,
            opts=ResourceOptions(parent=self, depends_on=list(surroundings.after)),
        )
        if page := content.page:
            address = load_balancer.address(page.service, self.release, ResourceOptions(parent=self))
            port = "" if page.port == _HTTP else f":{page.port}"
            self.url = pulumi.Output.concat("http://", address, port, page.path)
        self.register_outputs({})


_HTTP = 80


def _name(document: Object) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


def _digests(files: Mapping[str, str]) -> dict[str, str]:
    return {name: hashlib.sha256(text.encode()).hexdigest()[:16] for name, text in files.items()}


def _chart(folder: Path, content: Content) -> Path:
    """The chart; with what is large in it, in a folder of its own."""
    files = {f"files/{file}": text for each in content.files for file, text in each.content.items()}
    files |= {f"crds/{file}": text for file, text in content.definitions.items()}
    if not files:
        return _CHART
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(_CHART, folder)
    for file, text in files.items():
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(text, encoding="utf-8")
    return folder
