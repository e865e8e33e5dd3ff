"""What a student can do, and cannot, with the kubeconfig of a handout: on a real API server, object by object."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lab import toolchain
from lab.adapters import kubectl, process
from lab.core.errors import LabError
from lab.platforms.embedded import control_plane
from lab.platforms.embedded.control_plane import ControlPlane
from lab.platforms.embedded.nodes import NodeSpec
from lab.platforms.embedded.ports import Ports
from lab.services.classes import handout
from lab.services.lessons import lessons
from lab.settings.students import COURSE
from lab.toolchain import artifacts
from tests.engine.api import Api, path
from tests.engine.attempts import changes, course, mesh, pods, rights, rollouts, services
from tests.engine.attempts.tried import pod
from tests.unit.components import support

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.engine.attempts.changes import Change
    from tests.engine.attempts.tried import Allowed, Object, Refused
    from tests.unit.recorder import Recorded, Recording

ATTEMPTS = [*pods.REFUSED, *rollouts.REFUSED, *services.REFUSED, *mesh.REFUSED, *rights.REFUSED]
STUDENTS = ("anna", "ben")
GUARDS = ("Namespace", "ResourceQuota", "LimitRange", "NetworkPolicy", "Sidecar", "ServiceAccount", "RoleBinding")
"""Kinds that the instructor's stack makes for a student, who may not."""

