"""The benchmark's arithmetic, and that it leaves nothing behind."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks import mesh, results
from benchmarks.cluster import require_same, unready
from benchmarks.results import Measure, Sample
from benchmarks.sandbox import Meter, Sandbox
from lab.core.errors import LabError

if TYPE_CHECKING:
    from pathlib import Path

DETACHED = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; x = b'x' * 50_000_000; time.sleep(60)"], start_new_session=True)
"""


def samples(measure: Measure, *seconds: float, memory: int = 1_000_000) -> list[Sample]:
    return [
        Sample(measure=measure, round=number, seconds=value, memory=memory + number)
        for number, value in enumerate(seconds, start=1)
    ]


def whole(up: float = 18.0, preview: float = 3.0, destroy: float = 2.0, notes: float = 24.0) -> list[Sample]:
    return [
        *samples(Measure.UP, up, up + 1, up - 1, memory=1_500_000_000),
        *samples(Measure.PREVIEW, preview, preview, preview, memory=1_600_000_000),
        *samples(Measure.UP_AGAIN, 3.0, 3.0, 3.0),
        *samples(Measure.DESTROY, destroy, destroy, destroy),
        *samples(Measure.NOTES, notes, notes, notes, memory=900_000_000),
    ]


@pytest.mark.parametrize(
    ("seconds", "minimum", "median", "maximum"),
    [
        ((7.0,), 7.0, 7.0, 7.0),
        ((3.0, 1.0), 1.0, 2.0, 3.0),
        ((9.0, 1.0, 2.0), 1.0, 2.0, 9.0),
        ((4.0, 1.0, 2.0, 9.0), 1.0, 3.0, 9.0),
    ],
)
def test_minimum_median_and_maximum_of_odd_and_even_counts(
    seconds: tuple[float, ...], minimum: float, median: float, maximum: float
) -> None:
    found = results.summarize(samples(Measure.UP, *seconds))[Measure.UP]
    assert (found.minimum, found.median, found.maximum) == (minimum, median, maximum)


def test_the_largest_memory_of_all_rounds_counts() -> None:
    assert results.summarize(samples(Measure.UP, 1.0, 2.0, memory=10))[Measure.UP].memory == 12


def test_what_was_not_measured_has_no_summary() -> None:
    assert list(results.summarize(samples(Measure.NOTES, 1.0))) == [Measure.NOTES]


def test_the_ratio_is_that_of_the_medians() -> None:
    assert results.ratio(results.summarize(whole(up=18.0, notes=24.0))) == 0.75


@pytest.mark.parametrize(
    ("found", "missed"),
    [
        (whole(), []),
        (whole(up=20.0, preview=4.0, destroy=5.0, notes=30.0), []),
        (whole(up=20.1, notes=30.0), [Measure.UP]),
        (whole(preview=4.1), [Measure.PREVIEW]),
        (whole(destroy=5.1), [Measure.DESTROY]),
        (whole(notes=19.0), [results.RATIO]),
        (whole(up=27.0, notes=30.0), [Measure.UP]),
    ],
)
def test_limits_hold_up_to_and_including_their_value(found: list[Sample], missed: list[str]) -> None:
    verdicts = results.verdicts(results.summarize(found))
    assert [verdict.name for verdict in verdicts if not verdict.met] == missed
    assert [verdict.limit for verdict in verdicts] == [20.0, 4.0, 5.0, 0.9]


def test_the_document_has_every_sample_and_every_limit_and_is_json() -> None:
    found = whole(up=25.0, notes=25.0)
    document = json.loads(json.dumps(results.document(found, {"cores": 2})))
    assert document["machine"] == {"cores": 2}
    assert document["rounds"] == 3
    assert len(document["samples"]) == 15
    assert document["samples"][1] == {
        "measure": "up from nothing",
        "round": 2,
        "seconds": 26.0,
        "peakMemoryBytes": 1_500_000_002,
    }
    assert document["summary"]["up from nothing"]["median"] == 25.0
    assert document["peakMemoryBytes"] == {"this stack": 1_600_000_003, "the notes' own way": 900_000_003}
    assert document["ratio"] == 1.0
    assert {limit["name"]: limit["met"] for limit in document["limits"]} == {
        "up from nothing": False,
        "preview without change": True,
        "destroy": True,
        results.RATIO: False,
    }


