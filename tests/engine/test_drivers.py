"""One stack, driven in turn by `lab` and by plain pulumi, in the project's own backend and in one of the user's."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engine.laboratory import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engine.laboratory import Laboratory

SETTINGS = "# by hand\nconfig:\n  istio-lab:target: embedded\n"
PASSPHRASE = "the user's own"  # noqa: S105 - made up


@dataclass(frozen=True)
class Own:
    """A stack that the user's own pulumi keeps, in a shell that knows nothing of the lab but where its programs are."""

    lab: Laboratory
    backend: Path

    def pulumi(self, *arguments: str) -> Result:
        folders = [self.lab.project / ".lab" / "bin", self.lab.project / ".venv" / "bin", os.environ["PATH"]]
        environment = {**self.lab.environment, "PATH": os.pathsep.join(map(str, folders))}
        del environment["ISTIO_LAB_BACKEND_URL"]
        done = subprocess.run(
            ["pulumi", *arguments],  # noqa: S607 - found as in a terminal
            check=False,
            cwd=self.lab.project,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return Result(done.returncode, done.stdout)


@pytest.fixture
def driven(laboratory: Laboratory) -> Iterator[Laboratory]:
    stack = laboratory.other("driven")
    settings_of(stack).write_text(SETTINGS)
    yield stack
    stack.lab("down")
    settings_of(stack).unlink()


@pytest.fixture
def own(laboratory: Laboratory) -> Iterator[Own]:
    with tempfile.TemporaryDirectory(prefix="own-") as folder:
        home, backend = Path(folder) / "pulumi", Path(folder) / "state"
        home.mkdir()
        backend.mkdir()
        (home / "plugins").symlink_to(laboratory.project / ".lab" / "pulumi" / "plugins")
        stack = laboratory.other("kept").with_environment(
            ISTIO_LAB_BACKEND_URL="login", PULUMI_HOME=str(home), PULUMI_CONFIG_PASSPHRASE=PASSPHRASE
        )
        settings_of(stack).write_text(SETTINGS)
        yield Own(stack, backend)
        stack.lab("down")
        settings_of(stack).unlink()
        laboratory.lab("setup")  # the activation script is of the project's own backend again


def test_lab_and_plain_pulumi_drive_the_same_stack_in_turn(driven: Laboratory) -> None:
    driven.lab("up").succeeded()
    settings = settings_of(driven).read_text()
    nothing = driven.pulumi("preview", "--expect-no-changes").succeeded()

    driven.pulumi("config", "set", "--path", "istio-lab:tutorial.helloNginx", "false").succeeded()
    driven.pulumi("up", "--yes", "--skip-preview").succeeded()
    assert summary(driven.lab("preview")) == ["unchanged"]

    driven.pulumi("destroy", "--yes", "--skip-preview").succeeded()
    audited = driven.lab("audit", "--json").succeeded()

    assert settings == SETTINGS, "git would show a change"
    assert summary(nothing) == ["unchanged"]
    assert verdicts(audited)["state"] == verdicts(audited)["processes"] == verdicts(audited)["files"] == "clean"


def test_lab_drives_a_stack_that_the_users_own_pulumi_keeps(own: Own, laboratory: Laboratory) -> None:
    own.pulumi("login", f"file://{own.backend}").succeeded()
    own.pulumi("stack", "init", "kept").succeeded()
    own.pulumi("up", "--stack", "kept", "--yes", "--skip-preview").succeeded()

    wrong = own.lab.with_environment(PULUMI_CONFIG_PASSPHRASE=PASSPHRASE[1:]).lab("preview")
    previewed = own.lab.lab("preview").succeeded()
    activated = own.lab.pulumi("preview", "--expect-no-changes").succeeded()
    own.lab.lab("password", "grafana").succeeded()
    unknown = laboratory.other("kept").lab("audit", "--json")
    standing = own.lab.lab("audit")
    own.lab.lab("up").succeeded()
    afterwards = own.pulumi("preview", "--stack", "kept", "--expect-no-changes").succeeded()
    own.lab.lab("down").succeeded()
    audited = own.lab.lab("audit", "--json").succeeded()

    assert "PULUMI_CONFIG_PASSPHRASE (its value is not shown) is not the passphrase" in wrong.output
    assert "Traceback" not in wrong.output
    assert summary(previewed) == summary(activated) == summary(afterwards) == ["unchanged"]
    assert unknown.code == 1, "its processes run, and this backend knows nothing of it"
    assert verdicts(unknown)["state"] == "not seen"
    assert "stack kept still stands" in standing.output
    assert set(verdicts(audited).values()) == {"clean"}
    state = json.loads(own.pulumi("stack", "export", "--stack", "kept").succeeded().output)
    assert "resources" not in state["deployment"]


def settings_of(stack: Laboratory) -> Path:
    return stack.project / f"Pulumi.{stack.stack}.yaml"


def summary(result: Result) -> list[str]:
    """What pulumi counts at the end of a preview: the kinds of changes."""
    counted = result.succeeded().output.rpartition("Resources:\n")[2].splitlines()
    return [line.split(maxsplit=1)[1] for line in counted if line.startswith("    ") and line.split()[0].isdigit()]


def verdicts(audited: Result) -> dict[str, str]:
    found = audited.output[audited.output.index("{") :]
    return {each["looked_at"]: each["verdict"] for each in json.loads(found)["findings"]}