BEYOND = (*GUARDS, "Gateway")
LESSONS = {lesson.name: lesson for lesson in lessons.every()}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with the definitions of Istio and Argo Rollouts, as a class has it for its students."""
    folder = tmp_path_factory.mktemp("attempts") / "plane"
    made = ControlPlane(directory=folder, ports=Ports.allocate())
    try:
        made.create(NodeSpec(count=1, zones=1, cpu=16, memory="64Gi"))
    except LabError as error:
        if "Run `lab setup`" not in str(error):
            raise
        pytest.skip(f"the toolchain is not there: {error}")
    try:
        equip(made.kubeconfig)
        yield made
    finally:
        control_plane.remove(folder)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def instructor(plane: ControlPlane) -> Iterator[Api]:
    with closing(Api(plane.kubeconfig.read_text())) as api:
        yield api


@pytest.fixture(scope="module")
def anna(plane: ControlPlane) -> Iterator[Api]:
    """A student, with the kubeconfig that the handout has."""
    with closing(Api(kubeconfig_of("anna", plane.kubeconfig))) as api:
        # The API server compiles all policies before the last of them is in force.
        last = pod(finalizers=["example.org/never-removed"])
        wait(lambda: api.create(last).message != "")
        yield api


def equip(kubeconfig: Path) -> None:
    """Make what the stacks of a class and of two of its students make before the course."""
    istio = artifacts.path("istio-base") / "files" / "crd-all.gen.yaml"
    argo = [
        each
        for each in yaml.safe_load_all(artifacts.path("argo-rollouts.yaml").read_text())
        if each and each["kind"] == "CustomResourceDefinition"
    ]
    definitions = [*filter(None, yaml.safe_load_all(istio.read_text())), *argo]
    platform = support.main(stack="ws26-platform", student={"classroom": "ws26"})
    objects = [each for each in platform.kubernetes() if "ValidatingAdmission" in each.type or each.name == "rights"]
    for student in STUDENTS:
        # Custom objects can be counted half a minute after their definitions; the stack, too, makes that quota last.
        made = of_kinds(support.share(student), *GUARDS)
        objects += [each for each in made if each.inputs["metadata"]["name"] != "student-objects"]
    namespaces = [f"{student}-{course}" for student in STUDENTS for course in COURSE]
    with closing(Api(kubeconfig.read_text())) as instructor:
        for each in definitions:
            assert instructor.create(each, really=True).message == ""
        for new in map(whole, objects):
            # A definition is served a moment after it was made.
            wait(lambda new=new: instructor.create(new, really=True).message == "")  # type: ignore[misc]
        wait(lambda: all(quota_counts(instructor, namespace) for namespace in namespaces))


def quota_counts(instructor: Api, namespace: str) -> bool:
    """Whether the quota is in force: the controller-manager has counted, and has made the account of Pods."""
    status = instructor.get(f"/api/v1/namespaces/{namespace}/resourcequotas/student").body.get("status", {})
    account = instructor.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/default")
    return set(status.get("used", {})) == set(status.get("hard", {"": ""})) and account.message == ""


def wait(for_: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not for_():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)


def kubeconfig_of(student: str, administrators: Path) -> str:
    home = f"{student}-default"
    token = kubectl.run(administrators, "create", "token", "student", "-n", home).strip()
    cluster = yaml.safe_load(administrators.read_text())["clusters"][0]["cluster"]
    return handout.compose(cluster, student=student, namespace=home, token=token)


def whole(each: Recorded) -> Object:
    """An object as Pulumi would send it."""
    plain: Object = json.loads(json.dumps(each.inputs), parse_float=lambda text: _number(float(text)))
    return plain


def _number(value: float) -> float:
    """Protocol buffers know no whole numbers."""
    return int(value) if value.is_integer() else value


def of_kinds(recording: Recording, *kinds: str) -> list[Recorded]:
    return [each for each in recording.kubernetes() if each.inputs.get("kind") in kinds]


# --- refused ---


def test_there_are_enough_attempts_and_no_two_are_the_same() -> None:
    objects = [json.dumps(each.object, sort_keys=True) for each in ATTEMPTS]

    assert len(ATTEMPTS) >= 120
    assert len(set(objects)) == len(objects)
    assert len({each.name for each in ATTEMPTS}) == len(ATTEMPTS)


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: attempt.name)
def test_an_attempt_is_refused_with_the_reason(attempt: Refused, anna: Api) -> None:
    said = anna.create(attempt.object).message

    assert said != "", f"accepted: {attempt.object}"
    assert attempt.words in said


@pytest.fixture(scope="module")
def having(anna: Api) -> Api:
    """The student, who has made the objects that are to be changed."""
    for each in changes.STANDING:
        assert anna.create(each, really=True).message == ""
    return anna


@pytest.mark.parametrize("change", changes.REFUSED, ids=lambda change: change.name)
def test_a_change_or_a_request_is_refused_with_the_reason(change: Change, having: Api) -> None:
    said = having.ask(change.method, change.path, change.body).message

    assert said != "", f"accepted: {change}"
    assert change.words in said


# --- the course ---


@pytest.mark.parametrize("change", changes.GRANTED, ids=lambda change: change.name)
def test_what_stands_can_be_changed_as_the_course_asks(change: Change, having: Api) -> None:
    assert having.ask(change.method, change.path, change.body).message == ""


@pytest.mark.parametrize("asked", course.ALLOWED, ids=lambda asked: asked.name)
def test_what_the_notes_ask_a_student_to_make_is_accepted(asked: Allowed, anna: Api) -> None:
    assert anna.create(asked.object).message == ""


@pytest.mark.parametrize("name", LESSONS)
def test_every_object_of_every_lesson_is_accepted_from_student_and_instructor(
    name: str, anna: Api, instructor: Api
) -> None:
    settings: dict[str, Any] = {**LESSONS[name].settings}
    objects = [whole(each) for each in support.share(**settings).kubernetes()]
    course_objects = [each for each in objects if each["kind"] not in GUARDS]
    of_student = [each for each in course_objects if each["kind"] not in BEYOND]

    assert len(of_student) > 20
    assert [said for each in course_objects if (said := instructor.create(each).message)] == []
    assert [said for each in of_student if (said := anna.create(each).message)] == []


def test_every_pod_of_the_course_is_accepted_with_its_sidecar(anna: Api, injection: list[str]) -> None:
    share = support.share(rollouts={"delivery": {"strategy": "canary"}})
    workloads = [whole(each) for each in share.kubernetes() if "template" in each.inputs.get("spec", {})]
    pods_of = [as_pod(each) for each in workloads]

    given = process.run(injection, stdin=yaml.safe_dump_all(pods_of), timeout=60).stdout
    injected = [each for each in yaml.safe_load_all(given) if each]

    assert len(injected) == len(pods_of) > 6
    for each in injected:
        init = {found["name"]: found for found in each["spec"]["initContainers"]}["istio-init"]
        assert init["securityContext"]["capabilities"]["add"] == ["NET_ADMIN", "NET_RAW"]
        assert anna.create(each).message == ""


def as_pod(workload: Object) -> Object:
    """The Pod that a workload's controller would make."""
    template: dict[str, Any] = workload["spec"]["template"]
    metadata = {**template.get("metadata", {}), "name": "made", "namespace": workload["metadata"]["namespace"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


@pytest.fixture(scope="module")
def injection(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that puts the sidecar of the lab's mesh into Pods from its standard input."""
    folder = tmp_path_factory.mktemp("injection")
    values = folder / "values.yaml"
    values.write_text(json.dumps(support.values(support.main(), "istiod")))
    chart = [str(toolchain.path("helm")), "template", "istiod", str(artifacts.path("istiod")), "-n", "istio-system"]
    rendered = {
        each["metadata"]["name"]: each.get("data")
        for each in yaml.safe_load_all(process.run([*chart, "-f", str(values)]).stdout)
        if each and each["kind"] == "ConfigMap"
    }
    files = {
        "meshConfigFile": rendered["istio"]["mesh"],
        "injectConfigFile": rendered["istio-sidecar-injector"]["config"],
        "valuesFile": rendered["istio-sidecar-injector"]["values"],
    }
    # It looks for injectors of the cluster first.
    command = [str(toolchain.path("istioctl")), f"--kubeconfig={plane.kubeconfig}", "kube-inject", "-f", "-"]
    for option, text in files.items():
        (folder / option).write_text(text)
        command += [f"--{option}", str(folder / option)]
    return command


def test_a_controller_may_change_what_it_changes(having: Api, instructor: Api) -> None:
    """The weights of a route, the labels of subsets and the selector of a Service, and the token of a Pod."""
    route, rule, service = (each for each in changes.STANDING if each["kind"] not in ("Pod", "Rollout"))
    weights = [{"route": [{"destination": {"host": "reviews", "subset": name}, "weight": 50} for name in "ab"]}]
    subsets = [{"name": name, "labels": {"rollouts-pod-template-hash": name}} for name in "ab"]

    assert having.get(path(route, named=True)).message == ""
    for new, change in ((route, {"http": weights}), (rule, {"subsets": subsets}), (service, {"selector": {"a": "b"}})):
        assert instructor.patch(path(new, named=True), {"spec": change}).message == ""
