"""`lab load`: what it may be asked for, how it reads what generators print, and that nothing of them is left."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from typer import Typer
from typer.testing import CliRunner

from lab import toolchain
from lab.adapters.stack import Stack
from lab.cli.load import load
from lab.core import paths
from lab.core.errors import LabError
from lab.core.progress import Progress
from lab.services import pages
from lab.services.load import fortio, generator, shop, siege
from lab.services.load.plan import Destination, Plan
from lab.services.load.report import Latency, Meter, Outcome, Report, failures

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

VERBOSE = """\
HTTP/1.1 200     0.01 secs:      12 bytes ==> GET  /
\x1b[0;34mHTTP/1.1 200     0.03 secs:      12 bytes ==> GET  /\x1b[0m
HTTP/1.1 503     0.20 secs:      41 bytes ==> GET  /
HTTP/1.1 201     1.50 secs:      77 bytes ==> POST http://order:8080/orders
"""
REPORT = """\
** SIEGE 4.0.7
** Preparing 30 concurrent users for battle.
The server is now under siege...

Lifting the server siege...
Transactions:\t\t           3 hits
Availability:\t\t       60.00 %
Elapsed time:\t\t        2.00 secs
Data transferred:\t        0.00 MB
Response time:\t\t        0.01 secs
Transaction rate:\t        1.50 trans/sec
Throughput:\t\t        0.00 MB/sec
Concurrency:\t\t        2.96
Successful transactions:           3
Failed transactions:\t           2
Longest transaction:\t        1.50
Shortest transaction:\t        0.01

"""
JSON_REPORT = """\
{\t"transactions":\t\t\t         394,
\t"availability":\t\t\t       90.57,
\t"elapsed_time":\t\t\t        1.72,
\t"response_time":\t\t        0.01,
\t"successful_transactions":\t         394,
\t"failed_transactions":\t\t          41,
\t"longest_transaction":\t\t        0.03
}
"""
REFUSED = "[\x1b[1;33merror\x1b[0m] socket: unable to connect sock.c:282: Connection refused\n"

LATENCY = {"p50": 0.01, "p90": 0.02, "p99": 0.03, "max": 0.5}
RESULT = {
    "seconds": 40.0,
    "requests": 4_100,
    "unanswered": 100,
    "codes": {"200": 3_900, "503": 100},
    "versions": {"v1": 3_200, "v2": 800},
    "latency": LATENCY,
    "problem": "connection refused",
}

SIEGE = """#!{python}
import signal, sys, time
signal.signal(signal.SIGINT, lambda *_: globals().update(until=0.0))
print("siege was told", *sys.argv[1:], file=sys.stderr, flush=True)
settings = open(sys.argv[sys.argv.index("-R") + 1]).read()
assert "json_output = false" in settings, settings
until = time.monotonic() + float([word for word in sys.argv if word.startswith("-t")][0][2:-1])
hits = 0
while time.monotonic() < until:
    hits += 1
    print("HTTP/1.1 200     0.01 secs:      12 bytes ==> GET  /", flush=True)  # as the real one, on standard output
    time.sleep(0.02)
print(f"Transactions: {{hits}} hits\\nElapsed time: 1.00 secs\\nFailed transactions: 1", file=sys.stderr)
"""
"""As siege behaves: it says each answer, and on Ctrl-C it still reports."""

KUBECTL = """#!{python} -IS
import json, os, sys
words = [word for word in sys.argv[1:] if not word.startswith(("--kubeconfig=", "--namespace="))]
if words[0] == "exec":
    assert words[1:5] == ["--stdin", "siege", "--container=siege", "--"], words
    os.execvp(words[5], words[5:])
sys.stdout.write({answers!r}["pod" if "pod" in words else "services"])
"""


def transcript(text: str) -> siege.Transcript:
    found = siege.Transcript()
    for line in text.splitlines():
        found.take(line)
    return found


def program(file: Path, text: str) -> Path:
    file.write_text(text)
    file.chmod(0o755)
    return file


def plan(**others: object) -> Plan:
    wanted: dict[str, object] = {"app": "order", "namespace": "shop", "users": 30, "seconds": 40, **others}
    return Plan(**wanted)  # type: ignore[arg-type]


# What may be asked for


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"users": 0}, "--users: found 0"),
        ({"users": 201}, "--users: found 201"),
        ({"seconds": 0}, "--seconds: found 0"),
        ({"seconds": 601}, "--seconds: found 601"),
        ({"app": "example.org"}, 'APP: found "example.org"'),
        ({"app": "http://order"}, 'APP: found "http://order"'),
        ({"app": "-c200"}, 'APP: found "-c200"'),
        ({"app": "Order"}, 'APP: found "Order"'),
        ({"namespace": "a.b"}, '--namespace: found "a.b"'),
        ({"path": "orders"}, '--path: found "orders"'),
        ({"path": "/a POST b"}, '--path: found "/a POST b"'),
        ({"path": "/\n"}, '--path: found "/\\n"'),
        ({"app": "reviews", "post": True}, 'APP with --post: found "reviews"'),
    ],
)
def test_what_is_not_allowed_is_refused_by_name(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(LabError) as caught:
        plan(**wrong)
    assert caught.value.message == f"lab load: {named}"
    assert caught.value.remedy.startswith("allowed: ")


def test_the_bounds_themselves_are_allowed() -> None:
    assert plan(users=1, seconds=1).users == 1
    assert plan(users=200, seconds=600).seconds == 600


def test_siege_speaks_the_http_that_envoy_takes() -> None:
    assert "'protocol = HTTP/1.1'" in siege.SCRIPT


def test_siege_is_told_what_the_notes_tell_it() -> None:
    assert siege.arguments(plan()) == ["-c30", "-t40S", "-v", "http://order:8080"]
    assert siege.arguments(plan(path="/orders"))[-1] == "http://order:8080/orders"
    assert siege.arguments(plan(post=True))[3:] == [
        "--content-type",
        "application/json",
        'http://order:8080/orders POST {"productId":"1001","qty":5}',
    ]


def test_fortio_is_told_the_same() -> None:
    here = Destination(base="http://127.0.0.1:20123", by="here")
    assert fortio.command(Path("fortio"), here, plan(post=True)) == [
        "fortio",
        "-users=30",
        "-duration=40s",
        "-timeout=30s",
        "-supervised",
        '-post={"productId":"1001","qty":5}',
        "http://127.0.0.1:20123/orders",
    ]
    assert fortio.command(Path("fortio"), here, plan())[-1] == "http://127.0.0.1:20123/"


def test_a_destination_in_a_network_of_its_own_brings_its_words_before_the_command() -> None:
    there = Destination(base="http://10.0.0.7:8080", by="elsewhere", inside=("enter", "there"))
    assert fortio.command(Path("fortio"), there, plan())[:3] == ["enter", "there", "fortio"]


# What siege prints


def test_sieges_single_answers_give_what_its_report_lacks() -> None:
    outcome = transcript(VERBOSE + REPORT + REFUSED).outcome()

    assert outcome == Outcome(
        seconds=2.0,
        requests=5,
        unanswered=1,
        codes={200: 2, 201: 1, 503: 1},
        latency=Latency(p50=0.03, p90=1.5, p99=1.5, max=1.5),
        problem="socket: unable to connect sock.c:282: Connection refused",
    )


def test_while_it_runs_the_same_answers_are_failures_as_in_the_report() -> None:
    codes = {101: 1, 200: 2, 302: 4, 404: 8, 503: 16, 700: 32}
    outcome = Outcome(seconds=1.0, requests=63, unanswered=0, codes=codes, latency=None)

    assert failures(codes) == 1 + 8 + 16 + 32
    assert outcome.succeeded == outcome.answered - failures(codes)


def test_what_siege_cut_off_at_its_end_is_no_request() -> None:
    counted = transcript(
        VERBOSE + REPORT.replace("           3", "           9").replace("           2", "           1")
    )
    outcome = counted.outcome()

    assert outcome
    assert (outcome.requests, outcome.unanswered) == (4, 0)


@pytest.mark.parametrize(("text", "seconds", "requests"), [(REPORT, 2.0, 5), (JSON_REPORT, 1.72, 435)])
def test_a_siege_that_says_no_single_answers_still_gives_its_totals(text: str, seconds: float, requests: int) -> None:
    outcome = transcript(text).outcome()

    assert outcome
    assert (outcome.seconds, outcome.requests, outcome.codes, outcome.latency) == (seconds, requests, {}, None)
    assert "no single answers" in outcome.problem


def test_a_siege_that_reaches_nobody_has_answered_nothing() -> None:
    text = REPORT.replace("           3", "           0").replace("           2", "        1026")
    outcome = transcript(REFUSED * 3 + "siege aborted due to excessive socket failure; you\n" + text).outcome()

    assert outcome
    assert (outcome.requests, outcome.unanswered, outcome.answered) == (1026, 1026, 0)


@pytest.mark.parametrize("text", ["", VERBOSE, "bash: siege: command not found", "Transactions:\t 3 hits", "\x1b["])
def test_without_sieges_report_there_is_no_outcome(text: str) -> None:
    assert transcript(text).outcome() is None


# What the generator of this machine prints


def test_fortios_lines_are_read() -> None:
    beat = {"seconds": 1.0, "requests": 5, "unanswered": 1, "failed": 2}

    assert fortio.read(json.dumps({"beat": beat})) == fortio.Beat(**beat)
    found = fortio.read(json.dumps({"result": RESULT}))
    assert isinstance(found, Outcome)
    assert (found.codes, found.versions, found.problem) == (
        {200: 3_900, 503: 100},
        {"v1": 3_200, "v2": 800},
        "connection refused",
    )
    assert (found.answered, found.rate, found.latency) == (4_000, 102.5, Latency(**LATENCY))


def test_an_answer_without_any_latency_is_read() -> None:
    none = {"seconds": 1.0, "requests": 5, "unanswered": 5, "codes": {}, "versions": {}, "latency": None, "problem": ""}
    found = fortio.read(json.dumps({"result": none}))
    assert isinstance(found, Outcome)
    assert (found.answered, found.latency) == (0, None)


@pytest.mark.parametrize(
    "line", ["", "{}", "panic: runtime error", '{"result": {}}', '{"beat": {"requests": -1}}', "[]"]
)
def test_other_lines_are_not_taken_for_fortios(line: str) -> None:
    assert fortio.read(line) is None


# The report


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, (1, 1, 1, 1)),
        (2, (1, 2, 2, 2)),
        (10, (5, 9, 10, 10)),
        (100, (50, 90, 99, 100)),
        (1000, (500, 900, 990, 1000)),
    ],
)
def test_percentiles_are_values_that_were_measured(count: int, expected: tuple[int, ...]) -> None:
    found = Latency.of([float(count - number) for number in range(count)])
    assert found
    assert (found.p50, found.p90, found.p99, found.max) == expected


def report(**others: object) -> Report:
    found = fortio.read(json.dumps({"result": {**RESULT, **others}}))
    assert isinstance(found, Outcome)
    return Report(method="GET", url="http://order:8080", by="fortio", users=30, asked=40, outcome=found)


def test_the_report_says_everything_to_people() -> None:
    assert report().lines() == [
        "GET http://order:8080, by fortio",
        "30 users, 40.0 s",
        "4,100 requests, 102.5 a second",
        "",
        "answer                        requests     share",
        "200 OK                           3,900    95.1 %",
        "503 Service Unavailable            100     2.4 %   server error",
        "no answer                          100     2.4 %",
        "",
        "success   3,900 of 4,100 requests",
        "latency   p50 10.0 ms   p90 20.0 ms   p99 30.0 ms   max 500.0 ms",
        "version   v1 80.0 %   v2 20.0 %",
        "problem   connection refused",
    ]


def test_a_report_without_single_answers_or_statuses_that_nobody_knows_can_be_shown() -> None:
    assert "any status                       4,000    97.6 %" in report(codes={}).lines()
    assert "299                              4,000    97.6 %" in report(codes={"299": 4_000}).lines()
    assert report(latency=None).lines()[-3] == "latency   unknown"


def test_the_report_for_programs_is_json_with_everything() -> None:
    plain = json.loads(json.dumps(report().plain()))
    assert plain["codes"] == {"200": 3_900, "503": 100}
    assert plain["latency"] == LATENCY
    assert set(plain) == {
        "method", "url", "by", "users", "asked", "interrupted",
        "seconds", "requests", "unanswered", "answered", "succeeded", "rate", "codes", "latency", "versions", "problem",
    }  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_people_see_a_line_at_every_beat_and_a_log_gets_few() -> None:
    terminal, log = Terminal(), io.StringIO()
    for stream in (terminal, log):
        meter = Meter(40, stream)
        for requests in (10, 20, 30):
            meter.set(requests=requests, unanswered=1, failed=2)
            meter.show()

    assert len(terminal.getvalue().splitlines()) == 3
    assert "30 requests" in terminal.getvalue()
    assert "2 answered outside 2xx and 3xx   1 without an answer" in terminal.getvalue()
    assert log.getvalue() == ""
    assert "\x1b" not in terminal.getvalue()


def test_the_rate_of_a_line_is_that_since_the_line_before() -> None:
    meter = Meter(40, io.StringIO())
    begun = time.monotonic()
    meter.set(requests=100, unanswered=0, failed=0)
    meter.line(begun + 1)
    meter.set(requests=500, unanswered=0, failed=0)
    assert "500 requests   200 a second" in meter.line(begun + 3)
    assert "waiting for the last answers" in meter.line(begun + 42)


# Processes


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def follow(
    text: str, take: Callable[[str], None] = lambda _: None, *, limit: float = 20.0, beats: list[int] | None = None
) -> generator.Ended:
    def tick() -> None:
        if beats is not None:
            beats.append(1)

    return generator.follow(python(text), environment=dict(os.environ), take=take, tick=tick, limit=limit)


def test_lines_of_both_streams_and_the_exit_code_come_back() -> None:
    lines: list[str] = []
    ended = follow("import sys; print('one'); print('two', file=sys.stderr); sys.exit(3)", lines.append)
    assert sorted(lines) == ["one", "two"]
    assert ended == generator.Ended(code=3, messages=("two",), interrupted=False)


def test_a_sign_of_life_comes_while_lines_pour_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "BEAT", 0.1)
    beats: list[int] = []
    follow("import time\nfor _ in range(100): print('line', flush=True); time.sleep(0.01)", beats=beats)
    assert 3 <= len(beats) <= 20


def test_ctrl_c_lets_the_generator_end_and_report() -> None:
    lines: list[str] = []

    def take(line: str) -> None:
        lines.append(line)
        if line == "begun":
            raise KeyboardInterrupt

    ended = follow("import sys; print('begun', flush=True); sys.stdin.read(); print('report')", take)
    assert lines == ["begun", "report"]
    assert ended.interrupted


def test_a_generator_that_does_not_listen_is_ended_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "STOP_TIMEOUT", 0.3)
    pids: list[int] = []

    def take(line: str) -> None:
        pids.append(int(line))
        raise KeyboardInterrupt

    deaf = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint(os.getpid(), flush=True)"
    begun = time.monotonic()
    ended = follow(f"{deaf}\ntime.sleep(60)", take)
    assert ended.interrupted
    assert time.monotonic() - begun < 10
    assert not psutil.pid_exists(pids[0])


def test_a_generator_that_goes_on_too_long_is_ended_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "STOP_TIMEOUT", 0.3)
    monkeypatch.setattr(generator, "BEAT", 0.1)
    with pytest.raises(LabError, match=r"did not end by itself within 0 s"):
        follow("import time; time.sleep(60)", limit=0.2)


# In the Pod


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack whose kubectl runs in this machine's bash what it is told to run in the Pod."""
    monkeypatch.setattr(paths, "PROJECT", tmp_path / "project")
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "home"))
    stack = Stack("dev")
    stack.kubeconfig.parent.mkdir(parents=True)
    stack.kubeconfig.touch()
    folder = tmp_path / "programs"
    folder.mkdir()
    program(folder / "siege", SIEGE.format(python=sys.executable))
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    pretend(folder, monkeypatch)
    monkeypatch.setattr(pages, "runs_containers", lambda _: True)
    return stack


