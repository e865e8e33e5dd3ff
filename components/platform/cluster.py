"""The platform's cluster as the hooks of the program's resources ask it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from components.platform import threads
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.platform.base import Platform
    from lab.adapters.cluster_api import ClusterApi
    from lab.adapters.cluster_login import Login

_T = TypeVar("_T")


class Cluster:
    """The platform's API server, with one login for all questions."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._known = False
        self._lock = threading.Lock()
        self._login: Login | None = None
        platform.kubeconfig.apply(self._note)

    def _note(self, _kubeconfig: str) -> None:
        self._known = True

    def prepare(self) -> None:
        """Load what a question needs while the cluster is being made: the first one would take a tenth of a second."""
        if not self._known:
            threading.Thread(target=_load, daemon=True).start()

    async def ask(self, question: Callable[[ClusterApi], _T]) -> _T | None:
        """Return the answer; None for a cluster that a preview does not know yet.

        Raises:
            LabError: nobody answers, access is refused, or the question raises it.
        """
        kubeconfig = await self._platform.kubeconfig.future()
        return await threads.run(lambda: self._ask(kubeconfig, question)) if kubeconfig else None

    def _ask(self, kubeconfig: str, question: Callable[[ClusterApi], _T]) -> _T:
        from lab.adapters.cluster_api import ClusterApi, login

        with self._lock:
            self._login = self._login or login(kubeconfig)
        with ClusterApi(kubeconfig, credentials=self._login) as api:
            return question(api)


def in_one_line(error: LabError) -> LabError:
    """Return the error as the engine shows it best."""
    return LabError("; ".join(filter(None, [error.message, error.remedy])))


def _load() -> None:
    """Import what asks API servers; a program that makes no namespace does without it."""
    import lab.adapters.cluster_api  # noqa: F401
