"""`lab class`: a lab for each student of a class, from one file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from lab.cli.export import export
from lab.core.errors import LabError
from lab.services.classes.reap import reap

if TYPE_CHECKING:
    from lab.services.classes.plan import Known, Plan, Wish
    from lab.services.classes.roster import Roster
    from lab.services.classes.run import Outcome

app = typer.Typer(
    help="A lab for each student of a class, from one file. Begin with `lab class init`, then `lab class plan`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
app.command()(export)
app.command()(reap)
console = Console()

ClassFile = Annotated[
    Path,
    typer.Argument(help="The class: a YAML file, or a CSV file of students with the columns id, name, mail."),
]
Only = Annotated[
    list[str] | None, typer.Option("--only", help="A student's id and nothing else; may be given several times.")
]
OnlyPlatform = Annotated[bool, typer.Option("--platform", help="The cluster that the class shares, and no student.")]
Again = Annotated[bool, typer.Option("--again", help="Also what stands as it is to be.")]
Removed = Annotated[bool, typer.Option("--removed", help="Also students who are no longer in the file.")]
Parallel = Annotated[
    int, typer.Option("--parallel", "-p", min=0, help="Students at a time; 0 for what this machine has room for.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", envvar="ISTIO_LAB_YES", help="Do not ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
_FILE = Path("class.yaml")

_EXAMPLE = """\
# A class: who is in it, and what each student gets. Look at what would be done with: lab class plan
class: {name}

# namespace: one cluster that all share, many times cheaper. cluster: a whole lab for each.
tenancy: namespace

# The shared cluster's own settings, as in Pulumi.<stack>.yaml: target azure takes it to AKS.
platform:
  target: embedded

# Settings of every student's stack; a student may have others.
settings:
  shop:
    siege: {{enabled: true}}

# `lab class reap` takes away what is past this time; `lab class extend` moves it.
# expires: 2026-12-24T18:00Z

students:
  - {{id: anna, name: Anna Kim, mail: anna@example.org}}
  - {{id: ben, name: Ben Roth, mail: ben@example.org}}
"""


@app.command()
def init(
    file: ClassFile = _FILE,
    name: Annotated[str, typer.Option(help="Of the class: it is part of names.")] = "ws26",
) -> None:
    """Write a class file to begin with."""
    if file.exists():
        raise LabError(f"{file} is there already", "edit it, or name another file")
    if file.suffix.lower() == ".csv":
        raise LabError(f"{file} would be a table of students, and the example is a class", "lab class init class.yaml")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_EXAMPLE.format(name=name), encoding="utf-8")
    try:
        _read(file)
    except LabError as error:
        file.unlink()
        raise LabError(error.message, "give another name: lab class init --name ws26") from None
    _say(f"Wrote {file}. Put your students into it, then: lab class plan {file}")


@app.command()
def plan(file: ClassFile = _FILE, only: Only = None, *, again: Again = False, as_json: AsJson = False) -> None:
    """Show what `lab class up` would do, in which order, why, and what it costs. Nothing is touched."""
    from lab.services.classes import price

    klass, decided = _planned(file, _wish(only, again=again))
    if as_json:
        rows = [
            {"stack": each.stack, "student": each.student, "verb": each.verb.value, "reason": each.reason}
            for each in decided.actions
        ]
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    show(decided, klass)
    console.print(price.sentence(klass, price.estimate(klass)), highlight=False)


@app.command()
def preview(
    file: ClassFile = _FILE, only: Only = None, parallel: Parallel = 0, *, platform: OnlyPlatform = False
) -> None:
    """Have Pulumi say what `lab class up` would do to every resource, in each student's log, and do nothing."""
    klass, decided = _planned(file, _wish(only, again=True, platform=platform))
    outcome = _run(klass, decided, parallel, preview=True)
    report(outcome, f"lab class preview {file}")
    _say(f"What would be done is in {_logs()}/*/log/preview.log")


@app.command()
def up(  # noqa: PLR0913 - its options
    file: ClassFile = _FILE,
    only: Only = None,
    parallel: Parallel = 0,
    *,
    platform: OnlyPlatform = False,
    again: Again = False,
    yes: Yes = False,
) -> None:
    """Make the class stand: the shared cluster, one student to find out, then all others side by side.

    Run it again to go on where it stopped, or after the file has changed.
    """
    from lab.services.classes import price

    klass, decided = _planned(file, _wish(only, again=again, platform=platform))
    show(decided, klass)
    cost = price.estimate(klass)
    console.print(price.sentence(klass, cost), highlight=False)
    price.hold(klass, cost)
    if decided.nothing_to_do:
        console.print("Nothing to do: the class stands as its file says. Look at it with: lab class status")
        return
    _confirm("Make it so?", yes=yes)
    report(_run(klass, decided, parallel), f"lab class up {file}")
    console.print("Look at it with: lab class status", highlight=False)
    console.print("Hand it out with: lab class handout", highlight=False)


