"""A class as a workflow of GitHub Actions: valid by GitHub's schema, in order, without a secret, for any number."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from lab.core.errors import LabError
from lab.core.paths import PROJECT
from lab.services.classes.export import command, github
from tests.unit.classroom import exported

if TYPE_CHECKING:
    from pathlib import Path

    from lab.services.classes.plan import Plan

OWN = (PROJECT / ".github" / "workflows" / "shop.yml").read_text(encoding="utf-8")
SCHEMA = ("--builtin-schema", "vendor.github-workflows")
PLANS = {"shared": exported.shared(), "clusters": exported.apart(), "many": exported.shared(300)}

plans = pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)


def text(plan: Plan, **options: Any) -> str:  # noqa: ANN401 - any option
    return github.workflow(plan, exported.github_options(**options))


def parsed(plan: Plan, **options: Any) -> dict[Any, Any]:  # noqa: ANN401 - any option
    found: dict[Any, Any] = yaml.safe_load(text(plan, **options))
    return found


def jobs(plan: Plan, **options: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401 - any option
    found: dict[str, dict[str, Any]] = parsed(plan, **options)["jobs"]
    return found


def commands(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def students(found: dict[str, dict[str, Any]]) -> list[list[str]]:
    """The ids of every matrix."""
    return [job["strategy"]["matrix"]["student"] for job in found.values() if "strategy" in job]


def check(file: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "check_jsonschema", *SCHEMA, str(file)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def runs(job: dict[str, Any], *, verb: str, results: dict[str, str]) -> bool:
    """Whether GitHub would run a job: its condition, with what is known put in."""
    condition = job["if"].removeprefix("${{ ").removesuffix(" }}")
    condition = condition.replace("!cancelled()", "True").replace("&&", "and").replace("||", "or")
    condition = condition.replace("inputs.verb", repr(verb))
    condition = re.sub(r"needs\.([\w-]+)\.result", lambda found: repr(results[found[1]]), condition)
    assert re.fullmatch(r"[\w\s'=!()-]+", condition)
    return bool(eval(condition))  # noqa: S307 - words, and what stands between them


def course(found: dict[str, dict[str, Any]], *, verb: str, failing: str = "") -> list[str]:
    """The jobs that run, in their order, when one of them fails."""
    results: dict[str, str] = {}
    for name, job in found.items():
        assert [each for each in job.get("needs", ()) if each not in results] == [], "a job needs a later one"
        # Without a condition on the state of others, a job needs all that it waits for.
        plain = "cancelled()" not in job.get("if", "") and any(
            results[each] != "success" for each in job.get("needs", ())
        )
        if plain or ("if" in job and not runs(job, verb=verb, results=results)):
            results[name] = "skipped"
        else:
            results[name] = "failure" if name == failing else "success"
    return [name for name, result in results.items() if result != "skipped"]


@pytest.mark.parametrize("name", ["shared", "clusters"])
def test_the_workflow_is_as_reviewed(name: str, request: pytest.FixtureRequest) -> None:
    assert exported.is_as_reviewed(text(PLANS[name]), f"github-{name}.yaml", request), (
        "meant so? pytest tests/unit --update-golden, then git diff"
    )


@plans
def test_the_workflow_is_valid_by_githubs_own_schema(plan: Plan, tmp_path: Path) -> None:
    file = tmp_path / "class.yml"
    file.write_text(text(plan), encoding="utf-8")
    result = check(file)

    assert result.returncode == 0, result.stdout


def test_the_schema_would_refuse_a_broken_workflow(tmp_path: Path) -> None:
    file = tmp_path / "class.yml"
    file.write_text(text(exported.shared()).replace("runs-on:", "runs-at:"), encoding="utf-8")

    assert check(file).returncode != 0


@plans
def test_every_student_has_one_job_and_one_stack_one_at_a_time(plan: Plan) -> None:
    found = jobs(plan)
    single = [found["canary"]["env"]["STUDENT"]] if "canary" in found else []
    groups = [job["concurrency"]["group"] for name, job in found.items() if name != "plan"]

    assert [*single, *chain(*students(found))] == [each.student for each in plan.actions if each.student]
    assert all(group.startswith(("stack-student-", "stack-ws26-platform")) for group in groups)
    assert {job["concurrency"]["cancel-in-progress"] for name, job in found.items() if name != "plan"} == {False}


@pytest.mark.parametrize(
    ("count", "sizes"), [(251, [250]), (252, [250, 1]), (300, [250, 49]), (3000, [250] * 11 + [249])]
)
def test_three_hundred_students_are_more_than_one_matrix(count: int, sizes: list[int]) -> None:
    found = jobs(exported.shared(count))

    assert [len(group) for group in students(found)] == sizes
    assert max(sizes) <= 256
    assert len(text(exported.shared(count)).encode()) < github.LONGEST_FILE


def test_no_more_are_worked_on_at_a_time_than_was_said() -> None:
    """Each matrix has its own limit, so one must come after the other."""
    found = jobs(exported.shared(600), parallel=7)

    assert [job["strategy"]["max-parallel"] for job in found.values() if "strategy" in job] == [7, 7, 7]
    assert "students-1" in found["students-2"]["needs"]
    assert "students-2" in found["students-3"]["needs"]


def test_up_goes_from_the_cluster_over_one_student_to_everybody() -> None:
    found = jobs(exported.shared(300))

    assert course(found, verb="up") == ["plan", "platform", "canary", "students-1", "students-2"]
    assert course(found, verb="preview") == course(found, verb="up")


def test_down_ends_with_the_cluster() -> None:
    assert course(jobs(exported.shared(300)), verb="down") == [
        "plan",
        "canary",
        "students-1",
        "students-2",
        "platform-down",
    ]


@pytest.mark.parametrize(
    ("verb", "failing", "runs_still"),
    [
        ("up", "plan", []),
        ("up", "platform", []),
        ("up", "canary", []),
        ("up", "students-1", ["students-2"]),
        ("down", "plan", []),
        ("down", "canary", ["students-1", "students-2"]),
        ("down", "students-1", ["students-2"]),
        ("down", "students-2", []),
    ],
)
def test_one_failure_stops_what_leans_on_it_and_nothing_else(verb: str, failing: str, runs_still: list[str]) -> None:
    done = course(jobs(exported.shared(300)), verb=verb, failing=failing)

    assert done[done.index(failing) + 1 :] == runs_still


def test_students_with_a_cluster_each_lean_on_nobody() -> None:
    found = jobs(exported.apart())

    assert list(found) == ["plan", "students-1"]
    assert course(found, verb="up") == course(found, verb="down") == ["plan", "students-1"]


def test_one_students_failure_cancels_nobody_elses_job() -> None:
    assert [job["strategy"]["fail-fast"] for job in jobs(PLANS["many"]).values() if "strategy" in job] == [False, False]


def test_a_job_works_on_one_stack() -> None:
    found = jobs(exported.shared())

    assert commands(found["plan"]) == [
        "pipelines/run tools",
        ".venv/bin/python -m lab class plan classes/ws26.yaml",
    ]
    prepared = ["pipelines/run tools", "pipelines/run login"]
    own = '.venv/bin/python -m lab class "$VERB" classes/ws26.yaml'
    assert commands(found["platform"]) == commands(found["platform-down"]) == [*prepared, f"{own} --platform"]
    assert commands(found["canary"]) == commands(found["students-1"]) == [*prepared, f'{own} --only "$STUDENT"']


@plans
def test_what_somebody_types_is_never_a_part_of_a_command(plan: Plan) -> None:
    assert [line for job in jobs(plan).values() for line in commands(job) if "${{" in line] == []


def test_it_is_begun_by_hand_and_only_looks_unless_it_is_told_otherwise() -> None:
    # YAML 1.1 reads the key `on` as true.
    begun = parsed(exported.shared())[True]

    assert list(begun) == ["workflow_dispatch"]
    assert begun["workflow_dispatch"]["inputs"]["verb"]["options"] == ["preview", "up", "down"]
    assert begun["workflow_dispatch"]["inputs"]["verb"]["default"] == "preview"


@plans
def test_a_job_may_do_no_more_than_it_must(plan: Plan) -> None:
    whole = parsed(plan)

    assert whole["permissions"] == {"contents": "read"}
    for name, job in whole["jobs"].items():
        assert job.get("permissions") == (None if name == "plan" else {"contents": "read", "id-token": "write"})


@plans
def test_no_secret_is_asked_for_or_written(plan: Plan) -> None:
    made = text(plan)

    assert re.findall(r"secrets\.|PASSWORD|CLIENT_SECRET|PRIVATE_TOKEN|PASSPHRASE", made) == []
    assert [word for word in ("Anna Kim", "anna@example.test", "Cem") if word in made] == []


def test_the_actions_are_those_of_the_repositorys_own_workflow() -> None:
    pattern = r"uses: (\S+@[0-9a-f]{40} # v\S+)$"
    own, made = (set(re.findall(pattern, each, re.MULTILINE)) for each in (OWN, text(exported.shared())))

    assert made == own != set()
    assert len(re.findall("uses:", text(exported.shared()))) == len(
        re.findall(pattern, text(exported.shared()), re.MULTILINE)
    )


def test_a_repository_without_its_workflow_is_told_how_to_get_it_back() -> None:
    with pytest.raises(LabError, match="no steps any more") as caught:
        github.preparation(OWN.replace("  deploy:", "  ship:"))

    assert caught.value.remedy == "git checkout .github/workflows/shop.yml"


def test_people_whose_id_is_a_word_of_yaml_stay_people() -> None:
    assert students(jobs(exported.apart())) == [["on", "dora"]]


def test_an_existing_cluster_needs_no_login_and_no_identity() -> None:
    plan = exported.shared(platform={"target": "kubeconfig", "kubeconfig": {"file": "/etc/lab", "context": "lab"}})
    found = parsed(plan, runner="lab-runner")

    assert "id-token" not in text(plan)
    assert "pipelines/run login" not in text(plan)
    assert "ISTIO_LAB_TARGET" not in found["env"]
    assert {job["runs-on"] for job in found["jobs"].values()} == {"lab-runner"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "file:///srv/state"}, "--backend: found the folder file:///srv/state"),
        ({"backend": 'azblob://state" }'}, "a workflow cannot name"),
        ({"secrets_provider": ""}, "a passphrase would have to be stored at GitHub"),
        ({"secrets_provider": "passphrase"}, "a passphrase would have to be stored at GitHub"),
        ({"class_file": "ws26.yaml; rm -rf ."}, "a workflow cannot name"),
        ({"class_file": "../ws26.yaml"}, "a workflow cannot name"),
        ({"class_file": "--help"}, "a workflow cannot name"),
        ({"runner": "ubuntu\n  evil: true"}, "a workflow cannot name"),
        ({"parallel": 0}, "--parallel: found 0"),
        ({"parallel": 257}, "--parallel: found 257"),
    ],
)
def test_what_cannot_work_there_is_refused_with_a_reason(options: dict[str, Any], message: str) -> None:
    with pytest.raises(LabError) as caught:
        text(exported.shared(), **options)

    assert message in caught.value.message


def test_what_would_stand_on_a_runner_is_refused() -> None:
    with pytest.raises(LabError, match=r"platform\.target: found embedded"):
        text(exported.shared(platform={}))


def test_a_file_that_github_would_not_run_is_refused() -> None:
    """With 5000 students, the most that a class has, the file is well below; a long address comes with each of them."""
    with pytest.raises(LabError, match="at most 500000"):
        text(exported.shared(5000), backend=f"azblob://{'s' * 400_000}")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a class file and the workflow that pins the actions."""
    monkeypatch.setattr(command.paths, "PROJECT", tmp_path)
    (tmp_path / "ws26.yaml").write_text(
        "class: ws26\n"
        "platform:\n"
        "  target: azure\n"
        "  azure: {location: koreacentral, entra: false, allowedRanges: [203.0.113.0/24]}\n"
        "students: [{id: anna}, {id: bo}, {id: cem}]\n"
    )
    return tmp_path


