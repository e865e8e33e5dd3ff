"""`lab rollout status | watch | set-image | promote | abort | undo | retry`: a new version, step by step."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.live import Live

from lab.adapters.stack import Stack
from lab.cli import rollout_view
from lab.cli.console import console, print_json
from lab.cli.options import StackName  # noqa: TC001 - Typer looks at the types when it runs
from lab.core.errors import LabError
from lab.services.rollouts import actions, explain, reading, state
from lab.services.rollouts.state import Phase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.services.rollouts.explain import Explanation
    from lab.services.rollouts.state import Container, ReplicaSet, Rollout

app = typer.Typer(
    help="""How far a new version is, why it stands there, and what to do next: Argo Rollouts on this lab's cluster.

    `lab rollout status` explains, `lab rollout watch` follows; the others act as the kubectl plugin of Argo Rollouts
    does: `lab rollout set-image`, `promote`, `abort`, `undo`, `retry`.
    """,
    no_args_is_help=True,
)
_INTERVAL = 1.0
"""Seconds between two reads of the cluster."""

Name = Annotated[str, typer.Argument(help="Of the Rollout.")]
Namespace = Annotated[
    str, typer.Option("--namespace", "-n", help="Of the Rollout; the lab's own ones are found without.")
]


@app.command()
def status(
    name: Name = state.DEFAULT,
    stack: StackName = "dev",
    namespace: Namespace = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Show how far a Rollout is, why it stands there, and the next command.

    Ends with 1 when the Rollout is degraded or cannot go on, else with 0.

    For example: `lab rollout status`, or `lab rollout status delivery --json`.
    """
    target = Stack(stack)
    rollout, controller = reading.read_settled(target, namespace or state.namespace_of(name), name)
    explanation = explain.explain(rollout, reading.context(target), controller)
    if as_json:
        print_json(rollout_view.data(rollout, explanation))
    else:
        console.print(rollout_view.screen(rollout, explanation), highlight=False)
    sys.exit(_code(rollout, explanation))


@app.command()
def watch(
    name: Name = state.DEFAULT,
    stack: StackName = "dev",
    namespace: Namespace = "",
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to follow it at most; 0 for no end.")] = 3600,
) -> None:
    """Follow a Rollout until it is healthy or degraded, or until Ctrl-C.

    Without a terminal it is a line for each change. Ends as `lab rollout status` does; following changes nothing.

    For example: `lab rollout watch delivery --timeout 300`
    """
    seen: list[tuple[Rollout, Explanation]] = []
    states = _states(Stack(stack), namespace or state.namespace_of(name), name, timeout or float("inf"))
    try:
        (_follow_live if console.is_terminal else _follow_in_lines)(states, seen)
    except KeyboardInterrupt:
        if not seen:
            raise
    # What was seen last is the result, also where Ctrl-C ended it.
    rollout, explanation = seen[-1]
    if console.is_terminal:
        console.print(rollout_view.screen(rollout, explanation), highlight=False)
    elif explanation.moves or explanation.broken:  # what waits for a person was said when it began to
        _print_explanation(explanation)
    sys.exit(_code(rollout, explanation))


@app.command("set-image")
def set_image(
    words: Annotated[
        list[str], typer.Argument(metavar="[NAME] CONTAINER=IMAGE", help="Which Rollout, and its new version.")
    ],
    stack: StackName = "dev",
    namespace: Namespace = "",
) -> None:
    """Roll a new version out: give a container of a Rollout another image.

    For example: `lab rollout set-image rollouts-demo=argoproj/rollouts-demo:yellow`, or
    `lab rollout set-image delivery delivery=docker.io/me/delivery:v2`
    """
    name, given = (state.DEFAULT, words[0]) if len(words) == 1 else (words[0], words[-1])
    if len(words) > 2 or "=" not in given or "=" in name:  # noqa: PLR2004 - a name and what is set
        raise LabError(
            f'lab rollout set-image: found "{" ".join(words)}"',
            "allowed: a Rollout, which may be left out, and a container, =, its image: "
            "lab rollout set-image delivery delivery=docker.io/me/delivery:v2",
        )
    container, _, image = given.partition("=")
    _require_image(image)
    target, rollout = _find(stack, namespace, name)
    chosen = _container(rollout, container)
    if chosen.image == image:
        _print(f"{name} has {image} already; nothing is changed.")
        return
    actions.set_image(target, rollout, chosen, image)
    _tell(target, rollout, explain.after("set-image", rollout, image=image), explain.NOT_KNOWN_TO_THE_STACK)


@app.command()
def promote(
    name: Name = state.DEFAULT,
    stack: StackName = "dev",
    namespace: Namespace = "",
    *,
    full: Annotated[bool, typer.Option("--full", help="To the end: no more steps, pauses or analyses.")] = False,
) -> None:
    """End the pause or the step that a Rollout is in, or with `--full` all that are left.

    For example: `lab rollout promote`, or `lab rollout promote delivery --full`.
    """
    target, rollout = _find(stack, namespace, name)
    if rollout.complete and not rollout.paused_by_hand:
        raise _nothing(target, rollout, "promote")
    if rollout.aborted and not full:
        raise LabError(
            f"the newest version of {name} was aborted, so there is no pause to end",
            f"{_command('retry', target, rollout)}, or {_command('promote', target, rollout, '--full')}",
        )
    actions.promote(target, rollout, full=full)
    _tell(target, rollout, explain.after("promote --full" if full else "promote", rollout))


@app.command()
def abort(name: Name = state.DEFAULT, stack: StackName = "dev", namespace: Namespace = "") -> None:
    """Give the new version up: every request goes to the stable one again.

    For example: `lab rollout abort delivery`
    """
    target, rollout = _find(stack, namespace, name)
    if rollout.complete:
        raise _nothing(target, rollout, "abort")
    if rollout.aborted:
        raise LabError(f"the newest version of {name} was aborted already", _command("status", target, rollout))
    actions.abort(target, rollout)
    _tell(target, rollout, explain.after("abort", rollout))


