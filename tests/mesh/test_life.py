"""The data plane as a part of the lab: it follows the cluster, comes back, and goes with the lab."""

from __future__ import annotations

import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from lab.platforms.dataplane import lifecycle
from tests.engine.laboratory import runs
from tests.mesh.mesh import workers

if TYPE_CHECKING:
    import psutil

    from tests.engine.laboratory import Laboratory
    from tests.mesh.mesh import Mesh

MOST_MEMORY = 60 * 2**20
"""Bytes of an Envoy that are not shared with the others in full."""


def serving(laboratory: Laboratory, service: str) -> list[psutil.Process]:
    return [each for each, line in workers(laboratory).items() if line[4:5] == [service]]


def test_the_front_page_is_served_at_the_address_that_the_stack_says(mesh: Mesh) -> None:
    url = mesh.laboratory.pulumi("stack", "output", "bookinfoUrl").succeeded().output.strip()
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - the lab's own
        page = answer.read().decode()

    assert "Reviews served by: v" in page


def test_an_envoy_needs_little_memory(mesh: Mesh) -> None:
    envoys = [each for each, line in workers(mesh.laboratory).items() if Path(line[0]).name == "envoy"]

    assert len(envoys) > 5
    assert max(each.memory_full_info().pss for each in envoys) < MOST_MEMORY


def test_a_pod_that_the_cluster_deletes_goes_and_its_successor_answers(mesh: Mesh) -> None:
    [before] = serving(mesh.laboratory, "details")
    mesh.laboratory.kubectl("delete", "pod", "-n", "tutorial", "-l", "app=details").succeeded()
    deadline = time.monotonic() + 20
    while before.is_running() or mesh.laboratory.lab("curl", "--fail", "http://details:9080/details/0").code:
        assert time.monotonic() < deadline
        time.sleep(0.2)

    [after] = serving(mesh.laboratory, "details")
    assert after != before


def test_a_process_that_ends_is_started_again(mesh: Mesh) -> None:
    [victim] = [each for each, line in workers(mesh.laboratory).items() if line[4:6] == ["reviews", "v1"]]
    victim.kill()

    deadline = time.monotonic() + 20
    while mesh.reviews(30)["v1"] == 0:
        assert time.monotonic() < deadline


def test_a_killed_data_plane_is_healed_by_up(mesh: Mesh) -> None:
    agent = lifecycle.agent(mesh.laboratory.directory)
    assert agent is not None
    agent.kill()
    mesh.up()

    mesh.wait_until_it_answers()


def test_a_lab_taken_down_under_load_leaves_nothing(mesh: Mesh) -> None:
    laboratory = mesh.laboratory
    before = workers(laboratory)
    load = laboratory.start("lab", "load", "order", "-n", "tutorial", "-c", "10", "-t", "60")
    try:
        time.sleep(4)
        laboratory.lab("down").succeeded()
    finally:
        load.communicate(timeout=30)

    assert not [each for each in before if runs(each)]
    assert not laboratory.processes()
    assert not laboratory.directory.exists()
