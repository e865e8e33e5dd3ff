"""`lab rollout` as people type it, with a kubectl and a plugin that only pretend."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from typer.testing import CliRunner

from lab import toolchain
from lab.cli import app, rollout_view
from lab.cli import rollout as commands
from lab.core import paths
from lab.core.errors import LabError
from lab.services.rollouts import actions, objects, reading
from lab.services.rollouts.explain import LabContext, explain
from tests.unit.pretended_kubectl import PretendedKubectl
from tests.unit.rollouts import made

if TYPE_CHECKING:
    from pathlib import Path

    from lab.services.rollouts.state import Rollout

Words = list[str]
WIDTH = 80


@pytest.fixture(autouse=True)
def _lab_that_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    monkeypatch.setattr(paths, "stack_dir", lambda name: tmp_path / "stacks" / name)
    (tmp_path / "stacks" / "dev").mkdir(parents=True)
    (tmp_path / "stacks" / "dev" / "kubeconfig").touch()
    monkeypatch.setattr(reading, "_INTERVAL", 0.001)
    monkeypatch.setattr(reading, "CONTROLLER_TIMEOUT", 0.01)
    monkeypatch.setattr(reading, "datetime", SimpleNamespace(now=lambda _zone: made.NOW))
    monkeypatch.setattr(commands, "_INTERVAL", 0.001)


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PretendedKubectl:
    """The cluster's kubectl; the plugin is there too."""
    pretended = PretendedKubectl(tmp_path / "kubectl")
    monkeypatch.setattr("lab.adapters.kubectl.program", lambda: pretended.file)
    place = {actions.PLUGIN: tmp_path / "plugin" / "kubectl"}
    monkeypatch.setattr(toolchain, "bring", lambda names: [place[name] for name in names])
    return pretended


@pytest.fixture(autouse=True)
def plugin(tmp_path: Path) -> PretendedKubectl:
    """The plugin of Argo Rollouts."""
    pretended = PretendedKubectl(tmp_path / "plugin")
    pretended.answers("", "done")
    return pretended


def holds(kubectl: PretendedKubectl, *given: made.Object) -> None:
    """Let the cluster hold these objects, and no others."""
    kubectl.answers(f"get {reading.KINDS}", {"items": list(given)})
    kubectl.answers("--all-namespaces", {"items": [each for each in given if each["kind"] == "Rollout"]})


def invoke(*words: str) -> tuple[str, int, BaseException | None]:
    result = CliRunner().invoke(commands.app, words)
    return result.output, result.exit_code, None if isinstance(result.exception, SystemExit) else result.exception


def refused(*words: str) -> LabError:
    _, _, error = invoke(*words)
    assert isinstance(error, LabError)
    return error


def drawn(rollout: Rollout, width: int = WIDTH) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(rollout_view.screen(rollout, explain(rollout, LabContext())), highlight=False)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_one_request_of_kubectl_is_enough_for_a_look(
    kubectl: PretendedKubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "CONTROLLER_TIMEOUT", 1.0)
    holds(kubectl, made.rollout(), *made.sets())
    invoke("status", "delivery")

    assert [call[1:] for call in kubectl.calls] == [
        ["-n", "shop", "get", reading.KINDS, "--show-managed-fields", "--output=json"]
    ]


@pytest.mark.parametrize(("status", "code"), [(made.healthy(), 0), ({}, 0), (made.paused(), 0), (made.aborted(), 1)])
def test_the_exit_code_says_whether_all_is_well(status: made.Object, code: int, kubectl: PretendedKubectl) -> None:
    holds(kubectl, made.rollout(**status), *made.sets())

    assert invoke("status", "delivery")[1] == code


def test_a_controller_that_is_not_there_ends_with_one(kubectl: PretendedKubectl) -> None:
    unseen = made.rollout()
    unseen["status"] = {}
    holds(kubectl, unseen)
    kubectl.answers("-n argo-rollouts get deployments.apps", {"items": []})
    output, code, _ = invoke("status", "delivery")

    assert code == 1
    assert "make up" in output


