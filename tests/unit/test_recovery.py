"""Which locks and Helm releases stand in the way after an update was killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest

from lab.adapters.locks import Lock
from lab.adapters.stack import Stack
from lab.core import paths
from lab.core.errors import LabError
from lab.services.recovery import HelmRelease, end_orphans, known_releases, release, superfluous

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.conftest import Spawn


def revision(name: str, status: str) -> HelmRelease:
    return HelmRelease(secret=f"sh.helm.release.v1.{name}.v1", namespace="istio-system", name=name, status=status)


def test_a_release_that_pulumi_knows_and_that_is_deployed_stays() -> None:
    assert superfluous([revision("istiod", "deployed")], {"istio-system/istiod"}) == []


def test_a_release_that_pulumi_does_not_know_blocks_its_name_and_goes() -> None:
    unknown = revision("istiod", "deployed")
    assert superfluous([revision("istio-base", "deployed"), unknown], {"istio-system/istio-base"}) == [unknown]


def test_a_pending_release_blocks_every_change_and_goes() -> None:
    pending = [revision("istiod", status) for status in ("pending-install", "pending-upgrade", "pending-rollback")]
    assert superfluous(pending, {"istio-system/istiod"}) == pending


def test_a_component_of_the_name_of_a_release_does_not_make_it_known() -> None:
    state = [
        {"type": "istio-lab:observability:Grafana", "urn": "urn::grafana"},
        {"type": "kubernetes:helm.sh/v3:Release", "urn": "urn::istiod", "id": "istio-system/istiod"},
    ]
    unknown = revision("grafana", "deployed")

    assert superfluous([revision("istiod", "deployed"), unknown], known_releases(state)) == [unknown]


def test_older_revisions_and_failed_ones_are_left_to_helm() -> None:
    assert superfluous([revision("istiod", "superseded"), revision("istiod", "failed")], {"istio-system/istiod"}) == []


class Held(Stack):
    """A stack that processes hold, one after the other."""

    def __init__(self, *locks: Lock | None) -> None:
        super().__init__("kim")
        self.locks, self.cancelled = list(locks), False

    def lock(self) -> Lock | None:
        return self.locks[0]

    def cancel(self) -> None:
        self.cancelled = True

    def next(self, _: Lock) -> None:
        self.locks.pop(0)


DEAD = Lock(pid=2**31 - 1, since="noon")
ELSEWHERE = Lock(pid=7, since="noon", host="desk")


def test_a_stack_that_nobody_holds_is_left_alone() -> None:
    stack = Held(None)

    assert not release(stack, print)
    assert not stack.cancelled


@pytest.mark.parametrize("wait", [None, Held.next])
def test_the_lock_of_a_killed_update_is_broken(wait: Callable[[Lock], object] | None) -> None:
    stack, said = Held(DEAD), list[str]()

    assert release(stack, said.append, wait=wait)
    assert stack.cancelled
    assert said == [f"breaking the lock of process {DEAD.pid}, which is gone"]


def test_a_lock_that_may_be_alive_is_refused_at_once_or_after_waiting() -> None:
    stack = Held(ELSEWHERE, ELSEWHERE)

    for wait in (None, stack.next):
        with pytest.raises(LabError, match="process 7 on desk has worked on stack kim since noon"):
            release(stack, print, wait=wait)

    assert len(stack.locks) == 1
    assert not stack.cancelled


@pytest.mark.parametrize("then", [None, DEAD])
def test_who_waits_goes_on_when_the_holder_ends_well_or_badly(then: Lock | None) -> None:
    stack = Held(ELSEWHERE, then)

    assert release(stack, print, wait=stack.next) is stack.cancelled is (then is not None)


def test_plugins_that_an_engine_of_the_users_own_left_are_ended_in_this_project_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spawn: Spawn
) -> None:
    plugin = tmp_path / "own" / "plugins" / "pulumi-resource-kubernetes"
    plugin.parent.mkdir(parents=True)
    plugin.write_text("echo ready; sleep 60")
    monkeypatch.setattr(paths, "PROJECT", tmp_path / "clone")
    running = {}
    for folder in ("clone", "another"):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        running[folder] = spawn("/bin/sh", str(plugin))

    assert end_orphans() >= 1
    assert running["another"].status() != psutil.STATUS_ZOMBIE
    assert not running["clone"].is_running() or running["clone"].status() == psutil.STATUS_ZOMBIE
