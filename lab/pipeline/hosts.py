"""Where a pull request is commented on: GitHub, and Gitea, which speaks the same words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import httpx

from lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATIENCE = 30.0
"""Seconds for an answer."""

_PAGE = 100
_MOST_PAGES = 20
"""A pull request with more comments than this gets a second one of ours."""


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """A pull request to be commented on.

    Attributes:
        api: address of the host's API.
        repository: owner and name.
        number: of the pull request.
        token: what the host gives to the job, and takes back at its end.
    """

    api: str
    repository: str
    number: int
    token: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self | None:
        """The pull request that the job is about; None when there is none, or nothing to comment with."""
        reference = environment.get("GITHUB_REF", "").split("/")
        token = environment.get("ISTIO_LAB_COMMENT_TOKEN", "")
        if reference[:2] != ["refs", "pull"] or not token:
            return None
        return cls(
            api=environment["GITHUB_API_URL"],
            repository=environment["GITHUB_REPOSITORY"],
            number=int(reference[2]),
            token=token,
        )

    def comment(self, text: str, *, mark: str) -> str:
        """Write a comment, or write the former one again.

        Args:
            text: what it says; it contains the mark.
            mark: by which a former comment is known.

        Returns:
            The comment's address.

        Raises:
            LabError: the host does not take it.
        """
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        issues = f"/repos/{self.repository}/issues"
        try:
            with httpx.Client(base_url=self.api, headers=headers, timeout=_PATIENCE) as client:
                former = self._former(client, f"{issues}/{self.number}/comments", mark)
                if former is None:
                    answer = client.post(f"{issues}/{self.number}/comments", json={"body": text})
                else:
                    answer = client.patch(f"{issues}/comments/{former}", json={"body": text})
                answer.raise_for_status()
                return str(answer.json()["html_url"])
        except httpx.HTTPStatusError as error:
            raise LabError(
                f"{self.api} does not take the comment: {error.response.status_code} {error.response.reason_phrase}",
                "the job needs the permission to write comments on pull requests: see docs/pipelines.md",
            ) from None
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise LabError(f"{self.api} does not answer as it should: {error}", "run the job again") from None

    @staticmethod
    def _former(client: httpx.Client, path: str, mark: str) -> int | None:
        for page in range(1, _MOST_PAGES + 1):
            answer = client.get(path, params={"per_page": _PAGE, "limit": _PAGE, "page": page})
            answer.raise_for_status()
            found = answer.json()
            for each in found:
                if mark in (each.get("body") or ""):
                    return int(each["id"])
            if not found:
                break
        return None
