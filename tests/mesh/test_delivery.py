"""New versions of the shop's delivery, by what the Pods of the mesh are answered while they come.

Real controller, real istiod and Envoy, the real application; Prometheus, whose samples are counted from access logs.
"""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lab.services.grading import strategies
from tests.engine import other_user
from tests.mesh.mesh import SHOP
from tests.mesh.shares import SURE, assert_shares

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from tests.engine.laboratory import Laboratory
    from tests.mesh.mesh import Mesh

REQUESTS = 500
ANALYSIS = {"interval": "2s", "window": "6s", "latency": "10s"}
PAUSE = "16s"
PATIENCE = 120.0
"""Seconds for anything that a controller does."""

ANSWERS = ("--output", "/dev/null", "--write-out", "%{http_code} %header{x-app-version}\n")


def settle(mesh: Mesh, **delivery: object) -> None:
    """Make the stack roll delivery out like this."""
    file = mesh.laboratory.project / "Pulumi.dev.yaml"
    config = yaml.safe_load(file.read_text())
    config["config"]["istio-lab:rollouts"] = {"delivery": {"pause": PAUSE, "analysis": ANALYSIS, **delivery}}
    file.write_text(yaml.safe_dump(config))
    mesh.laboratory.lab("up").succeeded()


def rollout(laboratory: Laboratory) -> dict[str, Any]:
    return laboratory.get("rollouts.argoproj.io", "delivery", "-n", "shop")


