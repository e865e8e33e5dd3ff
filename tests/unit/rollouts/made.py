"""Objects as the API server has them: a Rollout on its way, its ReplicaSets, Pods and analyses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lab.services.rollouts import objects

if TYPE_CHECKING:
    from lab.services.rollouts.state import Rollout

Object = dict[str, Any]

NOW = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)
STEPS: list[Object] = [
    {"setWeight": 20},
    {"pause": {"duration": "10s"}},
    {"analysis": {"templates": [{"templateName": "success-rate"}]}},
    {"setWeight": 60},
    {"pause": {}},
]
CONDITION = "len(result) > 0 && result[0] >= 0.95"
REFUSED = 'Post "http://prometheus.istio-system:9090/api/v1/query": dial tcp 10.0.0.9:9090: connect: connection refused'


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def rollout(name: str = "delivery", namespace: str = "shop", **status: object) -> Object:
    """A canary by rules of the mesh in the middle of its second revision."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name, "namespace": namespace, "uid": "ro", "generation": 4},
        "spec": {
            "replicas": 1,
            "minReadySeconds": 10,
            "selector": {"matchLabels": {"app": name}},
            "strategy": {
                "canary": {"trafficRouting": {"istio": {"virtualService": {"name": name}}}, "steps": list(STEPS)}
            },
            "template": {
                "metadata": {"labels": {"app": name, "version": "v2"}},
                "spec": {"containers": [{"name": name, "image": "docker.io/me/delivery:v2"}]},
            },
        },
        "status": {
            "phase": "Progressing",
            "message": "more replicas need to be updated",
            "observedGeneration": "4",
            "currentPodHash": "new",
            "stableRS": "old",
            "currentStepIndex": 1,
            "replicas": 2,
            "canary": {"weights": {"canary": {"weight": 20}, "stable": {"weight": 80}}},
            "conditions": [condition("Progressing", "True", "ReplicaSetUpdated", "ReplicaSet is progressing.")],
            **status,
        },
    }


def blue_green(
    name: str = "delivery", namespace: str = "shop", strategy: Object | None = None, **status: object
) -> Object:
    """A blueGreen whose preview is ready and waits."""
    made = rollout(name, namespace)
    made["spec"]["strategy"] = {
        "blueGreen": {"activeService": name, "previewService": f"{name}-preview", **(strategy or {})}
    }
    for key in ("canary", "currentStepIndex"):
        del made["status"][key]
    made["status"] |= {
        "phase": "Paused",
        "message": "BlueGreenPause",
        "controllerPause": True,
        "pauseConditions": [{"reason": "BlueGreenPause", "startTime": ago(10)}],
        "blueGreen": {"activeSelector": "old", "previewSelector": "new"},
        **status,
    }
    return made


def condition(kind: str, status: str, reason: str, message: str) -> Object:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def aborted(why: str = "") -> Object:
    """The status of a version that was given up."""
    message = f"Rollout aborted update to revision 2{f': {why}' if why else ''}"
    return {
        "phase": "Degraded",
        "message": f"RolloutAborted: {message}",
        "abort": True,
        "abortedAt": ago(5),
        "currentStepIndex": 0,
        "canary": {"weights": {"canary": {"weight": 0}, "stable": {"weight": 100}}},
        "conditions": [condition("Progressing", "False", "RolloutAborted", message)],
    }


def healthy() -> Object:
    return {"phase": "Healthy", "message": "", "stableRS": "new", "currentStepIndex": len(STEPS)}


def paused(seconds: float = 3, reason: str = "CanaryPauseStep", **more: object) -> Object:
    return {
        "phase": "Paused",
        "message": reason,
        "controllerPause": True,
        "pauseConditions": [{"reason": reason, "startTime": ago(seconds)}],
        **more,
    }


def replica_set(revision: int, pod_hash: str, *, desired: int = 1, ready: int = 1, available: int = 1) -> Object:
    return {
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"delivery-{pod_hash}",
            "uid": f"rs-{pod_hash}",
            "labels": {"rollouts-pod-template-hash": pod_hash},
            "annotations": {"rollout.argoproj.io/revision": str(revision)},
            "ownerReferences": [{"kind": "Rollout", "uid": "ro"}],
        },
        "spec": {
            "replicas": desired,
            "template": {
                "metadata": {"labels": {"version": f"v{revision}", "rollouts-pod-template-hash": pod_hash}},
                "spec": {"containers": [{"name": "delivery", "image": f"docker.io/me/delivery:v{revision}"}]},
            },
        },
        "status": {"replicas": desired, "readyReplicas": ready, "availableReplicas": available},
    }


def sets(**newest: int) -> list[Object]:
    """The stable revision, and the newest."""
    return [replica_set(1, "old"), replica_set(2, "new", **newest)]


def pod(name: str = "delivery-new-x", pod_hash: str = "new", **status: object) -> Object:
    return {
        "kind": "Pod",
        "metadata": {"name": name, "ownerReferences": [{"kind": "ReplicaSet", "uid": f"rs-{pod_hash}"}]},
        "status": {"phase": "Pending", "conditions": [{"type": "Ready", "status": "False"}], **status},
    }


def waiting(reason: str, message: str = "") -> Object:
    return {"containerStatuses": [{"name": "delivery", "state": {"waiting": {"reason": reason, "message": message}}}]}


def analysis(phase: str = "Running", metric: Object | None = None, *, seconds: float = 30, name: str = "run") -> Object:
    """An analysis of the newest revision, of one metric."""
    result = {"name": "success-rate", "phase": phase, **(metric or {})}
    return {
        "kind": "AnalysisRun",
        "metadata": {
            "name": name,
            "creationTimestamp": ago(seconds),
            "labels": {"rollouts-pod-template-hash": "new", "rollout-type": "Step", "step-index": "2"},
            "ownerReferences": [{"kind": "Rollout", "uid": "ro"}],
        },
        "spec": {
            "metrics": [
                {
                    "name": "success-rate",
                    "failureLimit": 1,
                    "successCondition": CONDITION,
                    "provider": {"prometheus": {"address": "http://prometheus.istio-system:9090"}},
                }
            ]
        },
        "status": {"phase": phase, "metricResults": [result]},
    }


def measured(value: str, **counts: int) -> Object:
    return {"measurements": [{"phase": "Failed", "value": value}], **counts}


def state(*given: Object) -> Rollout:
    """The state of the one Rollout among these."""
    name = next(each["metadata"]["name"] for each in given if each["kind"] == "Rollout")
    found = objects.find(name, given, NOW)
    assert found is not None
    return found
