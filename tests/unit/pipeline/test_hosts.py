"""Comments on pull requests: one that is written again, on a host that answers as GitHub, Gitea and GitLab do."""

from __future__ import annotations

import http.server
import json
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from lab.core.errors import LabError
from lab.services.pipeline.hosts import PullRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "<!-- mark -->"


class Host:
    """A host with one list of comments, a few to a page."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.status = 200
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self) -> None:
                outer.requests.append((self.command, self.path, dict(self.headers)))
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                found: Any = outer.take(self.command, self.path, json.loads(body) if body else {})
                self.send_response(outer.status)
                self.end_headers()
                self.wfile.write(json.dumps(found).encode())

            do_GET = do_POST = do_PATCH = do_PUT = answer  # noqa: N815 - the names of the methods

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, method: str, path: str, document: dict[str, Any]) -> Any:  # noqa: ANN401 - as the host answers
        if method == "GET":
            page = int(parse_qs(urlsplit(path).query)["page"][0])
            return self.comments[(page - 1) * 2 : page * 2]
        if method == "POST":
            self.comments.append({"id": len(self.comments) + 1, **document})
        else:
            number = int(path.rsplit("/", 1)[-1])
            self.comments[number - 1].update(document)
        return {"id": 1}


@pytest.fixture
def host() -> Iterator[Host]:
    found = Host()
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def on_github(host: Host) -> dict[str, str]:
    return {
        "ISTIO_LAB_COMMENT_TOKEN": "the-token",
        "GITHUB_REF": "refs/pull/7/merge",
        "GITHUB_API_URL": host.url,
        "GITHUB_SERVER_URL": "https://git.example.test",
        "GITHUB_REPOSITORY": "owner/lab",
    }


def on_gitlab(host: Host) -> dict[str, str]:
    return {
        "ISTIO_LAB_COMMENT_TOKEN": "the-token",
        "CI_MERGE_REQUEST_IID": "7",
        "CI_MERGE_REQUEST_PROJECT_ID": "42",
        "CI_MERGE_REQUEST_PROJECT_URL": "https://git.example.test/owner/lab",
        "CI_API_V4_URL": host.url,
    }


hosts = pytest.mark.parametrize("environment", [on_github, on_gitlab])


def request_of(environment: dict[str, str]) -> PullRequest:
    found = PullRequest.from_environment(environment)
    assert found
    return found


@hosts
def test_a_first_preview_is_a_new_comment_and_a_second_one_is_written_over_it(host: Host, environment: Any) -> None:  # noqa: ANN401 - one of two functions
    host.comments = [{"id": number, "body": f"somebody's, quoting {MARK}"} for number in (1, 2, 3)]
    request = request_of(environment(host))

    page = request.comment(f"{MARK} one", mark=MARK)
    request.comment(f"{MARK} two", mark=MARK)

    assert [each["body"] for each in host.comments[3:]] == [f"{MARK} two"]
    assert page.startswith("https://git.example.test/owner/lab/")


@hosts
def test_the_token_is_sent_in_a_header_and_stands_in_no_address(host: Host, environment: Any) -> None:  # noqa: ANN401
    request_of(environment(host)).comment(MARK, mark=MARK)

    for _, path, headers in host.requests:
        assert "the-token" not in path
        assert any("the-token" in value for value in headers.values())


@hosts
def test_a_host_that_refuses_is_an_error_that_names_the_permission(host: Host, environment: Any) -> None:  # noqa: ANN401
    host.status = 403

    with pytest.raises(LabError, match="403") as caught:
        request_of(environment(host)).comment(MARK, mark=MARK)

    assert "permission" in caught.value.remedy
    assert "the-token" not in str(caught.value)


def test_a_push_and_a_job_without_a_token_comment_on_nothing(host: Host) -> None:
    assert PullRequest.from_environment({**on_github(host), "GITHUB_REF": "refs/heads/main"}) is None
    assert PullRequest.from_environment({**on_github(host), "ISTIO_LAB_COMMENT_TOKEN": ""}) is None
