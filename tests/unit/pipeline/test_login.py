"""A job logs in to Azure with what its host vouches for; nothing that it is given is on a command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.core import paths
from lab.core.errors import LabError
from lab.platforms.azure import cli
from lab.services.pipeline import login

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN = "the-hosts-own-token"  # noqa: S105 - pretended
IDENTITY = {"ISTIO_LAB_CLIENT_ID": "client", "ISTIO_LAB_TENANT_ID": "tenant"}


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What az was asked; a file that it was given is read while it is there."""
    calls: list[tuple[str, ...]] = []

    def ask(*words: str, timeout: float = 0) -> str:
        del timeout
        calls.append(words)
        for word in words:
            if word.startswith("@"):
                file = Path(word[1:])
                assert file.read_text() == TOKEN
                assert file.stat().st_mode & 0o077 == 0
        return "{}"

    monkeypatch.setattr(cli, "ask", ask)
    monkeypatch.setattr(cli, "account", lambda: "somebody")
    monkeypatch.setattr(paths, "temporary_dir", lambda: tmp_path)
    return calls


def named(words: tuple[str, ...]) -> str:
    return " ".join(words)


def test_the_hosts_token_is_handed_over_in_a_file_that_is_gone_afterwards(
    asked: list[tuple[str, ...]], tmp_path: Path
) -> None:
    login.login({**IDENTITY, "ISTIO_LAB_ID_TOKEN": TOKEN, "ISTIO_LAB_SUBSCRIPTION_ID": "subscription"})

    first, second, *_ = map(named, asked)
    assert first.startswith("login --service-principal --username client --tenant tenant --federated-token @")
    assert second == "account set --subscription subscription"
    assert [words for words in asked if TOKEN in named(words)] == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", list(IDENTITY))
def test_a_job_that_is_nobody_is_told_which_variable_is_missing(asked: list[tuple[str, ...]], missing: str) -> None:
    known = {name: value for name, value in IDENTITY.items() if name != missing}

    with pytest.raises(LabError, match=missing):
        login.login({**known, "ISTIO_LAB_ID_TOKEN": TOKEN})

    assert asked == []


@pytest.mark.parametrize(
    ("environment", "command"),
    [
        ({"ISTIO_LAB_LOGIN": "identity"}, "login --identity"),
        ({"ISTIO_LAB_LOGIN": "identity", "ISTIO_LAB_CLIENT_ID": "client"}, "login --identity --client-id client"),
    ],
)
def test_a_machine_of_azure_logs_in_with_its_own_identity(
    asked: list[tuple[str, ...]], environment: dict[str, str], command: str
) -> None:
    login.login(environment)

    assert named(asked[0]) == command


def test_another_way_to_log_in_is_refused(asked: list[tuple[str, ...]]) -> None:
    with pytest.raises(LabError, match="ISTIO_LAB_LOGIN='password'"):
        login.login({"ISTIO_LAB_LOGIN": "password"})

    assert asked == []


def test_github_is_asked_for_its_token_and_one_that_gives_none_is_an_error(
    asked: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, free: Callable[[], int]
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    closed = f"http://127.0.0.1:{free()}/token"

    with pytest.raises(LabError, match="GitHub gives this job no identity token") as caught:
        login.login({**IDENTITY, "ACTIONS_ID_TOKEN_REQUEST_URL": closed, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": TOKEN})

    assert "id-token: write" in caught.value.remedy
    assert TOKEN not in str(caught.value)
    assert asked == []
