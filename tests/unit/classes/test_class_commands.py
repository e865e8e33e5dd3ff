"""`lab class` as people type it; what would touch a cluster only pretends."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import typer.main
import yaml
from typer.testing import CliRunner

from lab.cli import app, class_
from lab.cli import audit as audit_command
from lab.core import paths
from lab.core.errors import LabError
from lab.services.audit import audit
from lab.services.classes import handout, plan, validation, workspace
from lab.services.classes.executor import Outcome, StackResult
from lab.services.classes.plan import Plan, StackRecord, State, Verb
from lab.services.classes.reporter import Phase

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from lab.services.classes.roster import Roster

CLASS = """\
class: ws26
students:
  - {id: anna, name: Anna Kim}
  - {id: bo}
  - {id: cem}
"""


class Ran:
    """What would have been carried out."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.parallel: list[int] = []
        self.previews: list[bool] = []
        self.phase = Phase.DONE

    def __call__(self, _klass: Roster, decided: Plan, parallel: int, *, preview: bool = False) -> Outcome:
        self.plans.append(decided)
        self.parallel.append(parallel)
        self.previews.append(preview)
        results = [StackResult(action=each, phase=self.phase, error="") for each in decided.actions if each.acts]
        return Outcome(results=results, seconds=1.0)

    @property
    def acts(self) -> list[tuple[Verb, str]]:
        return [(each.verb, each.stack) for decided in self.plans for each in decided.actions if each.acts]


@pytest.fixture(autouse=True)
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ran:
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(class_.console, "_width", 80)
    monkeypatch.chdir(tmp_path)
    found = Ran()
    monkeypatch.setattr(class_, "_run", found)
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "class.yaml"
    found.write_text(CLASS, encoding="utf-8")
    return found


def type_(*words: str, answer: str = "") -> Result:
    return CliRunner().invoke(app.app, ["class", *words], input=answer)


def says(*words: str) -> str:
    """What a command that ends well prints."""
    result = type_(*words)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def refusal(*words: str) -> LabError:
    result = type_(*words)
    assert isinstance(result.exception, LabError), result.output
    return result.exception


def stands(*stacks: str, state: State = State.STANDS, classroom: str = "ws26") -> None:
    """Leave what a run leaves."""
    chosen = validation.read(paths.home().parent / "class.yaml")
    digests = {each.stack: each.digest for each in plan.up(chosen, {}, commands_program()).actions}
    for stack in stacks:
        paths.class_workspace(stack).mkdir(parents=True)
        student = stack.removeprefix("student-") if stack.startswith("student-") else ""
        entry = StackRecord(
            stack=stack, classroom=classroom, student=student, state=state, digest=digests.get(stack, "")
        )
        workspace.save(entry)


def commands_program() -> str:
    from lab.services.classes import program

    return program.digest()


# --- help ---

COMMANDS = typer.main.get_command(class_.app).commands  # type: ignore[attr-defined]


def test_the_help_says_where_to_begin_and_what_each_command_is_for() -> None:
    text = " ".join(re.sub(r"[│╭╮╰╯─]", " ", says("--help")).split())

    assert "Begin with lab class init, then lab class plan" in text
    assert [name for name in COMMANDS if name not in text] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_every_option_is_explained(name: str) -> None:
    command = COMMANDS[name]
    silent = [each.name for each in command.params if each.name != "help" and not getattr(each, "help", "")]

    assert re.match(r"[A-Z][^\n]+\.$", command.help.strip().split("\n\n")[0].replace("\n", " "))
    assert silent == []
    assert says(name, "--help")


def test_without_a_command_there_is_the_help() -> None:
    assert "Begin with" in type_().output


# --- init ---


def test_a_class_file_to_begin_with_is_a_class(tmp_path: Path) -> None:
    out = says("init")
    found = validation.read(tmp_path / "class.yaml")

    assert out == "Wrote class.yaml. Put your students into it, then: lab class plan class.yaml\n"
    assert (found.classroom, [each.id for each in found.students], found.shared) == ("ws26", ["anna", "ben"], True)
    assert "create" in says("plan")


