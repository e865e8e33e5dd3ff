"""`lab curl` waits for an answer, but not for ever."""

from __future__ import annotations

import shutil
import socket
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from lab.adapters.stack import Stack
from lab.cli import curl
from lab.cli.app import app
from lab.services import pod_exec

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    monkeypatch.setattr(Stack, "require_up", lambda _: None)
    monkeypatch.setattr(pod_exec, "prefix", lambda *_: pod_exec.Prefix([]))
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def test_a_request_without_an_answer_ends_with_what_to_do(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curl, "PATIENCE", 1)

    result = CliRunner().invoke(app, ["curl", "--from", "siege.shop", "-s", silent])

    assert result.exit_code == 28
    assert "siege.shop waited in vain. It waits longer with: lab curl --max-time SECONDS" in result.stderr


def test_the_users_own_limit_counts(silent: str) -> None:
    assert CliRunner().invoke(app, ["curl", "-s", "--max-time", "0.2", silent]).exit_code == 28
