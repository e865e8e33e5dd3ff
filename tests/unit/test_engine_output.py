"""What a log shows of an update: little, whatever matters, and the file that has the rest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.adapters import process, process_log
from lab.adapters.stack import Stack
from lab.core import paths
from lab.services import engine_output
from lab.services.engine_output import Condenser

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDED = Path(__file__).with_name("recorded")


class Clock:
    """Seconds that pass only when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def condensed(*lines: str) -> list[str]:
    condenser = Condenser(Clock())
    return [each for line in lines for each in condenser.take(line)]


def recorded(name: str) -> list[str]:
    return condensed(*(RECORDED / name).read_text(encoding="utf-8").splitlines())


def test_of_an_up_from_nothing_a_log_has_what_took_long_and_the_numbers() -> None:
    found = recorded("up.txt")

    assert len(found) < 40
    assert "kubernetes:helm.sh/v3:Release istiod: created in 9s" in found
    assert found[-3:] == ["Resources:", "    + 96 created", "Duration: 1m43s"]
    assert not [line for line in found if "creating" in line or "updating..." in line or "bookinfoUrl" in line]


def test_of_a_down_a_log_has_the_numbers() -> None:
    assert recorded("destroy.txt")[:4] == ["Destroying (dev):", "Resources:", "    - 96 deleted", "Duration: 14s"]


def test_what_an_update_changes_is_named() -> None:
    assert condensed(
        "Updating (dev):",
        "    pulumi:pulumi:Stack istio-lab-dev running (0s) ",
        " ~  kubernetes:core/v1:ConfigMap shop-config updating (0s) [diff: ~data]",
        " ~  kubernetes:core/v1:ConfigMap shop-config updated (0.10s) [diff: ~data]",
        " -  kubernetes:core/v1:Service old deleting (0s) ",
        " -  kubernetes:core/v1:Service old deleted (0.31s) ",
        "    pulumi:pulumi:Stack istio-lab-dev ",
    ) == [
        "Updating (dev):",
        "kubernetes:core/v1:ConfigMap shop-config: updated in 0.10s",
        "kubernetes:core/v1:Service old: deleted in 0.31s",
    ]


def test_a_failure_is_told_once_and_the_messages_at_the_end_are_whole() -> None:
    failing = " +  kubernetes:core/v1:Service web **creating failed** (2s) error: port 80 is taken"
    end = [
        "Diagnostics:",
        "  kubernetes:core/v1:Service (web):",
        "    error: port 80 is taken",
        "    see the log",
    ]
    found = condensed(failing, failing, *end, "Resources:", "    + 3 created")

    assert found == [
        "kubernetes:core/v1:Service web: creating failed: error: port 80 is taken",
        *end,
        "Resources:",
        "    + 3 created",
    ]


def test_words_of_the_program_and_of_the_labs_own_providers_are_told_once() -> None:
    line = " +  pulumi:pulumi:Stack istio-lab-dev creating (3s) [  0.1s] building istio ..."
    warning = " +  kubernetes:apps/v1:Deployment web creating (1s) warning: [MinimumReplicasUnavailable] none yet"

    assert condensed(line, line, warning) == ["istio-lab-dev: [  0.1s] building istio ..."]


def test_a_resource_behind_the_dots_of_a_waiting_engine_is_understood() -> None:
    assert condensed("@ updating.... +  kubernetes:core/v1:Pod web created (6s) ") == [
        "kubernetes:core/v1:Pod web: created in 6s"
    ]


def test_an_update_that_is_silent_for_long_says_how_far_it_is() -> None:
    clock = Clock()
    condenser = Condenser(clock)
    for name in "abcdef":
        assert condenser.take(f" +  kubernetes:core/v1:Pod pod-{name} creating (0s) ") == []
    condenser.take(" +  kubernetes:core/v1:Pod pod-a created (1s) ")
    clock.now = 16

    assert condenser.take("@ updating....") == ["1 resources done; working on pod-b, pod-c, pod-d, pod-e and 1 more"]
    assert condenser.take("@ updating....") == []


@pytest.mark.parametrize("line", ["    error: all is lost", "    warning: not all is well", "what nobody knows"])
def test_no_flood_of_lines_makes_a_log_long(line: str) -> None:
    assert (
        len(condensed(*[f"{line} {n}" for n in range(500)], "Diagnostics:", *[f"{line} {n}" for n in range(500)])) < 80
    )


@pytest.mark.parametrize(
    ("text", "seconds"), [("0.53s", 0.53), ("14s", 14), ("1m43s", 103), ("1h2m3s", 123), ("300ms", 0.3), (None, 0)]
)
def test_durations_are_understood_as_pulumi_writes_them(text: str | None, seconds: float) -> None:
    line = f" ~  kubernetes:core/v1:Pod web updated ({text}) " if text else " ~  kubernetes:core/v1:Pod web updated "
    assert condensed(line) == [f"kubernetes:core/v1:Pod web: updated{f' in {text}' if text else ''}"]
    assert engine_output.seconds(text) == pytest.approx(seconds)


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """One whose pulumi is a script that fails."""
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "home"))
    paths.bin_dir().mkdir(parents=True)
    pulumi = paths.bin_dir() / "pulumi"
    pulumi.write_text(
        "#!/bin/sh\necho 'Updating (dev):'\necho ' +  a:b:C d creating (0s) '\necho 'error: no' >&2\nexit 7\n"
    )
    pulumi.chmod(0o755)
    return Stack("dev")


def test_the_whole_output_is_in_a_file_that_is_named_also_when_the_update_fails(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert engine_output.pulumi(stack, "up", "--yes") == 7

    log = engine_output.log_file(stack, "up")
    assert capsys.readouterr().out == f"Updating (dev):\nerror: no\nAll that pulumi printed is in {log}\n"
    assert log.read_text() == "Updating (dev):\n +  a:b:C d creating (0s) \nerror: no\n"
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("variable", "condenses"), [("", True), ("0", True), ("1", False)])
def test_who_asks_for_all_of_the_output_gets_it(
    variable: str, stack: Stack, monkeypatch: pytest.MonkeyPatch, *, condenses: bool
) -> None:
    monkeypatch.setenv(engine_output.VARIABLE, variable)

    engine_output.pulumi(stack, "up")

    assert engine_output.log_file(stack, "up").exists() is condenses


def test_a_command_outlives_whoever_reads_its_output(tmp_path: Path, eventually: Callable[..., bool]) -> None:
    done = tmp_path / "done"
    script = f"echo one; sleep 0.3; echo two; touch {done}"
    reads = f"""
import os, pathlib
from lab.adapters import process_log
log = pathlib.Path({str(tmp_path / "log")!r})
process_log.follow(["/bin/sh", "-c", {script!r}], log=log, on_line=lambda _: os._exit(9))
"""
    assert process.run([sys.executable, "-c", reads], cwd=paths.PROJECT, check=False).code == 9
    assert eventually(done.exists)
    assert (tmp_path / "log").read_text() == "one\ntwo\n"


def test_the_last_line_counts_without_its_end(tmp_path: Path) -> None:
    seen: list[str] = []

    assert process_log.follow(["/bin/sh", "-c", "printf 'a\\nb'"], log=tmp_path / "log", on_line=seen.append) == 0
    assert seen == ["a", "b"]