def export(project: Path, *words: str) -> None:
    """Run `lab class export` as it stands on the command line."""
    app = typer.Typer()
    app.command()(command.export)
    common = ("--backend", exported.BACKEND, "--secrets-provider", exported.KEY)
    result = CliRunner().invoke(app, [str(project / "ws26.yaml"), *common, *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def test_the_command_writes_a_workflow_and_writes_it_again(project: Path) -> None:
    file = project / ".github" / "workflows" / "class.yml"

    export(project, "--to", "github", "--output", str(file))
    export(project, "--to", "github", "--output", str(file), "--parallel", "3")

    assert 'lab class "$VERB" ws26.yaml --only' in file.read_text()
    assert "max-parallel: 3\n" in file.read_text()


def test_the_command_writes_the_files_of_the_operator(project: Path) -> None:
    where = ("--repository", "https://git.example.test/lab", "--image", "registry.example.test/lab:1")

    export(project, "--to", "operator", "--output", str(project / "out"), *where)

    assert sorted(each.name for each in (project / "out").iterdir()) == ["platform.yaml", "students.yaml"]


def test_the_command_writes_over_nothing_that_is_somebody_elses(project: Path) -> None:
    before = (project / "ws26.yaml").read_text()

    for place in (project / "ws26.yaml", project):
        with pytest.raises(LabError, match="was not made by lab class export"):
            export(project, "--to", "github", "--output", str(place))

    assert (project / "ws26.yaml").read_text() == before


def test_a_class_file_that_no_runner_would_find_is_refused(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command.paths, "PROJECT", tmp_path_factory.mktemp("elsewhere"))

    with pytest.raises(LabError, match="where no runner finds it"):
        export(project, "--to", "github", "--output", str(project / "out.yml"))
