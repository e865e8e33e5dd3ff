"""The status of Pods that really run, as a kubelet sets it.

kwok says of every container at once that it is ready. A process needs a second until it listens, and some never do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.platforms.dataplane.pods import Pod

CONFIG_ERROR, CREATE_ERROR, BACK_OFF = "CreateContainerConfigError", "CreateContainerError", "CrashLoopBackOff"
"""Why a container waits, in a kubelet's words."""

_LONGEST_MESSAGE = 1024
_NOT_READY = "ContainersNotReady"


@dataclass(frozen=True, kw_only=True)
class Container:
    """The state of a Pod's container.

    Attributes:
        name: of the container.
        waiting: why it does not run; empty for one that does.
        message: the same for people.
        restarts: how often it was started again.
        exit_code: how it ended last; None when it has not ended yet.
    """

    name: str
    waiting: str = ""
    message: str = ""
    restarts: int = 0
    exit_code: int | None = None


def status(pod: Pod, *, ready: bool, container: Container | None = None) -> dict[str, Any]:
    """Build the parts of a Pod's status that the data plane knows better than kwok.

    Args:
        pod: as the cluster has it.
        ready: whether it serves.
        container: its application's; None to leave what is said of it.
    """
    now = f"{datetime.now(tz=UTC):%Y-%m-%dT%H:%M:%SZ}"
    names = f"containers with unready status: [{container.name}]" if container and not ready else None
    conditions = [
        {
            "type": kind,
            "status": str(ready),
            "lastTransitionTime": now,
            "reason": None if ready else _NOT_READY,
            "message": names,
        }
        for kind in ("Ready", "ContainersReady")
    ]
    if container is None:
        return {"conditions": conditions}
    # The list is replaced as a whole.
    return {"conditions": conditions, "containerStatuses": _statuses(pod.statuses, container, now, ready=ready)}


def _statuses(known: Sequence[dict[str, Any]], container: Container, now: str, *, ready: bool) -> list[dict[str, Any]]:
    return [
        {**each, **_state(each, container, now, ready=ready)} if each.get("name") == container.name else each
        for each in known
    ]


def _state(known: dict[str, Any], container: Container, now: str, *, ready: bool) -> dict[str, Any]:
    if container.waiting:
        state = {"waiting": {"reason": container.waiting, "message": container.message[:_LONGEST_MESSAGE]}}
    else:
        state = {"running": {"startedAt": now}}
    found: dict[str, Any] = {
        "ready": ready,
        "started": not container.waiting,
        "state": state,
        "restartCount": known.get("restartCount", 0) + container.restarts,
    }
    if container.exit_code is not None:
        ended = {"exitCode": container.exit_code, "reason": "Error" if container.exit_code else "Completed"}
        found["lastState"] = {"terminated": {**ended, "startedAt": now, "finishedAt": now}}
    return found
