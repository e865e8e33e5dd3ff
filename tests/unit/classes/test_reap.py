"""Which labs are ended, by a clock that stands still. Pulumi here only pretends."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from lab.adapters import stack as stacks
from lab.adapters.stack import Stack
from lab.cli import app, azure, class_run
from lab.cli import reap as command
from lab.core import paths
from lab.core.errors import LabError
from lab.core.tags import Tags, tags
from lab.services import lifecycle
from lab.services.classes import executor, reap
from lab.services.classes import workspace as of_class
from lab.services.classes.plan import Decision, Plan, StackRecord, State, Verb
from lab.services.classes.reap import Outcome, carry_out
from lab.services.classes.reap_policy import ExpiryAction, Found, select
from lab.services.classes.reporter import Phase

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = datetime(2026, 12, 24, 18, tzinfo=UTC)
HOUR = timedelta(hours=1)

moments = st.integers(-100_000, 100_000).map(lambda minutes: NOW + timedelta(minutes=minutes))
names = st.sampled_from(["dev", "kim", "lee", "park"])


@st.composite
def stands(draw: st.DrawFn) -> Found:
    """A stack, most often one with tags of its own that could be ended."""
    name = draw(names)
    owner = draw(st.sampled_from([name, name, name, "somebody", None]))
    return Found(
        stack=name,
        tags=None if owner is None else Tags(stack=owner),
        target=draw(st.sampled_from(["azure", "embedded", "kubeconfig"])),
        expires=draw(moments | moments | st.none()),
        trouble=draw(st.sampled_from(["", "", "", "it cannot be read"])),
    )


backends = st.lists(stands(), min_size=1, max_size=8)
rosters = st.dictionaries(names, moments, max_size=4)
often = settings(max_examples=300, deadline=None)


def lab(name: str = "kim", *, expires: datetime | None = NOW - HOUR, target: str = "azure", trouble: str = "") -> Found:
    return Found(stack=name, tags=Tags(stack=name), target=target, expires=expires, trouble=trouble)


def decided(
    found: Found, roster: datetime | None = None, action: ExpiryAction = ExpiryAction.DESTROY
) -> tuple[str, str]:
    [decision] = select([found], NOW, {found.stack: roster} if roster else {}, action=action)
    return decision.verb, decision.reason


@often
@given(backends, moments, rosters, st.sampled_from(ExpiryAction))
def test_a_stack_without_the_projects_own_tags_is_never_selected(
    backend: list[Found], now: datetime, roster: dict[str, datetime], action: ExpiryAction
) -> None:
    for before, decision in zip(backend, select(backend, now, roster, action=action), strict=True):
        if before.tags is None or before.tags.stack != before.stack or before.trouble:
            assert decision.verb is Verb.KEEP


@often
@given(backends, moments, rosters, st.sampled_from(ExpiryAction))
def test_what_has_not_expired_is_never_selected(
    backend: list[Found], now: datetime, roster: dict[str, datetime], action: ExpiryAction
) -> None:
    for before, decision in zip(backend, select(backend, now, roster, action=action), strict=True):
        said = [before.expires, roster.get(before.stack, before.expires)]
        if any(moment is None or moment > now for moment in said):
            assert decision.verb is Verb.KEEP


@often
@given(backends, moments, rosters, st.sampled_from(ExpiryAction))
def test_every_stack_is_named_with_a_reason(
    backend: list[Found], now: datetime, roster: dict[str, datetime], action: ExpiryAction
) -> None:
    decisions = select(backend, now, roster, action=action)

    assert [each.stack for each in decisions] == [each.stack for each in backend]
    assert all(each.reason for each in decisions)
    assert {each.verb for each in decisions} <= {Verb.KEEP, Verb(action.value)}


@pytest.mark.parametrize(
    ("kept", "reason"),
    [
        (Found(stack="kim", tags=None), "it has no tags of this project"),
        (Found(stack="kim", tags=Tags(stack="lee"), expires=NOW - HOUR), "it has no tags of this project"),
        (lab(expires=None), "it never expires"),
        (lab(expires=NOW + HOUR), "not expired: it stays until 2026-12-24T19:00Z, 1 h from now"),
        (lab(trouble="it cannot be read: no such key"), "it cannot be read: no such key"),
    ],
)
def test_what_is_kept_says_why(kept: Found, reason: str) -> None:
    assert decided(kept) == ("keep", reason)


def test_what_has_expired_is_destroyed_and_says_for_how_long() -> None:
    assert decided(lab(expires=NOW)) == ("destroy", "expired 0 min ago, on 2026-12-24T18:00Z")
    assert decided(lab(expires=NOW - 5 * HOUR)) == ("destroy", "expired 5 h ago, on 2026-12-24T13:00Z")


def test_the_later_of_the_tags_and_the_class_file_counts() -> None:
    extended = "extended in the class file until 2026-12-24T19:00Z, 1 h from now"

    assert decided(lab(), roster=NOW + HOUR) == ("keep", extended)
    assert decided(lab(expires=NOW + HOUR), roster=NOW - HOUR)[0] == "keep"
    assert decided(lab(), roster=NOW - 2 * HOUR) == ("destroy", "expired 1 h ago, on 2026-12-24T17:00Z")
    assert decided(lab(expires=None), roster=NOW - HOUR) == ("keep", "it never expires")


def test_only_a_cluster_on_azure_is_stopped() -> None:
    assert decided(lab(), action=ExpiryAction.STOP)[0] == "stop"
    for target in ("embedded", "kubeconfig"):
        verb, reason = decided(lab(target=target), action=ExpiryAction.STOP)
        assert (verb, reason) == ("keep", "expired on 2026-12-24T17:00Z, but only a cluster on Azure can be stopped")


def test_one_that_fails_does_not_stop_the_others() -> None:
    ended: list[str] = []

    def destroy(name: str) -> None:
        if name == "lee":
            raise LabError("the login works on another subscription")
        ended.append(name)

    decisions = [Decision(stack=name, verb=Verb.DESTROY, reason="") for name in ("kim", "lee", "park")]
    outcomes = carry_out(
        decisions, lambda name: decisions[0] if name == "kim" else decisions[1], {Verb.DESTROY: destroy}
    )

    assert ended == ["kim", "park"]
    assert [each.error for each in outcomes] == ["", "the login works on another subscription", ""]


def test_what_was_extended_while_it_waited_for_its_turn_is_left_alone() -> None:
    chosen = Decision(stack="kim", verb=Verb.DESTROY, reason="")
    now_kept = Decision(stack="kim", verb=Verb.KEEP, reason="")

    def destroy(name: str) -> None:
        raise AssertionError(name)

    assert carry_out([chosen], lambda _: now_kept, {Verb.DESTROY: destroy}) == [Outcome(stack="kim", verb=Verb.KEEP)]


class Backend:
    """Stacks that only pretend."""

    def __init__(self, project: Path) -> None:
        self._project = project
        self.values: dict[str, dict[str, object] | LabError] = {}
        self.ended: list[tuple[str, str]] = []

    def has(self, name: str, outputs: dict[str, object] | LabError, **config: object) -> None:
        self.values[name] = outputs
        given = {f"istio-lab:{key}": value for key, value in config.items()}
        (self._project / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": given}))

    def of(self, name: str) -> dict[str, object]:
        found = self.values[name]
        if isinstance(found, LabError):
            raise found
        return found

    def ends(self, verb: str) -> Callable[[str], None]:
        def end(name: str) -> None:
            self.ended.append((verb, name))
            self.values[name] = {}

        return end


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Backend:
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "lab"))
    made = Backend(tmp_path)
    monkeypatch.setattr(stacks, "names", lambda: sorted(made.values))
    monkeypatch.setattr(Stack, "values", lambda stack: made.of(stack.name))
    monkeypatch.setattr(lifecycle, "prepare", lambda _: None)
    end = made.ends("down")
    monkeypatch.setattr(lifecycle, "down", lambda stack, _engine: end(stack.name))
    monkeypatch.setattr(azure, "stop", made.ends("stop"))
    return made


def outputs(name: str, expires: str = "2026-12-24T17:00Z", **more: object) -> dict[str, object]:
    return {"tags": tags(stack=name, owner="", expires=expires), **more}


def run(*, yes: bool = False, action: ExpiryAction = ExpiryAction.DESTROY, as_json: bool = False) -> None:
    command.run(now=NOW, yes=yes, action=action, as_json=as_json, roster={})


def reasons() -> dict[str, tuple[str, str]]:
    return {each.stack: (each.verb, each.reason) for each in select(reap.find(), NOW, {})}


def test_nothing_is_done_unless_it_is_said(backend: Backend, capsys: pytest.CaptureFixture[str]) -> None:
    backend.has("kim", outputs("kim"))

    run()

    assert backend.ended == []
    assert "Nothing was done. To end 1 stack, say it: --yes" in capsys.readouterr().out


def test_what_has_expired_is_taken_down_as_by_hand_and_nothing_else(backend: Backend) -> None:
    backend.has("dev", {"kubeconfig": "[secret]"})
    backend.has("kim", outputs("kim"))
    backend.has("lee", outputs("lee", expires="2026-12-24"))
    backend.has("park", outputs("kim"))

    run(yes=True)

    assert backend.ended == [("down", "kim")]


def test_a_cluster_on_azure_can_be_stopped_instead(backend: Backend) -> None:
    backend.has("kim", outputs("kim", azureCluster="aks"), target="azure")
    backend.has("lee", outputs("lee"))

    run(yes=True, action=ExpiryAction.STOP)

    assert backend.ended == [("stop", "kim")]


def test_an_extension_in_the_stacks_settings_counts_before_it_stands(backend: Backend) -> None:
    backend.has("kim", outputs("kim"), expires="2026-12-31")

    run(yes=True)

    assert backend.ended == []


def test_an_earlier_day_in_the_settings_does_not_count_before_it_stands(backend: Backend) -> None:
    backend.has("kim", outputs("kim", expires=""), expires="2026-12-01")
    backend.has("lee", outputs("lee", expires="2026-12-31"), expires="2026-12-01")

    run(yes=True)

    assert backend.ended == []


def test_what_cannot_be_read_or_ended_from_here_is_kept_and_named(backend: Backend, tmp_path: Path) -> None:
    backend.has("broken", LabError("pulumi stack output failed: incorrect passphrase"))
    backend.has("Odd_Name", outputs("Odd_Name"))
    backend.has("moved", outputs("moved", azureCluster="aks"))
    backend.has("odd", outputs("odd", expires="soon"))
    backend.has("gone", outputs("gone"))
    (tmp_path / "Pulumi.gone.yaml").unlink()
    backend.has("empty", {})

    found = reasons()

    assert {verb for verb, _ in found.values()} == {"keep"}
    assert "incorrect passphrase" in found["broken"][1]
    assert "'Odd_Name' is no name for a stack" in found["Odd_Name"][1]
    assert "says target embedded, but it stands on Azure" in found["moved"][1]
    assert "found 'soon'; allowed: a UTC day" in found["odd"][1]
    assert "Pulumi.gone.yaml is not here" in found["gone"][1]
    assert "nothing of it stands" in found["empty"][1]


def test_a_lab_on_another_machine_is_not_forgotten_from_this_one(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISTIO_LAB_BACKEND_URL", "azblob://state")
    backend.has("kim", outputs("kim"))

    assert reasons()["kim"] == ("keep", "it stands on another machine")


def test_a_failure_is_told_and_ends_with_an_error(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(stack: Stack, _engine: object) -> None:
        raise LabError(f"stack {stack.name} is in use")

    monkeypatch.setattr(lifecycle, "down", down)
    backend.has("kim", outputs("kim"))

    with pytest.raises(LabError) as failed:
        run(yes=True)

    assert failed.value.message == "1 stack could not be ended:\n  kim (destroy): stack kim is in use"


def test_programs_get_json_and_nothing_else(backend: Backend, capfd: pytest.CaptureFixture[str]) -> None:
    backend.has("kim", outputs("kim"))

    run(yes=True, as_json=True)

    found = json.loads(capfd.readouterr().out)
    assert found["dry"] is False
    assert [each["verb"] for each in found["decisions"]] == ["destroy"]
    assert found["outcomes"] == [{"stack": "kim", "verb": "destroy", "error": ""}]


def test_the_command_reads_the_class_file(backend: Backend, tmp_path: Path) -> None:
    roster = tmp_path / "class.yaml"
    roster.write_text("class: mesh\ntenancy: cluster\nexpires: 2199-12-31\nstudents: [{id: kim}]\n")
    name = next(iter(reap.class_file(roster)))
    backend.has(name, outputs(name, expires="2020-01-01"))

    told = CliRunner().invoke(app.app, ["class", "reap", "--json", "--class-file", str(roster)])

    assert told.exit_code == 0, told.output
    [decision] = json.loads(told.stdout)["decisions"]
    assert decision["verb"] == "keep"
    assert decision["reason"].startswith("extended in the class file until 2200-01-01T00:00Z")


def test_a_class_file_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "class.yaml"
    file.write_text("class: mesh\nexpires: soon\nstudents: [{id: kim}]\n")

    with pytest.raises(LabError, match=r"expires: found \"soon\"; allowed: a UTC day"):
        reap.class_file(file)


def test_a_shared_cluster_stays_while_anybody_with_a_share_of_it_stays() -> None:
    cluster = lab("class")
    share = Found(stack="kim", tags=Tags(stack="kim"), target="shared", expires=NOW + HOUR, platform="class")

    assert [each.verb for each in select([share, cluster], NOW, {})] == ["keep", "keep"]
    assert select([cluster, share], NOW, {})[0].reason == "kim has a share of its cluster and is kept"
    assert [each.verb for each in select([replace(share, expires=NOW), cluster], NOW, {})] == ["destroy", "destroy"]
    assert [each.verb for each in select([replace(share, tags=None), cluster], NOW, {})] == ["keep", "keep"]


def test_shares_go_before_the_cluster_that_they_are_in(backend: Backend) -> None:
    backend.has("class", outputs("class"))
    backend.has("kim", outputs("kim"), target="shared", shared={"platform": "class"})

    run(yes=True)

    assert backend.ended == [("down", "kim"), ("down", "class")]


def test_a_cluster_outlives_a_share_that_could_not_be_ended(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    backend.has("class", outputs("class"))
    backend.has("kim", outputs("kim"), target="shared", shared={"platform": "class"})

    def down(stack: Stack, _engine: object) -> None:
        backend.ended.append(("down", stack.name))
        raise LabError("in use")

    monkeypatch.setattr(lifecycle, "down", down)

    with pytest.raises(LabError, match="kim"):
        run(yes=True)

    assert backend.ended == [("down", "kim")]


@pytest.mark.parametrize("error", ["", "the cluster does not answer"])
def test_a_stack_of_a_class_is_ended_by_the_class_own_engine(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    backend.has("kim", outputs("kim"))
    plans: list[Plan] = []

    def execute(plan: Plan, *, parallel: int) -> executor.Outcome:
        assert parallel == 1
        plans.append(plan)
        phase = Phase.FAILED if error else Phase.DONE
        return executor.Outcome(results=[executor.StackResult(action=plan.actions[0], phase=phase, error=error)])

    entry = StackRecord(stack="kim", classroom="mesh", student="kim", name="Kim", state=State.STANDS)
    monkeypatch.setattr(of_class, "load", lambda _: entry)
    monkeypatch.setattr(class_run, "execute", execute)

    if error:
        with pytest.raises(LabError, match=error):
            run(yes=True)
    else:
        run(yes=True)

    assert backend.ended == []
    [[step]] = [plan.actions for plan in plans]
    assert (step.stack, step.student, step.verb) == ("kim", "kim", Verb.DESTROY)
