"""Why a Rollout stands where it stands, and what to do next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.services.rollouts import names
from lab.services.rollouts.state import Phase

if TYPE_CHECKING:
    from lab.services.rollouts.state import Analysis, Metric, ReplicaSet, Rollout

NOT_KNOWN_TO_THE_STACK = "The stack's settings do not know of this version: a plain `pulumi up` leaves it alone."

_BAD = ("Failed", "Error")
_UNREACHABLE = re.compile(r"dial tcp|connection refused|no such host|deadline exceeded|timeout|EOF|unreachable|50[234]")
"""Of the messages of a measurement: nobody answered."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """What the commands that are told need to know of the lab.

    Attributes:
        option: what a `lab` command needs behind it to mean this stack.
        suffix: what a `make` command needs behind it to mean this stack.
        embedded: whether the controller is a process of this machine, not a Pod.
    """

    option: str = ""
    suffix: str = ""
    embedded: bool = True


@dataclass(frozen=True, kw_only=True)
class Controller:
    """What is known of the controller, when it does not do what it should.

    Attributes:
        found: whether its Deployment is there.
        ready: how many of its Pods are ready.
    """

    found: bool
    ready: int


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Why a Rollout stands where it stands.

    Attributes:
        text: a few sentences.
        commands: what can be done next, the likeliest first; each with a comment behind `#` where there are several.
        moves: whether it goes on by itself.
        broken: whether something is wrong.
    """

    text: str
    commands: tuple[str, ...] = ()
    moves: bool = False
    broken: bool = False


def explain(rollout: Rollout, place: Place, controller: Controller | None = None) -> Explanation:
    """Why it stands where it stands, and what to do next.

    Args:
        rollout: its state.
        place: the lab that it is in.
        controller: given when the controller has not seen something for longer than it needs.
    """
    if rollout.neglected:
        return _neglected(rollout, place, controller)
    if (invalid := rollout.condition("InvalidSpec")) and rollout.phase is Phase.DEGRADED:
        return Explanation(
            text=f"The controller refuses the Rollout: {_sentence(invalid.message)} It changes nothing until this is "
            "mended, in the settings of the stack that made it, or in the object itself.",
            commands=(f"make up{place.suffix}",),
            broken=True,
        )
    if rollout.aborted:
        return _aborted(rollout, place)
    by_phase = {
        Phase.DEGRADED: _degraded,
        Phase.PAUSED: _paused,
        Phase.HEALTHY: _healthy,
        Phase.PROGRESSING: _progressing,
    }
    return by_phase[rollout.phase](rollout, place)


def command(verb: str, rollout: Rollout, place: Place, more: str = "") -> str:
    """A `lab rollout` command for this very Rollout.

    Args:
        verb: such as `watch`.
        rollout: which one.
        place: the lab that it is in.
        more: behind the name.
    """
    told = f"lab rollout {verb} {rollout.name}{f' {more}' if more else ''}"
    return f"{told}{names.behind(rollout.name, rollout.namespace)}{place.option}"


def after(verb: str, rollout: Rollout, replica_set: ReplicaSet | None = None, image: str = "") -> str:
    """What happens once an action is done, in a sentence.

    Args:
        verb: `set-image`, `promote`, `promote --full`, `abort`, `undo` or `retry`.
        rollout: as it was before.
        replica_set: what an undo goes back to.
        image: what was set.
    """
    first = f"step 1 of {len(rollout.steps)} is {rollout.steps[0].text}" if rollout.steps else "it has no steps"
    trial = first
    if rollout.strategy == "blueGreen":
        trial = "its Pods get the preview, " + (
            "then it is promoted by itself" if rollout.auto_promotion else "and it waits to be promoted"
        )
    if verb == "undo":
        told = _named(replica_set, "the former revision")
        if replica_set and replica_set.hash == rollout.stable:
            return f"The Rollout goes back to {told} at once: it is the stable one and needs no trial."
        return f"The template of {told} is on its way as a new revision: {trial}."
    new = _the_new(rollout)
    return {
        "set-image": f"A new revision with {image} is on its way: {trial}.",
        "retry": f"{new} is tried once more: {trial}.",
        "abort": f"{new} is given up: every request goes to {_the_stable(rollout)} again.",
        "promote": _after_promotion(rollout),
        "promote --full": f"{new} gets every request; the steps, pauses and analyses that are left are skipped.",
    }[verb]


