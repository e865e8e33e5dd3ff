"""The backend: which one is meant, where its locks are, and what is said when it cannot be used."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path

import pytest

from lab.adapters import backend, workspace
from lab.core import paths
from lab.core.errors import LabError


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone, with the user in a folder beside it."""
    clone, beside = tmp_path / "clone", tmp_path / "beside"
    clone.mkdir()
    beside.mkdir()
    monkeypatch.setattr(paths, "PROJECT", clone)
    monkeypatch.chdir(beside)
    return clone


@pytest.fixture
def logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a pulumi of the user's own that is logged in to a folder."""
    home = tmp_path / "own"
    home.mkdir()
    (home / "credentials.json").write_text(json.dumps({"current": "file:///team/state"}))
    monkeypatch.setenv("PULUMI_HOME", str(home))
    monkeypatch.setenv(backend.VARIABLE, "login")
    return home


def given(found: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in found.items() if name.startswith("PULUMI_")}


def test_without_a_word_state_is_in_the_project_whatever_the_users_pulumi_is_logged_in_to(
    logged_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(backend.VARIABLE)

    assert backend.folder() == paths.state_dir()
    assert str(logged_in) not in workspace.environment().values()


def test_login_means_what_the_users_own_pulumi_is_logged_in_to(logged_in: Path) -> None:
    found = workspace.environment()

    assert not backend.local()
    assert backend.folder() == Path("/team/state")
    assert found["PULUMI_BACKEND_URL"] == "file:///team/state"
    assert found["PULUMI_CREDENTIALS_PATH"] == str(logged_in)
    assert found["PULUMI_HOME"] == str(paths.pulumi_home()), "plugins stay in the project"


def test_the_users_variable_and_the_projects_file_go_before_the_login(
    logged_in: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "Pulumi.yaml").write_text("name: istio-lab\nbackend:\n  url: s3://of-the-project\n")
    assert (logged_in.is_dir(), backend.url()) == (True, "s3://of-the-project")

    monkeypatch.setenv("PULUMI_BACKEND_URL", "gs://of-the-shell")
    assert backend.url() == "gs://of-the-shell"


def test_a_login_of_the_project_is_that_of_every_engine_that_this_process_starts(
    logged_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", "passphrase")
    first = workspace.environment()
    # As the Automation API does it, which can only add variables to those of this process.
    for name in os.environ.keys() - first.keys():
        monkeypatch.delenv(name)
    for name, value in first.items():
        monkeypatch.setenv(name, value)

    assert given(workspace.environment()) == given(first)
    assert first["PULUMI_CREDENTIALS_PATH"] == str(logged_in)


def test_without_a_home_logins_are_where_pulumi_finds_the_users_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(backend.VARIABLE, "login")
    monkeypatch.setenv("HOME", "/not/what/pulumi/asks")

    assert backend.credentials() == Path(pwd.getpwuid(os.getuid()).pw_dir) / ".pulumi"


@pytest.mark.parametrize(
    ("address", "folder"),
    [
        ("file:///team/state", Path("/team/state")),
        ("file:///team/a%20b?metadata=skip", Path("/team/a b")),
        ("file://./state", Path("beside/state")),
        ("file://../state?no_tmp_dir=true", Path("state")),
        ("file://~", Path(pwd.getpwuid(os.getuid()).pw_dir)),
        ("file://~/state", Path(pwd.getpwuid(os.getuid()).pw_dir) / "state"),
        ("s3://state", None),
        ("https://api.pulumi.com", None),
    ],
)
def test_a_file_backend_has_a_folder_from_wherever_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, folder: Path | None
) -> None:
    monkeypatch.setenv(backend.VARIABLE, address)

    assert backend.folder() == (folder and tmp_path / folder)
    monkeypatch.setenv(backend.VARIABLE, backend.url())
    monkeypatch.chdir("/")
    assert backend.folder() == (folder and tmp_path / folder), "a student's stack is worked on in a folder of its own"


def test_a_relative_passphrase_file_is_the_one_beside_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(backend.VARIABLE, "s3://state")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", "passphrase")

    found = workspace.environment()["PULUMI_CONFIG_PASSPHRASE_FILE"]

    assert found == str(tmp_path / "beside" / "passphrase")


@pytest.mark.parametrize("wrong", ["bar", "Login", "/team/state", "ftp://team", "s3:state"])
def test_what_names_no_backend_is_refused_with_what_does(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv(backend.VARIABLE, wrong)

    with pytest.raises(LabError) as refused:
        workspace.environment()

    assert f"ISTIO_LAB_BACKEND_URL: found {wrong!r}" in refused.value.message
    assert "login" in refused.value.remedy
    assert "s3://..." in refused.value.remedy


def explained(text: str) -> backend.BackendError | None:
    return backend.explained(text, stack="kim", settings="Pulumi.kim.yaml")


def test_a_wrong_passphrase_is_told_by_its_variable_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "error: getting stack configuration: get stack secrets manager: incorrect passphrase\n"
    local = explained(said)
    monkeypatch.setenv(backend.VARIABLE, "s3://state")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", "/team/passphrase")
    by_file = explained(said)
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "hunter2")
    by_value = explained(said)

    assert local
    assert by_file
    assert by_value
    assert str(paths.passphrase_file()) in local.message
    assert "ISTIO_LAB_BACKEND_URL=login" in local.remedy
    assert by_file.message.startswith("PULUMI_CONFIG_PASSPHRASE_FILE=/team/passphrase is not the passphrase")
    assert by_value.message.startswith("PULUMI_CONFIG_PASSPHRASE (its value is not shown) is not the passphrase")
    assert "hunter2" not in f"{by_value.message}{by_value.remedy}"
    assert "s3://state" in by_value.remedy


@pytest.mark.parametrize(
    ("settings", "embedded", "remedy"),
    [
        ("", True, "make down STACK=kim && make up STACK=kim"),
        ("", False, "lab audit"),
        ("config:\n  a:\n    secure: v1:x\n", True, "make recover STACK=kim"),
    ],
)
def test_the_way_out_of_a_lost_passphrase_depends_on_what_it_encrypts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str, remedy: str, *, embedded: bool
) -> None:
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    (tmp_path / "Pulumi.kim.yaml").write_text(settings)

    found = backend.explained("incorrect passphrase", stack="kim", settings="Pulumi.kim.yaml", embedded=embedded)

    assert isinstance(found, backend.PassphraseError)
    assert found.remedy.endswith(remedy)
    assert "put" in found.remedy


