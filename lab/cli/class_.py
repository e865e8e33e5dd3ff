"""`lab class`: a lab for each student of a class, from one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from lab.cli import class_run, class_tables
from lab.cli.console import console, print_json
from lab.cli.export import export
from lab.cli.options import Json, Yes  # noqa: TC001 - Typer reads the types at run time
from lab.cli.reap import reap
from lab.core import paths
from lab.core.errors import LabError

if TYPE_CHECKING:
    from lab.services.classes.executor import Outcome
    from lab.services.classes.plan import Plan, Selection, StackRecord
    from lab.services.classes.roster import Roster

app = typer.Typer(
    help="A lab for each student of a class, from one file. Begin with `lab class init`, then `lab class plan`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
app.command()(export)
app.command()(reap)

ClassFile = Annotated[
    Path,
    typer.Argument(help="The class: a YAML file, or a CSV file of students with the columns id, name, mail."),
]
Only = Annotated[list[str] | None, typer.Option("--only", help="Only this student's id; may be given several times.")]
OnlyPlatform = Annotated[bool, typer.Option("--platform", help="Only the cluster that the class shares.")]
Again = Annotated[bool, typer.Option("--again", help="Also stacks that are up to date.")]
Removed = Annotated[bool, typer.Option("--removed", help="Also students who are no longer in the file.")]
Parallel = Annotated[
    int, typer.Option("--parallel", "-p", min=0, help="Students at a time; 0 for as many as this machine has room for.")
]
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
def plan(file: ClassFile = _FILE, only: Only = None, *, again: Again = False, as_json: Json = False) -> None:
    """Show what `lab class up` would do, in which order, why, and what it costs. Nothing is changed."""
    from lab.services.classes import price

    roster, decided = _planned(file, _selection(only, again=again))
    if as_json:
        print_json(
            [
                {"stack": each.stack, "student": each.student, "verb": each.verb.value, "reason": each.reason}
                for each in decided.actions
            ]
        )
        return
    console.print(class_tables.plan_table(decided, roster))
    console.print(price.sentence(roster, price.estimate(roster)), highlight=False)


@app.command()
def preview(
    file: ClassFile = _FILE, only: Only = None, parallel: Parallel = 0, *, platform: OnlyPlatform = False
) -> None:
    """Preview `lab class up` for every resource, in a log for each student. Nothing is changed."""
    roster, decided = _planned(file, _selection(only, again=True, platform=platform))
    outcome = _run(roster, decided, parallel, preview=True)
    class_run.report(outcome, f"lab class preview {file}")
    _say(f"What would be done is in {paths.class_dir()}/stacks/*/log/preview.log")


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
    """Bring the class up: the shared cluster, one canary student, then everyone else in parallel.

    Run it again to resume after a failure, or after the file has changed.
    """
    from lab.services.classes import price

    roster, decided = _planned(file, _selection(only, again=again, platform=platform))
    console.print(class_tables.plan_table(decided, roster))
    cost = price.estimate(roster)
    console.print(price.sentence(roster, cost), highlight=False)
    price.hold(roster, cost)
    if decided.nothing_to_do:
        console.print("Nothing to do: the class stands as its file says. Look at it with: lab class status")
        return
    _confirm("Make it so?", yes=yes)
    class_run.report(_run(roster, decided, parallel), f"lab class up {file}")
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
    """Destroy the class: its students, then the cluster that they shared."""
    from lab.services.classes import plan as planning
    from lab.services.classes import validation, workspace

    roster = validation.read(file)
    selection = _selection(only, removed=removed, platform=platform)
    _require_shared(roster, selection)
    known = workspace.known_anywhere(roster, selection)
    _require_students(roster, known, only, removed=removed)
    decided = planning.down(roster, known, selection)
    console.print(class_tables.plan_table(decided, roster))
    if decided.nothing_to_do:
        console.print("Nothing to do: nothing of this class stands.")
        return
    _confirm("Take it away, with all that the students made?", yes=yes)
    class_run.report(_run(roster, decided, parallel), f"lab class down {file}")
    console.print("See that nothing is left with: lab class audit", highlight=False)


@app.command()
def status(file: ClassFile = _FILE, *, as_json: Json = False) -> None:
    """Show each student's lab: whether it is up, how many of its Pods are ready, what went wrong."""
    from lab.services.classes import status as looking

    rows = looking.look(_read(file))
    if as_json:
        print_json([each.as_json() for each in rows])
    else:
        console.print(class_tables.status_table(rows))
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

    roster = _read(file)
    typer.echo(handout.kubeconfig(roster, roster.find(student), hours=hours), nl=False)


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

    roster = _read(file)
    chosen = [roster.find(each) for each in only] if only else list(roster.students)
    written = handout.write(roster, chosen, output, hours=hours)
    _say(f"{written} folders are in {output}. They hold credentials: send each to its student alone.")