def _after_promotion(rollout: Rollout) -> str:
    if rollout.strategy == "blueGreen":
        return f"{_the_new(rollout)} becomes the active one."
    if not rollout.step:
        return f"{_the_new(rollout)} goes on."
    following = rollout.step_index + 1
    done = f"Step {following} of {len(rollout.steps)} ({rollout.step.text}) is over"
    if following == len(rollout.steps):
        return f"{done}, and it was the last one: {_the_new(rollout)} gets every request."
    return f"{done}; the next one is {rollout.steps[following].text}."


def _neglected(rollout: Rollout, place: Place, controller: Controller | None) -> Explanation:
    if controller is None:
        return Explanation(text="The controller is about to see the last change; this takes a moment.", moves=True)
    why = rollout.message if not rollout.noticed else "a pause that is over did not end"
    if place.embedded:
        return Explanation(
            text=f"The controller of Argo Rollouts does not work: {why}. On this target it is a process of this "
            "machine, which does not run.",
            commands=(f"make up{place.suffix}",),
            broken=True,
        )
    if not controller.found:
        state = f"its Deployment {names.CONTROLLER} is not there"
    elif not controller.ready:
        state = f"none of the Pods of its Deployment {names.CONTROLLER} is ready"
    else:
        state = f"its Deployment {names.CONTROLLER} is ready all the same, so its log has the reason"
    looks = "logs deployment/argo-rollouts --tail=30" if controller.ready else "describe pods"
    return Explanation(
        text=f"The controller of Argo Rollouts does not work: {why}; {state}.",
        commands=(f"make up{place.suffix}", f"kubectl -n {names.CONTROLLER} {looks}"),
        broken=True,
    )


def _aborted(rollout: Rollout, place: Place) -> Explanation:
    told = rollout.condition("Progressing")
    message = told.message if told else rollout.message
    back = f"{_the_new(rollout)} was aborted, and every request goes to {_the_stable(rollout)}"
    judged = _culprit(rollout) if "analysis" in message.lower() else None
    if judged:
        analysis, metric = judged
        if metric.phase == "Error":
            return Explanation(
                text=f"{back}, because it could not be judged: {_unmeasured(metric, analysis)}",
                commands=(f"lab open prometheus{place.option}  # does it answer?", *_ways_out(rollout, place)),
                broken=True,
            )
        text = f"{back}, because {_verdict(metric, analysis)}"
    elif "timed out progressing" in message:
        text = f"{back}, because its Pods were not there in time. {_pods(rollout) or _sentence(message)}"
    elif ":" in message:
        text = f"{back}: {_sentence(message.partition(': ')[2])}"
    else:
        text = f"{back}: somebody aborted it by hand."
    return Explanation(text=text, commands=_ways_out(rollout, place), broken=True)


def _ways_out(rollout: Rollout, place: Place) -> tuple[str, ...]:
    """From a version that was given up."""
    ways = [f"{_set_image(rollout, place)}  # the mended version"]
    if back := _undo(rollout, place):
        ways.append(f"{back}  # give it up for good")
    ways.append(f"{command('retry', rollout, place)}  # the same version once more")
    return tuple(ways)


