"""The number of Pods of a workload: the declared field that belongs to whoever scaled last."""

from lab.core.tags import PROJECT

KINDS = ("Deployment", "StatefulSet", "ReplicaSet", "Rollout")
"""Kinds with a number of Pods that `kubectl scale` and autoscalers write."""

FIELD = "spec.replicas"

DECLARED = f"{PROJECT}/replicas"
"""The annotation with the number that the stack declared last: its state forgets a field that somebody else owns."""
