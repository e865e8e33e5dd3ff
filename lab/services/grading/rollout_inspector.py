"""Evidence for checks on strategies: objects in the cluster, and answers to the Pod `siege` of the shop."""

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
from lab.services.rollouts import reading, state

if TYPE_CHECKING:
    from lab.adapters.stack import Stack
    from lab.services.rollouts.state import Rollout

FROM = "siege.shop"
SHOP = "shop"
DELIVERY = "delivery"

_URL = f"http://{DELIVERY}:8080"

_ROUTE = "primary"
"""Route of the VirtualService whose weights Argo Rollouts changes."""

_HASH = "rollouts-pod-template-hash"
"""Label that Argo Rollouts puts into the selectors of its Services."""

_OK = 200

WATCHED = 25.0
"""Longest time of requests while Pods are replaced, in seconds."""

_BEFORE = 1.0
_AFTERWARDS = 6.0
"""Seconds of requests before and after the replacement; old Pods take five to end."""

_REPLACEMENT_TIMEOUT = 120
"""Seconds."""


@dataclass(frozen=True, kw_only=True)
class Replacement:
    """Requests during a replacement of all Pods; `over` if it completed at all, `seen` if while they were sent."""

    requests: int
    lost: int
    seconds: float
    over: bool
    seen: bool


@dataclass(frozen=True, kw_only=True)
class RolloutInspector:
    """Reads the state of strategies in a lab. Every method raises `LabError` if the cluster does not answer."""

    stack: Stack

    def versions(self, times: int) -> Counter[str]:
        """Answers by version of delivery; other statuses count as themselves."""
        found: Counter[str] = Counter()
        for answer in Probe(stack=self.stack, pod=FROM).get(f"{_URL}/", times):
            version = answer.json().get("version", "") if answer.status == _OK else ""
            found[str(version) or f"status {answer.status}"] += 1
        return found

    def rollout(self, name: str) -> Rollout | None:
        """One of the lab's Rollouts, if it exists."""
        return reading.find(self.stack, state.namespace_of(name), name)

    def strategy(self) -> str:
        """Strategy type of the Deployment delivery; empty without a Deployment."""
        found = self._one("deployments.apps", SHOP, DELIVERY)
        return str(found.get("spec", {}).get("strategy", {}).get("type", ""))

    def weights(self) -> dict[str, int]:
        """Weights of delivery's subsets in the VirtualService, in per cent; empty without its route."""
        spec = self._one("virtualservices.networking.istio.io", SHOP, DELIVERY).get("spec", {})
        route: dict[str, Any] = next((each for each in spec.get("http", []) if each.get("name") == _ROUTE), {})
        return {
            str(each["destination"].get("subset", "")): int(each.get("weight", 0)) for each in route.get("route", [])
        }

    def selected(self, namespace: str, service: str) -> str:
        """Hash of the ReplicaSet that a Service selects; empty if it selects none, or does not exist."""
        found = self._one("services", namespace, service)
        return str((found.get("spec", {}).get("selector") or {}).get(_HASH, ""))

    def replace(self) -> Replacement:
        """Replace all Pods of the Deployment delivery while requests are sent to it."""
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
            over=seen or self._replaced(_REPLACEMENT_TIMEOUT),
            seen=seen,
        )

    def _replaced(self, timeout: float) -> bool:
        """Whether all Pods are replaced within so many seconds."""
        # To kubectl 0 means no timeout.
        command = ("rollout", "status", f"deployment/{DELIVERY}", f"--timeout={max(timeout, 1):.0f}s")
        try:
            kubectl.run(self.stack.kubeconfig, "-n", SHOP, *command)
        except LabError as error:
            if "timed out" not in error.message and "exceeded its progress deadline" not in error.message:
                raise
            return False
        return True

    def _one(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        """One object; empty if it does not exist."""
        found = kubectl.run(self.stack.kubeconfig, "-n", namespace, "get", kind, "--output=json")
        items: list[dict[str, Any]] = json.loads(found)["items"]
        return next((each for each in items if each["metadata"]["name"] == name), {})