def _degraded(rollout: Rollout, place: Place) -> Explanation:
    told = rollout.condition("Progressing")
    if told and told.reason == "ProgressDeadlineExceeded":
        text = f"{_the_new(rollout)} was not there in time. {_pods(rollout) or _sentence(told.message)}"
    else:
        text = _sentence(rollout.message or "the controller does not say why")
    commands = [f"{_set_image(rollout, place)}  # a version that starts"]
    if not rollout.complete and (back := _undo(rollout, place)):
        commands.append(f"{back}  # give it up for good")
    commands.append(f"kubectl -n {rollout.namespace} describe rollout {rollout.name}  # what the cluster says")
    return Explanation(text=text, commands=tuple(commands), broken=True)


def _paused(rollout: Rollout, place: Place) -> Explanation:
    promote, abort = command("promote", rollout, place), command("abort", rollout, place)
    choice = (f"{promote}  # go on", f"{abort}  # go back")
    reasons = {each.reason for each in rollout.pauses}
    trouble = _trouble(rollout)
    if any("Inconclusive" in each for each in reasons):
        judged = _culprit(rollout, "Inconclusive")
        why = f": {_verdict(judged[1], judged[0])}" if judged else "."
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
        return Explanation(text="It was paused by hand, with spec.paused.", commands=choice)
    if "BlueGreenPause" in reasons:
        text = f"{_the_new(rollout)} is ready as the preview; {_the_active(rollout)} gets the requests until it is "
        return Explanation(text=f"{text}promoted.{trouble}", commands=choice)
    share = "" if rollout.weight is None else f", with {rollout.weight} % of the requests at the new version,"
    return Explanation(text=f"It pauses{share} until somebody promotes or aborts it.{trouble}", commands=choice)


def _healthy(rollout: Rollout, place: Place) -> Explanation:
    return Explanation(
        text=f"{_the_new(rollout)} gets every request, and nothing is under way.",
        commands=(f"{_set_image(rollout, place)}  # roll a new version out",),
        moves=True,
    )


def _progressing(rollout: Rollout, place: Place) -> Explanation:
    look = (command("watch", rollout, place),)
    waiting = _pods(rollout)
    if waiting and _stuck(rollout):
        commands = [f"kubectl -n {rollout.namespace} describe pod {_stuck(rollout)}"]
        if not rollout.complete:
            commands.append(f"{command('abort', rollout, place)}  # go back")
        return Explanation(text=waiting, commands=tuple(commands))
    running = [each for each in rollout.own_analyses if each.phase in {"Pending", "Running"}]
    if waiting:
        text = f"{waiting} Nothing is to be done."
    elif running:
        text = f"The analysis {running[0].name} runs; it goes on, or back, by itself.{_trouble(rollout)}"
        if _unanswered(running):
            return Explanation(text=text, commands=(f"lab open prometheus{place.option}  # does it answer?", *look))
    elif rollout.strategy == "canary" and not rollout.complete:
        text = f"It is on its way through its steps: {rollout.message or 'the next one comes'}. Nothing is to be done."
    else:
        text = f"It is on its way: {rollout.message or 'the next state comes'}. Nothing is to be done."
    return Explanation(text=text, commands=look, moves=True)


def _stuck(rollout: Rollout) -> str:
    """A Pod of the wanted version that has a reason of its own for not being ready."""
    return next(
        (each.name for each in rollout.waiting_pods if each.hash == rollout.current and each.reason != "NotReady"), ""
    )


def _pods(rollout: Rollout) -> str:
    """What the Pods of the wanted version wait for; empty when they are all there."""
    newest = rollout.newest
    if newest is None:
        return ""
    if newest.failure:
        return f"The cluster refuses Pods of {_named(newest)}: {_sentence(newest.failure)}"
    pods = [each for each in rollout.waiting_pods if each.hash == rollout.current]
    if told := [each for each in pods if each.reason != "NotReady"]:
        first = told[0]
        message = f": {_sentence(first.message)}" if first.message else "."
        return f"{len(pods)} of {newest.desired} Pods do not become ready. {first.name}: {first.reason}{message}"
    if newest.ready < newest.desired:
        return f"{newest.ready} of {newest.desired} Pods of {_named(newest)} are ready; it waits for the others."
    if newest.available < newest.desired:
        return (
            f"The Pods of {_named(newest)} are ready, and must stay so for {rollout.min_ready_seconds} s "
            "(minReadySeconds) before they count."
        )
    return ""


