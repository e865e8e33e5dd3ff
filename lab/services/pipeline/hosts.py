"""Where a preview is shown beside the change that it is about: GitHub, Gitea, which speaks the same words, GitLab."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import httpx

from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATIENCE = 30.0
"""Seconds for an answer."""

_PAGE = 100
_MOST_PAGES = 20
"""A pull request with more comments than this gets a second one of ours."""

_TOKEN = "ISTIO_LAB_COMMENT_TOKEN"  # noqa: S105 - a variable's name


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """A pull request, or merge request, to be commented on.

    Attributes:
        api: address of the host's API.
        comments: path of its comments.
        comment_path: path of one comment, with a place for its number.
        page: address for people.
        changing: the HTTP method that changes a comment.
        headers: with what the host gives to the job.
    """

    api: str
    comments: str
    comment_path: str
    page: str
    changing: str
    headers: Mapping[str, str]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self | None:
        """The pull request that the job is about; None when there is none, or nothing to comment with."""
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
            changing="PATCH",
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
            changing="PUT",
            headers={"PRIVATE-TOKEN": token},
        )

    def comment(self, text: str, *, mark: str) -> str:
        """Write a comment, or write the former one again.

        Args:
            text: what it says; it begins with the mark.
            mark: by which a former comment is known.

        Returns:
            The pull request's address.

        Raises:
            LabError: the host does not take it.
        """
        try:
            with httpx.Client(base_url=self.api, headers=self.headers, timeout=_PATIENCE) as client:
                former = self._former(client, mark)
                if former is None:
                    answer = client.post(self.comments, json={"body": text})
                else:
                    path = self.comment_path.format(number=former)
                    answer = client.request(self.changing, path, json={"body": text})
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
        """The number of a comment that begins with the mark; one that only quotes it is somebody else's."""
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
