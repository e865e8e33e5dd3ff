"""The working folder: private, made once, and the same for a script, a terminal and `lab` itself."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from pathlib import Path

import pytest

from lab.adapters import backend, workspace
from lab.core import paths


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone in a folder whose name a shell would misread."""
    clone = tmp_path / "it's a $HOME; lab"
    (clone / ".venv" / "bin").mkdir(parents=True)
    monkeypatch.setattr(paths, "PROJECT", clone)
    for name in ("PULUMI_CONFIG_PASSPHRASE", "ISTIO_LAB_BACKEND_URL", "ISTIO_LAB_HOME"):
        monkeypatch.delenv(name, raising=False)
    return clone


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def sourced(*names: str, **before: str) -> dict[str, str]:
    """What a terminal has in its environment after `source .lab/activate`, which had this before."""
    shown = "; ".join(f'printf "%s\\0" "${{{name}-unset}}"' for name in names)
    script = f". {shlex.quote(str(paths.home() / 'activate'))}; {shown}"
    result = subprocess.run(
        ["/bin/sh", "-eu", "-c", script],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], **before},
    )
    return dict(zip(names, result.stdout.split("\0"), strict=False))


def test_only_the_user_can_look_into_the_working_folder() -> None:
    workspace.prepare()

    folders = (paths.home(), paths.state_dir(), paths.pulumi_home(), paths.temporary_dir())
    assert {folder.name: oct(mode(folder)) for folder in folders} == dict.fromkeys(
        (".lab", "state", "pulumi", "tmp"), oct(0o700)
    )


def test_kubeconfigs_that_a_provider_left_are_deleted_after_a_day_and_nothing_else_is() -> None:
    workspace.prepare()
    yesterday = time.time() - 25 * 60 * 60
    for name, changed in (("kubeconfig1", yesterday), ("kubeconfig2", time.time()), ("notes", yesterday)):
        (paths.temporary_dir() / name).touch()
        os.utime(paths.temporary_dir() / name, (changed, changed))

    workspace.prepare()

    assert {file.name for file in paths.temporary_dir().iterdir()} == {"kubeconfig2", "notes"}


def test_temporary_files_of_a_terminal_and_of_lab_itself_stay_in_the_project() -> None:
    workspace.prepare()

    assert sourced("TMPDIR")["TMPDIR"] == workspace.environment()["TMPDIR"] == str(paths.temporary_dir())


def test_the_passphrase_is_the_users_alone_and_hard_to_guess() -> None:
    before = os.umask(0)
    try:
        workspace.prepare()
    finally:
        os.umask(before)

    assert mode(paths.passphrase_file()) == 0o600
    assert len(set(paths.passphrase_file().read_text())) > 10


def test_two_projects_have_two_passphrases(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace.prepare()
    first = paths.passphrase_file().read_text()
    monkeypatch.setattr(paths, "PROJECT", project.parent / "other")

    workspace.prepare()

    assert paths.passphrase_file().read_text() != first


def test_preparing_again_changes_nothing() -> None:
    workspace.prepare()
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in paths.home().rglob("*") if file.is_file()}

    workspace.prepare()

    after = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in paths.home().rglob("*") if file.is_file()}
    assert after == before
    assert paths.passphrase_file() in before


def test_a_passphrase_that_a_full_disk_left_empty_is_made_again() -> None:
    paths.home().mkdir()
    paths.passphrase_file().touch(mode=0o600)

    workspace.prepare()

    assert len(paths.passphrase_file().read_text()) >= 32


def test_scripts_of_an_older_lab_are_brought_up_to_date() -> None:
    workspace.prepare()
    (paths.home() / "activate").write_text("export PULUMI_HOME=/elsewhere\n")
    (paths.bin_dir() / "lab").write_text("#!/bin/sh\n")

    workspace.prepare()

    assert sourced("PULUMI_HOME")["PULUMI_HOME"] == str(paths.pulumi_home())
    assert "-m lab" in (paths.bin_dir() / "lab").read_text()


