"""Comments on pull requests of GitHub, Gitea, which has the same API, and GitLab."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import httpx

from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping

_REQUEST_TIMEOUT = 30.0
"""Seconds."""

_PAGE = 100
_MOST_PAGES = 20
"""Pages that are searched for an earlier comment."""

_TOKEN = "ISTIO_LAB_COMMENT_TOKEN"  # noqa: S105 - a variable's name


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """A pull request or merge request.

    Attributes:
        comment_path: path of one comment, with a placeholder for its number.
        page: its address for people.
        update_method: HTTP method that changes a comment.
    """

    api: str
    comments: str
    comment_path: str
    page: str
    update_method: str
    headers: Mapping[str, str]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self | None:
        """The pull request of this job, if there is one and a token to comment with."""
        if not (token := environment.get(_TOKEN)):
            return None
        if environment.get("CI_MERGE_REQUEST_IID"):
            return cls._on_gitlab(environment, token)
        reference = environment.get("GITHUB_REF", "").split("/")
        return cls._on_github(environment, token, reference[2]) if reference[:2] == ["refs", "pull"] else None

    @classmethod
    def _on_github(cls, environment: Mapping[str, str], token: str, number: str) -> Self:
        repository = environment["GITHUB_REPOSITORY"]
        return cls(
            api=environment["GITHUB_API_URL"],
            comments=f"/repos/{repository}/issues/{number}/comments",
            comment_path=f"/repos/{repository}/issues/comments/{{number}}",
            page=f"{environment['GITHUB_SERVER_URL']}/{repository}/pull/{number}",
            update_method="PATCH",
            headers={"Authorization": f"Bearer {token}"},
        )

    @classmethod
    def _on_gitlab(cls, environment: Mapping[str, str], token: str) -> Self:
        number = environment["CI_MERGE_REQUEST_IID"]
        project = quote(environment["CI_MERGE_REQUEST_PROJECT_ID"], safe="")
        comments = f"/projects/{project}/merge_requests/{number}/notes"
        return cls(
            api=environment["CI_API_V4_URL"],
            comments=comments,
            comment_path=f"{comments}/{{number}}",
            page=f"{environment['CI_MERGE_REQUEST_PROJECT_URL']}/-/merge_requests/{number}",
            update_method="PUT",
            headers={"PRIVATE-TOKEN": token},
        )

    def comment(self, text: str, *, mark: str) -> str:
        """Write a comment, or replace the one that begins with `mark`, and return the pull request's address."""
        try:
            with httpx.Client(base_url=self.api, headers=self.headers, timeout=_REQUEST_TIMEOUT) as client:
                former = self._former(client, mark)
                if former is None:
                    answer = client.post(self.comments, json={"body": text})
                else:
                    path = self.comment_path.format(number=former)
                    answer = client.request(self.update_method, path, json={"body": text})
                answer.raise_for_status()
        except httpx.HTTPStatusError as error:
            raise LabError(
                f"{self.api} does not take the comment: {error.response.status_code} {error.response.reason_phrase}",
                "the job needs the permission to write comments on pull requests: see docs/pipelines.md",
            ) from None
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise LabError(f"{self.api} does not answer as it should: {error}", "run the job again") from None
        return self.page

    def _former(self, client: httpx.Client, mark: str) -> int | None:
        """Number of the comment that begins with the mark; a quotation of it does not count."""
        for page in range(1, _MOST_PAGES + 1):
            answer = client.get(self.comments, params={"per_page": _PAGE, "limit": _PAGE, "page": page})
            answer.raise_for_status()
            found: list[dict[str, Any]] = answer.json()
            for each in found:
                if (each.get("body") or "").startswith(mark):
                    return int(each["id"])
            if not found:  # a host may give fewer for each page than it was asked for
                break
        return None