def _culprit(rollout: Rollout, *phases: str) -> tuple[Analysis, Metric] | None:
    """The newest analysis of the wanted version that ended badly, and the metric that made it so."""
    wanted = phases or _BAD
    for analysis in rollout.own_analyses:
        for metric in analysis.metrics:
            if analysis.phase in wanted and metric.phase in wanted and not metric.dry_run:
                return analysis, metric
    return None


def _verdict(metric: Metric, analysis: Analysis) -> str:
    """What was measured against what was asked for."""
    measured = metric.successful + metric.failed + metric.inconclusive
    bad = metric.inconclusive if metric.phase == "Inconclusive" else metric.failed
    kind = "were inconclusive" if metric.phase == "Inconclusive" else "failed"
    allowed = f" ({metric.limit} may fail)" if metric.phase == "Failed" and metric.limit >= 0 else ""
    value = f"; the last value is {metric.value}" if metric.value else ""
    asked = f", it succeeds where {metric.success}" if metric.success else ""
    refused = f", it fails where {metric.failure}" if metric.failure else ""
    return (
        f"{bad} of {measured} measurements of the metric {metric.name} {kind}{allowed}{value}{asked}{refused} "
        f"(AnalysisRun {analysis.name})."
    )


def _unmeasured(metric: Metric, analysis: Analysis) -> str:
    """Why there is no value."""
    nobody = ""
    if metric.provider == "prometheus" and _UNREACHABLE.search(metric.message):
        nobody = (
            " Prometheus does not answer the controller; istio-lab:observability.prometheus.enabled switches it on."
        )
    message = _sentence(metric.message or analysis.message or "the provider does not say why")
    return f"the metric {metric.name} of AnalysisRun {analysis.name} could not be measured: {message}{nobody}"


def _unanswered(running: list[Analysis]) -> bool:
    return any(metric.errors and metric.phase == "Running" for each in running for metric in each.metrics)


def _trouble(rollout: Rollout) -> str:
    """What a running analysis has found so far that is not good, as a sentence behind others."""
    for analysis in rollout.own_analyses:
        for metric in analysis.metrics:
            if analysis.phase != "Running" or metric.dry_run:
                continue
            if metric.errors:
                return f" But {_unmeasured(metric, analysis)}"
            if metric.failed:
                return f" But {_verdict(metric, analysis)}"
    return ""


def _set_image(rollout: Rollout, place: Place) -> str:
    container = rollout.containers[0].name if rollout.containers else "CONTAINER"
    return command("set-image", rollout, place, f"{container}=IMAGE")


def _undo(rollout: Rollout, place: Place) -> str:
    """The command that goes back to the stable version; empty when there is none beside the wanted one."""
    stable = rollout.stable_set
    if stable is None or rollout.stable == rollout.current:
        return ""
    # Without a revision it is the one before the newest that is taken, which may have been given up as well.
    return command("undo", rollout, place, "" if stable == rollout.former else f"--to-revision {stable.revision}")


def _the_new(rollout: Rollout) -> str:
    told = _named(rollout.newest, "the new version")
    return told[0].upper() + told[1:]


def _the_stable(rollout: Rollout) -> str:
    return _named(rollout.stable_set, "the version before")


def _the_active(rollout: Rollout) -> str:
    return next((_named(each) for each in rollout.replica_sets if "active" in each.roles), "the version before")


def _named(replica_set: ReplicaSet | None, otherwise: str = "") -> str:
    if replica_set is None:
        return otherwise
    version = replica_set.version or ", ".join(replica_set.images)
    return f"revision {replica_set.revision}{f' ({version})' if version else ''}"


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
