"""Admission policy that keeps students' Pods on a shared cluster inside their containers.

The levels of Pod Security do not fit: Istio's init container needs two capabilities that even `baseline` refuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from lab.settings.students import STUDENT_LABEL

NAME = "istio-lab-students"

_CONTAINERS = "(object.spec.containers + (has(object.spec.initContainers) ? object.spec.initContainers : []))"
_CAPABILITIES = ("NET_ADMIN", "NET_RAW")
"""Of Istio's init container, and of nothing else in the course."""

_RULES = {
    "the node's network, processes and memory are not a student's": (
        "(!has(object.spec.hostNetwork) || !object.spec.hostNetwork) && "
        "(!has(object.spec.hostPID) || !object.spec.hostPID) && "
        "(!has(object.spec.hostIPC) || !object.spec.hostIPC)"
    ),
    "the node's files are not a student's: no hostPath volumes": (
        "!has(object.spec.volumes) || object.spec.volumes.all(each, !has(each.hostPath))"
    ),
    "a student's containers are not privileged": (
        f"{_CONTAINERS}.all(each, !has(each.securityContext) || !has(each.securityContext.privileged) || "
        "!each.securityContext.privileged)"
    ),
    f"a student's containers add no capabilities but {' and '.join(_CAPABILITIES)}": (
        f"{_CONTAINERS}.all(each, !has(each.securityContext) || !has(each.securityContext.capabilities) || "
        "!has(each.securityContext.capabilities.add) || "
        f"each.securityContext.capabilities.add.all(one, one in {list(_CAPABILITIES)}))"
    ),
    "a student's containers take no ports of the node": (
        f"{_CONTAINERS}.all(each, !has(each.ports) || each.ports.all(port, !has(port.hostPort) || port.hostPort == 0))"
    ),
}
"""CEL expressions of what is allowed, by the message for the student."""


@dataclass(frozen=True, kw_only=True)
class StudentPodPolicyArgs:
    """Label of the namespaces that the policy applies to."""

    label: str = STUDENT_LABEL


class StudentPodPolicy(pulumi.ComponentResource):
    """A ValidatingAdmissionPolicy for the Pods in students' namespaces, with its binding."""

    def __init__(self, name: str, args: StudentPodPolicyArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:student:Confinement", name, None, opts)
        policy = k8s.admissionregistration.v1.ValidatingAdmissionPolicy(
            name, metadata={"name": NAME}, spec=spec(), opts=ResourceOptions(parent=self)
        )
        selector = {"matchExpressions": [{"key": args.label, "operator": "Exists"}]}
        k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
            name,
            metadata={"name": NAME},
            spec={"policyName": NAME, "validationActions": ["Deny"], "matchResources": {"namespaceSelector": selector}},
            opts=ResourceOptions(parent=self, depends_on=[policy]),
        )
        self.register_outputs({})


def spec() -> dict[str, Any]:
    """Return the policy's spec; the students' rights already exclude ephemeral containers."""
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["pods"]}
            ]
        },
        "validations": [{"expression": rule, "message": message} for message, rule in _RULES.items()],
    }
