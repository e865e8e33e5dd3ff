"""What pulumi says, as people who wait are told it: by lines of its plain progress and of its errors."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import psutil
import pytest
from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import create_command_error

from lab.adapters import workspace
from lab.adapters.stack import Stack
from lab.core import paths
from lab.services.classes import engine
from lab.services.classes.engine import AutomationEngine
from lab.services.lifecycle import UpdateError

if TYPE_CHECKING:
    from pathlib import Path

ORDER = "kubernetes:apps/v1:Deployment shop-order"
LINES = {
    # what it is at
    f" +  {ORDER} creating (0s) Waiting for app ReplicaSet to be available (1/2 Pods available)": (
        "shop-order: Waiting for app ReplicaSet to be available (1/2 Pods available)"
    ),
    f" ~  {ORDER} updating (12s) [diff: ~spec]; Waiting for 1 of 2": "shop-order: [diff: ~spec]; Waiting for 1 of 2",
    f" -  {ORDER} deleting (300ms) Resource scheduled for deletion": "shop-order: Resource scheduled for deletion",
    f" ++ {ORDER} creating replacement (2s) Waiting for 2 Pods": "shop-order: Waiting for 2 Pods",
    # what it is done with
    " +  kubernetes:core/v1:Namespace default created (0.02s)": "default: created",
    " +  kubernetes:helm.sh/v3:Release kiali created (1s) ": "kiali: created",
    " ~  kubernetes:core/v1:ConfigMap config-dev updated (0.10s) [diff: ~data]": "config-dev: updated",
    " -  kubernetes:core/v1:Namespace tutorial deleted (6s)": "tutorial: deleted",
    " +- kubernetes:apps/v1:StatefulSet mysql replaced (0.00s)": "mysql: replaced",
    " ++ kubernetes:apps/v1:StatefulSet mysql created replacement (3s)": "mysql: created",
    " -- kubernetes:apps/v1:StatefulSet mysql deleted original (1s)": "mysql: deleted",
    " +  pulumi:pulumi:Stack istio-lab-student-anna created (8s)": "istio-lab-student-anna: created",
    " +  pulumi-python:dynamic/embedded:ControlPlane embedded created (4s)": "embedded: created",
    " +  azure-native:containerservice:ManagedCluster lab created (301s)": "lab: created",
    # what nobody waits for
    f" +  {ORDER} creating (0s)": "",
    f" +  {ORDER} creating (0s) ": "",
    f" +  {ORDER} **creating failed** error: not ready": "",
    "    pulumi:pulumi:Stack istio-lab-student-anna running ": "",
    "    kubernetes:core/v1:Namespace default ": "",
    "@ updating....": "",
    "error: update failed": "",
    "Updating (student-anna):": "",
    "    + 31 created": "",
    "created": "",
    "": "",
}


@pytest.mark.parametrize(("line", "told"), LINES.items(), ids=range(len(LINES)))
def test_a_line_of_pulumi_is_told_when_it_says_what_is_done_or_waited_for(line: str, told: str) -> None:
    assert engine.step_text(line) == told


@pytest.mark.parametrize("line", [" +  a:b:C " + "x" * 100_000, " +  " + "a:" * 2_000, " " * 50_000])
def test_no_line_is_too_long_to_be_looked_at(line: str) -> None:
    assert engine.step_text(line) == ""


NOT_READY = 'the Kubernetes API server reported that "anna-shop/order" failed to become live'
DIAGNOSTICS = f"""\
Updating (student-anna):
 +  {ORDER} **creating failed** error: said in the progress
Diagnostics:
  pulumi:pulumi:Stack (istio-lab-student-anna):
    error: update failed

  {ORDER.replace(" ", " (")}):
    {{}}

Resources:
    + 31 created
