"""Objects of somebody else's manifest as resources of this stack, each by itself in the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi_kubernetes as k8s

if TYPE_CHECKING:
    import pulumi


def resource(document: dict[str, Any], opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    """Make one object; its logical name is its own name.

    `yaml.v2.ConfigGroup` does the same inside the provider, half a second slower for a dozen objects, and on a first
    `up` it does not know the kinds that a chart has just brought.

    Args:
        document: the object as its manifest has it.
        opts: parent, provider and order.
    """
    fields = {key: value for key, value in document.items() if key not in {"apiVersion", "kind"}}
    name = document["metadata"]["name"]
    match document["apiVersion"], document["kind"]:
        case "v1", "Service":
            return k8s.core.v1.Service(name, **fields, opts=opts)
        case "v1", "ServiceAccount":
            return k8s.core.v1.ServiceAccount(name, **fields, opts=opts)
        case "apps/v1", "Deployment":
            return k8s.apps.v1.Deployment(name, **fields, opts=opts)
        case version, kind:
            return k8s.apiextensions.CustomResource(name, api_version=version, kind=kind, **fields, opts=opts)
