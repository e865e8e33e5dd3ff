"""A lab whose Pods answer: its settings are changed as people change them, and requests are sent from its Pods."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import yaml

from lab.platforms.dataplane import lifecycle

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.engine.laboratory import Laboratory

SIEGE = "siege.tutorial"
SHOP = "siege.shop"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ORDER = '{"productId":"1001","qty":5}'
_EFFECT = 2.0
"""Seconds after which a change that `up` has made must be seen."""

_MANY = 20
"""Requests of which each of two Pods surely answers one."""

_LONGEST = 20.0
"""Seconds until all processes must answer; 5 are usual."""

_ASKED = {
    SIEGE: ("http://order:8080/", "http://delivery:8080/", "http://reviews:9080/reviews/0"),
    SHOP: ("http://order:8080/", "http://delivery:8080/"),
}
"""Whom each of the Pods asks that the tests ask from."""


def workers(laboratory: Laboratory) -> dict[psutil.Process, list[str]]:
    """What the data plane of a lab has started, with its command lines; some of it has soon ended."""
    found = {}
    agent = lifecycle.agent(laboratory.directory)
    for each in agent.children(recursive=True) if agent else ():
        with contextlib.suppress(psutil.Error):
            if line := each.cmdline():
                found[each] = line
    return found


def runs_application(line: Sequence[str], app: str) -> bool:
    """Whether a command line is that of one of the shop's applications, and not of what has started it."""
    return Path(line[0]).name.startswith("python") and line[-1] == app


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

    def statuses(self, url: str, times: int) -> Counter[int]:
        """What was answered, one request after the other."""
        said = self.curl("--output", "/dev/null", "--write-out", "%{http_code}\n", f"{url}?[1-{times}]")
        return Counter(int(line) for line in said.split())

    @contextlib.contextmanager
    def stopped(self, app: str, address: str) -> Iterator[None]:
        """Without the process of a Pod: whoever starts it again finds its port taken by nobody who answers."""
        [victim] = self._processes(app, address)
        done = threading.Event()

        def keep_down() -> None:
            while not done.wait(0.02):
                for each in self._processes(app, address):
                    with contextlib.suppress(psutil.Error):
                        each.kill()

        victim.kill()
        keeper = threading.Thread(target=keep_down)
        keeper.start()
        try:
            yield
        finally:
            done.set()
            keeper.join()

    def _processes(self, app: str, address: str) -> list[psutil.Process]:
        """The shop's application in the Pod with this address."""
        found = []
        for each, line in workers(self.laboratory).items():
            with contextlib.suppress(psutil.Error):
                if runs_application(line, app) and each.environ().get("HOST") == address:
                    found.append(each)
        return found

    def reviews(self, times: int, *words: str) -> Counter[str]:
        """Which version answered how often; one that did not answer counts as its status."""
        answers = self._answers(f"http://reviews:9080/reviews/[1-{times}]", *words)
        return Counter(json.loads(body)["version"] if code == "200" else code for body, code in answers)

    def _answers(self, url: str, *words: str) -> Iterator[tuple[str, str]]:
        """Body, of one line, and status of what each of many requests is answered."""
        lines = self.curl("--write-out", "\n%{http_code}\n", *words, url).splitlines()
        return zip(lines[::2], lines[1::2], strict=True)

    def faults(self, app: str, **faults: object) -> None:
        """Tell every Pod of an application in `tutorial` how to misbehave."""
        for address in self.addresses(app):
            body = json.dumps(faults)
            url = f"http://{address}:8080/actuator/faults"
            self.curl("--fail", "-X", "PUT", "-H", "Content-Type: application/json", "-d", body, url)

    def addresses(self, app: str) -> list[str]:
        found = self.laboratory.get("pods", "-n", "tutorial", "-l", f"app={app}")["items"]
        # A Pod that was made this moment has none.
        return [address for each in found if (address := each["status"].get("podIP"))]

    def wait_until_it_answers(self) -> None:
        """Wait until those who ask have their proxies and are answered: each process starts by itself after `up`."""
        deadline = time.monotonic() + _LONGEST
        for pod, urls in _ASKED.items():
            while self.laboratory.lab("curl", "--from", pod, "--fail", "--fail-early", *urls).code:
                assert time.monotonic() < deadline, f"the processes of the Pods do not answer {pod}"
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

    def answered(self, app: str, status: int) -> int:
        """How often the Pods of an application in `tutorial` have answered with a status, as they count it."""
        counted = re.compile(
            rf'^http_server_requests_seconds_count\{{[^}}]*status="{status}"[^}}]*\}} (\S+)$', re.MULTILINE
        )
        pages = [self.curl(f"http://{address}:8080/actuator/prometheus") for address in self.addresses(app)]
        return sum(int(float(count)) for page in pages for count in counted.findall(page))

    def answering(self, app: str, times: int) -> list[str]:
        """The addresses of the Pods of an application in `tutorial` that answered, or the status of who did not."""
        answers = self._answers(f"http://{app}:8080/actuator/echo?[1-{times}]")
        return [json.loads(body)["address"] if code == "200" else code for body, code in answers]

    def fail_once(self, address: str) -> float:
        """Have a Pod of delivery answer with 503 until somebody has been told so; when that was."""
        try:
            self.curl("--fail", "-X", "PUT", f"http://{address}:8080/actuator/down")
            self.curl("--output", "/dev/null", "http://delivery:8080/?[1-6]")
            return time.monotonic()
        finally:
            self.curl("--fail", "-X", "PUT", f"http://{address}:8080/actuator/up")

    def away(self, address: str, begun: float, patience: float) -> float:
        """Seconds for which a Pod of delivery got no request."""
        while address not in self.answering("delivery", 10):
            assert time.monotonic() - begun < patience
            time.sleep(0.2)
        return time.monotonic() - begun

    def scale(self, app: str, replicas: int) -> None:
        """Give an application in `tutorial` so many Pods, and wait until all of them, and no others, are asked.

        A direct answer would say too little: it may come from a Pod that is leaving and had the address before, and the
        sidecars hear of the new one later.
        """
        self.laboratory.kubectl("scale", "-n", "tutorial", f"deployment/{app}", f"--replicas={replicas}").succeeded()
        deadline = time.monotonic() + _LONGEST
        while len(found := self.addresses(app)) != replicas or set(self.answering(app, _MANY)) != set(found):
            assert time.monotonic() < deadline, f"the Pods of {app} are not asked"
            time.sleep(0.2)
