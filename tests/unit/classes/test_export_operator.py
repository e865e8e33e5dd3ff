"""A class as Stacks of the Pulumi Kubernetes Operator: valid by its definition, in order, without a secret."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
import typer
import yaml
from typer.testing import CliRunner

from lab.cli import export as command
from lab.core.errors import LabError
from lab.services.classes.export import operator
from lab.services.classes.export.operator import LONGEST_NAME, OperatorOptions
from lab.services.classes.plan import Plan
from lab.services.classes.roster import Roster
from lab.settings import Settings
from tests.unit.classes import exported

SCHEMA = json.loads((Path(__file__).parent / "operator_stack.schema.json").read_text(encoding="utf-8"))
valid = fastjsonschema.compile(SCHEMA)

KUBECONFIG = {"target": "kubeconfig", "kubeconfig": {"file": "/etc/istio-lab/kubeconfig", "context": "lab"}}


def stacks(plan: Plan, **options: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401 - any option
    """The Stacks by their names, in the order in which they are written."""
    found = operator.stacks(plan, exported.operator_options(**options))
    return {each.name: yaml.safe_load(each.text) for each in found}


def whole(plan: Plan, **options: Any) -> str:  # noqa: ANN401 - any option
    return "".join(operator.files(operator.stacks(plan, exported.operator_options(**options))).values())


@pytest.mark.parametrize("name", ["platform", "students"])
def test_the_stacks_of_a_shared_cluster_are_as_reviewed(name: str, request: pytest.FixtureRequest) -> None:
    files = operator.files(operator.stacks(exported.shared(), exported.operator_options()))

    assert exported.is_as_reviewed(files[f"{name}.yaml"], f"operator-shared-{name}.yaml", request), (
        "meant so? pytest tests/unit --update-golden, then git diff"
    )


def test_the_stacks_of_two_clusters_are_as_reviewed(request: pytest.FixtureRequest) -> None:
    options = exported.operator_options(secrets_provider="", passphrase="lab-passphrase", workload_identity=True)  # noqa: S106 - a Secret's name
    files = operator.files(operator.stacks(exported.apart(), options))

    assert list(files) == ["students.yaml"]
    assert exported.is_as_reviewed(files["students.yaml"], "operator-clusters-students.yaml", request), (
        "meant so? pytest tests/unit --update-golden, then git diff"
    )


@pytest.mark.parametrize(
    ("plan", "options"),
    [
        (exported.shared(), {}),
        (exported.shared(), {"ref": "0" * 40, "secrets_provider": "", "passphrase": "lab-passphrase"}),
        (exported.shared(), {"credentials": ("lab-azure", "lab-git"), "workload_identity": True}),
        (exported.shared(platform=KUBECONFIG), {"kubeconfig": "lab-kubeconfig"}),
        (exported.apart(), {"credentials": ()}),
    ],
)
def test_every_stack_is_valid_by_the_operators_definition(plan: Plan, options: dict[str, Any]) -> None:
    for stack in stacks(plan, **options).values():
        valid(stack)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "retryOnConflict"), True),
        (("spec", "resyncFrequencySeconds"), "900"),
        (("spec", "workspaceReclaimPolicy"), "Keep"),
        (("spec", "envRefs"), {"PULUMI_CONFIG_PASSPHRASE": {"secret": {"name": "a", "key": "b"}}}),
        (("spec", "workspaceTemplate", "spec", "memory"), "1Gi"),
        (("metadata", "name"), "a" * 43),
        (("apiVersion",), "pulumi.com/v2"),
        (("spec", "commit"), "0" * 40),
    ],
)
def test_the_schema_would_refuse_a_broken_stack(path: tuple[str, ...], value: object) -> None:
    stack = stacks(exported.shared())["student-cem"]
    *parents, last = path
    inner = stack
    for key in parents:
        inner = inner[key]
    inner[last] = value

    with pytest.raises(fastjsonschema.JsonSchemaValueException):
        valid(stack)


def test_the_shared_cluster_comes_before_everybody_and_one_student_before_the_others() -> None:
    found = stacks(exported.shared())
    needs = {name: [each["name"] for each in stack["spec"].get("prerequisites", [])] for name, stack in found.items()}

    assert needs == {
        "ws26-platform": [],
        "student-anna-k": ["ws26-platform"],
        "student-bo": ["ws26-platform", "student-anna-k"],
        "student-cem": ["ws26-platform", "student-anna-k"],
    }
    assert list(found)[:2] == ["ws26-platform", "student-anna-k"]


def test_the_shared_cluster_must_have_succeeded_lately_and_the_first_student_at_all() -> None:
    cluster, first = stacks(exported.shared())["student-bo"]["spec"]["prerequisites"]

    assert cluster["requirement"] == {"succeededWithinDuration": "24h"}
    assert "requirement" not in first


def test_whoever_has_a_cluster_waits_for_nobody() -> None:
    assert [stack["spec"].get("prerequisites") for stack in stacks(exported.apart()).values()] == [None, None]


def test_a_stack_gets_the_settings_that_the_plan_has_for_it_with_their_types() -> None:
    plan = exported.shared()
    for action in plan.actions:
        config = stacks(plan)[action.stack]["spec"]["config"]
        own = {key.removeprefix("istio-lab:"): value for key, value in config.items()}

        assert all(key.startswith("istio-lab:") for key in config)
        assert own == action.config
        del own["expires"]  # a setting of the program elsewhere
        Settings.from_mapping(own, source=action.stack)


def test_labels_and_an_annotation_say_whose_it_is_and_until_when() -> None:
    found = {name: stack["metadata"] for name, stack in stacks(exported.shared()).items()}

    assert found["student-bo"]["labels"] == {"istio-lab/class": "ws26", "istio-lab/student": "bo"}
    assert found["ws26-platform"]["labels"] == {"istio-lab/class": "ws26"}
    assert {each["annotations"]["istio-lab/expires"] for each in found.values()} == {"2026-12-24"}
    assert "annotations" not in stacks(exported.apart())["student-on"]["metadata"]


def test_the_longest_names_fit() -> None:
    plan = exported.planned(
        **{"class": "c" * 20, "platform": exported.AZURE, "students": [{"id": "s" * 20}, {"id": "t"}, {"id": "u"}]}
    )

    assert max(len(name) for name in stacks(plan)) <= LONGEST_NAME


def test_what_a_stack_made_goes_with_it_and_its_pod_goes_when_the_work_is_done() -> None:
    for stack in stacks(exported.shared()).values():
        assert stack["spec"]["destroyOnFinalize"] is True
        assert stack["spec"]["workspaceReclaimPolicy"] == "Delete"


def test_a_branch_is_followed_and_a_commit_stays() -> None:
    branch, commit = (stacks(exported.shared(), ref=ref)["student-bo"]["spec"] for ref in ("main", "a" * 40))

    assert (branch["branch"], branch.get("commit")) == ("main", None)
    assert (commit["commit"], commit.get("branch")) == ("a" * 40, None)


def test_secrets_are_named_and_never_written() -> None:
    options = {"secrets_provider": "", "passphrase": "lab-passphrase", "credentials": ("lab-azure",)}
    for stack in stacks(exported.shared(), **options).values():
        spec = stack["spec"]

        assert {"secrets", "secretsRef", "accessTokenSecret"} & set(spec) == set()
        assert spec["envRefs"] == {
            "PULUMI_CONFIG_PASSPHRASE": {"type": "Secret", "secret": {"name": "lab-passphrase", "key": "passphrase"}}
        }
        assert spec["workspaceTemplate"]["spec"]["envFrom"] == [{"secretRef": {"name": "lab-azure"}}]
        assert "env" not in spec["workspaceTemplate"]["spec"]
        assert "Literal" not in yaml.safe_dump(spec)


def test_nobodys_name_and_address_leave_the_class_file() -> None:
    assert [word for word in ("Anna Kim", "anna@example.test", "Cem") if word in whole(exported.shared())] == []


def test_the_credentials_of_an_existing_cluster_go_to_its_own_stack_alone() -> None:
    found = stacks(exported.shared(platform=KUBECONFIG), kubeconfig="lab-kubeconfig")
    template = found["ws26-platform"]["spec"]["workspaceTemplate"]["spec"]["podTemplate"]["spec"]

    assert template["containers"][0]["volumeMounts"][0]["mountPath"] == "/etc/istio-lab"
    assert template["volumes"][0]["secret"]["secretName"] == "lab-kubeconfig"
    assert [name for name, stack in found.items() if "lab-kubeconfig" in yaml.safe_dump(stack)] == ["ws26-platform"]


def test_no_stack_leans_on_another_by_an_alias_of_yaml() -> None:
    assert re.findall(r"[&*]id\d+", whole(exported.shared())) == []


def test_the_same_class_is_written_the_same_each_time() -> None:
    assert whole(exported.shared()) == whole(exported.shared())


def test_a_class_of_three_thousand_is_written_too() -> None:
    found = operator.stacks(exported.shared(3000), exported.operator_options())

    assert len({each.name for each in found}) == 3001


@pytest.mark.parametrize(
    ("roster", "setting"),
    [
        ({"class": "ws26", "students": [{"id": "bo"}]}, "platform.target"),
        ({"class": "ws26", "platform": {"target": "embedded"}, "students": [{"id": "bo"}]}, "platform.target"),
        ({"class": "ws26", "tenancy": "cluster", "students": [{"id": "bo"}]}, "settings.target"),
    ],
)
def test_what_would_stand_inside_of_a_pod_is_refused(roster: dict[str, Any], setting: str) -> None:
    with pytest.raises(LabError, match=f"{setting}: found embedded") as caught:
        stacks(exported.planned(**roster))

    assert "allowed here: azure, kubeconfig" in caught.value.message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": ""}, "--backend: found ''"),
        ({"backend": "file:///srv/state"}, "--backend: found the folder file:///srv/state"),
        ({"backend": "~/state"}, "--backend: found the folder ~/state"),
        ({"backend": "https://me:hunter2@pulumi.example.test"}, "a password in it"),
        ({"repository": "https://me:hunter2@git.example.test/x"}, "a password in it"),
        ({"repository": ""}, "--repository and --ref"),
        ({"image": ""}, "--image is not given"),
        ({"secrets_provider": ""}, "one of --secrets-provider and --passphrase"),
        ({"passphrase": "lab-passphrase"}, "one of --secrets-provider and --passphrase"),
        ({"secrets_provider": "passphrase"}, "--secrets-provider: found 'passphrase'"),
        ({"secrets_provider": "", "passphrase": "correct horse battery"}, "--passphrase: found what is no name"),
        ({"credentials": ("ARM_CLIENT_SECRET=hunter2",)}, "--credentials: found what is no name"),
    ],
)
def test_what_cannot_work_there_is_refused_with_a_reason(options: dict[str, Any], message: str) -> None:
    with pytest.raises(LabError) as caught:
        stacks(exported.shared(), **options)

    assert message in caught.value.message
    assert caught.value.remedy or "no name" in message
    assert not [word for word in ("hunter2", "horse") if word in str(caught.value)], "a message is no place for it"


@pytest.mark.parametrize("entra", [True, "true", None])
def test_a_cluster_that_is_entered_with_a_persons_login_is_refused(entra: object) -> None:
    azure = {"location": "koreacentral", **({} if entra is None else {"entra": entra})}
    platform = {"target": "azure", "azure": azure}

    with pytest.raises(LabError, match=r"platform\.azure\.entra: found true"):
        stacks(exported.shared(platform=platform))


@pytest.mark.parametrize("file", ["", "~/.kube/config", "kubeconfig", "/kubeconfig"])
def test_a_kubeconfig_must_have_a_place_that_a_pod_can_give_it(file: str) -> None:
    platform = {"target": "kubeconfig", "kubeconfig": {"file": file, "context": "lab"}}

    with pytest.raises(LabError, match=r"kubeconfig\.file: found"):
        stacks(exported.shared(platform=platform), kubeconfig="lab-kubeconfig")


def test_a_kubeconfig_without_a_secret_is_refused() -> None:
    with pytest.raises(LabError, match="no Pod of the operator has your file"):
        stacks(exported.shared(platform=KUBECONFIG))


def test_a_class_without_students_is_refused() -> None:
    empty = Roster.model_validate({"class": "ws26", "tenancy": "cluster"}, by_alias=True, by_name=False)

    with pytest.raises(LabError, match="nobody is in the class ws26"):
        operator.stacks(Plan(classroom=empty.classroom, actions=()), exported.operator_options())


def test_options_have_a_place_for_no_secret() -> None:
    assert {name for name in OperatorOptions.__dataclass_fields__ if re.search("token|password|value", name)} == set()


@pytest.fixture
def class_file(tmp_path: Path) -> Path:
    file = tmp_path / "ws26.yaml"
    file.write_text(
        "class: ws26\n"
        "platform:\n"
        "  target: azure\n"
        "  azure: {location: koreacentral, entra: false, allowedRanges: [203.0.113.0/24]}\n"
        "students: [{id: anna}, {id: bo}, {id: cem}]\n"
    )
    return file


def export(class_file: Path, output: Path, *words: str) -> None:
    """Run `lab class export` as it is typed."""
    app = typer.Typer()
    app.command()(command.export)
    common = ("--backend", exported.BACKEND, "--secrets-provider", exported.KEY, "--output", str(output))
    common += ("--repository", "https://git.example.test/lab", "--image", "registry.example.test/lab:1")
    result = CliRunner().invoke(app, [str(class_file), *common, *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def test_the_command_writes_the_files_of_the_operator_and_writes_them_again(class_file: Path, tmp_path: Path) -> None:
    export(class_file, tmp_path / "out", "--to", "operator")
    export(class_file, tmp_path / "out", "--ref", "0" * 40)

    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == ["platform.yaml", "students.yaml"]
    assert f"commit: '{'0' * 40}'" in (tmp_path / "out" / "students.yaml").read_text()


def test_the_command_writes_over_nothing_that_is_somebody_elses(class_file: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "out" / "students.yaml"
    foreign.parent.mkdir()
    foreign.write_text("kind: List\n")

    for output in (foreign.parent, class_file):
        with pytest.raises(LabError, match="was not made by lab class export"):
            export(class_file, output)

    assert foreign.read_text() == "kind: List\n"
    assert class_file.read_text().startswith("class: ws26\n")
    assert not (tmp_path / "out" / "platform.yaml").exists()
