"""A Rollout: what takes the place of a Deployment where Argo Rollouts replaces one version by the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi_kubernetes as k8s

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi import ResourceOptions

_ANNOTATIONS = {"pulumi.com/deletionPropagationPolicy": "background"}
"""A Rollout that is deleted goes at once, and its ReplicaSets and Pods after it. By default it would stay until they
are gone, and be watched: on a busy cluster the watch begins with what the API server remembers from before the
deletion, and of such an object the provider (4.25.0) asks how it is doing. It cannot read a Rollout's
`observedGeneration`, which is text, and crashes.

One that is made anew may find its former ReplicaSet still going: the controller then gives the new one another hash,
and counts a collision in the Rollout's status."""


def rollout(
    name: str, *, metadata: Mapping[str, Any], spec: Mapping[str, Any], opts: ResourceOptions
) -> k8s.apiextensions.CustomResource:
    """Make a Rollout.

    Args:
        name: of the resource.
        metadata: with the name and the namespace of the object.
        spec: that of a Deployment, but for the strategy.
        opts: of the resource.
    """
    return k8s.apiextensions.CustomResource(
        name,
        api_version="argoproj.io/v1alpha1",
        kind="Rollout",
        metadata={**metadata, "annotations": {**metadata.get("annotations", {}), **_ANNOTATIONS}},
        spec=spec,
        opts=opts,
    )