def test_the_screen_has_everything_in_eighty_columns() -> None:
    run = made.analysis("Running", made.measured("[0.97]", failed=1, successful=3))
    rollout = made.state(made.rollout(**made.paused()), *made.sets(desired=2), run)
    text = drawn(rollout)

    assert max(len(line) for line in text.splitlines()) <= WIDTH
    for told in (
        "delivery  in namespace shop",
        "canary, split by rules of the mesh",
        "Paused  CanaryPauseStep",
        "2 of 5: pause 10s, 7 s left",
        "20 % of the requests to the newest version, 80 % to the stable one",
        "docker.io/me/delivery:v1",
        "docker.io/me/delivery:v2",
        "analysis run (Step)  Running",
        "success-rate  Running  3 good, 1 bad, 0 unclear, 0 errors; last [0.97]",
        "lab rollout promote delivery",
    ):
        assert told in text
    rows = [line.split()[:5] for line in text.splitlines() if "docker.io" in line]
    assert rows == [["2", "canary", "v2", "1/2", "new"], ["1", "stable", "v1", "1/1", "old"]]


def test_the_screen_of_a_blue_green_names_active_and_preview() -> None:
    text = drawn(made.state(made.blue_green(strategy={"autoPromotionSeconds": 30}), *made.sets()))

    assert "blueGreen" in text
    assert "stable, active" in text
    assert "preview" in text
    assert "20 s left" in text
    assert "weight" not in text


def test_what_the_cluster_says_is_never_taken_for_markup() -> None:
    pod = made.pod(**made.waiting("ErrImagePull", "[bold]no[/] [/such] tag"))

    assert "[bold]no[/] [/such] tag" in " ".join(drawn(made.state(made.rollout(), *made.sets(), pod)).split())


def test_json_says_the_same_for_programs(kubectl: PretendedKubectl) -> None:
    holds(kubectl, made.rollout(**made.aborted()), *made.sets(), made.analysis("Failed"))
    output, code, _ = invoke("status", "delivery", "--json")
    found = json.loads(output)

    assert code == 1
    assert (found["phase"], found["weight"], found["complete"]) == ("Degraded", 0, False)
    assert found["replica_sets"][0]["roles"] == ["canary"]
    assert found["analyses"][0]["metrics"][0]["success"] == made.CONDITION
    assert "by hand" in found["explanation"]["text"]


def test_set_image_says_what_follows(kubectl: PretendedKubectl) -> None:
    holds(kubectl, made.rollout(**made.healthy()), *made.sets())
    output, code, _ = invoke("set-image", "delivery", "delivery=docker.io/me/delivery:v3")

    assert code == 0
    assert "A new revision with docker.io/me/delivery:v3 is on its way" in output
    assert "a plain `pulumi up` leaves it alone" in output
    assert "Next  lab rollout watch delivery\n" in output


def test_set_image_without_a_name_means_the_example(kubectl: PretendedKubectl, plugin: PretendedKubectl) -> None:
    holds(kubectl, made.rollout("example-rollout", "default", **made.healthy()), *made.sets())
    invoke("set-image", "example-rollout=nginx:1.29")

    assert plugin.calls[0][:4] == ["set", "image", "example-rollout", "example-rollout=nginx:1.29"]
    assert plugin.calls[0][4] == "--namespace=default"


def test_set_image_of_the_same_image_changes_nothing(kubectl: PretendedKubectl, plugin: PretendedKubectl) -> None:
    holds(kubectl, made.rollout(**made.healthy()), *made.sets())
    output, code, _ = invoke("set-image", "delivery", "delivery=docker.io/me/delivery:v2")

    assert (code, plugin.calls) == (0, [])
    assert "nothing is changed" in output


@pytest.mark.parametrize("image", ["", "nginx", "nginx:latest", "Nginx:1", "nginx:1 2", "a=b:1"])
def test_a_bad_image_is_refused_with_what_is_allowed(image: str, kubectl: PretendedKubectl) -> None:
    error = refused("set-image", "delivery", f"delivery={image}")

    assert "allowed: an image with a tag such as nginx:1.29" in error.remedy
    assert kubectl.calls == []


@pytest.mark.parametrize("words", [("delivery",), ("delivery", "nginx:1"), ("a", "b", "c=d:1"), ("a=b:1", "c=d:1")])
def test_anything_but_a_container_and_its_image_is_refused(words: tuple[str, ...], kubectl: PretendedKubectl) -> None:
    assert "allowed: a Rollout" in refused("set-image", *words).remedy
    assert kubectl.calls == []


def test_a_container_that_is_not_there_is_refused_with_those_that_are(kubectl: PretendedKubectl) -> None:
    holds(kubectl, made.rollout(), *made.sets())

    assert refused("set-image", "delivery", "web=nginx:1.29").remedy == "it has: delivery"