@app.command()
def down(  # noqa: PLR0913 - its options
    file: ClassFile = _FILE,
    only: Only = None,
    parallel: Parallel = 0,
    *,
    platform: OnlyPlatform = False,
    removed: Removed = False,
    yes: Yes = False,
) -> None:
    """Take the class away: its students, then the cluster that they shared."""
    from lab.services.classes import plan as planning
    from lab.services.classes import validation, workspace

    klass = validation.read(file)
    wish = _wish(only, removed=removed, platform=platform)
    _require_shared(klass, wish)
    known = workspace.known_anywhere(klass, wish)
    _require_students(klass, known, only, removed=removed)
    decided = planning.down(klass, known, wish)
    show(decided, klass)
    if decided.nothing_to_do:
        console.print("Nothing to do: nothing of this class stands.")
        return
    _confirm("Take it away, with all that the students made?", yes=yes)
    report(_run(klass, decided, parallel), f"lab class down {file}")
    console.print("See that nothing is left with: lab class audit", highlight=False)


@app.command()
def status(file: ClassFile = _FILE, *, as_json: AsJson = False) -> None:
    """Show each student's lab: whether it stands, how many of its Pods are ready, what went wrong."""
    from lab.services.classes import status as looking

    rows = looking.look(_read(file))
    if as_json:
        typer.echo(json.dumps([each.as_json() for each in rows], indent=2, ensure_ascii=False))
    else:
        console.print(looking.table(rows))
    if any(not each.well for each in rows):
        raise typer.Exit(1)


@app.command()
def kubeconfig(
    student: Annotated[str, typer.Argument(help="The student's id.")],
    file: ClassFile = _FILE,
    hours: Annotated[int, typer.Option(min=1, max=8760, help="How long it is good for.")] = 24 * 7,
) -> None:
    """Print a student's credentials: what the lessons need in the student's own namespaces, and nothing else."""
    from lab.services.classes import handout

    klass = _read(file)
    typer.echo(handout.kubeconfig(klass, klass.find(student), hours=hours), nl=False)


@app.command("handout")
def hand_out(
    file: ClassFile = _FILE,
    only: Only = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder for a folder of each student.")] = Path(
        "handouts"
    ),
    hours: Annotated[int, typer.Option(min=1, max=8760, help="How long the credentials are good for.")] = 24 * 7,
) -> None:
    """Write a folder for each student: credentials, addresses, passwords, first steps. Only you can read them."""
    from lab.services.classes import handout

    klass = _read(file)
    chosen = [klass.find(each) for each in only] if only else list(klass.students)
    written = handout.write(klass, chosen, output, hours=hours, console=console)
    _say(f"{written} folders are in {output}. They hold credentials: send each to its student alone.")


@app.command()
def extend(
    by: Annotated[str, typer.Argument(help="For how long from now, such as 12h, 7d or 2w.")],
    file: ClassFile = _FILE,
) -> None:
    """Let a class live on: its end is counted from now, and never comes sooner than it was to."""
    from datetime import UTC, datetime

    from lab.services.classes import extension, workspace
    from lab.services.classes import plan as planning

    klass = _read(file)
    until = extension.until(klass.expires, by, datetime.now(tz=UTC))
    extension.write(file, until)
    known = workspace.known()
    for action in planning.up(_read(file), known, program="").actions:
        if action.config and action.stack in known:
            workspace.prepare(action)
    _say(f"Class {klass.classroom} lives until {until}: it is in {file}, and `lab class reap` knows it.")
    _say(f"Its tags follow with: lab class up {file}")


@app.command()
def audit(file: ClassFile = _FILE, *, as_json: AsJson = False) -> None:
    """Prove that nothing is left of a class that was taken down: of the shared cluster, and of each student."""
    from dataclasses import asdict

    from lab.adapters.stack import Stack
    from lab.cli.audit import summarize
    from lab.cli.board import Progress
    from lab.services.audit import audit

    klass = _read(file)
    with Progress() as progress, progress.step("looking for what is left", usual=len(klass.stacks)):
        reports = [audit.examine(Stack(each)) for each in klass.stacks]
    if as_json:
        typer.echo(
            json.dumps([{**asdict(each), "clean": each.clean} for each in reports], indent=2, ensure_ascii=False)
        )
    else:
        summarize(reports, console)
    if not all(each.clean for each in reports):
        raise typer.Exit(1)


