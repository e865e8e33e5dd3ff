"""Changes to a Rollout, made by the kubectl plugin of Argo Rollouts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab import toolchain
from lab.adapters import kubectl, process
from lab.core.errors import LabError

if TYPE_CHECKING:
    from lab.adapters.stack import Stack
    from lab.services.rollouts.state import Container, ReplicaSet, Rollout

PLUGIN = "kubectl-argo-rollouts"


def set_image(stack: Stack, rollout: Rollout, container: Container, image: str) -> None:
    """Set a container's image.

    Raises:
        LabError: the plugin fails; so do the other functions here.
    """
    _run(stack, rollout, "set", "image", rollout.name, f"{container.name}={image}")


def promote(stack: Stack, rollout: Rollout, *, full: bool) -> None:
    """Go on to the next step, or skip all that are left."""
    _run(stack, rollout, "promote", rollout.name, *(("--full",) if full else ()))


def abort(stack: Stack, rollout: Rollout) -> None:
    """Abort the new version."""
    _run(stack, rollout, "abort", rollout.name)


def retry(stack: Stack, rollout: Rollout) -> None:
    """Retry an aborted version."""
    _run(stack, rollout, "retry", "rollout", rollout.name)


def undo(stack: Stack, rollout: Rollout, replica_set: ReplicaSet) -> None:
    """Roll back to the Pod template of a revision."""
    _run(stack, rollout, "undo", rollout.name, f"--to-revision={replica_set.revision}")


def _run(stack: Stack, rollout: Rollout, *arguments: str) -> None:
    cluster = (f"--namespace={rollout.namespace}", f"--kubeconfig={stack.kubeconfig}")
    [program] = toolchain.bring([PLUGIN])
    command = [str(program), *arguments, *cluster]
    result = process.run(command, environment=kubectl.variables(), check=False)
    if result.code:
        raise LabError(f"{PLUGIN} {' '.join(arguments)} failed: {result.last_words.removeprefix('Error: ')}")
