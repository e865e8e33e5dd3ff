"""What the data plane says of a Pod: in a kubelet's words, and no more than it knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.platforms.dataplane import logs, readiness
from lab.platforms.dataplane.backoff import BackOff
from lab.platforms.dataplane.pods import Pod
from lab.platforms.dataplane.readiness import Container
from lab.platforms.dataplane.telemetry import Log

if TYPE_CHECKING:
    from pathlib import Path


def pod(**changed: object) -> Pod:
    known = [
        {"name": "order", "image": "order:v1", "ready": True, "restartCount": 2, "state": {"running": {}}, **changed},
        {"name": "other", "ready": True, "restartCount": 0, "state": {"running": {}}},
    ]
    manifest = {"status": {"containerStatuses": known}}
    return Pod(uid="1", name="order-1", namespace="shop", address="10.0.0.9", manifest=manifest)


def test_a_pod_whose_process_does_not_listen_yet_is_not_ready_and_no_more_is_said() -> None:
    told = readiness.status(pod(), ready=False)

    assert told.keys() == {"conditions"}
    assert {each["type"]: each["status"] for each in told["conditions"]} == {
        "Ready": "False",
        "ContainersReady": "False",
    }
    assert {each["reason"] for each in told["conditions"]} == {"ContainersNotReady"}


def test_a_container_that_waits_says_why_and_the_others_stay_as_they_are() -> None:
    why = Container(name="order", waiting=readiness.CONFIG_ERROR, message='configmap "no" not found')
    told = readiness.status(pod(), ready=False, container=why)
    order, other = told["containerStatuses"]

    assert order["state"] == {
        "waiting": {"reason": "CreateContainerConfigError", "message": 'configmap "no" not found'}
    }
    assert (order["ready"], order["started"], order["image"], order["restartCount"]) == (False, False, "order:v1", 2)
    assert other == pod().statuses[1]
    assert told["conditions"][0]["message"] == "containers with unready status: [order]"


def test_a_container_that_ended_says_how() -> None:
    why = Container(name="order", waiting=readiness.BACK_OFF, message="back-off 4s", restarts=3, exit_code=2)
    order = readiness.status(pod(), ready=False, container=why)["containerStatuses"][0]

    assert order["restartCount"] == 5
    assert order["lastState"]["terminated"]["exitCode"] == 2
    assert order["lastState"]["terminated"]["reason"] == "Error"


def test_a_container_that_runs_again_waits_no_longer() -> None:
    before = pod(state={"waiting": {"reason": "CrashLoopBackOff"}}, ready=False)
    told = readiness.status(before, ready=True, container=Container(name="order", restarts=1))
    order = told["containerStatuses"][0]

    assert order["state"].keys() == {"running"}
    assert (order["ready"], order["restartCount"]) == (True, 3)
    assert told["conditions"][0]["reason"] is None


def test_a_message_is_no_longer_than_people_read() -> None:
    why = Container(name="order", waiting=readiness.CREATE_ERROR, message="x" * 10**6)
    order = readiness.status(pod(), ready=False, container=why)["containerStatuses"][0]

    assert len(order["state"]["waiting"]["message"]) == 1024


def test_a_container_that_ends_at_once_waits_longer_each_time_and_one_that_ran_does_not() -> None:
    now = 0.0
    back_off = BackOff(clock=lambda: now)
    delays = []
    for _ in range(9):
        now += 0.5
        delays.append(back_off.ended())
        now += delays[-1]
    assert delays == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert back_off.loops
    assert back_off.restarts == 9

    now += 11
    assert back_off.ended() == 1
    assert not back_off.loops


@pytest.mark.parametrize("times", [1, 2])
def test_a_container_that_ends_once_or_twice_is_in_no_loop(times: int) -> None:
    back_off = BackOff()
    for _ in range(times):
        back_off.ended()

    assert not back_off.loops


def test_a_log_is_cut_when_it_is_long_and_its_process_goes_on_writing(tmp_path: Path) -> None:
    file = tmp_path / "log"
    with file.open("ab", buffering=0) as process:
        process.write(b"x" * 100)
        logs.bound(file, 100)
        assert file.stat().st_size == 100, "it is not longer than it may be"
        process.write(b"y\n")
        logs.bound(file, 100)
        process.write(b"z\n")

    assert file.read_bytes() == b"z\n"
    assert logs.former(file).read_bytes() == b"x" * 100 + b"y\n"
    logs.delete(file)
    logs.delete(file)
    assert not list(tmp_path.iterdir())


def test_who_reads_a_log_goes_on_after_it_was_cut(tmp_path: Path) -> None:
    file = tmp_path / "log"
    log = Log(file)
    file.write_bytes(b"one\ntwo\nthr")
    assert log.lines() == ["one", "two"]
    logs.bound(file, 5)
    file.write_bytes(b"four\n")
    assert log.lines() == ["four"]
