"""`lab check`: what is sent, what is compared, what is said; against a mesh that only pretends."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest
from typer.testing import CliRunner

from lab.adapters.stack import Stack
from lab.cli import app
from lab.core.errors import LabError
from lab.services import pod_exec
from lab.services.grading import probe, strategies, traffic
from lab.services.grading.evaluation import CheckResult
from lab.services.grading.probe import Answer, Probe
from lab.services.lessons import lessons
from lab.services.lessons.lessons import Subject

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Pretender:
    """A mesh with or without rules."""

    shares: dict[str, int] = field(default_factory=lambda: {"v1": 34, "v2": 33, "v3": 33})
    by_browser: bool = False
    timeout: float = 0.0
    attempts: int = 3
    breaks: bool = False
    faults: dict[str, Any] = field(default_factory=lambda: {"delaySeconds": 0, "failNext": 0})
    down: set[str] = field(default_factory=set)
    ejected: set[str] = field(default_factory=set)
    turn: itertools.count[int] = field(default_factory=itertools.count)

    def get(self, url: str, times: int = 1, **headers: str) -> list[Answer]:
        return [self._get(url, headers) for _ in range(times)]

    def send(self, method: str, url: str, body: object = None) -> Answer:
        if url.endswith("/down"):
            self.down.add(url.split("/")[2].partition(":")[0])
        elif url.endswith("/up"):
            self.down.clear()
        elif method == "PUT":
            self.faults = {**self.faults, **cast("dict[str, Any]", body)}
        elif url.endswith("/faults"):
            return answer(200, self.faults)
        elif method == "POST":
            late = float(self.faults["delaySeconds"])
            return answer(504, seconds=self.timeout) if 0 < self.timeout < late else answer(201, seconds=late)
        else:
            return self._order()
        return answer(200)

    def _order(self) -> Answer:
        failing = min(self.attempts, self.faults["failNext"])
        self.faults["failNext"] -= failing
        return answer(200 if failing < self.attempts else 503)

    def _get(self, url: str, headers: dict[str, str]) -> Answer:
        if "reviews" in url:
            spread = [version for version, share in self.shares.items() for _ in range(share)]
            version = spread[next(self.turn) * 37 % len(spread)]
            if self.by_browser:
                version = "v2" if "Firefox" in headers["baggage_user_agent"] else "v1"
            return answer(200, {"podname": f"reviews-{version}-7d-x2"})
        open_ = sorted({"10.0.0.1", "10.0.0.2"} - self.ejected)
        address = open_[next(self.turn) % len(open_)]
        if address in self.down and "actuator" not in url:
            self.ejected |= {address} if self.breaks else set()
            return answer(503)
        return answer(200, {"address": address})


SOLVED = {
    "traffic.weights-80-20": {"shares": {"v1": 80, "v2": 20}},
    "traffic.weights-30-70": {"shares": {"v1": 30, "v2": 70}},
    "traffic.weights-all-v2": {"shares": {"v2": 100}},
    "traffic.browser": {"by_browser": True},
    "traffic.timeout": {"timeout": 3.0},
    "traffic.retries": {"attempts": 4},
    "traffic.circuit-breaker": {"breaks": True},
}


def answer(status: int, content: object = None, seconds: float = 0.01) -> Answer:
    return Answer(status=status, seconds=seconds, body=json.dumps(content))


def run(name: str, mesh: Pretender) -> CheckResult:
    return traffic.CHECKS[name](cast("Probe", mesh))


def test_every_lesson_with_a_rule_has_its_check() -> None:
    rules = [each for each in lessons.every(Subject.TRAFFIC) if each.settings["traffic"]]
    named = {f"traffic.{each.name.partition('-')[2]}" for each in rules}

    assert set(traffic.CHECKS) == named == set(SOLVED)


@pytest.mark.parametrize("name", SOLVED)
def test_a_solved_lesson_passes(name: str) -> None:
    assert run(name, Pretender(**SOLVED[name])).passed  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SOLVED)
def test_the_untouched_lab_does_not_pass_and_the_message_says_what_was_expected_and_found(name: str) -> None:
    finding = run(name, Pretender())

    assert not finding.passed
    assert finding.expected != finding.found
    assert all((finding.expected, finding.found, finding.hint))


def test_weights_that_are_near_are_not_the_lessons() -> None:
    finding = run("traffic.weights-80-20", Pretender(shares={"v1": 74, "v2": 26}))

    assert not finding.passed
    assert "of 4000 requests to reviews: v1 80 % +- 2.1, v2 20 % +- 2.1" in finding.expected
    assert finding.found == "v1 74.0%, v2 26.0%"


def test_weights_that_are_far_off_are_not_asked_for_again() -> None:
    finding = run("traffic.weights-80-20", Pretender(shares={"v1": 30, "v2": 70}))

    assert "of 1000 requests to reviews: v1 80 % +- 4.2, v2 20 % +- 4.2" in finding.expected
    assert finding.found == "v1 30.0%, v2 70.0%"


def test_one_sample_that_chance_has_spoilt_does_not_fail_a_solved_lesson() -> None:
    class Unlucky(Pretender):
        def get(self, url: str, times: int = 1, **headers: str) -> list[Answer]:
            self.shares = {"v1": 75, "v2": 25} if times == traffic.REQUESTS else {"v1": 80, "v2": 20}
            return super().get(url, times, **headers)

    finding = run("traffic.weights-80-20", Unlucky())

    assert finding.passed
    assert "of 4000 requests" in finding.expected
    assert finding.found == "v1 80.0%, v2 20.0%"


def test_a_third_version_is_never_chance() -> None:
    assert not run("traffic.weights-80-20", Pretender(shares={"v1": 80, "v2": 19, "v3": 1})).passed


def test_retries_are_counted_where_they_arrive() -> None:
    finding = run("traffic.retries", Pretender(attempts=3))

    assert finding.found == "3 failures: 503 after 3 attempts; 5 failures: 503 after 3 attempts"


def test_order_keeps_the_faults_that_it_had_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = Pretender(faults={"delaySeconds": 0.5, "failNext": 0})
    run("traffic.timeout", mesh)
    assert mesh.faults["delaySeconds"] == 0.5

    monkeypatch.setattr(traffic, "_ask_failing", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run("traffic.retries", mesh)
    assert mesh.faults == {"delaySeconds": 0.5, "failNext": 0}


def test_a_batch_is_read_as_curl_prints_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said = r"printf '%s' '{\"a\": 1}~~200 0.5~~no~~503 0.25~~'"
    monkeypatch.setattr(pod_exec, "prefix", lambda *_: pod_exec.Prefix(["sh", "-c", said.replace('\\"', '"')]))

    assert Probe(stack=Stack("dev")).get("http://order:8080/", 2) == [
        Answer(status=200, seconds=0.5, body='{"a": 1}'),
        Answer(status=503, seconds=0.25, body="no"),
    ]


def test_a_pod_that_cannot_be_asked_is_an_error_not_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pod_exec, "prefix", lambda *_: pod_exec.Prefix(["sh", "-c", "echo not this Pod >&2; exit 1"]))
    with pytest.raises(LabError, match="not this Pod"):
        Probe(stack=Stack("dev")).get("http://order:8080/")

    monkeypatch.setattr(probe, "_BATCH_TIMEOUT", 0.1)
    monkeypatch.setattr(pod_exec, "prefix", lambda *_: pod_exec.Prefix(["sh", "-c", "sleep 5"]))
    with pytest.raises(LabError, match="did not answer within"):
        Probe(stack=Stack("dev")).get("http://order:8080/")


def test_another_pod_asks_when_it_is_told_and_is_named_when_it_is_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def inside(_stack: Stack, pod: str) -> pod_exec.Prefix:
        asked.append(pod)
        return pod_exec.Prefix(["sh", "-c", "sleep 5"])

    monkeypatch.setattr(pod_exec, "prefix", inside)
    monkeypatch.setattr(probe, "_BATCH_TIMEOUT", 0.1)
    for each in (Probe(stack=Stack("dev")), Probe(stack=Stack("dev"), pod="siege.shop")):
        with pytest.raises(LabError) as error:
            each.get("http://delivery:8080/")

    assert asked == ["siege.tutorial", "siege.shop"]
    assert error.value.remedy == "see the Pods: kubectl get pods -n shop"


@pytest.fixture
def standing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """A stack whose first check is solved and whose others are not; counts what was run."""
    ran: Counter[str] = Counter()
    (tmp_path / "kubeconfig").touch()
    monkeypatch.setattr(Stack, "directory", tmp_path)

    def check(name: str, _probe: Probe) -> CheckResult:
        ran[name] += 1
        return CheckResult(passed=name == "traffic.weights-80-20", expected="a", found="b", hint="look at c")

    for each in (traffic, strategies):
        monkeypatch.setattr(each, "CHECKS", {name: partial(check, name) for name in each.CHECKS})
    return ran


def test_the_exit_code_says_whether_all_are_solved(standing: Counter[str]) -> None:
    solved = CliRunner().invoke(app.app, ["check", "traffic.weights-80-20"])
    several = CliRunner().invoke(app.app, ["check", "traffic.*", "--json"])

    assert solved.exit_code == 0, solved.output
    assert several.exit_code == 1
    found = json.loads(several.stdout)
    assert [each["name"] for each in found] == list(SOLVED)
    assert found[1]["hint"] == "look at c"
    assert standing.total() == 8


def test_what_is_no_check_is_refused_with_those_that_there_are(standing: Counter[str]) -> None:
    result = CliRunner().invoke(app.app, ["check", "traffic.timeout", "trafic.*"])

    assert isinstance(result.exception, LabError)
    assert 'found "trafic.*"' in result.exception.message
    assert "traffic.timeout" in result.exception.remedy
    assert not standing


def test_both_subjects_are_checked_by_one_command(standing: Counter[str]) -> None:
    result = CliRunner().invoke(app.app, ["check", "*.canary", "strategies.istio-*", "traffic.timeout", "--json"])

    assert result.exit_code == 1
    assert [each["name"] for each in json.loads(result.stdout)] == [
        "traffic.timeout",
        "strategies.canary",
        "strategies.istio-canary",
        "strategies.istio-canary-failing",
        "strategies.istio-blue-green",
    ]
    assert standing.total() == 5
