"""A class, as an instructor runs it: killed, gone on with, handed out, taken down. Real engines and clusters."""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.engine import other_user
from tests.engine.laboratory import runs

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.engine.laboratory import Laboratory

STUDENTS = ("anna", "ben", "carl", "dora", "emil", "fay", "gus", "hana", "ines", "jon", "kim", "lea")
SHARES = "class.yaml"
PATIENCE = 120.0

ALLOWED = (
    ("get pods", "default"),
    ("delete pods", "shop"),
    ("get pods --subresource=log", "shop"),
    ("create pods --subresource=exec", "shop"),
    ("create pods --subresource=portforward", "tutorial"),
    ("create services", "default"),
    ("patch deployments.apps", "tutorial"),
    ("update deployments.apps --subresource=scale", "shop"),
    ("get secrets", "shop"),
    ("create configmaps", "default"),
    ("create horizontalpodautoscalers.autoscaling", "shop"),
    ("create virtualservices.networking.istio.io", "tutorial"),
    ("delete destinationrules.networking.istio.io", "shop"),
    ("create peerauthentications.security.istio.io", "shop"),
    ("create telemetries.telemetry.istio.io", "tutorial"),
    ("patch rollouts.argoproj.io", "default"),
    ("patch rollouts.argoproj.io --subresource=status", "default"),
    ("create analysistemplates.argoproj.io", "shop"),
    ("get resourcequotas", "shop"),
    ("get networkpolicies.networking.k8s.io", "shop"),
)
"""What the lessons need, each in the namespace that the notes do it in."""

FORBIDDEN_AT_HOME = (
    "create gateways.networking.istio.io",
    "create sidecars.networking.istio.io",
    "delete sidecars.networking.istio.io",
    "patch networkpolicies.networking.k8s.io",
    "delete resourcequotas",
    "patch limitranges",
    "create rolebindings.rbac.authorization.k8s.io",
    "patch roles.rbac.authorization.k8s.io",
    "delete namespaces",
    "impersonate serviceaccounts",
)
"""What reaches beyond a namespace, or widens it."""

FORBIDDEN_ELSEWHERE = (
    "get pods",
    "list secrets",
    "create pods",
    "get configmaps",
    "create virtualservices.networking.istio.io",
)
OF_THE_CLUSTER = (
    "list nodes",
    "list namespaces",
    "get persistentvolumes",
    "create clusterrolebindings",
    "list secrets -A",
)


def student_stack(student: str) -> str:
    return f"student-{student}"


@pytest.fixture(scope="module")
def school(laboratory: Laboratory) -> Iterator[Laboratory]:
    """A project with the file of a class of twelve who share a cluster."""
    rows = "\n".join(f"  - {{id: {student}, mail: {student}@example.org}}" for student in STUDENTS)
    (laboratory.project / SHARES).write_text(f"class: ws26\nparallel: 6\nstudents:\n{rows}\n", encoding="utf-8")
    yield laboratory
    laboratory.lab("class", "down", SHARES, "--yes", "--removed")


def wait(what: Callable[[], object], patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not what():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.2)


def states(school: Laboratory) -> dict[str, str]:
    """How the last run of each stack ended."""
    found = {}
    for file in (school.project / ".lab" / "class" / "stacks").glob("*/class.json"):
        with suppress(ValueError):
            found[file.parent.name] = json.loads(file.read_text())["state"]
    return found


def standing(school: Laboratory) -> set[str]:
    return {stack for stack, state in states(school).items() if state == "stands"}


def exported(school: Laboratory, stack: str) -> str:
    return school.other(stack).export()


def ids(school: Laboratory, stack: str) -> dict[str, str]:
    """What each resource of a stack is in the cluster."""
    return {each["urn"]: each.get("id", "") for each in json.loads(exported(school, stack))["deployment"]["resources"]}


def children(process: subprocess.Popen[str], *words: str) -> list[psutil.Process]:
    """What a command and its children have started, of which the command line has all these words or ends of words."""
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.Error):
            line = child.cmdline()
            if all(any(part.endswith(word) for part in line) for word in words):
                found.append(child)
    return found