@pytest.mark.parametrize(("words", "number"), [((), "2"), (("--to-revision", "1"), "1")])
def test_undo_says_what_it_goes_back_to(
    words: tuple[str, ...], number: str, kubectl: PretendedKubectl, plugin: PretendedKubectl
) -> None:
    holds(
        kubectl,
        made.rollout(),
        made.replica_set(1, "older", desired=0),
        made.replica_set(2, "old"),
        made.replica_set(3, "new"),
    )
    output, _, _ = invoke("undo", "delivery", *words)

    assert plugin.calls[0][:3] == ["undo", "delivery", f"--to-revision={number}"]
    assert f"revision {number} (v{number})" in output
    assert "leaves it alone" in output


def test_undo_to_what_is_there_changes_nothing(kubectl: PretendedKubectl, plugin: PretendedKubectl) -> None:
    holds(kubectl, made.rollout(), *made.sets())

    assert "already; nothing is changed" in invoke("undo", "delivery", "--to-revision", "2")[0]
    assert plugin.calls == []


def test_undo_to_a_revision_that_is_gone_names_those_that_are_kept(kubectl: PretendedKubectl) -> None:
    holds(kubectl, made.rollout(), *made.sets())
    assert refused("undo", "delivery", "--to-revision", "7").remedy == "its revisions that are kept: 2, 1"

    holds(kubectl, made.rollout(), made.replica_set(1, "new"))
    assert "no revision before the newest" in refused("undo", "delivery").message


@pytest.mark.parametrize(
    ("given", "words", "told"),
    [
        (made.rollout(**made.paused()), ("promote", "delivery"), ["promote", "delivery"]),
        (made.rollout(), ("promote", "delivery", "--full"), ["promote", "delivery", "--full"]),
        (made.rollout(), ("abort", "delivery"), ["abort", "delivery"]),
        (made.rollout(**made.aborted()), ("retry", "delivery"), ["retry", "rollout", "delivery"]),
        (made.rollout(), ("undo", "delivery"), ["undo", "delivery", "--to-revision=1"]),
        (
            made.rollout(),
            ("set-image", "delivery", "delivery=nginx:1.29"),
            ["set", "image", "delivery", "delivery=nginx:1.29"],
        ),
    ],
)
def test_the_plugin_acts(
    given: made.Object, words: Words, told: Words, kubectl: PretendedKubectl, plugin: PretendedKubectl
) -> None:
    holds(kubectl, given, *made.sets())
    _, code, _ = invoke(*words)

    assert code == 0
    assert [call[:-2] for call in plugin.calls] == [told]
    assert plugin.calls[0][-2] == "--namespace=shop"
    assert plugin.calls[0][-1].endswith("stacks/dev/kubeconfig")


def test_a_plugin_that_fails_is_a_message(kubectl: PretendedKubectl, plugin: PretendedKubectl) -> None:
    holds(kubectl, made.rollout(), *made.sets())
    plugin.answers("", "Error: no rights\n", code=1)

    assert refused("abort", "delivery").message == "kubectl-argo-rollouts abort delivery failed: no rights"


@pytest.mark.parametrize(
    ("verb", "status", "told"),
    [
        ("promote", made.healthy(), "nothing to promote"),
        ("promote", made.aborted(), "there is no pause to end"),
        ("abort", made.healthy(), "nothing to abort"),
        ("abort", made.aborted(), "aborted already"),
        ("retry", made.paused(), "nothing to retry"),
    ],
)
def test_what_makes_no_sense_now_is_refused_with_what_does(
    verb: str, status: made.Object, told: str, kubectl: PretendedKubectl, plugin: PretendedKubectl
) -> None:
    holds(kubectl, made.rollout(**status), *made.sets())
    error = refused(verb, "delivery")

    assert told in error.message
    assert error.remedy.startswith("lab rollout ")
    assert plugin.calls == []


def test_an_unknown_rollout_is_answered_with_those_that_there_are(kubectl: PretendedKubectl) -> None:
    holds(kubectl, made.rollout(), made.rollout("mine", "somewhere"))
    error = refused("status", "nobody")

    assert error.message == "the namespace default has no Rollout nobody"
    assert error.remedy == "there are: delivery, mine -n somewhere"


def test_argo_rollouts_that_is_not_installed_is_told_with_its_switch(kubectl: PretendedKubectl) -> None:
    kubectl.answers("get", 'error: the server doesn\'t have a resource type "rollouts"', code=1)
    error = refused("status")

    assert error.message == "Argo Rollouts is not installed"
    assert error.remedy == "set istio-lab:rollouts.enabled to true in Pulumi.dev.yaml, then make up"


