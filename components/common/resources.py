"""Kubernetes objects as resources of the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi_kubernetes as k8s

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi import CustomResource, ResourceOptions

_ROLLOUT_ANNOTATIONS = {"pulumi.com/deletionPropagationPolicy": "background"}
"""Delete a Rollout at once, and its ReplicaSets and Pods after it.

By default it stays until they are gone, and is watched. On a busy cluster the watch replays events from before the
deletion; for those the provider (4.25.0) asks for the Rollout's status, cannot read `observedGeneration`, which is text
there, and crashes.

A Rollout that is created again may find its former ReplicaSet still terminating: the controller then gives the new one
another hash, and counts a collision in the Rollout's status."""


def resource(document: dict[str, Any], opts: ResourceOptions) -> CustomResource:
    """Make one object of a manifest, named after itself.

    `yaml.v2.ConfigGroup` does the same inside the provider, half a second slower for a dozen objects, and on a first
    `up` it does not know the kinds that a chart has just installed.
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


def rollout(
    name: str, *, metadata: Mapping[str, Any], spec: Mapping[str, Any], opts: ResourceOptions
) -> k8s.apiextensions.CustomResource:
    """Make a Rollout: a Deployment whose versions Argo Rollouts replaces, by the strategy in its spec."""
    return k8s.apiextensions.CustomResource(
        name,
        api_version="argoproj.io/v1alpha1",
        kind="Rollout",
        metadata={**metadata, "annotations": {**metadata.get("annotations", {}), **_ROLLOUT_ANNOTATIONS}},
        spec=spec,
        opts=opts,
    )
