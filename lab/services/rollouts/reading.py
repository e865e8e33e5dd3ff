"""Reading of a Rollout's state from the cluster."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lab.adapters import kubectl
from lab.core.errors import LabError
from lab.core.wait import poll
from lab.platforms.embedded import rollouts
from lab.services import state_repair
from lab.services.rollouts import objects, state
from lab.services.rollouts.explain import Controller, LabContext

if TYPE_CHECKING:
    from lab.adapters.stack import Stack
    from lab.services.rollouts.state import Rollout

OWN_KINDS = "rollouts.argoproj.io,replicasets.apps,analysisruns.argoproj.io,pods"
"""All objects of a Rollout."""

KINDS = (
    f"{OWN_KINDS},services,virtualservices.networking.istio.io,destinationrules.networking.istio.io,deployments.apps,"
    "events"
)
"""And those around it that can stop it, read with one command."""

CONTROLLER_TIMEOUT = 5.0
"""Seconds for the controller to see a change: usually it needs well below one."""

_LOG_TAIL = 2_000_000
"""Bytes of the controller's log that are read: those of some minutes."""

_INTERVAL = 0.5
"""Seconds between two reads while it is waited for."""


def read(stack: Stack, namespace: str, name: str) -> Rollout:
    """Read the state of a Rollout.

    Raises:
        LabError: there is none, Argo Rollouts is not installed, or the stack does not stand.
    """
    if (rollout := find(stack, namespace, name)) is None:
        raise _unknown(stack, namespace, name)
    return rollout


def find(stack: Stack, namespace: str, name: str) -> Rollout | None:
    """Read the state of a Rollout; none when there is no such Rollout.

    Raises:
        LabError: Argo Rollouts is not installed, or the stack does not stand.
    """
    if not stack.kubeconfig.is_file():
        raise LabError(f"stack {stack.name} does not stand", f"make up{stack.suffix}")
    try:
        found = around = _get(stack, "-n", namespace, "get", KINDS, "--show-managed-fields")
    except LabError as error:
        if "forbidden" not in error.message:
            raise
        # Who may not read all of this sees the state all the same, if not every reason.
        found, around = _get(stack, "-n", namespace, "get", OWN_KINDS), []
    return objects.find(name, found, datetime.now(UTC), around=around, log=_log(stack))


def read_settled(stack: Stack, namespace: str, name: str) -> tuple[Rollout, Controller | None]:
    """Read the state of a Rollout once its controller has seen the last change, or has had the time for it.

    Returns:
        The state, and the controller if it does not see the change.

    Raises:
        LabError: as `read`.
    """
    seen: list[Rollout] = []

    def noticed() -> bool:
        seen.append(read(stack, namespace, name))
        return seen[-1].noticed

    poll(noticed, timeout=CONTROLLER_TIMEOUT, interval=_INTERVAL)
    rollout = seen[-1]
    return rollout, controller(stack) if rollout.neglected else None


def controller(stack: Stack) -> Controller:
    """Read the state of the controller.

    Raises:
        LabError: the cluster does not answer.
    """
    found = _get(stack, "-n", state.CONTROLLER, "get", "deployments.apps")
    deployment = next((each for each in found if each["metadata"]["name"] == state.CONTROLLER), None)
    ready = ((deployment or {}).get("status") or {}).get("readyReplicas", 0)
    return Controller(found=deployment is not None, ready=ready)


def context(stack: Stack) -> LabContext:
    """Return the options that commands of a stack need."""
    return LabContext(option=stack.option, suffix=stack.suffix, embedded=stack.target == "embedded")


def _log(stack: Stack) -> list[str]:
    """Return the end of the controller's log where it is a file of this machine."""
    file = rollouts.log_file(stack.directory)
    if stack.target != "embedded" or not file.is_file():
        return []
    with file.open("rb") as log:
        log.seek(max(0, file.stat().st_size - _LOG_TAIL))
        return log.read().decode(errors="replace").splitlines()


def _get(stack: Stack, *arguments: str) -> list[dict[str, Any]]:
    try:
        answer = kubectl.run(stack.kubeconfig, *arguments, "--output=json")
    except LabError as error:
        if "doesn't have a resource type" in error.message:
            raise LabError(
                "Argo Rollouts is not installed",
                f"set istio-lab:rollouts.enabled to true in {stack.file.name}, then make up{stack.suffix}",
            ) from error
        if "onnection refused" in error.message or "Unable to connect" in error.message:
            raise state_repair.unanswered(stack, error.message) from error
        raise
    items: list[dict[str, Any]] = json.loads(answer)["items"]
    return items


def _unknown(stack: Stack, namespace: str, name: str) -> LabError:
    every = [each["metadata"] for each in _get(stack, "get", "rollouts.argoproj.io", "--all-namespaces")]
    there = sorted(f"{each['name']}{state.namespace_option(each['name'], each['namespace'])}" for each in every)
    remedy = (
        f"there are: {', '.join(there)}" if there else f"there is none in stack {stack.name}: make up{stack.suffix}"
    )
    return LabError(f"the namespace {namespace} has no Rollout {name}", remedy)