def test_a_cluster_that_does_not_answer_is_told_with_what_to_do(kubectl: PretendedKubectl) -> None:
    kubectl.answers("get", "The connection to the server 127.0.0.1:1 was refused: dial: connection refused", code=1)

    assert refused("status").remedy == "make up"


@pytest.mark.parametrize("verb", ["status", "watch", "promote", "abort", "undo", "retry"])
def test_a_stack_that_does_not_stand_is_told_how_it_will(verb: str, kubectl: PretendedKubectl) -> None:
    error = refused(verb, "delivery", "--stack", "class")

    assert (error.message, error.remedy) == ("stack class does not stand", "make up STACK=class")
    assert kubectl.calls == []


def in_turn(monkeypatch: pytest.MonkeyPatch, *each: list[made.Object]) -> None:
    """Let every look find the next of these, and the last one for ever."""
    left = list(each)

    def read(*_: object) -> Rollout:
        now = left.pop(0) if len(left) > 1 else left[0]
        found = objects.find("delivery", now, made.NOW)
        assert found
        return found

    monkeypatch.setattr(reading, "read", read)


def test_watch_in_a_log_is_a_line_for_each_change_until_it_is_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    in_turn(
        monkeypatch,
        [made.rollout(), *made.sets()],
        [made.rollout(**made.paused(1)), *made.sets()],
        [made.rollout(**made.paused(2)), *made.sets()],
        [made.rollout(**made.healthy()), *made.sets()],
    )
    output, code, _ = invoke("watch", "delivery")

    lines = [line for line in output.splitlines() if line.startswith(("Progressing", "Paused", "Healthy"))]
    assert code == 0
    assert [line.split()[0] for line in lines] == ["Progressing", "Paused", "Healthy"]
    assert lines[1] == ("Paused  step 2 of 5: pause 10s  weight 20  canary r2 1/1  stable r1 1/1  CanaryPauseStep")


def test_watch_ends_with_one_and_the_reason_when_it_is_degraded(monkeypatch: pytest.MonkeyPatch) -> None:
    in_turn(monkeypatch, [made.rollout(), *made.sets()], [made.rollout(**made.aborted()), *made.sets()])
    output, code, _ = invoke("watch", "delivery")

    assert code == 1
    assert "by hand" in output
    assert "lab rollout retry delivery" in output


def test_watch_in_a_log_says_once_for_whom_it_waits_and_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    in_turn(monkeypatch, [made.rollout(**made.paused(9, currentStepIndex=4)), *made.sets()])
    output, code, _ = invoke("watch", "delivery", "--timeout", "0.05")

    assert code == 0
    assert output.count("until somebody promotes or aborts it") == 1


def test_watch_ends_when_the_controller_is_not_there(
    monkeypatch: pytest.MonkeyPatch, kubectl: PretendedKubectl
) -> None:
    unseen = made.rollout()
    unseen["status"] = {}
    in_turn(monkeypatch, [unseen])
    kubectl.answers("get deployments.apps", {"items": []})
    output, code, _ = invoke("watch", "delivery")

    assert code == 1
    assert "about to see" not in output
    assert "does not work" in output


def test_ctrl_c_ends_watch_with_what_was_seen_last(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    in_turn(monkeypatch, [made.rollout(), *made.sets()])
    monkeypatch.setattr(commands.time, "sleep", interrupted)
    output, code, error = invoke("watch", "delivery")

    assert (code, error) == (0, None)
    assert "on its way" in output


def test_watch_on_a_terminal_leaves_the_last_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Console(file=io.StringIO(), force_terminal=True, width=WIDTH, color_system=None)
    in_turn(monkeypatch, [made.rollout(), *made.sets()], [made.rollout(**made.healthy()), *made.sets()])
    monkeypatch.setattr(commands, "console", terminal)
    _, code, _ = invoke("watch", "delivery")

    assert isinstance(terminal.file, io.StringIO)
    last = terminal.file.getvalue()[-900:]
    assert code == 0
    assert "Healthy" in last
    assert "nothing is under way" in last


@pytest.mark.parametrize("name", ["status", "watch", "set-image", "promote", "abort", "undo", "retry"])
def test_every_command_teaches_by_an_example_and_is_known_to_lab(name: str) -> None:
    output = CliRunner().invoke(app.app, ["rollout", name, "--help"]).output

    assert f"lab rollout {name}" in " ".join(output.split())