"""
HELM = 'error: 1 error occurred:\n    \t* Helm release "anna/x" was created, but failed: timed out\n    \n    '
REASONS = {
    "one line": (f"error: {NOT_READY}", NOT_READY),
    "the next line says it": (f"error: 1 error occurred:\n    \t* {NOT_READY}\n\n", f"1 error occurred: {NOT_READY}"),
    "several lines": ("error: 2 errors occurred:\n\t* one:\n\t* of two\n", "2 errors occurred: one: of two"),
    "of Helm": (HELM, 'Helm release "anna/x" was created, but failed: timed out'),
    "of the program": (
        "error: python inline source runtime error: nodes.count: found 0\n    Traceback (most recent call last):\n",
        "python inline source runtime error: nodes.count: found 0",
    ),
    "two errors": (f"error: {NOT_READY}\n    error: and another", NOT_READY),
    "a colon before another error": ("error: this is it:\n    error: and another", "this is it:"),
    "much space": ("error: one \t  two", "one two"),
}


@pytest.mark.parametrize(("text", "found"), REASONS.values(), ids=REASONS)
def test_the_reason_is_the_first_error_in_one_line(text: str, found: str) -> None:
    reason = engine.reason(DIAGNOSTICS.format(text))

    assert "\n" not in reason
    assert found in reason
    assert "another" not in reason


@pytest.mark.parametrize(
    ("stdout", "stderr", "found"),
    [
        ("", "error: stack 'student-anna' already exists", "stack 'student-anna' already exists"),
        ("error: no such option", "", "no such option"),
        (DIAGNOSTICS.format("error: it"), "warning: a secret\nerror: update failed", "it"),
        ("Previewing", "error: preview failed", "preview failed"),
        ("Destroying\n    error: destroy failed\n    error: it is in use", "", "it is in use"),
        ("", "fork/exec: no such file", "fork/exec: no such file"),
        ("", "", "code: 255"),
    ],
)
def test_the_reason_is_found_in_what_the_automation_api_hands_on(stdout: str, stderr: str, found: str) -> None:
    raised = create_command_error(CommandResult(stdout=stdout, stderr=stderr, code=255))

    assert engine.reason(str(raised)) == found


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_silence_is_a_reason_too(text: str) -> None:
    assert engine.reason(text) == "pulumi ended without a message"


def test_a_long_reason_is_cut_and_a_shorter_one_is_not() -> None:
    assert engine.reason(f"error: {'x' * 300}") == "x" * 300
    assert engine.reason(f"error: {'x' * 301}") == f"{'x' * 300}..."


def test_a_killed_engine_is_told_by_its_signal() -> None:
    raised = create_command_error(CommandResult(stdout="error: it", stderr="", code=-9))

    assert engine.reason(str(raised)) == "pulumi was ended by SIGKILL"


# --- one stack ---

SCRIPT = """#!/bin/sh
if [ "$1" = version ]; then echo v3.259.0; exit; fi
echo "$PWD $*" >> "$ISTIO_LAB_HOME/calls"
env > "$ISTIO_LAB_HOME/environment"
echo " +  kubernetes:core/v1:Namespace default created (0.02s)"
echo "nothing that anybody waits for"
echo " +  kubernetes:core/v1:Service order created (0.02s)"
case "$*" in *student-bad*) echo "error: no room" >&2; exit 255;; esac
"""


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PulumiCommand:
    """A script in place of pulumi, by the Automation API's own command."""
    for name, value in {**os.environ}.items():
        monkeypatch.setenv(name, value)  # the environment of this process is restored afterwards
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path))
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "of another project")
    paths.bin_dir().mkdir()
    (paths.bin_dir() / "pulumi").write_text(SCRIPT)
    (paths.bin_dir() / "pulumi").chmod(0o755)
    return engine.command()


def run(pulumi: PulumiCommand, tmp_path: Path, operation: str, stack: str = "student-anna") -> list[str]:
    steps: list[str] = []
    chosen = AutomationEngine(command=pulumi, log=tmp_path / "log" / "create.log", on_step=steps.append)
    getattr(chosen, operation)(Stack(stack))
    return steps


def test_each_step_is_told_with_how_many_are_done_and_the_log_has_every_line(
    pulumi: PulumiCommand, tmp_path: Path
) -> None:
    assert run(pulumi, tmp_path, "up") == ["1 done, default: created", "2 done, order: created"]
    assert "nothing that anybody waits for\n" in (tmp_path / "log" / "create.log").read_text()


@pytest.mark.parametrize(
    ("operation", "commands"),
    [
        ("up", ["up --yes --skip-preview --suppress-outputs"]),
        ("preview", ["preview --suppress-outputs"]),
        ("destroy", ["destroy --yes --skip-preview --suppress-outputs", "stack rm --yes --preserve-config"]),
        ("prune_state", ["stack rm --yes --preserve-config --force"]),
    ],
)
def test_pulumi_is_called_in_the_stacks_own_folder(
    pulumi: PulumiCommand, tmp_path: Path, operation: str, commands: list[str]
) -> None:
    own = paths.class_workspace("student-anna")
    own.mkdir(parents=True)
    (own / "Pulumi.yaml").touch()
    run(pulumi, tmp_path, operation)

    assert (tmp_path / "calls").read_text().splitlines() == [
        f"{own} --non-interactive {words} --stack student-anna --color never" for words in commands
    ]


def test_a_refresh_is_of_the_resources_that_are_named(pulumi: PulumiCommand, tmp_path: Path) -> None:
    chosen = AutomationEngine(command=pulumi, log=tmp_path / "log" / "create.log", on_step=lambda _: None)
    chosen.refresh(Stack("student-anna"), ["urn:a", "urn:b"])

    words = "refresh --yes --skip-preview --suppress-outputs --target urn:a --target urn:b --stack student-anna"
    assert words in (tmp_path / "calls").read_text()


def test_pulumi_gets_the_projects_environment_and_no_passphrase_of_another(
    pulumi: PulumiCommand, tmp_path: Path
) -> None:
    run(pulumi, tmp_path, "up")
    found = (tmp_path / "environment").read_text().splitlines()

    assert f"PULUMI_HOME={paths.pulumi_home()}" in found
    assert not [line for line in found if line.startswith("PULUMI_CONFIG_PASSPHRASE=")]
    assert workspace.environment().items() <= dict(os.environ).items()


def test_a_failure_has_the_first_error_and_all_that_pulumi_printed(pulumi: PulumiCommand, tmp_path: Path) -> None:
    with pytest.raises(UpdateError) as failed:
        run(pulumi, tmp_path, "up", stack="student-bad")

    assert failed.value.message == "no room"
    assert "default created" in failed.value.engine_errors


def test_only_engines_are_interrupted(tmp_path: Path) -> None:
    sleep = shutil.which("sleep")
    assert sleep
    shutil.copy(sleep, tmp_path / "pulumi")
    with (
        subprocess.Popen([str(tmp_path / "pulumi"), "60"]) as pulumi,
        subprocess.Popen([sleep, "60"]) as another,
    ):
        try:
            assert psutil.Process(pulumi.pid).name() == "pulumi"
            engine.interrupt()

            assert pulumi.wait(20) == -2
            assert another.poll() is None
        finally:
            pulumi.kill()
            another.kill()