@pytest.mark.parametrize("name", mesh.LIMITS)
def test_a_number_of_the_data_plane_exactly_at_its_limit_is_kept(name: str) -> None:
    limit = mesh.LIMITS[name]

    assert limit.met(limit.most if limit.most < float("inf") else limit.least)


def test_approaches_that_did_different_work_are_not_compared() -> None:
    require_same({"a": {"Service x"}, "b": {"Service x"}})
    with pytest.raises(LabError, match=r"only a has Service y\n  only b has Service z"):
        require_same({"a": {"Service x", "Service y"}, "b": {"Service x", "Service z"}})


def seen(kind: str, name: str, **conditions: str) -> dict[str, Any]:
    status = {"conditions": [{"type": type_, "status": value} for type_, value in conditions.items()]}
    return {"kind": kind, "metadata": {"name": name}, "status": status if conditions else {}}


def test_everything_stands_when_deployments_are_available_and_pods_ready() -> None:
    standing = [
        seen("Deployment", "web", Progressing="True", Available="True"),
        seen("Pod", "web-1", PodScheduled="True", Ready="True"),
    ]
    assert unready(standing) == []


def test_a_rollout_stands_once_it_has_all_its_pods() -> None:
    rollout = {"kind": "Rollout", "metadata": {"name": "web"}, "spec": {"replicas": 2}, "status": {"readyReplicas": 1}}

    assert unready([rollout]) == ["Rollout web"]
    assert unready([{**rollout, "status": {}}]) == ["Rollout web"]
    assert unready([{**rollout, "status": {"readyReplicas": 2}}]) == []


@pytest.mark.parametrize(
    ("one", "name"),
    [
        (seen("Deployment", "web"), "Deployment web"),
        (seen("Deployment", "web", Available="False"), "Deployment web"),
        (seen("Deployment", "web", Ready="True"), "Deployment web"),
        (seen("Pod", "web-1"), "Pod web-1"),
        (seen("Pod", "web-1", Ready="False", PodScheduled="True"), "Pod web-1"),
    ],
)
def test_what_does_not_stand_yet_is_waited_for_and_named(one: dict[str, Any], name: str) -> None:
    assert unready([seen("Pod", "other", Ready="True"), one]) == [name]


BUSY_THEN_IDLE = """
import subprocess, sys
work = "import time\\nwhile time.process_time() < 1.6: pass\\ntime.sleep(60)"
subprocess.Popen([sys.executable, "-c", work], start_new_session=True)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "lab"))
    return tmp_path / "lab"


def test_a_detached_process_is_measured_and_ended_and_the_folder_goes(home: Path) -> None:
    with Sandbox() as sandbox:
        with Meter(sandbox) as meter:
            sandbox.run([sys.executable, "-c", DETACHED], cwd=home)
            time.sleep(0.6)
        assert len(sandbox.processes()) == 1
    assert sandbox.processes() == []
    assert meter.seconds >= 0.6
    assert meter.memory > 50_000_000
    assert list(home.iterdir()) == []


def test_a_cluster_that_is_still_busy_is_waited_for(home: Path) -> None:
    with Sandbox() as sandbox:
        sandbox.run([sys.executable, "-c", BUSY_THEN_IDLE], cwd=home)
        [process] = sandbox.processes()
        sandbox.wait_until_at_rest()
        times = process.cpu_times()
        assert times.user + times.system >= 1.4
        assert process.is_running()


def test_an_interrupt_ends_what_runs_and_passes_on(home: Path) -> None:
    sandbox = Sandbox()

    def interrupted() -> None:
        with sandbox:
            sandbox.run([sys.executable, "-c", DETACHED], cwd=home)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert sandbox.processes() == []
    assert list(home.iterdir()) == []


def test_a_command_that_fails_says_what_it_printed(home: Path) -> None:
    with Sandbox() as sandbox, pytest.raises(LabError, match=r"(?s)bash -c .* ended with code 3: no such chart"):
        sandbox.run(["bash", "-c", "echo no such chart; exit 3"], cwd=home)


def test_the_users_own_labs_are_out_of_reach_of_a_command(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBECONFIG", "PULUMI_HOME", "PULUMI_CONFIG_PASSPHRASE", "ISTIO_LAB_BACKEND_URL"):
        monkeypatch.setenv(name, "the user's own")
    with Sandbox() as sandbox:
        assert "the user's own" not in sandbox.run(["env"], cwd=home)
