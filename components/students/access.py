"""What a student may do in the course's namespaces: an account, and the same rights in each of them.

The rights are one ClusterRole for a whole class, bound in each namespace: a Role in each would be the same text three
times in every student's state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.students import rights
from lab.classroom.names import ACCOUNT, ROLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.common.namespaces import Place


@dataclass(frozen=True, kw_only=True)
class AccessArgs:
    """Who may work where.

    Attributes:
        places: the namespaces; the account is in the first.
        group: object id of an Entra group whose members are let in as well; empty for none.
    """

    places: Sequence[Place]
    group: str


class Rights(pulumi.ComponentResource):
    """The ClusterRole of all students of a cluster; by itself it gives nothing to anybody."""

    def __init__(self, name: str, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:student:Rights", name, None, opts)
        k8s.rbac.v1.ClusterRole(name, metadata={"name": ROLE}, rules=rights.rules(), opts=ResourceOptions(parent=self))
        self.register_outputs({})


class Access(pulumi.ComponentResource):
    """A ServiceAccount, with its rights bound in each namespace. Its tokens are asked for, never stored."""

    def __init__(self, name: str, args: AccessArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:student:Access", name, None, opts)
        home = args.places[0]
        k8s.core.v1.ServiceAccount(
            ACCOUNT,
            metadata={"name": ACCOUNT, "namespace": home.name},
            automount_service_account_token=False,
            opts=ResourceOptions(parent=self, depends_on=list(home.after)),
        )
        for place in args.places:
            k8s.rbac.v1.RoleBinding(
                place.key,
                metadata={"name": ACCOUNT, "namespace": place.name},
                role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ROLE},
                subjects=subjects(home.name, args.group),
                opts=ResourceOptions(parent=self, depends_on=list(place.after)),
            )
        self.register_outputs({})


def subjects(namespace: str, group: str) -> list[dict[str, str]]:
    """Whom the rights are given to.

    Args:
        namespace: of the account.
        group: object id of an Entra group; empty for none.
    """
    account = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}
    members = {"kind": "Group", "name": group, "apiGroup": "rbac.authorization.k8s.io"}
    return [account, *([members] if group else [])]