def show(decided: Plan, klass: Roster) -> None:
    """Print a plan."""
    table = Table(
        Column("stack", no_wrap=True),
        Column("what", no_wrap=True),
        Column("why", overflow="fold"),
        title=f"class {decided.classroom}: {len(klass.students)} students, tenancy {klass.tenancy}",
        title_justify="left",
    )
    for number, wave in enumerate(decided.waves):
        for action in wave:
            table.add_row(Text(action.stack), Text(f"{number + 1}. {action.verb}"), Text(action.reason))
    for action in decided.actions:
        if not action.acts:
            table.add_row(Text(action.stack), Text(action.verb), Text(action.reason), style="dim")
    console.print(table)


def report(outcome: Outcome, again: str) -> None:
    """Say how a run ended.

    Args:
        outcome: of the run.
        again: the command that goes on with it.

    Raises:
        LabError: something failed, or somebody stopped it.
    """
    done = len(outcome.ended) - len(outcome.failed)
    megabytes = outcome.memory / 2**20
    console.print(
        f"{done} of {len(outcome.ended)} done in {outcome.seconds:.1f} s, with at most {megabytes:.0f} MB.",
        highlight=False,
    )
    if not outcome.failed:
        return
    lines = "\n".join(f"  {each.action.stack}: {each.error}" for each in outcome.failed)
    what = (
        "it was stopped" if outcome.interrupted else f"{len(outcome.failed)} of {len(outcome.ended)} did not end well"
    )
    raise LabError(f"{what}:\n{lines}", f"run it again to go on: {again}")


def _run(klass: Roster, decided: Plan, parallel: int, *, preview: bool = False) -> Outcome:
    """Carry a plan out, with as many at a time as was asked for, as the file says, or as this machine has room for."""
    from lab.cli.board import Progress
    from lab.services import lifecycle
    from lab.services.classes.memory import room
    from lab.services.classes.run import Run

    lifecycle.prepare(Progress())
    return Run(decided, console, parallel=parallel or klass.parallel or room(), preview=preview).carry_out()


def _logs() -> Path:
    from lab.core import paths

    return paths.class_dir() / "stacks"


def _read(file: Path) -> Roster:
    from lab.services.classes import validation

    return validation.read(file)


def _planned(file: Path, wish: Wish) -> tuple[Roster, Plan]:
    """The class and what is to be done for it.

    Raises:
        LabError: the file is wrong, or a name is taken.
    """
    from lab.services.classes import plan as planning
    from lab.services.classes import program, workspace

    klass = _read(file)
    _require_shared(klass, wish)
    for each in sorted(wish.only):
        klass.find(each)
    known = workspace.known()
    if problems := planning.taken(klass, known, workspace.others()):
        raise LabError(
            "\n".join(["names of this class are taken:", *(f"  {problem}" for problem in problems)]),
            "give the students other ids, or take the other stacks down first",
        )
    return klass, planning.up(klass, known, program.digest(), wish)


def _require_shared(klass: Roster, wish: Wish) -> None:
    """Refuse to work on a shared cluster where everybody has one of their own: nothing to do would not be the truth."""
    if wish.platform and not klass.shared:
        raise LabError(
            f"class {klass.classroom} shares no cluster: its tenancy is {klass.tenancy}", "leave --platform out"
        )


def _require_students(klass: Roster, known: dict[str, Known], only: list[str] | None, *, removed: bool) -> None:
    """Refuse an id that is neither in the file nor of somebody who was."""
    ids = {each.id for each in klass.students} | ({each.student for each in known.values()} if removed else set())
    for each in only or ():
        if each not in ids:
            klass.find(each)


def _wish(only: list[str] | None, *, again: bool = False, removed: bool = False, platform: bool = False) -> Wish:
    from lab.services.classes.plan import Wish

    if only and platform:
        raise LabError("--only and --platform were both given", "give one: --only leaves the shared cluster alone")
    return Wish(only=frozenset(only or ()), again=again, removed=removed, platform=platform)


def _say(text: str) -> None:
    """Print a sentence that names files: as they are, and in one line, so that it can be copied."""
    console.print(Text(text), soft_wrap=True)


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not console.is_terminal:
        raise LabError("nobody is there to be asked", "say that you mean it: --yes")
    typer.confirm(question, abort=True)
