"""Checks of the lessons on traffic, each with a bounded number of requests."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from typing import TYPE_CHECKING

from lab.services.grading import evaluation
from lab.services.grading.evaluation import CheckResult, counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lab.services.grading.probe import Probe

REQUESTS = 1000
"""Size of the first sample of reviews' versions."""

_BY_BROWSER = 200
_DELIVERIES = 40

_ORDER, _DELIVERY, _REVIEWS = "http://order:8080", "http://delivery:8080", "http://reviews:9080/reviews/0"
_FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

_TIMEOUT, _TOLERANCE = 3.0, 0.3
"""Seconds."""

_ATTEMPTS = 4
"""The first attempt and the handout's three retries."""


def weights(shares: Mapping[str, int], probe: Probe) -> CheckResult:
    """Reviews answers in these shares, in per cent."""
    found = _versions(probe, REQUESTS)
    if evaluation.inconclusive(found, shares):
        found = _versions(probe, evaluation.RETRY_FACTOR * REQUESTS)
    requests = found.total()
    wanted = ", ".join(
        f"{version} {share} % +- {evaluation.margin(share / 100, requests) * 100:.1f}"
        for version, share in shares.items()
    )
    return CheckResult(
        passed=evaluation.fits(found, shares),
        expected=f"of {requests} requests to reviews: {wanted} (confidence {evaluation.CONFIDENCE:.1%})",
        found=", ".join(f"{version} {count / requests:.1%}" for version, count in sorted(found.items())),
        hint="kubectl get virtualservice reviews -n tutorial -o yaml: look at the weights of its routes",
    )


def browser(probe: Probe) -> CheckResult:
    """Firefox always gets version 2, every other client version 1."""
    firefox = _versions(probe, _BY_BROWSER, baggage_user_agent=_FIREFOX)
    others = _versions(probe, _BY_BROWSER, baggage_user_agent="curl/8.0")
    return CheckResult(
        passed=firefox == {"v2": _BY_BROWSER} and others == {"v1": _BY_BROWSER},
        expected=f"Firefox: v2 {_BY_BROWSER} of {_BY_BROWSER}; others: v1 {_BY_BROWSER} of {_BY_BROWSER}",
        found=f"Firefox: {counted(firefox)}; others: {counted(others)}",
        hint="the VirtualService reviews needs a match on the header baggage-user-agent, before the other route",
    )


def timeout(probe: Probe) -> CheckResult:
    """A slow order times out after three seconds, a quick one does not."""
    order = {"productId": "1001", "qty": 5}
    with _faults(probe):
        _set_faults(probe, delaySeconds=5)
        slow = probe.send("POST", f"{_ORDER}/orders", order)
        _set_faults(probe, delaySeconds=1)
        quick = probe.send("POST", f"{_ORDER}/orders", order)
    passed = slow.status == 504 and abs(slow.seconds - _TIMEOUT) <= _TOLERANCE and quick.status == 201  # noqa: PLR2004
    return CheckResult(
        passed=passed,
        expected=f"order 5 s late: 504 after {_TIMEOUT} s +- {_TOLERANCE}; order 1 s late: 201",
        found=f"order 5 s late: {slow.status} after {slow.seconds:.1f} s; order 1 s late: {quick.status}",
        hint="the VirtualService vs-order-network-rule needs timeout: 3s",
    )


def retries(probe: Probe) -> CheckResult:
    """A failing order gets four attempts, and no more."""
    with _faults(probe):
        few, none_left = _ask_failing(probe, _ATTEMPTS - 1)
        many, one_left = _ask_failing(probe, _ATTEMPTS + 1)
    return CheckResult(
        passed=(few, none_left, many, one_left) == (200, 0, 503, 1),
        expected=f"{_ATTEMPTS - 1} failures: 200 in the end; {_ATTEMPTS + 1} failures: 503 after {_ATTEMPTS} attempts",
        found=f"{_ATTEMPTS - 1} failures: {few} after {_ATTEMPTS - 1 - none_left + (few == 200)} attempts; "  # noqa: PLR2004
        f"{_ATTEMPTS + 1} failures: {many} after {_ATTEMPTS + 1 - one_left} attempts",
        hint="the VirtualService vs-order-network-rule needs retries with attempts: 3 and 5xx in retryOn",
    )


def circuit_breaker(probe: Probe) -> CheckResult:
    """A Pod of delivery that answered 5xx gets no requests, although it has recovered."""
    pods = _deliveries(probe)
    hint = "the DestinationRule dr-delivery needs outlierDetection with consecutive5xxErrors: 1"
    if len(pods) < 2:  # noqa: PLR2004 - one to fail and one to answer
        return CheckResult(
            passed=False,
            expected="two Pods of delivery that answer",
            found=counted(pods),
            hint="one that was left alone by an earlier check comes back after three minutes; else: make up",
        )
    address = min(pods)
    at = f"http://{address}:8080/actuator"
    try:
        probe.send("PUT", f"{at}/down")
        probe.get(f"{_DELIVERY}/", 8)
    finally:
        probe.send("PUT", f"{at}/up")
    after = _deliveries(probe)
    return CheckResult(
        passed=set(after) == set(pods) - {address},
        expected=f"after one 5xx of {address}, {_DELIVERIES} requests: {address} 0, the others {_DELIVERIES}",
        found=counted(after),
        hint=hint,
    )


CHECKS: Mapping[str, Callable[[Probe], CheckResult]] = {
    "traffic.weights-80-20": lambda probe: weights({"v1": 80, "v2": 20}, probe),
    "traffic.weights-30-70": lambda probe: weights({"v1": 30, "v2": 70}, probe),
    "traffic.weights-all-v2": lambda probe: weights({"v2": 100}, probe),
    "traffic.browser": browser,
    "traffic.timeout": timeout,
    "traffic.retries": retries,
    "traffic.circuit-breaker": circuit_breaker,
}
"""By the lesson's name without its number."""


def _versions(probe: Probe, times: int, **headers: str) -> Counter[str]:
    """Answers by version of reviews, from the Pod's name; other statuses count as themselves."""
    found: Counter[str] = Counter()
    for answer in probe.get(_REVIEWS, times, **headers):
        pod = re.match(r"reviews-(v\d+)-", str(answer.json().get("podname", "")))
        found[pod[1] if pod and answer.status == 200 else f"status {answer.status}"] += 1  # noqa: PLR2004
    return found


def _deliveries(probe: Probe) -> Counter[str]:
    """Answers by address of the Pod."""
    answers = probe.get(f"{_DELIVERY}/actuator/echo", _DELIVERIES)
    return Counter(str(each.json().get("address", f"status {each.status}")) for each in answers)


def _ask_failing(probe: Probe, failing: int) -> tuple[int, int]:
    """Status when this many requests fail in a row, and how many failures are left."""
    _set_faults(probe, failNext=failing)
    status = probe.send("GET", f"{_ORDER}/orders").status
    left = probe.send("GET", f"{_ORDER}/actuator/faults").json().get("failNext", -1)
    return status, int(left)


@contextlib.contextmanager
def _faults(probe: Probe) -> Iterator[None]:
    """Restore order's faults afterwards."""
    before = probe.send("GET", f"{_ORDER}/actuator/faults").json()
    try:
        yield
    finally:
        _set_faults(probe, **before)


def _set_faults(probe: Probe, **faults: object) -> None:
    probe.send("PUT", f"{_ORDER}/actuator/faults", faults)
