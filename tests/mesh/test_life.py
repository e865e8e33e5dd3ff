"""The data plane as a part of the lab: it follows the cluster, comes back, and goes with the lab."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.platforms.dataplane import confinement, lifecycle, variables
from tests.engine.laboratory import runs
from tests.mesh import foreign
from tests.mesh.mesh import runs_application, workers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psutil

    from tests.engine.laboratory import Laboratory
    from tests.mesh.mesh import Mesh

MOST_MEMORY = 60 * 2**20
"""Bytes of an Envoy that are not shared with the others in full."""

SHELLS = ("PWD", "OLDPWD", "SHLVL", "_")
"""Variables that a shell sets for what it starts."""


def serving(laboratory: Laboratory, service: str) -> list[psutil.Process]:
    """The processes of a service of Bookinfo, or of one version of it."""
    return [each for each, line in workers(laboratory).items() if line[6:-2] == service.split()]


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
    [before] = serving(mesh.laboratory, "details v1")
    mesh.laboratory.kubectl("delete", "pod", "-n", "tutorial", "-l", "app=details").succeeded()
    deadline = time.monotonic() + 20
    while before.is_running() or mesh.laboratory.lab("curl", "--fail", "http://details:9080/details/0").code:
        assert time.monotonic() < deadline
        time.sleep(0.2)

    [after] = serving(mesh.laboratory, "details v1")
    assert after != before


def test_a_process_that_ends_is_started_again(mesh: Mesh) -> None:
    [victim] = serving(mesh.laboratory, "reviews v1")
    victim.kill()

    deadline = time.monotonic() + 20
    while mesh.reviews(30)["v1"] == 0:
        assert time.monotonic() < deadline


def states(laboratory: Laboratory) -> dict[str, tuple[str, str, bool]]:
    """Why the application of each foreign Pod waits, in the cluster's words, and whether it is ready."""
    found = {}
    for each in laboratory.get("pods", "-n", foreign.NAMESPACE, "-l", "foreign=yes")["items"]:
        for container in each["status"].get("containerStatuses", []):
            waiting = container["state"].get("waiting", {})
            why = waiting.get("reason", ""), waiting.get("message", "")
            if container["name"] != "istio-proxy":
                found[each["metadata"]["name"]] = (*why, container["ready"])
    return found


def make(laboratory: Laboratory, objects: Sequence[dict[str, Any]]) -> None:
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    laboratory.kubectl("create", "-f", "-", stdin=manifest).succeeded()


def test_pods_of_others_run_nothing_and_wrong_ones_hurt_nobody_else(mesh: Mesh, tmp_path: Path) -> None:
    laboratory = mesh.laboratory
    tmp_path.chmod(0o777)
    smuggler = foreign.Smuggler(tmp_path)
    smuggler.prepare()
    wrong = {each["metadata"]["name"]: (reason, message) for each, reason, message in foreign.wrong()}
    assert len(wrong) == 20
    make(laboratory, [*smuggler.objects(), *(each for each, _, _ in foreign.wrong())])
    right = {each["metadata"]["name"] for each in smuggler.objects() if each["kind"] == "Pod"}
    expected = {**dict.fromkeys(right, ("", "")), **wrong}

    def told() -> list[str]:
        """Those whose status does not say yet what it must."""
        found = states(laboratory)
        return [
            name
            for name, (reason, message) in expected.items()
            if (state := found.get(name)) is None
            or state[0] != reason
            or message not in state[1]
            or state[2] is bool(reason)
        ]

    try:
        deadline = time.monotonic() + 90
        while missing := told():
            for url in ("http://order:8080/", "http://reviews:9080/reviews/0", "http://details:9080/details/0"):
                assert laboratory.lab("curl", "--fail", "--max-time", "3", f"{url}?[1-5]").code == 0, url
            assert time.monotonic() < deadline, {name: states(laboratory).get(name) for name in missing}
        late = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": foreign.LATE, "namespace": "tutorial"}}
        make(laboratory, [late])
        expected["wrong-late"] = ("", "")
        while told():
            assert time.monotonic() < deadline + 10, states(laboratory)["wrong-late"]
            time.sleep(0.2)

        assert smuggler.caught == []
        for each, line in workers(laboratory).items():
            for app in ("order", "delivery"):
                if runs_application(line, app):
                    assert each.environ().keys() <= {
                        *variables.ALLOWED[app],
                        *variables.SET_HERE,
                        *confinement.environment(),
                        *SHELLS,
                    }
    finally:
        for kind in ("pods", "configmaps", "secrets"):
            laboratory.kubectl("delete", kind, "-n", "tutorial", "-l", "foreign=yes", "--wait=false")
        laboratory.kubectl(
            "delete", "configmap,secret", "-n", "tutorial", "foreign", foreign.LATE, "--ignore-not-found"
        )


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