@app.command()
def extend(
    by: Annotated[str, typer.Argument(help="For how long from now, such as 12h, 7d or 2w.")],
    file: ClassFile = _FILE,
) -> None:
    """Extend a class. The new expiry counts from now and is never earlier than the current one."""
    from datetime import UTC, datetime

    from lab.services.classes import extension, workspace
    from lab.services.classes import plan as planning

    roster = _read(file)
    until = extension.until(roster.expires, by, datetime.now(tz=UTC))
    extension.write(file, until)
    known = workspace.known()
    for action in planning.up(_read(file), known, program="").actions:
        if action.config and action.stack in known:
            workspace.prepare(action)
    _say(f"Class {roster.classroom} lives until {until}: it is in {file}, and `lab class reap` knows it.")
    _say(f"Its tags follow with: lab class up {file}")


@app.command()
def audit(file: ClassFile = _FILE, *, as_json: Json = False) -> None:
    """Prove that nothing is left of a destroyed class: of the shared cluster, and of each student."""
    from dataclasses import asdict

    from lab.adapters.stack import Stack
    from lab.cli.audit import summarize
    from lab.cli.board import Progress
    from lab.services.audit import audit

    roster = _read(file)
    with Progress() as progress, progress.step("looking for what is left", usual=len(roster.stacks)):
        reports = [audit.examine(Stack(each)) for each in roster.stacks]
    if as_json:
        print_json([{**asdict(each), "clean": each.clean} for each in reports])
    else:
        summarize(reports, console)
    if not all(each.clean for each in reports):
        raise typer.Exit(1)


def _run(roster: Roster, plan: Plan, parallel: int, *, preview: bool = False) -> Outcome:
    """Execute a plan with the given parallelism, the class file's, or what this machine has room for."""
    from lab.cli.board import Progress
    from lab.services import lifecycle
    from lab.services.classes.executor import default_parallelism

    lifecycle.prepare(Progress())
    return class_run.execute(plan, parallel=parallel or roster.parallel or default_parallelism(), preview=preview)


def _read(file: Path) -> Roster:
    from lab.services.classes import validation

    return validation.read(file)


def _planned(file: Path, selection: Selection) -> tuple[Roster, Plan]:
    """Read the class and plan what is done for it.

    Raises:
        LabError: the file is wrong, or a name is taken.
    """
    from lab.services.classes import plan as planning
    from lab.services.classes import program, workspace

    roster = _read(file)
    _require_shared(roster, selection)
    for each in sorted(selection.only):
        roster.find(each)
    known = workspace.known()
    if problems := planning.taken(roster, known, workspace.others()):
        raise LabError(
            "\n".join(["names of this class are taken:", *(f"  {problem}" for problem in problems)]),
            "give the students other ids, or take the other stacks down first",
        )
    return roster, planning.up(roster, known, program.digest(), selection)


def _require_shared(roster: Roster, selection: Selection) -> None:
    """Refuse `--platform` for a class without a shared cluster, where "nothing to do" would mislead."""
    if selection.platform and not roster.shared:
        raise LabError(
            f"class {roster.classroom} shares no cluster: its tenancy is {roster.tenancy}", "leave --platform out"
        )


def _require_students(roster: Roster, known: dict[str, StackRecord], only: list[str] | None, *, removed: bool) -> None:
    """Refuse an id that is neither in the file nor of a removed student."""
    ids = {each.id for each in roster.students} | ({each.student for each in known.values()} if removed else set())
    for each in only or ():
        if each not in ids:
            roster.find(each)


def _selection(
    only: list[str] | None, *, again: bool = False, removed: bool = False, platform: bool = False
) -> Selection:
    from lab.services.classes.plan import Selection

    if only and platform:
        raise LabError("--only and --platform were both given", "give one: --only leaves the shared cluster alone")
    return Selection(only=frozenset(only or ()), again=again, removed=removed, platform=platform)


def _say(text: str) -> None:
    """Print a sentence with file names: without markup and line breaks, so that they can be copied."""
    console.print(Text(text), soft_wrap=True)


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not console.is_terminal:
        raise LabError("nobody is there to be asked", "say that you mean it: --yes")
    typer.confirm(question, abort=True)
