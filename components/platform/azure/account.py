"""Questions to Azure before anything is declared there: who is logged in, and whether the cluster runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi import InvokeOptions

from lab.platforms.azure import safety
from lab.platforms.azure.power import STOPPED, ClusterId
from lab.platforms.azure.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.platform.naming import AzureNames


@dataclass(frozen=True, kw_only=True)
class Account:
    """The login: its subscription, its object in the directory, and the application that it came through."""

    subscription: str
    object_id: str
    client_id: str


async def login(opts: InvokeOptions) -> Account:
    """Return the login that the provider works with.

    Raises:
        LabError: there is none, or it is of no use.
    """
    try:
        found = await _ask("authorization:getClientConfig", {}, opts)
    except Exception as error:  # noqa: BLE001 - the SDK raises no narrower type
        raise safety.unanswered(str(error)) from None
    return Account(subscription=found["subscriptionId"], object_id=found["objectId"], client_id=found["clientId"])


async def cluster(account: Account, names: AzureNames, stack: str, opts: InvokeOptions) -> Standing | None:
    """Return the cluster as it stands, or None if there is none yet.

    Raises:
        LabError: it is stopped, or Azure cannot be asked.
    """
    where = {"resourceGroupName": names.resource_group, "resourceName": names.cluster}
    try:
        found = await _ask("containerservice:getManagedCluster", where, opts)
    except Exception as error:  # noqa: BLE001 - the SDK raises no narrower type
        if safety.is_absence(str(error)):
            return None
        raise safety.unanswered(str(error)) from None
    if (found.get("powerState") or {}).get("code") == STOPPED:
        stopped = ClusterId(subscription=account.subscription, resource_group=names.resource_group, name=names.cluster)
        raise safety.stopped(stopped, stack)
    return Standing.of(found, group=names.resource_group, name=names.cluster)


async def _ask(function: str, arguments: Mapping[str, str], opts: InvokeOptions) -> dict[str, Any]:
    return dict(await pulumi.runtime.invoke_async(f"azure-native:{function}", dict(arguments), opts))
