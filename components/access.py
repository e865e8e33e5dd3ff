"""What a student may do in the course's namespaces: an account, and the same rights in each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from lab.classroom import rights
from lab.classroom.names import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.places import Place


@dataclass(frozen=True, kw_only=True)
class AccessArgs:
    """Who may work where.

    Attributes:
        places: the namespaces; the account is in the first.
        group: object id of an Entra group whose members are let in as well; empty for none.
    """

    places: Sequence[Place]
    group: str


class Access(pulumi.ComponentResource):
    """A ServiceAccount with a Role and a RoleBinding in each namespace. Its tokens are asked for, never stored."""

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
            inside = ResourceOptions(parent=self, depends_on=list(place.after))
            metadata = {"name": ACCOUNT, "namespace": place.name}
            k8s.rbac.v1.Role(place.key, metadata=metadata, rules=rights.rules(), opts=inside)
            k8s.rbac.v1.RoleBinding(
                place.key,
                metadata=metadata,
                role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT},
                subjects=subjects(home.name, args.group),
                opts=inside,
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
