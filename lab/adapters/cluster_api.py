"""Questions to the API server of a cluster, asked by this process itself: no tool has to be there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import httpx

from lab.adapters import cluster_login, kubeconfigs, proxies
from lab.core.errors import LabError

if TYPE_CHECKING:
    from types import TracebackType

    from lab.adapters.cluster_login import Login
    from lab.core.manifests import Object

_TIMEOUT = 15.0
"""Seconds for one answer."""

_DISCOVERY = ",".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" for version in ("v2", "v2beta1")
)

_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _REFUSED, _NOT_READY = 401, 403, 404, 400, 429

_LOOK = "look with: kubectl --context NAME get nodes"


class UnreachableError(LabError):
    """Nobody answers, or somebody who is no API server that the kubeconfig knows."""


class ForbiddenError(LabError):
    """The credentials are known and may not do this."""


def login(content: str) -> Login:
    """Return the credentials of a kubeconfig; a credential plugin is run for them.

    Raises:
        LabError: the kubeconfig cannot be used, or nobody gives credentials.
    """
    config = kubeconfigs.parse(content)
    return cluster_login.login(config.user, config.cluster)


class ClusterApi:
    """The API server of the current context of a kubeconfig.

    Args:
        content: a kubeconfig.
        credentials: from `login`, if several ask; a credential plugin takes its time.
        timeout: seconds for one answer.

    Raises:
        LabError: the kubeconfig cannot be used, or nobody gives credentials.
    """

    def __init__(self, content: str, *, credentials: Login | None = None, timeout: float = _TIMEOUT) -> None:
        config = kubeconfigs.parse(content)
        self.server = config.cluster.server
        if urlsplit(self.server).scheme not in ("http", "https"):
            raise LabError(
                f'the kubeconfig cannot be used: server: found "{self.server}"; allowed: https://HOST:PORT',
                "get a new kubeconfig",
            )
        credentials = credentials or cluster_login.login(config.user, config.cluster)
        proxy = config.cluster.proxy_url or proxies.for_server(self.server)
        try:
            self._client = httpx.Client(
                base_url=self.server,
                headers=credentials.headers,
                verify=cluster_login.tls(config.cluster, credentials),
                proxy=proxy,
                timeout=timeout,
                trust_env=False,  # the variables are read above, for this machine they do not count
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise LabError(f'the proxy "{_bare(proxy or "")}" cannot be used: {error}', "set another proxy") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, **parameters: str) -> Object:
        """Return an object.

        Raises:
            UnreachableError: the API server does not answer.
            ForbiddenError: the credentials may not read it.
            LabError: it refuses for another reason.
        """
        return self._object(self._asked("GET", path, parameters=parameters))

    def find(self, path: str) -> Object | None:
        """Return an object, or None if there is none; raise what `get` raises."""
        answer = self._asked("GET", path, missing=True)
        return None if answer.status_code == _NOT_FOUND else self._object(answer)

    def items(self, path: str, *, metadata: bool = False, **parameters: str) -> list[Object]:
        """Return the objects of a list, with nothing but their metadata if so asked; raise what `get` raises."""
        accept = {"Accept": _METADATA} if metadata else {}
        found = self._object(self._asked("GET", path, parameters=parameters, headers=accept))
        return list(found.get("items") or ())

    def lists(self) -> dict[tuple[str, str], str]:
        """Return the path of the list of each kind, by group and kind; raise what `get` raises."""
        found: dict[tuple[str, str], str] = {}
        for root in ("/api", "/apis"):
            groups = self._object(self._asked("GET", root, headers={"Accept": _DISCOVERY}))
            for group in groups.get("items") or ():
                name = str(group["metadata"].get("name") or "")
                for version in group.get("versions") or ():
                    base = "/".join(filter(None, (root, name, str(version["version"]))))
                    for each in version.get("resources") or ():
                        # The versions of a group are in order of preference.
                        found.setdefault((name, str(each["responseKind"]["kind"])), f"{base}/{each['resource']}")
        return found

    def delete(self, path: str) -> None:
        """Delete an object if it is there; raise what `get` raises."""
        self._asked("DELETE", path, missing=True)

    def require_creation(self, path: str, new: Object) -> None:
        """Ask for the creation of an object without making it; an object that is no good shows the right as well.

        Raises:
            UnreachableError: the API server does not answer.
            ForbiddenError: the credentials may not create it.
            LabError: the credentials are not known, or the API server is not ready.
        """
        answer = self._known("POST", path, params={"dryRun": "All"}, json=new)
        if answer.status_code >= _NOT_READY:
            raise LabError(f"the cluster at {self.server} is not ready: {_message(answer)}", _LOOK)

    def _asked(
        self,
        method: str,
        path: str,
        *,
        parameters: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        missing: bool = False,
    ) -> httpx.Response:
        answer = self._known(method, path, params=parameters, headers=headers)
        if answer.status_code >= _REFUSED and not (missing and answer.status_code == _NOT_FOUND):
            raise LabError(f"the cluster at {self.server} answers {method} {path} with: {_message(answer)}", _LOOK)
        return answer

    def _known(self, method: str, path: str, **request: Any) -> httpx.Response:  # noqa: ANN401 - the library's
        """Return the answer to credentials that are known and allow what is asked."""
        try:
            answer = self._client.request(method, path, **request)
        except httpx.TimeoutException:
            raise UnreachableError(f"the cluster at {self.server} does not answer in time", _LOOK) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise UnreachableError(*self._reason(str(error))) from None
        if answer.status_code == _UNAUTHORIZED:
            raise LabError(
                f"the cluster at {self.server} refuses the credentials of the kubeconfig, which may have expired",
                f"log in to it again, and {_LOOK}",
            )
        if answer.status_code == _FORBIDDEN:
            raise ForbiddenError(
                f"the cluster at {self.server} does not let this user do that: {_message(answer)}",
                "have somebody grant the right, or take credentials that have it",
            )
        return answer

    def _reason(self, error: str) -> tuple[str, str]:
        if "CERTIFICATE_VERIFY_FAILED" in error:
            reason = error.partition("certificate verify failed: ")[2].partition(" (_ssl")[0] or error
            return (
                f"the certificate of {self.server} is not one that the kubeconfig trusts: {reason}",
                "get a new kubeconfig of this cluster",
            )
        return f"the cluster at {self.server} does not answer: {error}", f"start it, or log in to it, and {_LOOK}"

    def _object(self, answer: httpx.Response) -> Object:
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise UnreachableError(f"{self.server} is no API server of Kubernetes", _LOOK)
        return found


def _message(answer: httpx.Response) -> str:
    try:
        found: Any = answer.json()
    except ValueError:
        found = None
    message = found.get("message") if isinstance(found, dict) else ""
    return str(message or f"{answer.status_code} {answer.reason_phrase}")


def _bare(url: str) -> str:
    """Return an address without a password."""
    return url.rpartition("@")[2]
