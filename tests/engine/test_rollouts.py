"""Rollouts on a lab that stands, with the real controller: the notes' exercises, and a stack that leaves them alone."""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.engine import student_rollouts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from tests.engine.laboratory import Laboratory
    from tests.engine.student_rollouts import Case

EXAMPLE, BLUE, GREEN = "example-rollout", "jinyoung/app:blue", "jinyoung/app:green"
STEPS = 8
PATIENCE = 400.0
"""Seconds; the notes' canary takes four minutes."""

MIDWAY = {"strategy": "canary", "version": "v2", "pause": "1h"}
"""A canary of the shop's delivery that stays where it is."""

HASH = "rollouts-pod-template-hash"


def settle(laboratory: Laboratory, **rollouts: object) -> None:
    """Give the stack these settings of rollouts, and no others."""
    file = laboratory.project / "Pulumi.dev.yaml"
    config = yaml.safe_load(file.read_text())
    config["config"]["istio-lab:rollouts"] = rollouts
    file.write_text(yaml.safe_dump(config))


def up(laboratory: Laboratory, *more: str) -> dict[str, str]:
    """Run `up`; what it did to what it did not leave as it was."""
    said = laboratory.pulumi("up", "--yes", "--skip-preview", "--json", *more).succeeded().output
    events = (json.loads(line) for line in said.splitlines() if line.startswith("{"))
    steps = (event["resOutputsEvent"]["metadata"] for event in events if "resOutputsEvent" in event)
    unchanged = {"same", "read", "refresh"}
    return {step["urn"].rsplit("::", 1)[-1]: step["op"] for step in steps if step["op"] not in unchanged}