@pytest.mark.parametrize(
    ("said", "cause", "remedy"),
    [
        ("error: PULUMI_ACCESS_TOKEN must be set for login during", "own/credentials.json", "pulumi login URL"),
        ("error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or", "neither PULUMI_CONFIG_PASS", "export PULU"),
        ("error: no stack named 'kim' found", "there is no stack kim in ISTIO_LAB_BACKEND_URL=login", "lab up --stack"),
        (
            "error: the stack is currently locked by 1 lock(s).",
            "stack kim is locked",
            "pulumi cancel --yes --stack kim",
        ),
        ("error: [409] Conflict: Another update is currently in progress.", "kim is locked", "pulumi cancel --yes"),
    ],
)
def test_what_pulumi_refuses_is_told_with_what_to_do(logged_in: Path, said: str, cause: str, remedy: str) -> None:
    (logged_in / "credentials.json").unlink()

    found = explained(said)

    assert found
    assert cause in found.message
    assert remedy in found.remedy
    assert "\n" not in found.message


def test_a_backend_that_does_not_answer_is_told_in_one_line_and_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(backend.VARIABLE, "postgres://kim:hunter2@db.example.test/state")

    found = backend.unusable(f'error: unable to open "{backend.url()}": refused\nTo troubleshoot, visit\n')

    assert "\n" not in found.message
    assert "ISTIO_LAB_BACKEND_URL=postgres://...@db.example.test/state: unable to open" in found.message
    assert "hunter2" not in found.message


def test_an_error_of_the_program_is_none_of_the_backends() -> None:
    assert explained("error: istio-lab:nodes.count: found 0") is None