def test_what_the_example_proposes_in_comments_is_accepted_too(tmp_path: Path) -> None:
    says("init", "--name", "kurs-1")
    file = tmp_path / "class.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("# expires:", "expires:"), encoding="utf-8")

    assert (validation.read(file).classroom, validation.read(file).expires) == ("kurs-1", "2026-12-24T18:00Z")


def test_a_file_that_is_there_is_left_as_it_is(file: Path) -> None:
    error = refusal("init")

    assert error.message == "class.yaml is there already"
    assert "name another file" in error.remedy
    assert file.read_text(encoding="utf-8") == CLASS


def test_a_file_can_be_in_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    says("init", "classes/ws27.yaml", "--name", "ws27")

    assert validation.read(tmp_path / "classes" / "ws27.yaml").classroom == "ws27"


@pytest.mark.parametrize("name", ["WS 26", "", "x" * 21, "on", "a: b", "'", "학급"])
def test_a_name_that_can_be_no_class_leaves_no_file(tmp_path: Path, name: str) -> None:
    error = refusal("init", "--name", name)

    assert "class" in error.message
    assert "--name" in error.remedy
    assert not (tmp_path / "class.yaml").exists()


def test_a_table_of_students_is_no_place_for_an_example(tmp_path: Path) -> None:
    error = refusal("init", "students.csv")

    assert "students.csv" in error.message
    assert not (tmp_path / "students.csv").exists()


# --- what every command refuses ---

READERS = [
    ("plan",),
    ("preview",),
    ("up", "--yes"),
    ("down", "--yes"),
    ("status",),
    ("handout",),
    ("audit",),
    ("kubeconfig", "anna"),
    ("extend", "7d"),
]


@pytest.mark.parametrize("words", READERS, ids=[words[0] for words in READERS])
def test_a_class_file_that_is_not_there_is_named_with_the_command_that_writes_one(
    ran: Ran, words: tuple[str, ...]
) -> None:
    error = refusal(*words)

    assert (error.message, error.remedy) == ("there is no class file class.yaml", "write one: lab class init")
    assert ran.plans == []


@pytest.mark.parametrize("words", READERS, ids=[words[0] for words in READERS])
def test_a_class_file_with_a_mistake_is_refused_with_its_line(ran: Ran, file: Path, words: tuple[str, ...]) -> None:
    file.write_text(CLASS.replace("id: bo", "id: Bo"), encoding="utf-8")

    assert 'class.yaml:4: students.1.id: found "Bo"' in refusal(*words).message
    assert ran.plans == []


ONLY = [
    ("plan", "--only", "zoe"),
    ("preview", "--only", "zoe"),
    ("up", "--yes", "--only", "anna", "--only", "zoe"),
    ("down", "--yes", "--only", "zoe"),
    ("down", "--yes", "--removed", "--only", "zoe"),
    ("handout", "--only", "zoe"),
    ("kubeconfig", "zoe"),
]


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("words", ONLY, ids=[" ".join(words) for words in ONLY])
def test_an_unknown_student_is_refused_with_those_that_there_are(ran: Ran, words: tuple[str, ...]) -> None:
    error = refusal(*words)

    assert error.message == "zoe is not in the class ws26"
    assert error.remedy == "name one of: anna, bo, cem"
    assert ran.plans == []


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("verb", ["up", "down", "preview"])
def test_a_student_and_the_cluster_are_not_asked_for_together(ran: Ran, verb: str) -> None:
    error = refusal(verb, "--only", "anna", "--platform")

    assert error.message == "--only and --platform were both given"
    assert ran.plans == []