def wait(what: Callable[[], bool], patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def rollout(laboratory: Laboratory, name: str = EXAMPLE, namespace: str = "default") -> dict[str, Any]:
    return laboratory.get("rollouts.argoproj.io", name, "-n", namespace)


def phase(laboratory: Laboratory, name: str = EXAMPLE, namespace: str = "default") -> str:
    """What the controller says of a Rollout; nothing while it has not seen the last change."""
    found = rollout(laboratory, name, namespace)
    status = found.get("status", {})
    seen = status.get("observedGeneration") == str(found["metadata"]["generation"])
    return str(status.get("phase", "")) if seen else ""


def replicas(laboratory: Laboratory) -> dict[str, int]:
    """How many Pods of the example there are, by image."""
    found = laboratory.get("replicasets", "-n", "default", "-l", "app=nginx")["items"]
    return {each["spec"]["template"]["spec"]["containers"][0]["image"]: each["spec"]["replicas"] for each in found}


def selected(laboratory: Laboratory, service: str, namespace: str = "default") -> str:
    found = laboratory.get("service", service, "-n", namespace)["spec"]["selector"]
    return str(found.get(HASH, ""))


def hash_of(laboratory: Laboratory, image: str) -> str:
    found = laboratory.get("replicasets", "-n", "default", "-l", "app=nginx")["items"]
    return next(
        each["metadata"]["labels"][HASH]
        for each in found
        if each["spec"]["template"]["spec"]["containers"][0]["image"] == image
    )


@dataclass
class Watched:
    """What was seen of the notes' canary at each of its pauses, by the number of the step."""

    pods: dict[int, dict[str, int]] = field(default_factory=dict)
    at: dict[int, float] = field(default_factory=dict)

    def until_the_end(self, laboratory: Laboratory) -> Watched:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            status = rollout(laboratory)["status"]
            step = status.get("currentStepIndex", 0)
            if status.get("pauseConditions") and step not in self.pods:
                self.pods[step], self.at[step] = replicas(laboratory), time.monotonic()
            if phase(laboratory) == "Healthy" and step == STEPS:
                return self
            time.sleep(0.5)
        raise AssertionError(f"the canary came only this far: {self}")


@pytest.fixture(scope="module")
def notes_canary(standing: Laboratory) -> Iterator[Future[Watched]]:
    """The notes' canary, under way. It takes four minutes, in which the stack is updated over and over."""
    wait(lambda: phase(standing) == "Healthy")
    standing.lab("rollout", "set-image", EXAMPLE, f"nginx={BLUE}").succeeded()
    with ThreadPoolExecutor() as beside:
        yield beside.submit(Watched().until_the_end, standing)


# The stack's routes of the shop's delivery, while a canary changes them.


@pytest.fixture(scope="module", autouse=True)
def _settings_stay(laboratory: Laboratory) -> Iterator[None]:
    """The canary that a lab is taken down in is in its settings, and the next module's lab is made by the same file."""
    settings = laboratory.project / "Pulumi.dev.yaml"
    before = settings.read_text()
    yield
    settings.write_text(before)


@pytest.fixture(scope="module")
def midway(standing: Laboratory, notes_canary: Future[Watched]) -> Laboratory:
    """A lab whose delivery stands at the first weight of a canary, while the notes' own one goes on beside."""
    del notes_canary
    settle(standing, delivery={**MIDWAY, "version": "v1"})
    standing.lab("up").succeeded()
    wait(lambda: phase(standing, "delivery", "shop") == "Healthy")
    settle(standing, delivery=MIDWAY)
    up(standing)
    wait(lambda: weights(standing) == [80, 20])
    return standing


def weights(laboratory: Laboratory) -> list[int]:
    """Of the route to delivery: the stable version's, the new one's."""
    [route] = laboratory.get("virtualservice", "delivery", "-n", "shop")["spec"]["http"]
    return [each["weight"] for each in route["route"]]


def hashes(laboratory: Laboratory) -> set[str]:
    subsets = laboratory.get("destinationrule", "delivery", "-n", "shop")["spec"]["subsets"]
    return {each["labels"].get(HASH, "") for each in subsets}


@contextlib.contextmanager
def edited(laboratory: Laboratory, file: str, *changes: tuple[str, str]) -> Iterator[None]:
    """The program with other words in it."""
    source = laboratory.project / file
    before = source.read_text()
    after = before
    for old, new in changes:
        assert old in after
        after = after.replace(old, new)
    try:
        source.write_text(after)
        yield
    finally:
        source.write_text(before)


PROGRESSIVE = "components/rollouts/progressive.py"
LABEL = ('"labels": {"app": self._args.app}}', '"labels": {"app": self._args.app, "checked": "yes"}}')


def test_an_update_in_the_middle_changes_nothing(midway: Laboratory) -> None:
    assert up(midway) == {}
    assert weights(midway) == [80, 20]


def test_an_update_that_looks_at_the_cluster_leaves_weights_and_hashes_alone(midway: Laboratory) -> None:
    before = hashes(midway)

    assert up(midway, "--refresh") == {}
    assert (weights(midway), hashes(midway)) == ([80, 20], before)
    assert "" not in before


@pytest.mark.parametrize("more", [(), ("--refresh",)], ids=["plain", "refresh"])
def test_another_label_is_put_on_the_routes_and_nothing_else_happens_to_them(
    midway: Laboratory, more: tuple[str, ...]
) -> None:
    before = hashes(midway)
    with edited(midway, PROGRESSIVE, LABEL):
        changed = up(midway, *more)
    labels = [
        midway.get(kind, "delivery", "-n", "shop")["metadata"]["labels"]
        for kind in ("virtualservice", "destinationrule")
    ]

    assert {"delivery-virtualservice", "delivery-destinationrule"} <= set(changed)
    assert all(each["checked"] == "yes" for each in labels)
    assert (weights(midway), hashes(midway)) == ([80, 20], before)
    assert up(midway)


def generations(laboratory: Laboratory) -> dict[str, int]:
    """Of the two rules: the API server counts the changes of a spec."""
    return {
        kind: laboratory.get(kind.lower(), "delivery", "-n", "shop")["metadata"]["generation"]
        for kind in ("VirtualService", "DestinationRule")
    }


@pytest.mark.parametrize(
    ("kind", "ignored"),
    [
        ("DestinationRule", "[]"),
        ("DestinationRule", '["spec.subsets[0].labels"]'),
        ("VirtualService", "[]"),
        ("VirtualService", '["spec.http[0].route[0].weight"]'),
    ],
)
def test_only_a_whole_field_can_be_left_to_the_controller(midway: Laboratory, kind: str, ignored: str) -> None:
    marked, before = hashes(midway), generations(midway)
    unprotected = ("ignore_changes=ignored", f'ignore_changes={ignored} if kind == "{kind}" else ignored')
    with edited(midway, PROGRESSIVE, LABEL, unprotected):
        up(midway)
    after = generations(midway)

    # What the controller wrote is written over, and the controller has to write it once more.
    assert {each for each in after if after[each] > before[each]} == {kind}
    wait(lambda: (weights(midway), hashes(midway)) == ([80, 20], marked))
    up(midway)


def test_routes_that_are_forced_in_the_middle_begin_anew(midway: Laboratory) -> None:
    before = hashes(midway)
    settle(midway, delivery={**MIDWAY, "routes": "applied"})
    changed = up(midway)
    settle(midway, delivery=MIDWAY)
    up(midway)

    assert {"delivery-virtualservice", "delivery-destinationrule"} <= set(changed)
    wait(lambda: (weights(midway), hashes(midway)) == ([80, 20], before))


def test_drift_names_what_the_controller_owns_and_what_somebody_changed(midway: Laboratory) -> None:
    midway.kubectl("annotate", "service", "delivery", "-n", "shop", "who=me").succeeded()
    said = midway.lab("drift", "--json")
    midway.kubectl("annotate", "service", "delivery", "-n", "shop", "who-").succeeded()

    found = json.loads(said.output[said.output.index("{\n") :])
    owned = {(each["manager"], path) for each in found["owned"] for path in each["fields"]}
    assert {("rollouts-controller", "spec.http"), ("rollouts-controller", "spec.subsets")} <= owned
    changed = {(each["kind"], each["namespace"], each["name"], each["field"]) for each in found["changed"]}
    assert ("Service", "shop", "delivery", "metadata.annotations.who") in changed
    assert all(each["manager"] != "rollouts-controller" for each in found["changed"])


# Rollouts as students write them.

STATUS = """
import functools, json, sys
from typer.testing import CliRunner
from lab.adapters import kubectl
from lab.cli.app import app
kubectl.run = functools.cache(kubectl.run)
for name, namespace in json.loads(sys.argv[1]):
    done = CliRunner().invoke(app, ["rollout", "status", name, "--namespace", namespace, "--json"])
    print(json.dumps([name, done.exit_code, json.loads(done.stdout) if done.stdout else repr(done.exception)]))
"""
"""The command over many Rollouts, in one process that reads the cluster once."""


@dataclass(frozen=True)
class Said:
    """What `lab rollout status` says of a Rollout, and the code it ends with."""

    code: int
    phase: str
    text: str
    commands: tuple[str, ...]

    def fits(self, case: Case) -> bool:
        return self.phase == case.phase and case.reason in self.text


@pytest.fixture(scope="module")
def told(midway: Laboratory) -> dict[str, Said]:
    """What is said of each of the Rollouts, once it is as it should be or the patience is over."""
    with student_rollouts.prometheus() as port:
        cases = student_rollouts.cases(port)
        midway.kubectl("apply", "-f", "-", stdin=student_rollouts.everything(cases)).succeeded()
        second = [name for name, case in cases.items() if case.second is not None]
        wait(lambda: {phases(midway).get(name) for name in second} == {"Healthy"})
        midway.kubectl("apply", "-f", "-", stdin=student_rollouts.second_versions(cases)).succeeded()
        acted = [name for name, case in cases.items() if case.act]
        wait(lambda: {phases(midway).get(name) for name in acted} == {"Paused"})
        for name in acted:
            midway.lab("rollout", cases[name].act, name, "-n", student_rollouts.NAMESPACE).succeeded()
        found: dict[str, Said] = {}
        deadline = time.monotonic() + PATIENCE
        while unfit := [name for name, case in cases.items() if name not in found or not found[name].fits(case)]:
            if time.monotonic() > deadline:
                break
            found |= said(midway, [(name, cases[name].namespace) for name in unfit])
    midway.kubectl("delete", "namespace", "--wait=false", student_rollouts.NAMESPACE, student_rollouts.FULL).succeeded()
    return found


def phases(laboratory: Laboratory) -> dict[str, str]:
    """The phase of each Rollout that the controller has seen."""
    every = laboratory.get("rollouts.argoproj.io", "-n", student_rollouts.NAMESPACE)["items"]
    return {
        each["metadata"]["name"]: each.get("status", {}).get("phase", "")
        for each in every
        if each.get("status", {}).get("observedGeneration") == str(each["metadata"]["generation"])
    }


def said(laboratory: Laboratory, rollouts: list[tuple[str, str]]) -> dict[str, Said]:
    lines = laboratory.python(STATUS, json.dumps(rollouts)).succeeded().output.splitlines()
    found = {}
    for name, code, data in map(json.loads, lines):
        explanation = data["explanation"] if isinstance(data, dict) else {"text": data, "commands": []}
        phase = data["phase"] if isinstance(data, dict) else ""
        found[name] = Said(code, phase, explanation["text"], tuple(explanation["commands"]))
    return found


@pytest.mark.parametrize("name", student_rollouts.cases(0))
def test_a_rollout_is_explained_with_its_next_command(told: dict[str, Said], name: str) -> None:
    case, found = student_rollouts.cases(0)[name], told[name]

    assert (found.phase, found.code) == (case.phase, int(case.broken)), found
    assert case.reason in found.text
    namespace = f" -n {case.namespace}"
    first, *others = found.commands
    assert first.startswith(case.command if " " in case.command else f"lab rollout {case.command} {name}")
    assert namespace in first or first.startswith("lab open")
    if case.look:
        assert others[0].startswith(f"kubectl{namespace} {case.look}")


def test_the_notes_canary_has_as_many_new_pods_at_each_pause_as_its_weight_says(
    standing: Laboratory, notes_canary: Future[Watched]
) -> None:
    seen = notes_canary.result()

    # Ten replicas and at most a quarter more: a weight is that many Pods, one for each ten per cent.
    assert {step: found[BLUE] for step, found in seen.pods.items()} == {1: 1, 3: 2, 5: 3, 7: 4}
    assert all(found["nginx:1.19.10"] + found[BLUE] <= 13 for found in seen.pods.values())
    assert all(later - earlier >= 10 for earlier, later in itertools.pairwise(seen.at.values()))
    assert replicas(standing) == {"nginx:1.19.10": 0, BLUE: 10}
    standing.lab("check", "strategies.canary").succeeded()


def test_an_aborted_version_goes_and_an_undone_one_is_the_former_again(standing: Laboratory) -> None:
    standing.lab("rollout", "set-image", EXAMPLE, f"nginx={GREEN}").succeeded()
    wait(lambda: replicas(standing).get(GREEN) == 1)
    standing.lab("rollout", "abort", EXAMPLE).succeeded()
    wait(lambda: phase(standing) == "Degraded")
    wait(lambda: replicas(standing).get(GREEN) == 0)
    assert replicas(standing)[BLUE] == 10

    standing.lab("rollout", "undo", EXAMPLE).succeeded()
    wait(lambda: phase(standing) == "Healthy")
    assert rollout(standing)["spec"]["template"]["spec"]["containers"][0]["image"] == BLUE


def test_blue_green_switches_at_once_when_somebody_promotes_it(standing: Laboratory) -> None:
    settle(standing, example={"strategy": "blueGreen"}, delivery=MIDWAY)
    up(standing)
    wait(lambda: phase(standing) == "Healthy")
    before = selected(standing, "nginx-active")
    image = rollout(standing)["spec"]["template"]["spec"]["containers"][0]["image"]

    standing.lab("rollout", "set-image", EXAMPLE, f"nginx={GREEN}").succeeded()
    wait(lambda: phase(standing) == "Paused")
    assert replicas(standing)[GREEN] == 2
    assert selected(standing, "nginx-active") == before
    assert selected(standing, "nginx-preview") == hash_of(standing, GREEN)
    assert up(standing, "--refresh") == {}
    assert selected(standing, "nginx-preview") == hash_of(standing, GREEN)

    standing.lab("rollout", "promote", EXAMPLE).succeeded()
    wait(lambda: selected(standing, "nginx-active") == hash_of(standing, GREEN))
    assert replicas(standing) == {image: 10, GREEN: 10}
    switched = time.monotonic()
    wait(lambda: replicas(standing)[image] == 0)
    assert time.monotonic() - switched > 20, "the former version stays half a minute, for whoever still asks it"
    standing.lab("check", "strategies.blue-green").succeeded()


def test_a_rollout_without_its_controller_says_so_and_an_update_brings_it_back(midway: Laboratory) -> None:
    midway.kill("rollouts-controller")
    midway.lab("rollout", "promote", "delivery").succeeded()
    time.sleep(6)
    said = midway.lab("rollout", "status", "delivery").output
    assert "controller" in said
    assert "make up" in said

    midway.lab("up").succeeded()
    wait(lambda: weights(midway) == [50, 50])


def test_routes_are_changed_deliberately_when_nothing_is_under_way(midway: Laboratory) -> None:
    midway.lab("rollout", "promote", "delivery", "--full").succeeded()
    wait(lambda: phase(midway, "delivery", "shop") == "Healthy")
    delivery = {**MIDWAY, "timeout": "7s"}

    def timeout() -> str:
        [route] = midway.get("virtualservice", "delivery", "-n", "shop")["spec"]["http"]
        return str(route.get("timeout", ""))

    settle(midway, delivery=delivery)
    up(midway)
    assert timeout() == ""
    settle(midway, delivery={**delivery, "routes": "applied"})
    up(midway)
    assert timeout() == "7s"
    settle(midway, delivery=delivery)
    up(midway)
    assert timeout() == "7s"
    assert weights(midway) == [100, 0]


def test_a_lab_is_taken_down_in_the_middle_of_a_canary(midway: Laboratory) -> None:
    settle(midway, delivery={**MIDWAY, "version": "v3"})
    up(midway)
    wait(lambda: weights(midway) == [80, 20])

    midway.pulumi("destroy", "--yes", "--skip-preview").succeeded()

    assert not midway.processes()
    assert not midway.directory.exists()