@app.command()
def undo(
    name: Name = state.DEFAULT,
    stack: StackName = "dev",
    namespace: Namespace = "",
    to_revision: Annotated[int, typer.Option(min=0, help="Which one; 0 for the one before the newest.")] = 0,
) -> None:
    """Go back to the template of a former revision.

    For example: `lab rollout undo`, or `lab rollout undo delivery --to-revision 3`.
    """
    target, rollout = _find(stack, namespace, name)
    chosen = _revision(rollout, to_revision)
    if chosen == rollout.newest:
        _print(f"{name} has the template of revision {chosen.revision} already; nothing is changed.")
        return
    actions.undo(target, rollout, chosen)
    _tell(target, rollout, explain.after("undo", rollout, chosen), explain.NOT_KNOWN_TO_THE_STACK)


@app.command()
def retry(name: Name = state.DEFAULT, stack: StackName = "dev", namespace: Namespace = "") -> None:
    """Try a version that was aborted once more, from its first step.

    For example: `lab rollout retry delivery`
    """
    target, rollout = _find(stack, namespace, name)
    if not rollout.aborted:
        raise LabError(f"{name} was not aborted, so there is nothing to retry", _command("status", target, rollout))
    actions.retry(target, rollout)
    _tell(target, rollout, explain.after("retry", rollout))


def _states(stack: Stack, namespace: str, name: str, timeout: float) -> Iterator[tuple[Rollout, Explanation]]:
    """Yield the state and its explanation until the Rollout has ended or the time is up."""
    context = reading.context(stack)
    begin, neglected_since = time.monotonic(), float("inf")
    while True:
        rollout = reading.read(stack, namespace, name)
        now = time.monotonic()
        neglected_since = min(neglected_since, now) if rollout.neglected else float("inf")
        late = now - neglected_since >= reading.CONTROLLER_TIMEOUT
        explanation = explain.explain(rollout, context, reading.controller(stack) if late else None)
        yield rollout, explanation
        if _ended(rollout, explanation) or time.monotonic() - begin >= timeout:
            return
        time.sleep(_INTERVAL)


def _follow_live(states: Iterator[tuple[Rollout, Explanation]], seen: list[tuple[Rollout, Explanation]]) -> None:
    with Live(console=console, auto_refresh=False, transient=True) as live:
        for rollout, explanation in states:
            seen[:] = [(rollout, explanation)]
            live.update(rollout_view.screen(rollout, explanation), refresh=True)


def _follow_in_lines(states: Iterator[tuple[Rollout, Explanation]], seen: list[tuple[Rollout, Explanation]]) -> None:
    said, asked = "", False
    for rollout, explanation in states:
        seen[:] = [(rollout, explanation)]
        line = rollout_view.line(rollout)
        if line != said:
            _print(line)
            said, asked = line, False
        # A log in which nothing happens any more shall say for whom it waits.
        if not explanation.moves and not explanation.broken and not asked:
            _print_explanation(explanation)
            asked = True


def _ended(rollout: Rollout, explanation: Explanation) -> bool:
    return explanation.broken or rollout.phase in {Phase.HEALTHY, Phase.DEGRADED}


def _code(rollout: Rollout, explanation: Explanation) -> int:
    return 1 if explanation.broken or rollout.phase is Phase.DEGRADED else 0


def _print_explanation(explanation: Explanation) -> None:
    _print(explanation.text, *(f"  {each}" for each in explanation.commands))


def _print(*lines: str) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _find(stack: str, namespace: str, name: str) -> tuple[Stack, Rollout]:
    target = Stack(stack)
    return target, reading.read(target, namespace or state.namespace_of(name), name)


def _command(verb: str, stack: Stack, rollout: Rollout, more: str = "") -> str:
    return explain.command(verb, rollout, reading.context(stack), more)


def _tell(stack: Stack, rollout: Rollout, *sentences: str) -> None:
    _print(*sentences, f"Next  {_command('watch', stack, rollout)}")


def _nothing(stack: Stack, rollout: Rollout, verb: str) -> LabError:
    container = rollout.containers[0].name if rollout.containers else "CONTAINER"
    return LabError(
        f"no new version of {rollout.name} is on its way, so there is nothing to {verb}",
        _command("set-image", stack, rollout, f"{container}=IMAGE"),
    )


def _require_image(image: str) -> None:
    from pydantic import TypeAdapter, ValidationError

    from lab.settings.texts import IMAGE, Image

    try:
        TypeAdapter(Image).validate_python(image)
    except ValidationError as failure:
        raise LabError(f'lab rollout set-image: found the image "{image}"', f"allowed: {IMAGE.en}") from failure


def _container(rollout: Rollout, name: str) -> Container:
    found = next((each for each in rollout.containers if each.name == name), None)
    if found is None:
        has = ", ".join(each.name for each in rollout.containers)
        remedy = f"it has: {has}" if has else f"its Pods' template is in {rollout.template_of}: change it there"
        raise LabError(f'{rollout.name} has no container "{name}"', remedy)
    return found


def _revision(rollout: Rollout, wanted: int) -> ReplicaSet:
    found = next((each for each in rollout.replica_sets if each.revision == wanted), None) if wanted else rollout.former
    if found is None:
        kept = ", ".join(str(each.revision) for each in rollout.replica_sets) or "none"
        missing = f"revision {wanted}" if wanted else "revision before the newest one"
        raise LabError(f"{rollout.name} has no {missing}", f"its revisions that are kept: {kept}")
    return found
