"""Rights of a student: a ServiceAccount, and one ClusterRole for the class, bound in each of the course's namespaces.

A Role in each namespace would repeat the same rules three times in every student's state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.students import rights
from lab.settings.students import ACCOUNT, ROLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.common.namespaces import NamespaceRef


@dataclass(frozen=True, kw_only=True)
class StudentClusterRoleArgs:
    """Name of the ClusterRole."""

    role: str = ROLE


class StudentClusterRole(pulumi.ComponentResource):
    """The ClusterRole of all students of a cluster, which grants nothing until it is bound."""

    def __init__(self, name: str, args: StudentClusterRoleArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:student:Rights", name, None, opts)
        k8s.rbac.v1.ClusterRole(
            name, metadata={"name": args.role}, rules=rights.rules(), opts=ResourceOptions(parent=self)
        )
        self.register_outputs({})


@dataclass(frozen=True, kw_only=True)
class StudentAccessArgs:
    """Arguments of a student's access.

    The ServiceAccount is in the first namespace. Members of the Entra group, given by object id, are admitted as well.
    """

    namespaces: Sequence[NamespaceRef]
    group: str


class StudentAccess(pulumi.ComponentResource):
    """A ServiceAccount with the students' rights in each namespace. Its tokens are requested, never stored."""

    def __init__(self, name: str, args: StudentAccessArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:student:Access", name, None, opts)
        home = args.namespaces[0]
        k8s.core.v1.ServiceAccount(
            ACCOUNT,
            metadata={"name": ACCOUNT, "namespace": home.name},
            automount_service_account_token=False,
            opts=ResourceOptions(parent=self, depends_on=list(home.depends_on)),
        )
        for namespace in args.namespaces:
            k8s.rbac.v1.RoleBinding(
                namespace.key,
                metadata={"name": ACCOUNT, "namespace": namespace.name},
                role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ROLE},
                subjects=subjects(home.name, args.group),
                opts=ResourceOptions(parent=self, depends_on=list(namespace.depends_on)),
            )
        self.register_outputs({})


def subjects(namespace: str, group: str) -> list[dict[str, str]]:
    """Return the account in a namespace, and the members of an Entra group if there is one."""
    account = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}
    members = {"kind": "Group", "name": group, "apiGroup": "rbac.authorization.k8s.io"}
    return [account, *([members] if group else [])]