def test_a_terminal_gets_the_environment_that_the_lab_itself_uses() -> None:
    workspace.prepare()
    names = ("PULUMI_HOME", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE_FILE", "KUBECACHEDIR", "PATH")

    expected = workspace.environment()

    assert sourced(*names) == {name: expected[name] for name in names}


def test_state_secrets_and_logs_stay_inside_the_project(project: Path) -> None:
    environment = workspace.environment()

    assert environment["PULUMI_BACKEND_URL"] == (project / ".lab" / "state").as_uri() + "?metadata=skip"
    assert environment["PULUMI_CONFIG_PASSPHRASE_FILE"] == str(project / ".lab" / "passphrase")
    assert Path(environment["PULUMI_HOME"]).is_relative_to(project)
    assert 1 <= int(environment["PULUMI_LOG_ROTATION_MAX_TOTAL_MB"]) <= 200


def test_the_labs_own_tools_come_first_and_once(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    own = [str(paths.bin_dir()), str(project / ".venv" / "bin")]
    monkeypatch.setenv("PATH", os.pathsep.join(["/usr/bin", *own, "/bin"]))

    assert workspace.environment()["PATH"].split(os.pathsep) == [*own, "/usr/bin", "/bin"]


def test_a_terminal_loses_the_switches_of_pulumi_and_python(monkeypatch: pytest.MonkeyPatch) -> None:
    switches = ("PULUMI_DIY_BACKEND_GZIP", "PULUMI_CONFIG_PASSPHRASE", "PYTHONWARNINGS", "PYTHONDONTWRITEBYTECODE")
    workspace.prepare()

    assert sourced(*switches, **dict.fromkeys(switches, "1")) == dict.fromkeys(switches, "unset")

    monkeypatch.setenv("ISTIO_LAB_BACKEND_URL", "s3://team-state")
    workspace.prepare()
    login = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_ACCESS_TOKEN")
    assert sourced(*login, **dict.fromkeys(login, "secret")) == dict.fromkeys(login, "secret")
    assert "secret" not in (paths.home() / "activate").read_text()


def test_a_terminal_gets_the_backend_of_the_users_own_pulumi_too(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISTIO_LAB_BACKEND_URL", "login")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "own"))
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///team/state")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", "/team/passphrase")
    workspace.prepare()

    names = ("PULUMI_HOME", "PULUMI_BACKEND_URL", "PULUMI_CREDENTIALS_PATH", "PULUMI_CONFIG_PASSPHRASE_FILE")
    expected = workspace.environment()

    assert sourced(*names, PULUMI_HOME="x") == {name: expected[name] for name in names}
    assert mode(paths.home() / "activate") == 0o600
    assert expected["PULUMI_CREDENTIALS_PATH"] == str(tmp_path / "own")
    assert Path(expected["PULUMI_HOME"]).is_relative_to(project)


def test_variables_of_another_clones_terminal_are_overruled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_HOME", "/other/.lab/pulumi")
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///other/.lab/state")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "another")

    environment = workspace.environment()

    assert environment["PULUMI_HOME"] == str(paths.pulumi_home())
    assert environment["PULUMI_BACKEND_URL"] == f"{paths.state_dir().as_uri()}?metadata=skip"
    assert "PULUMI_CONFIG_PASSPHRASE" not in environment, "it would win over the file"


def test_the_rest_of_the_users_environment_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.test:3128")

    assert workspace.environment()["HTTPS_PROXY"] == "http://proxy.example.test:3128"


def test_with_a_backend_of_ones_own_secrets_follow_pulumis_usual_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTIO_LAB_BACKEND_URL", "s3://team-state")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "the team's")

    environment = workspace.environment()

    assert not backend.local()
    assert environment["PULUMI_BACKEND_URL"] == "s3://team-state"
    assert environment["PULUMI_CONFIG_PASSPHRASE"] == "the team's"  # noqa: S105 - made up
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in environment


def test_an_empty_backend_means_the_local_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTIO_LAB_BACKEND_URL", "")

    assert backend.local()
    assert workspace.environment()["PULUMI_BACKEND_URL"] == f"{paths.state_dir().as_uri()}?metadata=skip"


def test_the_lab_command_works_from_any_folder_whatever_python_is_told_there(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere/else")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    workspace.prepare()
    python = project / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\nprintf "%s|" "$PYTHONPATH$PYTHONWARNINGS" "$@"\n')
    python.chmod(0o755)

    result = subprocess.run(
        [str(paths.bin_dir() / "lab"), "inject", "two words"], check=True, capture_output=True, text=True, cwd=tmp_path
    )

    assert result.stdout.split("|") == [str(project), "-X", "utf8", "-m", "lab", "inject", "two words", ""]


def test_another_home_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "other home"))

    workspace.prepare()

    assert workspace.environment()["PULUMI_HOME"] == str(tmp_path / "other home" / "pulumi")
    assert paths.passphrase_file() == tmp_path / "other home" / "passphrase"


def test_state_names_folders_so_that_the_clone_can_move(project: Path) -> None:
    assert paths.relative(paths.stack_dir("dev")) == ".lab/stacks/dev"
    assert paths.relative(Path("/elsewhere/stacks/dev")) == "/elsewhere/stacks/dev"
    assert not Path(paths.relative(project / "a")).is_absolute()


@pytest.mark.parametrize("after", ["", "config:\n", None])
def test_a_stacks_file_that_was_cut_off_is_restored_and_one_that_was_changed_is_not(
    tmp_path: Path, after: str | None
) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    before = b"config:\n  a: 1\n"
    file.write_text("config:\n  a: 2\n" if after is None else after)
    file.chmod(0o640)

    workspace.restore_cut(file, before)

    assert file.read_bytes() == (b"config:\n  a: 2\n" if after is None else before)
    assert mode(file) == 0o640
    assert list(tmp_path.glob(".Pulumi*")) == []


def test_a_new_passphrase_forgets_the_states_of_labs_that_are_gone_and_no_other() -> None:
    latest = {"secrets_providers": {"type": "passphrase", "state": {"salt": "v1:a"}}}
    standing = {**latest, "resources": [{"urn": "x", "type": "a:b:C"}]}
    paths.stacks_dir().mkdir(parents=True)
    for name, content in {"gone": latest, "standing": standing}.items():
        state = {"version": 3, "checkpoint": {"stack": name, "latest": content}}
        (paths.stacks_dir() / f"{name}.json").write_text(json.dumps(state))
    (paths.stacks_dir() / "broken.json").write_text("")
    paths.passphrase_file().write_text(" \n")

    workspace.prepare()

    assert paths.passphrase_file().read_text().strip()
    assert sorted(file.name for file in paths.stacks_dir().iterdir()) == ["broken.json", "standing.json"]
