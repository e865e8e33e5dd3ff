"""What can be done to a Rollout: by the kubectl plugin of Argo Rollouts where it is, else as the plugin does it."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from lab import toolchain
from lab.adapters import kubectl, workspace
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.adapters.stack import Stack
    from lab.services.rollouts.state import Container, ReplicaSet, Rollout

PLUGIN = "kubectl-argo-rollouts"
_HASH = "rollouts-pod-template-hash"


def set_image(stack: Stack, rollout: Rollout, container: Container, image: str) -> None:
    """Give a container another image.

    Raises:
        LabError: the cluster refuses it.
    """
    if _plugin(stack, rollout, "set", "image", rollout.name, f"{container.name}={image}"):
        return
    where = f"/spec/template/spec/{container.field}/{container.index}"
    # An index alone would hit another container, had somebody put one before it in the meantime.
    test = {"op": "test", "path": f"{where}/name", "value": container.name}
    _patch(stack, rollout, rollout.template_of, "json", [test, _replace(f"{where}/image", image)])


def promote(stack: Stack, rollout: Rollout, *, full: bool) -> None:
    """Go on to the next step, or to the end.

    Raises:
        LabError: the cluster refuses it.
    """
    if _plugin(stack, rollout, "promote", rollout.name, *(("--full",) if full else ())):
        return
    if wish := promotion(rollout, full=full):
        _wish(stack, rollout, wish)
    if rollout.paused_by_hand:
        _patch(stack, rollout, f"rollouts.argoproj.io/{rollout.name}", "merge", {"spec": {"paused": False}})


def promotion(rollout: Rollout, *, full: bool) -> dict[str, Any]:
    """What a promotion changes in the status; nothing where there is nothing to be changed.

    Where it pauses, the pause is taken away. Where it does not, as in an analysis, the step itself is skipped. Where
    an analysis came to no verdict, both: its step would pause at once again.
    """
    if full:
        return {} if rollout.current == rollout.stable else {"promoteFull": True}
    following = min(rollout.step_index + 1, len(rollout.steps))
    if rollout.steps and any(each.reason == "InconclusiveAnalysisRun" for each in rollout.pauses):
        at_an_analysis = rollout.step is not None and rollout.step.kind == "analysis"
        if at_an_analysis:
            return {"pauseConditions": None, "controllerPause": False, "currentStepIndex": following}
    if rollout.pauses:
        return {"pauseConditions": None}
    return {"pauseConditions": None, "currentStepIndex": following} if rollout.steps else {}


def abort(stack: Stack, rollout: Rollout) -> None:
    """Give the new version up.

    Raises:
        LabError: the cluster refuses it.
    """
    if not _plugin(stack, rollout, "abort", rollout.name):
        _wish(stack, rollout, {"abort": True})


def retry(stack: Stack, rollout: Rollout) -> None:
    """Try a version that was given up once more.

    Raises:
        LabError: the cluster refuses it.
    """
    if not _plugin(stack, rollout, "retry", "rollout", rollout.name):
        _wish(stack, rollout, {"abort": False})


def undo(stack: Stack, rollout: Rollout, replica_set: ReplicaSet) -> None:
    """Go back to the Pods' template of a revision.

    Raises:
        LabError: the cluster refuses it, or the revision is gone.
    """
    if _plugin(stack, rollout, "undo", rollout.name, f"--to-revision={replica_set.revision}"):
        return
    name = f"replicasets.apps/{replica_set.name}"
    found = json.loads(kubectl.run(stack.kubeconfig, "-n", rollout.namespace, "get", name, "--output=json"))
    template = found["spec"]["template"]
    # The controller's own mark, which it puts on each template anew.
    template["metadata"]["labels"].pop(_HASH, None)
    _patch(stack, rollout, rollout.template_of, "json", [_replace("/spec/template", template)])


def _plugin(stack: Stack, rollout: Rollout, *arguments: str) -> bool:
    """Let the plugin do it; whether there is one.

    Raises:
        LabError: it failed.
    """
    try:
        program = toolchain.path(PLUGIN)
    except LabError:
        return False
    result = subprocess.run(
        [str(program), *arguments, f"--namespace={rollout.namespace}", f"--kubeconfig={stack.kubeconfig}"],
        check=False,
        capture_output=True,
        text=True,
        env=workspace.environment(),
    )
    if result.returncode:
        told = (result.stderr.strip() or result.stdout.strip()).removeprefix("Error: ")
        raise LabError(f"{PLUGIN} {' '.join(arguments)} failed: {told}")
    return True


def _wish(stack: Stack, rollout: Rollout, status: Mapping[str, Any]) -> None:
    """Tell the controller by the status, where it looks for wishes."""
    where = f"rollouts.argoproj.io/{rollout.name}"
    _patch(stack, rollout, where, "merge", {"status": status}, "--subresource=status")


def _patch(stack: Stack, rollout: Rollout, where: str, kind: str, patch: object, *more: str) -> None:
    told = json.dumps(patch)
    kubectl.run(stack.kubeconfig, "-n", rollout.namespace, "patch", where, f"--type={kind}", f"--patch={told}", *more)


def _replace(path: str, value: object) -> dict[str, object]:
    return {"op": "replace", "path": path, "value": value}
