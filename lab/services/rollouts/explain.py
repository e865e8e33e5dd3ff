"""Explanations of a Rollout's state, with the commands that come next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lab.services.rollouts import refusals, state, wording
from lab.services.rollouts.state import Phase

if TYPE_CHECKING:
    from lab.services.rollouts.state import Analysis, Metric, ReplicaSet, Rollout

NOT_KNOWN_TO_THE_STACK = "The stack's settings do not know of this version: a plain `pulumi up` leaves it alone."


@dataclass(frozen=True, kw_only=True)
class LabContext:
    """The options that commands need in a remedy.

    Attributes:
        option: of a `lab` command for this stack.
        suffix: of a `make` command for this stack.
        embedded: the controller is a process of this machine, not a Pod.
    """

    option: str = ""
    suffix: str = ""
    embedded: bool = True


@dataclass(frozen=True, kw_only=True)
class Controller:
    """The controller's Deployment: whether it exists, and its ready Pods."""

    found: bool
    ready: int


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The reason for a Rollout's state, and the next commands.

    Attributes:
        text: a few sentences.
        commands: the likeliest first; each with a comment behind `#` where there are several.
        moves: it goes on by itself.
        broken: something is wrong.
    """

    text: str
    commands: tuple[str, ...] = ()
    moves: bool = False
    broken: bool = False


def explain(rollout: Rollout, lab: LabContext, controller: Controller | None = None) -> Explanation:
    """Explain the state; `controller` is given when it has not seen a change for longer than it needs."""
    # A controller that fails at a Rollout looks at it all the same, though it may not say so in its status.
    if rollout.neglected and not rollout.complaint:
        return _neglected(rollout, lab, controller)
    if (invalid := rollout.condition("InvalidSpec")) and rollout.phase is Phase.DEGRADED:
        return _refused(rollout, lab, invalid.message)
    if rollout.aborted:
        return _with_obstacles(rollout, _aborted(rollout, lab))
    if rollout.complaint or any(each.blocks for each in rollout.obstacles):
        return _blocked(rollout, lab)
    by_phase = {
        Phase.DEGRADED: _degraded,
        Phase.PAUSED: _paused,
        Phase.HEALTHY: _healthy,
        Phase.PROGRESSING: _progressing,
    }
    return _with_obstacles(rollout, by_phase[rollout.phase](rollout, lab))


def command(verb: str, rollout: Rollout, lab: LabContext, more: str = "") -> str:
    """Return a `lab rollout` command for this Rollout, with `more` behind its name."""
    words = f"lab rollout {verb} {rollout.name}{f' {more}' if more else ''}"
    return f"{words}{state.namespace_option(rollout.name, rollout.namespace)}{lab.option}"


def after(verb: str, rollout: Rollout, replica_set: ReplicaSet | None = None, image: str = "") -> str:
    """Say what follows an action: `set-image`, `promote`, `promote --full`, `abort`, `undo` or `retry`."""
    first = f"step 1 of {len(rollout.steps)} is {rollout.steps[0].text}" if rollout.steps else "it has no steps"
    trial = first
    if rollout.strategy == "blueGreen":
        trial = "its Pods get the preview, " + (
            "then it is promoted by itself" if rollout.auto_promotion else "and it waits to be promoted"
        )
    if verb == "undo":
        target = wording.named(replica_set, "the former revision")
        if replica_set and replica_set.hash == rollout.stable:
            return f"The Rollout goes back to {target} at once: it is the stable one and needs no trial."
        return f"The template of {target} is on its way as a new revision: {trial}."
    new = wording.the_new(rollout)
    return {
        "set-image": f"A new revision with {image} is on its way: {trial}.",
        "retry": f"{new} is tried once more: {trial}.",
        "abort": f"{new} is given up: every request goes to {wording.the_stable(rollout)} again.",
        "promote": _after_promotion(rollout),
        "promote --full": f"{new} gets every request; the steps, pauses and analyses that are left are skipped.",
    }[verb]


def _after_promotion(rollout: Rollout) -> str:
    if rollout.strategy == "blueGreen":
        return f"{wording.the_new(rollout)} becomes the active one."
    if not rollout.step:
        return f"{wording.the_new(rollout)} goes on."
    following = rollout.step_index + 1
    done = f"Step {following} of {len(rollout.steps)} ({rollout.step.text}) is over"
    if following == len(rollout.steps):
        return f"{done}, and it was the last one: {wording.the_new(rollout)} gets every request."
    return f"{done}; the next one is {rollout.steps[following].text}."


def _neglected(rollout: Rollout, lab: LabContext, controller: Controller | None) -> Explanation:
    if controller is None:
        return Explanation(text="The controller is about to see the last change; this takes a moment.", moves=True)
    why = rollout.message if not rollout.noticed else "a pause that is over did not end"
    if lab.embedded:
        return Explanation(
            text=f"The controller of Argo Rollouts does not work: {why}. On this target it is a process of this "
            "machine, which does not run.",
            commands=(f"make up{lab.suffix}",),
            broken=True,
        )
    if not controller.found:
        condition = f"its Deployment {state.CONTROLLER} is not there"
    elif not controller.ready:
        condition = f"none of the Pods of its Deployment {state.CONTROLLER} is ready"
    else:
        condition = f"its Deployment {state.CONTROLLER} is ready all the same, so its log has the reason"
    looks = "logs deployment/argo-rollouts --tail=30" if controller.ready else "describe pods"
    return Explanation(
        text=f"The controller of Argo Rollouts does not work: {why}; {condition}.",
        commands=(f"make up{lab.suffix}", f"kubectl -n {state.CONTROLLER} {looks}"),
        broken=True,
    )


def _refused(rollout: Rollout, lab: LabContext, message: str) -> Explanation:
    reason, look = refusals.read(message)
    text = f"The controller refuses the Rollout: {reason} It changes nothing until this is mended"
    if rollout.by_stack:
        return Explanation(
            text=f"{text} in the settings of the stack, which made it.",
            commands=(f"make up{lab.suffix}  # also takes back what was edited by hand",),
            broken=True,
        )
    commands = [f"{_kubectl(rollout, f'edit rollout {rollout.name}')}  # what the reason names"]
    if look:
        commands.append(f"{_kubectl(rollout, look)}  # what there is")
    return Explanation(text=f"{text}.", commands=tuple(commands), broken=True)


def _blocked(rollout: Rollout, lab: LabContext) -> Explanation:
    """Explain what no phase tells: something around the Rollout stops it, or loses its requests."""
    reasons = [each for each in rollout.obstacles if each.blocks]
    text = " ".join(each.text for each in reasons)
    if rollout.complaint:
        again = "It tries again and again"
        text = f"{text} The controller cannot go on: {wording.sentence(rollout.complaint)} {again}.".strip()
    commands = [_kubectl(rollout, each.remedy) for each in reasons]
    if rollout.by_stack:
        commands = [f"make up{lab.suffix}  # puts back what the stack made", *commands]
    elif not commands:
        commands = [_kubectl(rollout, f"edit rollout {rollout.name}")]
    if not rollout.complete:
        commands.append(f"{command('abort', rollout, lab)}  # go back")
    return Explanation(text=text, commands=tuple(dict.fromkeys(commands)), broken=True)


def _with_obstacles(rollout: Rollout, found: Explanation) -> Explanation:
    """Add what stands around to an explanation."""
    if not rollout.obstacles:
        return found
    text = " ".join((found.text, *(each.text for each in rollout.obstacles)))
    commands = (*found.commands, *(_kubectl(rollout, each.remedy) for each in rollout.obstacles))
    return replace(found, text=text, commands=tuple(dict.fromkeys(commands)))


def _kubectl(rollout: Rollout, arguments: str) -> str:
    return f"kubectl -n {rollout.namespace} {arguments}"


def _aborted(rollout: Rollout, lab: LabContext) -> Explanation:
    progressing = rollout.condition("Progressing")
    message = progressing.message if progressing else rollout.message
    back = f"{wording.the_new(rollout)} was aborted, and every request goes to {wording.the_stable(rollout)}"
    judged = wording.culprit(rollout) if "analysis" in message.lower() else None
    if judged:
        analysis, metric = judged
        if metric.phase == "Error":
            return Explanation(
                text=f"{back}, because it could not be judged: {wording.unmeasured(metric, analysis)}",
                commands=(_look_at(rollout, lab, analysis, metric), *_ways_out(rollout, lab)),
                broken=True,
            )
        text = f"{back}, because {wording.verdict(metric, analysis)}"
    elif "timed out progressing" in message:
        text = f"{back}, because its Pods were not there in time. {wording.pods(rollout) or wording.sentence(message)}"
    elif ":" in message:
        text = f"{back}: {wording.sentence(message.partition(': ')[2])}"
    else:
        text = f"{back}: somebody aborted it by hand."
    return Explanation(text=text, commands=_ways_out(rollout, lab), broken=True)


def _look_at(rollout: Rollout, lab: LabContext, analysis: Analysis, metric: Metric) -> str:
    if wording.unreachable(metric):
        return f"lab open prometheus{lab.option}  # does it answer?"
    return f"{_kubectl(rollout, f'get analysisrun {analysis.name} -o yaml')}  # its query and what it found"


def _ways_out(rollout: Rollout, lab: LabContext) -> tuple[str, ...]:
    """List the ways on from an aborted version."""
    ways = [f"{_set_image(rollout, lab)}  # the mended version"]
    if back := _undo(rollout, lab):
        ways.append(f"{back}  # give it up for good")
    ways.append(f"{command('retry', rollout, lab)}  # the same version once more")
    return tuple(ways)


def _degraded(rollout: Rollout, lab: LabContext) -> Explanation:
    progressing = rollout.condition("Progressing")
    if progressing and progressing.reason == "ProgressDeadlineExceeded":
        detail = wording.pods(rollout) or wording.sentence(progressing.message)
        text = f"{wording.the_new(rollout)} was not there in time. {detail}"
        if len(rollout.replica_sets) == 1:
            text += " There is no version before it that could serve instead."
    else:
        text = wording.sentence(rollout.message or "the controller does not say why")
    look = f"{_kubectl(rollout, wording.look(rollout) or f'describe rollout {rollout.name}')}  # what the cluster says"
    commands = [f"{_set_image(rollout, lab)}  # a version that starts"]
    if not rollout.complete and (back := _undo(rollout, lab)):
        commands.append(f"{back}  # give it up for good")
    # Where the cluster refuses the Pods, another image would be refused as well.
    commands.insert(0 if rollout.newest and rollout.newest.failure else len(commands), look)
    return Explanation(text=text, commands=tuple(commands), broken=True)


def _paused(rollout: Rollout, lab: LabContext) -> Explanation:
    promote, abort = command("promote", rollout, lab), command("abort", rollout, lab)
    choice = (f"{promote}  # go on", f"{abort}  # go back")
    reasons = {each.reason for each in rollout.pauses}
    trouble = wording.trouble(rollout)
    if any("Inconclusive" in each for each in reasons):
        judged = wording.culprit(rollout, "Inconclusive")
        why = f": {wording.verdict(judged[1], judged[0])}" if judged else "."
        return Explanation(text=f"An analysis came to no verdict, so a person has to{why}", commands=choice)
    left = rollout.pause_left
    if left is not None:
        wait = f"in {left:.0f} s" if left >= 1 else "now"
        if rollout.strategy == "blueGreen":
            text = f"The preview is ready, and is promoted by itself {wait}; nothing is to be done.{trouble}"
        else:
            text = f"It pauses, and goes on by itself {wait}; nothing is to be done.{trouble}"
        return Explanation(text=text, commands=(f"{promote}  # do not wait", f"{abort}  # go back"), moves=True)
    if rollout.paused_by_hand and not reasons:
        # Without a new version there is nothing to abort.
        on = choice[:1] if rollout.complete or not rollout.stable else choice
        return Explanation(text="It was paused by hand, with spec.paused.", commands=on)
    if "BlueGreenPause" in reasons:
        text = f"{wording.the_new(rollout)} is ready as the preview; {wording.the_active(rollout)} gets the requests"
        return Explanation(text=f"{text} until it is promoted.{trouble}", commands=choice)
    share = "" if rollout.weight is None else f", with {rollout.weight} % of the requests at the new version,"
    headers = [each.text for each in rollout.steps[: rollout.step_index] if each.kind == "setHeaderRoute"]
    if share and headers:
        share = f"{share} besides those of {' and '.join(dict.fromkeys(headers))},"
    return Explanation(text=f"It pauses{share} until somebody promotes or aborts it.{trouble}", commands=choice)


def _healthy(rollout: Rollout, lab: LabContext) -> Explanation:
    if not rollout.desired:
        scale = _kubectl(rollout, f"scale rollout {rollout.name} --replicas=1")
        return Explanation(
            text="It is scaled to 0 replicas: nothing is under way, and nobody answers a request.",
            commands=(f"make up{lab.suffix}" if rollout.by_stack else scale,),
            moves=True,
        )
    return Explanation(
        text=f"{wording.the_new(rollout)} gets every request, and nothing is under way.",
        commands=(f"{_set_image(rollout, lab)}  # roll a new version out",),
        moves=True,
    )


def _progressing(rollout: Rollout, lab: LabContext) -> Explanation:
    watch = command("watch", rollout, lab)
    if stopped := _waiting_for_others(rollout, lab):
        return stopped
    running = [each for each in rollout.own_analyses if each.phase in {"Pending", "Running"}]
    if waiting := wording.pods(rollout):
        text = f"{waiting} Nothing is to be done."
    elif held := wording.held_up(rollout):
        pod = next((each.name for each in rollout.waiting_pods if each.hash == rollout.stable), "")
        look = _kubectl(rollout, f"describe pod {pod}" if pod else "get pods")
        return Explanation(text=held, commands=(look, watch))
    elif running:
        text = f"The analysis {running[0].name} runs; it goes on, or back, by itself.{wording.trouble(rollout)}"
        if failing := wording.unanswered(running):
            return Explanation(text=text, commands=(_look_at(rollout, lab, *failing), watch))
    elif rollout.step and rollout.step.kind == "experiment":
        text = "The experiment of this step runs; it goes on, or back, by itself."
        look = f"{_kubectl(rollout, 'get experiments')}  # its phase and its message"
        return Explanation(text=text, commands=(watch, look), moves=True)
    elif rollout.strategy == "canary" and not rollout.complete:
        text = f"It is on its way through its steps: {rollout.message or 'the next one comes'}. Nothing is to be done."
    else:
        text = f"It is on its way: {rollout.message or 'the next state comes'}. Nothing is to be done."
    return Explanation(text=text, commands=(watch,), moves=True)


def _waiting_for_others(rollout: Rollout, lab: LabContext) -> Explanation | None:
    """Explain a wait that only a person or the cluster can end."""
    if rollout.restart and rollout.message == "rollout is restarting":
        cancel = f"""patch rollout {rollout.name} --type=merge --patch='{{"spec":{{"restartAt":null}}}}'"""
        return Explanation(
            text=f"It restarts its Pods at {rollout.restart:%Y-%m-%d %H:%M:%S} UTC (spec.restartAt), and not before.",
            commands=(f"{_kubectl(rollout, cancel)}  # do not restart",),
        )
    if not (look := wording.look(rollout)):
        return None
    commands = [_kubectl(rollout, look)]
    if not rollout.complete:
        commands.append(f"{command('abort', rollout, lab)}  # go back")
    return Explanation(text=wording.pods(rollout), commands=tuple(commands))


def _set_image(rollout: Rollout, lab: LabContext) -> str:
    if not rollout.containers and rollout.template_of.startswith("deployments.apps/"):
        # The template is in a Deployment, which the plugin does not change.
        return _kubectl(rollout, f"set image deployment/{rollout.template_of.partition('/')[2]} *=IMAGE")
    container = rollout.containers[0].name if rollout.containers else "CONTAINER"
    return command("set-image", rollout, lab, f"{container}=IMAGE")


def _undo(rollout: Rollout, lab: LabContext) -> str:
    """Return the command that goes back to the stable version; empty when the newest is the stable one."""
    stable = rollout.stable_set
    if stable is None or rollout.stable == rollout.current:
        return ""
    # Without a revision it is the one before the newest that is taken, which may have been given up as well.
    return command("undo", rollout, lab, "" if stable == rollout.former else f"--to-revision {stable.revision}")
