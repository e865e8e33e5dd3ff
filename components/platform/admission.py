"""The gate of a cluster: nothing is made in it before its API server lets the caller make something.

The gate is a part of the program, not a hook: the engine ends an error hook after 100 tries, and with it the reason.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pulumi

from lab.core.errors import LabError
from lab.core.patience import PATIENCE, SHORT, Wait, pause

if TYPE_CHECKING:
    from lab.adapters.cluster_login import Login

_IN_A_ROW = 2
"""Answers that count after a refusal: an API server has replicas, and one may know a role before another does."""


def admitted(kubeconfig: pulumi.Output[str], grant: pulumi.Resource, *, role: str) -> pulumi.Output[str]:
    """Return a kubeconfig once its user can create objects in the cluster; a preview does not wait.

    Args:
        kubeconfig: of the cluster.
        grant: what grants the user a role in it.
        role: the name of that role, for the error.

    Raises:
        pulumi.RunError: when the result is awaited: the cluster refuses the user for good.
    """

    async def enter(granted: list[str]) -> str:
        content = granted[0]
        try:
            await wait(content, role)
        except LabError as error:
            raise pulumi.RunError(str(error)) from None
        return content

    if pulumi.runtime.is_dry_run():
        return kubeconfig
    return pulumi.Output.all(kubeconfig, grant.urn).apply(enter)


async def wait(content: str, role: str) -> None:
    """Wait until the user of a kubeconfig can create objects.

    Raises:
        LabError: the cluster refuses the user for longer than a new role takes.
    """
    credentials = await asyncio.to_thread(_login, content)
    refusals = answers = 0
    begun: Wait | None = None
    while True:
        refusal = await asyncio.to_thread(_refusal, content, credentials)
        if refusal is None:
            answers += 1
            if not refusals or answers == _IN_A_ROW:
                return
        else:
            refusals, answers = refusals + 1, 0
            begun = begun or Wait()
            patience = PATIENCE if _is_forbidden(refusal) else SHORT
            if not begun.goes_on(refusals, patience):
                raise _explained(refusal, patience, role)
            if refusals == 1:
                _tell(refusal, patience)
        await asyncio.sleep(pause(refusals))


def _login(content: str) -> Login:
    from lab.adapters.cluster_api import login

    return login(content)


def _refusal(content: str, credentials: Login) -> LabError | None:
    from lab.adapters.cluster_api import ClusterApi

    try:
        with ClusterApi(content, credentials=credentials) as cluster:
            cluster.require_creation("/api/v1/namespaces", _NAMESPACE)
    except LabError as error:
        # What a policy of the cluster denies was let in before: nothing is to be waited for.
        return None if _DENIED in error.message else error
    return None


_NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "istio-lab-admission-"}}
"""The object that the API server is asked about; it is never made."""

_DENIED = "denied the request"
"""The words of every admission webhook and policy that refuses an object."""


def _is_forbidden(refusal: LabError) -> bool:
    from lab.adapters.cluster_api import ForbiddenError

    return isinstance(refusal, ForbiddenError)


def _tell(refusal: LabError, patience: float) -> None:
    pulumi.log.info(
        f"The cluster does not let this login in yet; waiting up to {patience / 60:.0f} minutes. {refusal.message}"
    )


def _explained(refusal: LabError, patience: float, role: str) -> LabError:
    minutes = f"{patience / 60:.0f} minutes"
    if not _is_forbidden(refusal):
        return LabError(f"no answer of use for {minutes}: {refusal.message}", refusal.remedy)
    return LabError(
        f"the cluster still refuses this login after {minutes}: {refusal.message}",
        f'see that the login has the role "{role}" on the cluster: az role assignment list --all --output table; then '
        "run the update again",
    )
