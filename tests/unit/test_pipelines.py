"""The pipelines of the three hosts: valid by their hosts' own schemas, the same stages in the same order, harmless."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from typer.main import get_command
from typer.testing import CliRunner

from lab.cli import reap
from lab.cli.app import app
from lab.core.paths import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

GITHUB, GITLAB, GITEA = ".github/workflows/shop.yml", ".gitlab-ci.yml", ".gitea/workflows/shop.yml"
FILES = (GITHUB, GITLAB, GITEA)
REAP = ".github/workflows/reap.yml"
SCHEMAS = {
    GITHUB: ("--builtin-schema", "vendor.github-workflows"),
    GITLAB: ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"),
    GITEA: ("--builtin-schema", "vendor.github-workflows"),
    REAP: ("--builtin-schema", "vendor.github-workflows"),
}
SCRIPT = PROJECT / "pipelines" / "run"

hosts = pytest.mark.parametrize("host", [*FILES, REAP])


def parsed(host: str) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load((PROJECT / host).read_text(encoding="utf-8"))
    return found


def commands(host: str, job: str) -> list[str]:
    """What a job runs, one command after the other."""
    whole = parsed(host)
    if host == GITLAB:
        return [*whole[job]["script"], *whole[job].get("after_script", ())]
    return [step["run"] for step in whole["jobs"][job]["steps"] if "run" in step]


def check(file: Path, host: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", *SCHEMAS[host], str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@hosts
def test_a_pipeline_is_valid_by_its_hosts_own_schema(host: str) -> None:
    result = check(PROJECT / host, host)

    assert result.returncode == 0, result.stdout


@hosts
def test_the_schema_would_refuse_a_broken_pipeline(host: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    text = (PROJECT / host).read_text(encoding="utf-8")
    broken.write_text(
        text.replace("script:", "skript: 1\n  script: 7 #") if host == GITLAB else text.replace("steps:", "stepz:")
    )

    assert check(broken, host).returncode != 0


@pytest.mark.parametrize(
    ("job", "stages"),
    [
        ("preview", ["test", "tools", "login", "preview", "finish"]),
        ("deploy", ["test", "tools", "login", "image", "deploy", "finish"]),
    ],
)
def test_the_hosts_run_the_same_stages_in_the_same_order_and_nothing_else(job: str, stages: list[str]) -> None:
    assert [commands(host, job) for host in FILES] == [[f"pipelines/run {stage}" for stage in stages]] * 3


def test_every_stage_of_the_script_is_a_command_that_teaches() -> None:
    line = re.search(r'^stages="(.+)"$', SCRIPT.read_text(encoding="utf-8"), re.MULTILINE)
    pipeline: Any = get_command(app)
    known = pipeline.commands["pipeline"].commands

    assert line
    assert line[1].split() == sorted(
        line[1].split(), key=["test", "tools", "login", "image", "preview", "deploy", "finish", "reap"].index
    )
    assert set(line[1].split()) == set(known)
    assert [name for name, command in known.items() if len(command.help) < 40] == []


@hosts
def test_every_action_is_pinned_by_its_commit(host: str) -> None:
    used = re.findall(r"uses: (\S+)", (PROJECT / host).read_text(encoding="utf-8"))

    assert [each for each in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", each)] == []


@hosts
def test_no_pipeline_asks_for_a_secret_that_lives_long(host: str) -> None:
    text = (PROJECT / host).read_text(encoding="utf-8")

    assert re.findall(r"secrets\.|PASSWORD|CLIENT_SECRET|PRIVATE_TOKEN|PASSPHRASE", text) == []


@hosts
def test_a_plain_fork_stays_on_its_own_machine(host: str) -> None:
    text = (PROJECT / host).read_text(encoding="utf-8")

    assert re.search(r"ISTIO_LAB_TARGET: (\$\{\{ vars\.ISTIO_LAB_TARGET \|\| 'embedded' }}|embedded)\n", text)
    assert re.search(r"ISTIO_LAB_STACK: (\$\{\{ vars\.ISTIO_LAB_STACK \|\| 'dev' }}|dev)\n", text)


def test_a_deploy_is_one_at_a_time_and_never_cut_short() -> None:
    for host in (GITHUB, GITEA):
        assert parsed(host)["jobs"]["deploy"]["concurrency"]["cancel-in-progress"] is False
    assert parsed(GITLAB)["deploy"]["resource_group"]
    assert parsed(GITLAB)["default"]["interruptible"] is False


def test_only_main_is_deployed_and_only_pull_requests_are_previewed() -> None:
    for host in (GITHUB, GITEA):
        whole = parsed(host)
        # YAML 1.1 reads the key `on` as true.
        assert whole[True]["push"]["branches"] == ["main"]
        assert whole["jobs"]["deploy"]["if"] == "github.event_name == 'push'"
        assert whole["jobs"]["preview"]["if"] == "github.event_name == 'pull_request'"
        assert "pull_request_target" not in whole[True], "it would run strangers' code with this repository's rights"
    assert parsed(GITLAB)["deploy"]["rules"] == [
        {"if": '$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH'}
    ]


def test_a_job_may_do_no_more_than_it_must() -> None:
    whole = parsed(GITHUB)

    assert whole["permissions"] == {"contents": "read"}
    assert whole["jobs"]["deploy"]["permissions"] == {"contents": "read", "id-token": "write"}
    assert whole["jobs"]["preview"]["permissions"] == {
        "contents": "read",
        "pull-requests": "write",
        "id-token": "write",
    }


def test_labs_that_have_expired_are_only_named_until_somebody_says_more() -> None:
    whole = parsed(REAP)
    job = whole["jobs"]["reap"]

    assert commands(REAP, "reap") == ["pipelines/run tools", "pipelines/run login", "pipelines/run reap"]
    assert whole["env"]["ISTIO_LAB_REAP"] == "${{ inputs.action || vars.ISTIO_LAB_REAP || 'dry' }}"
    assert whole[True]["workflow_dispatch"]["inputs"]["action"]["default"] == "dry"
    assert job["if"] == "vars.ISTIO_LAB_BACKEND_URL != ''", "a runner of its own has no labs"
    assert job["concurrency"]["cancel-in-progress"] is False
    assert whole["permissions"] == {"contents": "read"}
    assert job["permissions"] == {"contents": "read", "id-token": "write"}


@pytest.mark.parametrize(("chosen", "told"), [("", "dry"), ("stop", "stop"), ("destroy", "destroy"), ("dry", "dry")])
def test_the_stage_does_what_its_variable_says(chosen: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[bool, str]] = []
    monkeypatch.setattr(reap, "run", lambda *, yes, action, **_: asked.append((yes, action.value)))
    monkeypatch.setenv("ISTIO_LAB_REAP", chosen) if chosen else monkeypatch.delenv("ISTIO_LAB_REAP", raising=False)

    result = CliRunner().invoke(app, ["pipeline", "reap"])

    assert result.exit_code == 0, result.output
    assert asked == [(told != "dry", "destroy" if told == "dry" else told)]


def test_the_script_can_be_run_and_says_its_stages_when_it_is_asked_for_another() -> None:
    result = subprocess.run([SCRIPT, "ship"], capture_output=True, text=True, check=False)

    assert os.access(SCRIPT, os.X_OK)
    assert result.returncode == 2
    assert result.stderr.startswith("usage: pipelines/run STAGE")
    assert "preview" in result.stderr


def test_bash_understands_the_script() -> None:
    assert subprocess.run(["/bin/bash", "-n", SCRIPT], check=False).returncode == 0