@pytest.mark.parametrize("verb", ["up", "down", "preview"])
def test_the_cluster_of_a_class_that_shares_none_is_not_asked_for(ran: Ran, file: Path, verb: str) -> None:
    file.write_text(f"tenancy: cluster\n{CLASS}", encoding="utf-8")

    assert "class ws26 shares no cluster" in refusal(verb, "--platform").message
    assert ran.plans == []


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("verb", ["up", "down"])
def test_nothing_is_done_where_nobody_can_be_asked_and_nobody_has_said_yes(ran: Ran, verb: str) -> None:
    if verb == "down":
        stands("student-anna")
    error = refusal(verb)

    assert (error.message, error.remedy) == ("nobody is there to be asked", "say that you mean it: --yes")
    assert ran.plans == []


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize(("answer", "runs"), [("y\n", 1), ("n\n", 0), ("\n", 0), ("", 0)])
def test_on_a_terminal_people_are_asked(ran: Ran, monkeypatch: pytest.MonkeyPatch, answer: str, runs: int) -> None:
    monkeypatch.setattr(class_.console, "_force_terminal", True)
    result = type_("up", answer=answer)

    assert "Make it so?" in result.output
    assert len(ran.plans) == runs
    assert (result.exit_code == 0) == bool(runs)


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("verb", ["plan", "up", "preview"])
def test_names_that_are_taken_are_refused_together(ran: Ran, verb: str) -> None:
    stands("student-anna", classroom="ws25")
    others = paths.state_dir() / ".pulumi" / "stacks" / "istio-lab"
    others.mkdir(parents=True)
    (others / "student-bo.json").touch()

    assert refusal(verb).message.splitlines() == [
        "names of this class are taken:",
        "  stack student-anna is of class ws25 already",
        "  stack student-bo is no class stack already",
    ]
    assert ran.plans == []


# --- plan, up, preview, down ---


@pytest.mark.usefixtures("file")
def test_a_plan_says_what_would_be_done_why_and_what_it_costs(ran: Ran) -> None:
    stands("ws26-platform", "student-bo")
    out = says("plan")
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in out.splitlines() if "│" in line]

    assert max(len(line) for line in out.splitlines()) <= 80
    assert out.startswith("class ws26: 3 students, tenancy namespace")
    assert rows == [
        ["student-anna", "1. create", "it is new"],
        ["student-cem", "1. create", "it is new"],
        ["ws26-platform", "keep", "it stands as it is to be"],
        ["student-bo", "keep", "it stands as it is to be"],
    ]
    assert "It costs nothing: no part of it stands on Azure." in out
    assert ran.plans == []


@pytest.mark.usefixtures("file")
def test_programs_get_the_plan_as_json() -> None:
    stands("student-bo")
    found = {
        each["stack"]: (each["student"], each["verb"], each["reason"]) for each in json.loads(says("plan", "--json"))
    }

    assert found["ws26-platform"] == ("", "create", "it is new")
    assert found["student-bo"] == ("bo", "keep", "it stands as it is to be")


@pytest.mark.usefixtures("file")
def test_up_does_what_the_plan_says_and_then_says_what_to_look_at(ran: Ran) -> None:
    out = says("up", "--yes", "--parallel", "7")

    assert ran.acts == [(Verb.CREATE, name) for name in ("ws26-platform", "student-anna", "student-bo", "student-cem")]
    assert (ran.parallel, ran.previews) == ([7], [False])
    assert "4 of 4 done" in out
    assert "Look at it with: lab class status" in out


@pytest.mark.usefixtures("file")
def test_up_for_some_leaves_the_cluster_and_the_others_alone(ran: Ran) -> None:
    says("up", "--yes", "--only", "cem", "--only", "anna")

    assert [stack for _, stack in ran.acts] == ["student-anna", "student-cem"]


