"""What the checks on strategies look at, as it is in the cluster and as the Pod `siege` of the shop is answered."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.adapters import kubectl
from lab.core.errors import LabError
from lab.services.grading import background_requests
from lab.services.grading.probe import Probe
from lab.services.rollouts import names, reading

if TYPE_CHECKING:
    from lab.adapters.stack import Stack
    from lab.services.rollouts.state import Rollout

FROM = "siege.shop"
SHOP = "shop"
DELIVERY = "delivery"

_URL = f"http://{DELIVERY}:8080"

_ROUTE = "primary"
"""Of the VirtualService: the one whose weights the controller of Argo Rollouts changes."""

_HASH = "rollouts-pod-template-hash"
"""Label of a Rollout's Pods, which the controller puts into the selectors of its Services."""

_OK = 200

WATCHED = 25.0
"""Seconds that requests are sent at most while Pods are replaced."""

_BEFORE = 1.0
"""Seconds of requests before anything happens."""

_AFTERWARDS = 6.0
"""Seconds of requests once all is replaced: the former Pods still end, which takes five."""

_LONGEST = 120
"""Seconds that a replacement may take in all."""


@dataclass(frozen=True, kw_only=True)
class Replacement:
    """What became of the requests while all Pods were replaced.

    Attributes:
        requests: how many were made.
        lost: those without an answer, or with a status of 500 and more.
        seconds: how long they were made.
        over: whether all Pods were replaced in the end.
        seen: whether that was while they were made.
    """

    requests: int
    lost: int
    seconds: float
    over: bool
    seen: bool


@dataclass(frozen=True, kw_only=True)
class RolloutInspector:
    """Looks at a lab.

    Attributes:
        stack: which one.
    """

    stack: Stack

    def versions(self, times: int) -> Counter[str]:
        """Which versions of delivery answered how often, by what they say; another status counts as itself.

        Raises:
            LabError: the Pod cannot be entered, or this takes too long.
        """
        found: Counter[str] = Counter()
        for answer in Probe(stack=self.stack, pod=FROM).get(f"{_URL}/", times):
            version = answer.json().get("version", "") if answer.status == _OK else ""
            found[str(version) or f"status {answer.status}"] += 1
        return found

    def rollout(self, name: str) -> Rollout | None:
        """What stands of one of the lab's Rollouts; none when there is no such Rollout.

        Raises:
            LabError: Argo Rollouts is not installed, or the stack does not stand.
        """
        return reading.find(self.stack, names.namespace_of(name), name)

    def strategy(self) -> str:
        """How the Deployment of delivery replaces its Pods, in Kubernetes' own word; empty without a Deployment.

        Raises:
            LabError: the cluster does not answer.
        """
        found = self._one("deployments.apps", SHOP, DELIVERY)
        return str(found.get("spec", {}).get("strategy", {}).get("type", ""))

    def weights(self) -> dict[str, int]:
        """What each subset of delivery gets by the VirtualService now, in per cent; empty without its route.

        Raises:
            LabError: the cluster does not answer.
        """
        spec = self._one("virtualservices.networking.istio.io", SHOP, DELIVERY).get("spec", {})
        route: dict[str, Any] = next((each for each in spec.get("http", []) if each.get("name") == _ROUTE), {})
        return {
            str(each["destination"].get("subset", "")): int(each.get("weight", 0)) for each in route.get("route", [])
        }

    def selected(self, namespace: str, service: str) -> str:
        """The hash of the ReplicaSet that a Service leads to; empty when it does not say, or is not there.

        Raises:
            LabError: the cluster does not answer.
        """
        found = self._one("services", namespace, service)
        return str((found.get("spec", {}).get("selector") or {}).get(_HASH, ""))

    def replace(self) -> Replacement:
        """Replace all Pods of the Deployment of delivery, and ask for it meanwhile.

        Raises:
            LabError: the cluster does not answer, or the Pod cannot be entered.
        """
        deployment = f"deployment/{DELIVERY}"
        begin = time.monotonic()

        def left() -> float:
            return max(WATCHED - (time.monotonic() - begin), 0)

        with background_requests.running(self.stack, FROM, f"{_URL}/") as stream:
            time.sleep(_BEFORE)
            kubectl.run(self.stack.kubeconfig, "-n", SHOP, "rollout", "restart", deployment)
            seen = self._replaced(left())
            time.sleep(min(_AFTERWARDS, left()))
            seconds = time.monotonic() - begin
        return Replacement(
            requests=len(stream.statuses),
            lost=stream.lost,
            seconds=seconds,
            over=seen or self._replaced(_LONGEST),
            seen=seen,
        )

    def _replaced(self, patience: float) -> bool:
        """Whether all Pods are replaced within so many seconds."""
        # kubectl takes 0 for no limit at all.
        told = ("rollout", "status", f"deployment/{DELIVERY}", f"--timeout={max(patience, 1):.0f}s")
        try:
            kubectl.run(self.stack.kubeconfig, "-n", SHOP, *told)
        except LabError as error:
            if "timed out" not in error.message and "exceeded its progress deadline" not in error.message:
                raise
            return False
        return True

    def _one(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        """One object, or an empty one."""
        found = kubectl.run(self.stack.kubeconfig, "-n", namespace, "get", kind, "--output=json")
        items: list[dict[str, Any]] = json.loads(found)["items"]
        return next((each for each in items if each["metadata"]["name"] == name), {})