def engines(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The updates that a command has under way."""
    return children(process, "/pulumi", "up", "--stack")


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=300)
    return process.returncode, output


def begin(school: Laboratory) -> subprocess.Popen[str]:
    return school.start("lab", "class", "up", SHARES, "--yes")


def test_a_bad_row_is_refused_before_anything_is_made(school: Laboratory) -> None:
    (school.project / "bad.yaml").write_text("class: ws26\nstudents:\n  - {id: anna}\n  - {id: anna}\n")

    refused = school.lab("class", "up", "bad.yaml", "--yes")

    assert refused.code == 1
    assert "bad.yaml:4" in refused.output
    assert "Traceback" not in refused.output
    assert not (school.project / ".lab" / "class" / "stacks").exists()


def test_a_killed_command_a_killed_engine_and_a_killed_provider_damage_nobody(school: Laboratory) -> None:
    command = begin(school)
    wait(lambda: student_stack("anna") in standing(school))
    wait(lambda: engines(command))
    time.sleep(4)  # in the middle of them
    command.kill()
    command.communicate()
    first = {stack: exported(school, stack) for stack in standing(school) if stack.startswith("student-")}
    assert student_stack("anna") in first, "the first goes alone, so it was done"

    again = begin(school)
    wait(lambda: len(standing(school)) > len(first) + 1)
    wait(lambda: engines(again))
    engine = engines(again)[0]
    unlucky = next(word for word in engine.cmdline() if word.startswith("student-"))
    engine.kill()
    wait(lambda: "was ended" in (school.project / ".lab" / "class" / "stacks" / unlucky / "class.json").read_text())
    wait(lambda: engines(again) and children(again, "pulumi-resource-kubernetes"))
    for provider in children(again, "pulumi-resource-kubernetes"):
        provider.kill()
    code, said = finished(again)
    assert code == 1
    assert f"{unlucky}: pulumi was ended by SIGKILL" in said
    assert "run it again to go on: lab class up class.yaml" in said
    before = {stack: exported(school, stack) for stack in standing(school) if stack.startswith("student-")}
    assert set(first) <= set(before)

    code, said = finished(begin(school))

    assert code == 0, said
    assert standing(school) == {"ws26-platform", *map(student_stack, STUDENTS)}
    assert {stack: exported(school, stack) for stack in before} == before, "whoever stood was left alone"
    for stack in map(student_stack, STUDENTS):
        state = json.loads(exported(school, stack))["deployment"]
        assert not state.get("pending_operations"), stack
        urns = [each["urn"] for each in state["resources"]]
        assert len(urns) == len(set(urns)), stack


def test_every_pod_of_every_student_is_ready(school: Laboratory) -> None:
    rows = json.loads(school.lab("class", "status", SHARES, "--json").succeeded().output)

    assert [row["student"] for row in rows] == ["", *STUDENTS]
    assert {row["state"] for row in rows} == {"stands"}
    assert {(row["ready"], row["pods"]) for row in rows[1:]} == {(27, 27)}


def test_another_user_of_the_machine_gets_nothing_out_of_a_class(school: Laboratory) -> None:
    other_user.require_root()

    assert other_user.intrusions(school) == []


def test_a_second_up_has_nothing_to_do_and_one_that_looks_again_changes_nothing(school: Laboratory) -> None:
    said = school.lab("class", "up", SHARES, "--yes").succeeded().output
    assert "Nothing to do" in said
    before = {stack: ids(school, stack) for stack in ("student-ben", "student-lea")}

    school.lab("class", "up", SHARES, "--yes", "--again", "--only", "ben", "--only", "lea").succeeded()

    log = (school.project / ".lab" / "class" / "stacks" / "student-lea" / "log" / "update.log").read_text()
    assert re.search(r"\d+ unchanged", log)
    assert not re.search(r"\d+ (created|updated|deleted|replaced)", log)
    assert {stack: ids(school, stack) for stack in before} == before


def test_pulumi_typed_by_hand_does_not_mean_a_student(school: Laboratory) -> None:
    unnamed = school.run(
        f". {school.project}/.lab/activate; cd {school.project}; pulumi stack --show-name || true"
    ).output
    assert "student-" not in unnamed
    elsewhere = school.other("student-anna").pulumi("preview")
    assert elsewhere.code != 0
    assert "is of a class" in elsewhere.output
    own = school.project / ".lab" / "class" / "stacks" / "student-anna"
    school.run(
        f". {school.project}/.lab/activate; cd {own}; pulumi preview --stack student-anna --expect-no-changes"
    ).succeeded()


def test_a_handout_is_for_its_student_alone_and_never_in_git(school: Laboratory, tmp_path: Path) -> None:
    school.lab(
        "class", "handout", SHARES, "--only", "anna", "--only", "ben", "--output", str(tmp_path / "out")
    ).succeeded()

    anna = tmp_path / "out" / "anna"
    assert (tmp_path / "out" / ".gitignore").read_text() == "*\n"
    for file in anna.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file
    page = (anna / "README.md").read_text()
    assert "-n anna-shop" in page
    assert "ben" not in page
    credentials = (anna / "kubeconfig").read_text()
    assert "client-key-data" not in credentials, "no administrator's certificate"
    assert "current-context: lab" in credentials


@pytest.fixture(scope="module")
def anna(school: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    """The project with a student's credentials instead of the administrator's."""
    file = tmp_path_factory.mktemp("anna") / "kubeconfig"
    file.write_text(school.lab("class", "kubeconfig", "anna", SHARES, "--hours", "1").succeeded().output)
    return school.with_environment(KUBECONFIG=str(file))


def can(student: Laboratory, question: str, namespace: str = "") -> bool:
    where = ("-n", namespace) if namespace else ()
    return student.kubectl("auth", "can-i", *question.split(), *where).output.strip().splitlines()[-1] == "yes"


def test_a_student_can_do_what_the_lessons_need_at_home(anna: Laboratory) -> None:
    assert [question for question, course in ALLOWED if not can(anna, question, f"anna-{course}")] == []


def test_a_student_can_do_nothing_elsewhere_and_nothing_that_reaches_beyond(anna: Laboratory) -> None:
    assert [question for question in FORBIDDEN_AT_HOME if can(anna, question, "anna-shop")] == []
    for namespace in ("ben-shop", "default", "istio-system", "kube-system", "argo-rollouts"):
        assert [question for question in FORBIDDEN_ELSEWHERE if can(anna, question, namespace)] == [], namespace
    assert [question for question in OF_THE_CLUSTER if can(anna, question)] == []


def test_a_students_requests_are_refused_by_the_server_too(anna: Laboratory) -> None:
    anna.kubectl("scale", "deployment", "order", "--replicas=1", "-n", "anna-shop").succeeded()
    anna.kubectl("scale", "deployment", "order", "--replicas=2", "-n", "anna-shop").succeeded()
    assert "Forbidden" in anna.kubectl("get", "pods", "-n", "ben-shop").output
    crowd = anna.kubectl("create", "service", "loadbalancer", "costly", "--tcp=80", "-n", "anna-shop")
    assert "a LoadBalancer costs money" in crowd.output


PRIVILEGED = """
apiVersion: v1
kind: Pod
metadata: {name: intruder, namespace: anna-shop}
spec:
  containers:
  - {name: shell, image: "busybox:1.37", securityContext: {privileged: true}}
"""


def test_a_student_cannot_leave_the_container(anna: Laboratory) -> None:
    refused = anna.kubectl("create", "-f", "-", stdin=PRIVILEGED)
    assert "a student's containers are not privileged" in refused.output

    hosts = PRIVILEGED.replace("  containers:", "  volumes: [{name: host, hostPath: {path: /}}]\n  containers:")
    refused = anna.kubectl("create", "-f", "-", stdin=hosts.replace("privileged: true", "privileged: false"))
    assert "no hostPath volumes" in refused.output

    harmless = PRIVILEGED.replace("privileged: true", "privileged: false")
    anna.kubectl("create", "-f", "-", stdin=harmless).succeeded()
    anna.kubectl("delete", "pod", "intruder", "-n", "anna-shop", "--wait=false").succeeded()


def test_a_student_who_left_the_file_stays_until_it_is_asked_for(school: Laboratory) -> None:
    file = school.project / SHARES
    whole = file.read_text()
    try:
        file.write_text("\n".join(line for line in whole.splitlines() if "id: lea" not in line) + "\n")
        planned = json.loads(school.lab("class", "plan", SHARES, "--json").succeeded().output)
        assert {row["stack"]: row["verb"] for row in planned}["student-lea"] == "keep"

        said = school.lab("class", "down", SHARES, "--only", "kim", "--yes").succeeded().output
        assert "student-lea" in said
        assert "student-kim" not in standing(school)
        assert {"student-lea", "ws26-platform", "student-anna"} <= standing(school)
        gone = school.with_environment(KUBECONFIG=str(school.other("ws26-platform").kubeconfig))
        namespaces = {each["metadata"]["name"] for each in gone.get("namespaces")["items"]}
        assert not [name for name in namespaces if name.startswith("kim-")]
        assert "lea-shop" in namespaces
    finally:
        file.write_text(whole)


def test_a_run_that_is_stopped_ends_in_order_and_can_be_gone_on_with(school: Laboratory) -> None:
    command = school.start("lab", "class", "up", SHARES, "--yes", "--again")
    wait(lambda: len(engines(command)) > 1)
    os.kill(command.pid, 2)
    code, said = finished(command)

    assert code == 1
    assert "stopping" in said
    assert "run it again to go on" in said
    assert "Traceback" not in said
    assert not [each for each in school.processes() if "pulumi" in each.name() and runs(each)]
    school.lab("class", "up", SHARES, "--yes").succeeded()
    assert standing(school) == {"ws26-platform", *map(student_stack, STUDENTS)}


def test_a_class_goes_down_whole_and_leaves_nothing(school: Laboratory) -> None:
    school.lab("class", "down", SHARES, "--yes").succeeded()

    assert states(school) == {"ws26-platform": "gone"}
    assert school.processes() == []
    school.lab("class", "audit", SHARES).succeeded()
    stacks = school.project / ".lab" / "state" / ".pulumi" / "stacks" / "istio-lab"
    assert [file.name for file in stacks.glob("*.json") if "student" in file.name or "ws26" in file.name] == []
    assert not list((school.project / ".lab" / "stacks").glob("ws26*"))


@pytest.mark.parametrize("number", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_students_with_a_cluster_each(school: Laboratory, number: int) -> None:
    students = STUDENTS[:number]
    rows = "\n".join(f"  - {{id: {student}}}" for student in students)
    own = school.project / "own.yaml"
    own.write_text(f"class: ws27\ntenancy: cluster\nparallel: 2\nstudents:\n{rows}\n", encoding="utf-8")
    try:
        school.lab("class", "up", "own.yaml", "--yes").succeeded()
        rows_found = json.loads(school.lab("class", "status", "own.yaml", "--json").succeeded().output)
        assert {row["state"] for row in rows_found} == {"stands"}
        assert {(row["ready"], row["pods"]) for row in rows_found} == {(44, 44)}
        assert "Nothing to do" in school.lab("class", "up", "own.yaml", "--yes").succeeded().output

        servers = set()
        for student in students:
            file = school.project / f"{student}.kubeconfig"
            file.write_text(school.lab("class", "kubeconfig", student, "own.yaml").succeeded().output)
            theirs = school.with_environment(KUBECONFIG=str(file))
            servers |= set(re.findall(r"server: (\S+)", file.read_text()))
            assert can(theirs, "create virtualservices.networking.istio.io", "tutorial")
            assert not can(theirs, "list nodes")
            assert not can(theirs, "get secrets", "istio-system")
        assert len(servers) == number
    finally:
        school.lab("class", "down", "own.yaml", "--yes").succeeded()
    assert school.processes() == []
    assert set(states(school).values()) == {"gone"}
    school.lab("class", "audit", "own.yaml").succeeded()
    planted = school.project / ".lab" / "stacks" / "student-ben" / "forgotten"
    planted.parent.mkdir(parents=True)
    planted.touch()
    found = school.lab("class", "audit", "own.yaml")
    assert found.code == 1
    assert "student-ben" in found.output
    planted.unlink()
    planted.parent.rmdir()