def wait(what: Callable[[], bool], why: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, why()
        time.sleep(0.3)


def until(mesh: Mesh, *phases: str) -> None:
    """Wait until the Rollout, with all that it is told, is in one of these phases."""

    def reached() -> bool:
        found = rollout(mesh.laboratory)
        seen = found.get("status", {}).get("observedGeneration") == str(found["metadata"]["generation"])
        return seen and found["status"].get("phase") in phases

    wait(reached, lambda: mesh.laboratory.lab("rollout", "status", "delivery").output)


def weights(laboratory: Laboratory) -> dict[str, int]:
    """Of the route, by subset."""
    [route] = laboratory.get("virtualservice", "delivery", "-n", "shop")["spec"]["http"]
    return {each["destination"]["subset"]: each["weight"] for each in route["route"]}


def asked(mesh: Mesh, times: int, *words: str, service: str = "delivery") -> Counter[str]:
    """Which version answered how often; what was no success counts with its status."""
    said = mesh.curl(*ANSWERS, *words, f"http://{service}:8080/?[1-{times}]", pod=SHOP)
    answers = (line.split(" ", 1) for line in said.splitlines())
    return Counter(version if code == "200" else f"{code} {version}".strip() for code, version in answers)


def test_no_check_passes_on_the_untouched_lab(mesh: Mesh) -> None:
    said = mesh.laboratory.lab("check", "strategies.*", "--json")

    assert said.code == 1
    found = json.loads(said.output[said.output.index("[\n") :])
    assert [(each["name"], each["passed"]) for each in found] == [(name, False) for name in strategies.CHECKS]


@pytest.fixture(scope="module")
def canary(mesh: Mesh) -> Iterator[Mesh]:
    """A delivery of version v1 whose next version will come by canary."""
    file = mesh.laboratory.project / "Pulumi.dev.yaml"
    before = file.read_text()
    settle(mesh, strategy="canary", version="v1")
    mesh.wait_until_it_answers()
    until(mesh, "Healthy")
    wait(lambda: asked(mesh, 20) == {"v1": 20})
    yield mesh
    file.write_text(before)


def check(mesh: Mesh, name: str) -> None:
    """The lesson's own check says that it is solved."""
    mesh.laboratory.lab("check", f"strategies.{name}").succeeded()


def under_load(mesh: Mesh, beside: ThreadPoolExecutor, seconds: int, service: str = "delivery") -> Future[Counter[str]]:
    """Thirty requests a second, for so long."""
    return beside.submit(asked, mesh, 30 * seconds, "--rate", "30/s", service=service)


def test_a_good_version_is_promoted_and_its_share_is_its_weight_at_each_step(canary: Mesh) -> None:
    with ThreadPoolExecutor() as beside:
        load = under_load(canary, beside, 75)
        settle(canary, strategy="canary", version="v2")
        for weight in (20, 50, 80):
            wait(lambda weight=weight: weights(canary.laboratory)["canary"] == weight)  # type: ignore[misc]
            time.sleep(1)
            assert_shares(partial(asked, canary), REQUESTS, {"v1": 100 - weight, "v2": weight})
        until(canary, "Healthy")
        time.sleep(1)
        assert asked(canary, REQUESTS) == {"v2": REQUESTS}
        lost = set(load.result()) - {"v1", "v2"}

    assert not lost
    check(canary, "istio-canary")


def test_a_failing_version_is_aborted_by_the_analysis_and_few_ever_saw_it(canary: Mesh) -> None:
    with ThreadPoolExecutor() as beside:
        load = under_load(canary, beside, 40)
        settle(canary, strategy="canary", version="v3", variant="failing")
        until(canary, "Degraded")
        answered = load.result()

    seen = sum(count for answer, count in answered.items() if "v3" in answer)
    assert seen > 0
    assert seen <= 0.2 * answered.total() + SURE * math.sqrt(answered.total() * 0.2 * 0.8)
    assert weights(canary.laboratory) == {"stable": 100, "canary": 0}
    wait(lambda: asked(canary, 100) == {"v2": 100})
    assert asked(canary, REQUESTS) == {"v2": REQUESTS}
    explained = canary.laboratory.lab("rollout", "status", "delivery")
    assert explained.code == 1
    assert "success-rate" in explained.output
    assert "lab rollout" in explained.output
    check(canary, "istio-canary-failing")


def test_another_user_of_the_machine_cannot_ask_the_prometheus_of_the_analyses(canary: Mesh) -> None:
    other_user.require_root()

    assert other_user.intrusions(canary.laboratory) == []


def test_an_undone_version_is_the_former_one_again(canary: Mesh) -> None:
    canary.laboratory.lab("rollout", "undo", "delivery").succeeded()
    until(canary, "Healthy")

    assert asked(canary, 100) == {"v2": 100}


@pytest.mark.slow
def test_the_notes_circuit_breaker_leaves_a_pod_alone_for_three_minutes(canary: Mesh) -> None:
    canary.apply(deliveryCircuitBreaker={"enabled": True})
    one = canary.addresses("delivery")[0]
    begun = canary.fail_once(one)

    # Envoy looks every ten seconds whether somebody has been away for long enough.
    assert canary.away(one, begun, patience=180 + 14) >= 179


def test_blue_green_asks_the_preview_before_everybody_gets_the_new_version(canary: Mesh) -> None:
    settle(canary, strategy="blueGreen", version="v2")
    until(canary, "Healthy")
    with ThreadPoolExecutor() as beside:
        # From before the new version is there: an analysis that nobody's requests tell anything waits for somebody.
        previews = under_load(canary, beside, 40, service="delivery-preview")
        settle(canary, strategy="blueGreen", version="v4")
        assert set(asked(canary, 100)) == {"v2"}
        until(canary, "Healthy")
        # The preview leads to the new Pods at once, ready or not: that is what it is for.
        assert previews.result()["v4"]

    wait(lambda: asked(canary, 100) == {"v4": 100})
    [run] = canary.laboratory.get("analysisruns.argoproj.io", "-n", "shop", "-l", "rollout-type=PrePromotion")["items"]
    assert run["status"]["phase"] == "Successful"
    check(canary, "istio-blue-green")


@pytest.mark.parametrize(("strategy", "gap"), [("ramped", False), ("recreate", True)])
def test_recreate_shows_a_gap_and_ramped_shows_none(canary: Mesh, strategy: str, *, gap: bool) -> None:
    settle(canary, strategy=strategy, version="v5")
    # Requests are no longer counted, and so the data plane has started anew.
    canary.wait_until_it_answers()
    canary.laboratory.kubectl("rollout", "status", "deployment/delivery", "-n", "shop", "--timeout=60s").succeeded()
    wait(lambda: asked(canary, 50) == {"v5": 50})
    with ThreadPoolExecutor() as beside:
        load = under_load(canary, beside, 25)
        settle(canary, strategy=strategy, version="v2")
        answered = load.result()

    assert answered["v5"]
    assert answered["v2"]
    assert bool(set(answered) - {"v5", "v2"}) is gap, answered
    check(canary, strategy)
