"""What the API server refuses in students' namespaces, as one component."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.students.policies import analysis, identities, mesh, objects, pods, rollouts, services
from components.students.policies.policy import binding, spec
from lab.settings.students import STUDENT_LABEL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from components.students.policies.policy import Policy

NAME = "istio-lab-students"
"""Of the policy for Pods, and the beginning of the others' names."""


@dataclass(frozen=True, kw_only=True)
class StudentPoliciesArgs:
    """Arguments of the policies.

    Attributes:
        hub: image repository prefix of the mesh.
        namespaces: of the one student whose cluster it is; empty for the cluster that a class shares.
    """

    hub: str
    namespaces: Sequence[str] = ()


class StudentPolicies(pulumi.ComponentResource):
    """ValidatingAdmissionPolicies for students' namespaces, with their bindings."""

    def __init__(self, name: str, args: StudentPoliciesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:student:Confinement", name, None, opts)
        for policy in policies(args):
            logical, physical = named(name, policy), named(NAME, policy)
            made = k8s.admissionregistration.v1.ValidatingAdmissionPolicy(
                logical, metadata={"name": physical}, spec=spec(policy), opts=ResourceOptions(parent=self)
            )
            k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
                logical,
                metadata={"name": physical},
                spec=binding(physical, selector(args.namespaces)),
                opts=ResourceOptions(parent=self, depends_on=[made]),
            )
        self.register_outputs({})


def policies(args: StudentPoliciesArgs) -> list[Policy]:
    """Return the policies of a cluster.

    On a cluster of their own students are alone, and all that its Services and nodes are is theirs. What the controller
    of Argo Rollouts can reach is not, since it may run on the instructor's machine, and tokens have to end.
    """
    if args.namespaces:
        return [analysis.policy(), identities.policy()]
    return [
        pods.policy(f"{args.hub}/proxyv2"),
        rollouts.policy(),
        analysis.policy(),
        services.policy(),
        identities.policy(),
        mesh.policy(),
        objects.policy(),
    ]


def named(prefix: str, policy: Policy) -> str:
    """Return the name of a policy."""
    return f"{prefix}-{policy.key}" if policy.key else prefix


def selector(namespaces: Sequence[str]) -> dict[str, Any]:
    """Return the label selector of namespaces; of all students' if none is given."""
    if namespaces:
        names = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(namespaces)}
        return {"matchExpressions": [names]}
    return {"matchExpressions": [{"key": STUDENT_LABEL, "operator": "Exists"}]}