@pytest.mark.usefixtures("file")
def test_the_yes_can_be_in_the_environment(ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTIO_LAB_YES", "1")
    says("up", "--platform")

    assert ran.acts == [(Verb.CREATE, "ws26-platform")]


@pytest.mark.usefixtures("file")
def test_a_class_that_stands_has_nothing_to_do_and_nobody_is_asked(ran: Ran) -> None:
    stands("ws26-platform", "student-anna", "student-bo", "student-cem")

    assert "Nothing to do: the class stands as its file says." in says("up")
    assert ran.plans == []
    says("up", "--again", "--yes")
    assert len(ran.acts) == 4


@pytest.mark.usefixtures("file")
def test_a_run_that_did_not_end_well_ends_the_command_with_what_goes_on(ran: Ran) -> None:
    ran.phase = Phase.FAILED
    error = refusal("up", "--yes")

    assert error.message.startswith("4 of 4 did not end well:")
    assert error.remedy == "run it again to go on: lab class up class.yaml"


def test_a_class_that_may_cost_too_much_is_not_begun(ran: Ran, file: Path) -> None:
    azure = {"target": "azure", "azure": {"location": "eastus", "allowedRanges": ["203.0.113.0/24"]}}
    whole = {**yaml.safe_load(CLASS), "platform": azure, "budget": {"maxPerHour": 0.01}}
    file.write_text(yaml.safe_dump(whole), encoding="utf-8")

    assert "budget.maxPerHour of class ws26 is 0.01" in refusal("up", "--yes").message
    assert ran.plans == []


@pytest.mark.usefixtures("file")
def test_a_preview_looks_at_all_and_says_where_it_is_written(ran: Ran) -> None:
    stands("ws26-platform", "student-anna", "student-bo", "student-cem")
    out = says("preview")

    assert len(ran.acts) == 4
    assert ran.previews == [True]
    assert f"{paths.class_dir()}/stacks/*/log/preview.log" in out


def test_down_takes_what_stands_and_also_who_was_removed_if_that_is_said(ran: Ran, file: Path) -> None:
    stands("ws26-platform", "student-anna", "student-bo")
    file.write_text(CLASS.replace("  - {id: bo}\n", ""), encoding="utf-8")
    says("down", "--yes")
    first = ran.acts
    ran.plans.clear()
    out = says("down", "--yes", "--removed")

    assert first == [(Verb.DESTROY, "student-anna")]
    assert ran.acts[0] == (Verb.DESTROY, "ws26-platform")
    assert {stack for _, stack in ran.acts} == {"ws26-platform", "student-anna", "student-bo"}
    assert "See that nothing is left with: lab class audit" in out


@pytest.mark.usefixtures("file")
def test_down_of_nothing_is_nothing(ran: Ran) -> None:
    assert "Nothing to do: nothing of this class stands." in says("down")
    assert ran.plans == []


# --- the others ---


@pytest.mark.usefixtures("file")
def test_a_status_that_is_not_well_is_an_exit_code_too() -> None:
    result, as_json = type_("status"), type_("status", "--json")

    assert (result.exit_code, as_json.exit_code) == (1, 1)
    assert "not begun" in result.output
    assert [each["student"] for each in json.loads(as_json.stdout)] == ["", "anna", "bo", "cem"]


@pytest.mark.usefixtures("file")
def test_a_kubeconfig_is_printed_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handout, "kubeconfig", lambda _, student, *, hours: f"[red]{student.id} {hours}\n")

    assert says("kubeconfig", "bo", "--hours", "3") == "[red]bo 3\n"


@pytest.mark.usefixtures("file")
def test_a_handout_is_for_all_or_for_those_who_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[list[str], str]] = []

    def write(_: Roster, students: list[Any], folder: Path, **_options: object) -> int:
        asked.append(([each.id for each in students], str(folder)))
        return len(students)

    monkeypatch.setattr(handout, "write", write)
    out = says("handout", "--output", "[red]")
    says("handout", "--only", "cem")

    assert asked == [(["anna", "bo", "cem"], "[red]"), (["cem"], "handouts")]
    assert out.startswith("3 folders are in [red].")


def test_an_extension_is_in_the_file_and_in_the_stacks_that_stand(file: Path) -> None:
    stands("student-anna")
    out = says("extend", "2w")
    until = validation.read(file).expires
    anna = yaml.safe_load((paths.class_workspace("student-anna") / "Pulumi.student-anna.yaml").read_text())

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\dZ", until)
    assert f"Class ws26 lives until {until}" in out
    assert anna["config"]["istio-lab:expires"] == until
    assert not paths.class_workspace("student-bo").exists()
    assert "lab class extend 7d" in refusal("extend", "tomorrow").remedy


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize(("clean", "code"), [(True, 0), (False, 1)])
def test_an_audit_looks_at_every_stack_and_is_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, *, clean: bool, code: int
) -> None:
    looked: list[str] = []
    told: list[int] = []

    class Report:
        def __init__(self, stack: str) -> None:
            looked.append(stack)
            self.clean = clean or stack != "student-bo"

    monkeypatch.setattr(audit, "examine", lambda stack: Report(stack.name))
    monkeypatch.setattr(audit_command, "summarize", lambda reports, _: told.append(len(reports)))

    assert type_("audit").exit_code == code
    assert looked == ["ws26-platform", "student-anna", "student-bo", "student-cem"]
    assert told == [4]
