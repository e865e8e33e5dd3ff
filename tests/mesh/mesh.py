"""A lab whose Pods answer: its settings are changed as people change them, and requests are sent from its Pods."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from tests.engine.laboratory import Laboratory

SIEGE = "siege.tutorial"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ORDER = '{"productId":"1001","qty":5}'
_EFFECT = 2.0
"""Seconds after which a change that `up` has made must be seen."""

_LONGEST = 20.0
"""Seconds until all processes must answer; 5 are usual."""


@dataclass(frozen=True)
class Mesh:
    """One lab."""

    laboratory: Laboratory

    def curl(self, *words: str, pod: str = SIEGE) -> str:
        return self.laboratory.lab("curl", "--from", pod, "--silent", "--show-error", *words).succeeded().output

    def status(self, *words: str, pod: str = SIEGE) -> tuple[int, float]:
        """Status and seconds of one request."""
        said = self.curl("--output", "/dev/null", "--write-out", "%{http_code} %{time_total}", *words, pod=pod)
        code, seconds = said.split()
        return int(code), float(seconds)

    def reviews(self, times: int, *words: str) -> Counter[str]:
        """Which version answered how often; one that did not answer counts as its status."""
        asked = f"http://reviews:9080/reviews/[1-{times}]"
        said = self.curl("--write-out", "\n%{http_code}\n", *words, asked)
        lines = said.splitlines()
        return Counter(
            json.loads(body)["version"] if code == "200" else code
            for body, code in zip(lines[::2], lines[1::2], strict=True)
        )

    def faults(self, app: str, **faults: object) -> None:
        """Tell every Pod of an application in `tutorial` how to misbehave."""
        for address in self.addresses(app):
            body = json.dumps(faults)
            url = f"http://{address}:8080/actuator/faults"
            self.curl("--fail", "-X", "PUT", "-H", "Content-Type: application/json", "-d", body, url)

    def addresses(self, app: str) -> list[str]:
        found = self.laboratory.get("pods", "-n", "tutorial", "-l", f"app={app}")["items"]
        return [each["status"]["podIP"] for each in found]

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + _LONGEST
        wanted = ["http://order:8080/", "http://delivery:8080/", "http://reviews:9080/reviews/0"]
        while self.laboratory.lab("curl", "--from", SIEGE, "--fail", *wanted).code:
            assert time.monotonic() < deadline, "the processes of the Pods do not answer"
            time.sleep(0.2)

    def apply(self, **traffic: object) -> None:
        """Make these the settings of `traffic`, and no others, and wait as long as a change may take."""
        self.configure(**traffic)
        self.up()
        time.sleep(_EFFECT)

    def configure(self, **traffic: object) -> None:
        file = self.laboratory.project / "Pulumi.dev.yaml"
        config = yaml.safe_load(file.read_text())
        config["config"]["istio-lab:traffic"] = traffic
        file.write_text(yaml.safe_dump(config))

    def up(self) -> None:
        self.laboratory.pulumi("up", "--yes", "--skip-preview").succeeded()