def pretend(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, pod: str = "Running", services: str = "service/order"
) -> None:
    answers = {"pod": pod, "services": services}
    file = program(folder / "kubectl", KUBECTL.format(python=sys.executable, answers=answers))
    monkeypatch.setattr("lab.adapters.kubectl.program", lambda: file)


def invoke(*words: str) -> tuple[int, str, BaseException | None]:
    app = Typer()
    app.command()(load)
    result = CliRunner().invoke(app, [*words])
    return result.exit_code, result.output, result.exception


def test_load_in_the_pod_is_sieges_own(cluster: Stack, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    code, output, error = invoke("order", "--users", "3", "--seconds", "1", "--verbose", "--json", str(file))

    assert cluster.name == "dev"
    assert code == 0, error
    assert "in the Pod siege of the namespace shop: siege -c3 -t1S -v http://order:8080" in output
    assert "-c3 -t1S -v http://order:8080" in next(line for line in output.splitlines() if "was told" in line)
    found = json.loads(file.read_text())
    assert found["codes"]["200"] > 10
    assert found["unanswered"] == 1
    assert found["users"] == 3


def test_ctrl_c_ends_the_siege_in_the_pod_and_shows_its_report(cluster: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    take = siege.Transcript.take

    def interrupt(self: siege.Transcript, line: str) -> None:
        take(self, line)
        if self.codes.total() == 5 and line.startswith("HTTP"):
            raise KeyboardInterrupt

    monkeypatch.setattr(siege.Transcript, "take", interrupt)
    begun = time.monotonic()
    outcome, interrupted = siege.run(cluster, plan(seconds=30), Meter(30, io.StringIO()))

    assert interrupted
    assert outcome.codes.keys() == {200}
    assert time.monotonic() - begun < 10


def test_the_siege_in_the_pod_ends_when_the_command_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "programs"
    folder.mkdir()
    program(folder / "siege", SIEGE.format(python=sys.executable))
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    remote = subprocess.Popen(
        ["/usr/bin/env", "bash", "-c", siege.SCRIPT, "siege", *siege.arguments(plan(seconds=60))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    with remote:
        assert remote.stdout
        assert remote.stdin
        remote.stdout.readline()
        family = psutil.Process(remote.pid).children(recursive=True)
        assert any("-t60S" in word for process in family for word in process.cmdline())
        remote.stdin.close()
        remote.stdout.read()
        remote.wait(10)
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []


@pytest.mark.usefixtures("cluster")
def test_a_siege_without_its_report_is_an_error_with_what_it_said(tmp_path: Path) -> None:
    program(tmp_path / "programs" / "siege", "#!/bin/sh\necho broken >&2\nexit 7\n")
    _, _, error = invoke("order", "--seconds", "1")
    assert isinstance(error, LabError)
    assert "siege ended with 7 and without its report" in error.message
    assert "broken" in error.message
    assert "kubectl -n shop exec siege" in error.remedy


@pytest.mark.parametrize(
    ("pod", "services", "message"),
    [
        ("", "service/order", "there is no Pod siege in the namespace shop"),
        ("Pending", "service/order", "the Pod siege in the namespace shop is Pending, not Running"),
        ("Running", "service/mysql", "has no Service order; it has mysql"),
        ("Running", "", "has no Service order; it has none at all"),
    ],
)
@pytest.mark.usefixtures("cluster")
def test_what_is_missing_in_the_cluster_is_said_before_any_load(
    pod: str, services: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(tmp_path / "programs", monkeypatch, pod=pod, services=services)
    _, _, error = invoke("order", "--seconds", "1")
    assert isinstance(error, LabError)
    assert message in error.message
    assert error.remedy


def test_a_stack_that_does_not_stand_is_said(cluster: Stack) -> None:
    cluster.kubeconfig.unlink()
    _, _, error = invoke("order")
    assert isinstance(error, LabError)
    assert (error.message, error.remedy) == ("stack dev does not stand", "make up")


@pytest.mark.usefixtures("cluster")
def test_a_report_that_cannot_be_kept_is_said_before_any_load(tmp_path: Path) -> None:
    _, output, error = invoke("order", "--json", str(tmp_path / "nowhere" / "report.json"))
    assert isinstance(error, LabError)
    assert "there is no folder" in error.message
    assert "siege" not in output


@pytest.mark.usefixtures("cluster")
def test_load_that_is_answered_with_errors_alone_fails_and_says_which(tmp_path: Path) -> None:
    told = "HTTP/1.1 426     0.01 secs:  9 bytes ==> GET  /\nTransactions: 0 hits\nElapsed time: 1.00 secs"
    program(tmp_path / "programs" / "siege", f"#!/bin/sh\nprintf '{told}\nFailed transactions: 1\n' >&2\n")
    code, output, error = invoke("order", "--seconds", "1")
    assert code == 1
    assert isinstance(error, LabError)
    assert error.message == "not one of 1 requests succeeded: most answers are 426 Upgrade Required"
    assert "426 Upgrade Required                 1   100.0 %   client error" in output


@pytest.mark.parametrize(
    ("codes", "succeeded", "said"),
    [
        ({"200": 5, "302": 5}, 10, ""),
        ({"302": 5, "404": 5}, 5, "client error"),
        ({"103": 4, "600": 6}, 0, "no success"),
    ],
)
def test_an_answer_that_is_no_success_is_called_what_it_is(codes: dict[str, int], succeeded: int, said: str) -> None:
    found = report(codes=codes)
    assert found.outcome.succeeded == succeeded
    assert said in "\n".join(found.lines())
    assert ("error" in "\n".join(found.lines()[:-1])) == ("error" in said)


@pytest.mark.usefixtures("cluster")
def test_load_that_nobody_answers_fails_and_is_still_reported(tmp_path: Path) -> None:
    told = "Transactions: 0 hits\nElapsed time: 1.00 secs\nFailed transactions: 9"
    program(tmp_path / "programs" / "siege", f"#!/bin/sh\necho '{told}' >&2\n")
    code, output, error = invoke("order", "--seconds", "1", "--json", str(tmp_path / "report.json"))
    assert code == 1
    assert isinstance(error, LabError)
    assert error.message == "not one of 9 requests was answered"
    assert "no answer                            9   100.0 %" in output
    assert json.loads((tmp_path / "report.json").read_text())["answered"] == 0


def test_help_teaches() -> None:
    code, output, _ = invoke("--help")
    assert code == 0
    for word in ("siege -c30 -t40S -v http://order:8080", "simulated", "--users", "--post", "Ctrl-C"):
        assert word in " ".join(output.replace("│", " ").split()), word


# On this machine

APP = """
import http.server, json, os, pathlib, sys
name, folder = sys.argv[1], pathlib.Path({folder!r})
with (folder / "started").open("a") as started:
    known = ("HOST", "PORT", "DELIVERY_URL", "ORDER_DB_URL", "VARIANT", "APP_VERSION", "ORDER_LOG_LEVEL")
    found = {{key: os.environ[key] for key in known if key in os.environ}}
    started.write(json.dumps({{"name": name, "pid": os.getpid(), **found}}) + "\\n")
starts = len((folder / "started").read_text().splitlines())
if starts <= {failing}:
    sys.exit("port is taken")
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Page).serve_forever()
"""

FORTIO = """#!{python} -IS
import json, sys
print(json.dumps({{"beat": {{"seconds": 1, "requests": 3, "unanswered": 0, "failed": 0}}}}), flush=True)
if "-duration=600s" in sys.argv:
    sys.stdin.read()
print(json.dumps({{"result": {result!r}}}), flush=True)
"""


class Here:
    """Applications and a load generator that only pretend, and what was started of them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch
        folder.mkdir()
        self.fortio = program(folder / "fortio", FORTIO.format(python=sys.executable, result=RESULT))
        self.fails(0)

    def fails(self, times: int) -> None:
        """Let so many starts fail."""
        text = APP.format(folder=str(self._folder), failing=times)

        class Runtime:
            def command(self, app: str) -> list[str]:
                return [sys.executable, "-c", text, app]

        self._monkeypatch.setattr(shop.applications, "ensure", lambda _: Runtime())

    @property
    def started(self) -> list[dict[str, str]]:
        file = self._folder / "started"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def running(self) -> list[str]:
        return [found["name"] for found in self.started if psutil.pid_exists(int(found["pid"]))]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: Stack) -> Here:
    assert cluster
    pretended = Here(tmp_path / "here", monkeypatch)
    monkeypatch.setattr(toolchain, "path", {"fortio": pretended.fortio}.__getitem__)
    monkeypatch.setattr(toolchain, "ensure", lambda *_, **__: None)
    monkeypatch.setattr(pages, "runs_containers", lambda _: False)
    monkeypatch.setattr("lab.platforms.dataplane.lifecycle.unavailable", lambda: "the kernel allows none")
    return pretended


def on_loopback(app: str) -> AbstractContextManager[Destination]:
    return shop.on_loopback(app, {"order": {"VARIANT": "slow"}}, Progress(quiet=True))


def test_order_runs_with_a_delivery_to_ask_and_a_database_of_its_own(here: Here) -> None:
    with on_loopback("order") as destination:
        delivery, order = here.started
        assert (delivery["name"], order["name"]) == ("delivery", "order")
        assert order["DELIVERY_URL"] == f"http://127.0.0.1:{delivery['PORT']}"
        assert destination.base == f"http://127.0.0.1:{order['PORT']}"
        assert order["ORDER_DB_URL"].startswith(f"sqlite:///{paths.temporary_dir()}/load-")
        assert (order["HOST"], order["VARIANT"]) == ("127.0.0.1", "slow")
        assert here.running == ["delivery", "order"]

    assert here.running == []
    assert list(paths.temporary_dir().iterdir()) == []


def test_delivery_runs_alone(here: Here) -> None:
    with on_loopback("delivery"):
        assert here.running == ["delivery"]


def test_a_port_that_somebody_took_meanwhile_is_no_harm(here: Here) -> None:
    here.fails(1)
    with on_loopback("delivery") as destination:
        first, second = here.started
        assert first["PORT"] != second["PORT"]
        assert destination.base.endswith(second["PORT"])


def test_an_application_that_does_not_start_is_an_error_with_its_own_words(here: Here) -> None:
    here.fails(9)
    with pytest.raises(LabError, match=r"does not start:(.|\n)*port is taken"), on_loopback("order"):
        pass
    assert here.running == []
    assert list(paths.temporary_dir().iterdir()) == []


@pytest.mark.usefixtures("here")
def test_what_a_killed_run_left_is_swept_the_day_after() -> None:
    old, new = (paths.temporary_dir() / name for name in ("load-old", "load-new"))
    for folder in (old, new):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    with on_loopback("delivery"):
        pass
    assert (old.exists(), new.exists()) == (False, True)


def test_nothing_is_left_when_the_load_ends_with_an_error(here: Here) -> None:
    with pytest.raises(KeyboardInterrupt), on_loopback("order"):
        raise KeyboardInterrupt
    assert here.running == []


def test_where_pods_are_simulated_the_load_says_so_and_comes_from_here(here: Here, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    code, output, error = invoke("order", "--json", str(file))

    assert code == 0, error
    assert "The Pods of stack dev are simulated" in output
    assert "4,100 requests, 102.5 a second" in output
    found = json.loads(file.read_text())
    assert found["by"] == "fortio on this machine, where order runs as a process"
    assert found["url"] == "http://order:8080"
    assert [one["name"] for one in here.started] == ["delivery", "order"]
    assert here.running == []


def test_the_stacks_settings_hold_for_the_processes_too(here: Here) -> None:
    paths.PROJECT.mkdir()
    Stack("dev").file.write_text(
        "config:\n  istio-lab:shop: {order: {variant: failing, version: v2, image: 'order:1'}}\n"
    )
    code, _, error = invoke("order")

    assert code == 0, error
    order = here.started[1]
    assert (order["VARIANT"], order["APP_VERSION"], order["ORDER_LOG_LEVEL"]) == ("failing", "v2", "WARNING")


def test_ctrl_c_ends_the_load_from_here_early_with_its_report(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_self: Meter, **_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Meter, "set", interrupt)
    code, output, _ = invoke("order", "--seconds", "600")

    assert code == 130
    assert "30 users, 40.0 s, interrupted, of 600 s asked for" in output
    assert here.running == []


@pytest.mark.usefixtures("here")
def test_what_cannot_run_here_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(tmp_path / "programs", monkeypatch, services="service/mysql")
    _, _, error = invoke("mysql")
    assert isinstance(error, LabError)
    assert "mysql cannot run on this machine instead" in error.message
    assert "delivery, order" in error.remedy


@pytest.mark.usefixtures("here")
def test_a_load_generator_that_breaks_is_an_error(tmp_path: Path) -> None:
    program(tmp_path / "here" / "fortio", "#!/bin/sh\necho panic: nil >&2\nexit 2\n")
    _, _, error = invoke("order")
    assert isinstance(error, LabError)
    assert "ended with 2: panic: nil" in error.message


def test_the_applications_end_when_the_command_is_killed(here: Here, tmp_path: Path) -> None:
    guarded = shop._GUARD  # noqa: SLF001 - nothing else shows it without killing the test itself
    command = shop.applications.ensure(Progress(quiet=True)).command("order")
    with subprocess.Popen(
        ["/bin/sh", "-c", guarded, "sh", *command],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"HOST": "127.0.0.1", "PORT": "0"},
        cwd=tmp_path,
    ) as process:
        deadline = time.monotonic() + 10
        while not here.running and time.monotonic() < deadline:
            time.sleep(0.05)
        assert here.running == ["order"]
        assert process.stdin
        process.stdin.close()
        process.wait(10)
    assert here.running == []
