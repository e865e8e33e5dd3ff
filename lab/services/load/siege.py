"""Load from the Pod `siege`, as in the course: its command and its output."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.adapters import kubectl
from lab.core.errors import LabError
from lab.services.load import generator
from lab.services.load.report import Latency, Outcome, failures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lab.adapters.stack import Stack
    from lab.services.load.plan import Plan
    from lab.services.load.report import Meter

POD = "siege"
"""The Pod and its container, as in the course handout."""

SCRIPT = """\
exec 3<&0
siege -R <(printf '%s\\n' 'verbose = true' 'color = off' 'json_output = false' 'parser = false' 'connection = close' \
'protocol = HTTP/1.1' 'limit = 255') "$@" </dev/null 3<&- &
siege=$!
(while read -r _ <&3; do :; done; kill -INT $siege; sleep 3; kill -KILL $siege) >/dev/null 2>&1 &
watch=$!
wait $siege
code=$?
kill $watch 2>/dev/null
exit $code
"""
"""The script in the Pod. It sets siege's options, since newer versions print no single answers by default, and an
options file without a protocol means HTTP/1.0, which Envoy answers with 426.

`kubectl exec` leaves its process behind when it ends; this siege ends with its standard input."""

_ANSWER = re.compile(r"HTTP/[\d.]+ (?P<code>\d{3})\s+(?P<seconds>\d+\.\d+) secs:")
_TOTAL = re.compile(r'[{\s]*"?(?P<name>[A-Za-z]+[ _][a-z]+|[Tt]ransactions)"?:\s+(?P<value>\d+(?:\.\d+)?)')
_TROUBLE = re.compile(r"\[(?:error|alert)\]\s*(?P<text>(?:socket|Address resolution|.*timed out).*)")
"""One line for each request without an answer; where a name is not known, siege adds a second line, left out."""

_COLOUR = re.compile(r"\x1b\[[\d;]*m")

_OVERTIME = 60
"""Seconds beyond the requested duration: siege starts late in a busy Pod."""


@dataclass
class Transcript:
    """The lines that siege has printed on standard output and standard error until now.

    Attributes:
        codes: answers by their status.
        latencies: of the answers, in seconds, to a hundredth.
        totals: of the final report, by names in lower case with underscores.
        unanswered: errors that siege printed.
        problem: the first of them.
    """

    codes: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    totals: dict[str, float] = field(default_factory=dict)
    unanswered: int = 0
    problem: str = ""

    def take(self, line: str) -> None:
        """Read one more line; one that is not siege's is ignored."""
        text = _COLOUR.sub("", line)
        if found := _ANSWER.match(text):
            self.codes[int(found["code"])] += 1
            self.latencies.append(float(found["seconds"]))
        elif found := _TOTAL.match(text):
            self.totals[found["name"].lower().replace(" ", "_")] = float(found["value"])
        elif found := _TROUBLE.match(text):
            self.unanswered += 1
            self.problem = self.problem or found["text"].strip()

    @property
    def failed(self) -> int:
        """Answers with a status of 400 and more."""
        return self._times(400)

    def outcome(self) -> Outcome | None:
        """Return siege's result; none without its final report."""
        totals = self.totals
        if not {"transactions", "elapsed_time"} <= totals.keys():
            return None
        succeeded, failed = int(totals["transactions"]), int(totals.get("failed_transactions", 0))
        if not self.codes:
            unsure = "siege printed no single answers: what failed may have been answered with a status of 400 and more"
            return Outcome(
                seconds=totals["elapsed_time"],
                requests=succeeded + failed,
                unanswered=failed,
                codes={},
                latency=None,
                problem=self.problem or (unsure if failed else ""),
            )
        # What siege calls failed has no answer, or one of 400 and more. What it cut off at the end is no request.
        unanswered = max(failed - self.failed, 0)
        return Outcome(
            seconds=totals["elapsed_time"],
            requests=self.codes.total() + unanswered,
            unanswered=unanswered,
            codes=dict(self.codes),
            latency=Latency.of(self.latencies),
            problem=self.problem,
        )

    def _times(self, least: int) -> int:
        """Count the answers with this status or a greater one."""
        return sum(times for code, times in self.codes.items() if code >= least)


def arguments(plan: Plan) -> list[str]:
    """Build siege's arguments, as in the handout."""
    words = [f"-c{plan.users}", f"-t{plan.seconds}S", "-v"]
    if not plan.body:
        return [*words, plan.url]
    return [*words, "--content-type", "application/json", f"{plan.url} POST {plan.body}"]


def command(program: Path, kubeconfig: Path, plan: Plan) -> list[str]:
    """Build the kubectl command that runs siege in its Pod."""
    kubectl_exec = [str(program), f"--kubeconfig={kubeconfig}", f"--namespace={plan.namespace}"]
    inside = ["bash", "-c", SCRIPT, "siege", *arguments(plan)]
    return [*kubectl_exec, "exec", "--stdin", POD, f"--container={POD}", "--", *inside]


def require_pod(stack: Stack, namespace: str) -> None:
    """Require a running siege Pod in a namespace.

    Raises:
        LabError: there is no Pod, or it does not run.
    """
    found = kubectl.run(
        stack.kubeconfig, "-n", namespace, "get", "pod", POD, "--ignore-not-found", "--output=jsonpath={.status.phase}"
    )
    if not found:
        raise LabError(
            f"there is no Pod {POD} in the namespace {namespace}, which would make the load",
            f"pulumi config set --stack {stack.name} --path istio-lab:shop.siege.enabled true, "
            f"then: make up{stack.suffix}",
        )
    if found != "Running":
        raise LabError(
            f"the Pod {POD} in the namespace {namespace} is {found}, not Running",
            f"see why: kubectl -n {namespace} describe pod {POD}",
        )


def run(stack: Stack, plan: Plan, meter: Meter, say: Callable[[str], None] | None = None) -> tuple[Outcome, bool]:
    """Run siege in its Pod; `say` takes each line that it prints.

    Returns:
        Its result, and whether the user ended it early.

    Raises:
        LabError: siege could not be started, or ended without its report.
    """
    transcript = Transcript()

    def take(line: str) -> None:
        transcript.take(line)
        if say:
            say(line)
        counted = transcript.codes.total() + transcript.unanswered
        meter.set(requests=counted, unanswered=transcript.unanswered, failed=failures(transcript.codes))

    ended = generator.follow(
        command(kubectl.program(), stack.kubeconfig, plan),
        environment=kubectl.variables(),
        take=take,
        tick=meter.show,
        limit=plan.seconds + _OVERTIME,
    )
    if outcome := transcript.outcome():
        return outcome, ended.interrupted
    if ended.interrupted:
        raise KeyboardInterrupt
    raise _unfinished(plan, ended.code, ended.messages)


def _unfinished(plan: Plan, code: int, messages: Sequence[str]) -> LabError:
    tail = "\n".join(f"  {line}" for line in messages[-5:] if line.strip())
    return LabError(
        "\n".join(part for part in (f"siege ended with {code} and without its report:", tail) if part),
        f"try it manually: kubectl -n {plan.namespace} exec {POD} -- siege -c1 -t5S {json.dumps(plan.url)}",
    )
