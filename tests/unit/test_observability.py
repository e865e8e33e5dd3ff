"""The tools with a page: how they are opened, what is said where they cannot be, and how people log in."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
import webbrowser
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from rich.console import Console
from typer.testing import CliRunner

from lab.adapters import port_forward
from lab.adapters.stack import Stack
from lab.cli import app, summary
from lab.cli import open as lab_open
from lab.core import paths
from lab.core.errors import LabError
from lab.core.paths import PROJECT
from lab.core.progress import Progress
from lab.services import pages, queries
from lab.settings import Settings
from tests.unit.pretended_kubectl import PretendedKubectl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from click.testing import Result

REAL_NODE: dict[str, Any] = {"metadata": {"name": "one"}, "spec": {}}
SIMULATED_NODE: dict[str, Any] = {"metadata": {"annotations": {"kwok.x-k8s.io/node": "fake"}}, "spec": {}}
PRIVATE: dict[str, Any] = {"spec": {"type": "ClusterIP"}, "status": {"loadBalancer": {}}}
PASSWORD = "[bold]p4ss]word"  # noqa: S105 - as awkward as a generated one can be
TOKEN = "eyJhbGciOiJSUzI1NiJ9.payload.signature"  # noqa: S105 - of nobody

RUN = """
import sys
from pathlib import Path
from lab.adapters import kubectl
from lab.core import paths
paths.PROJECT = Path(sys.argv.pop(1))
program = Path(sys.argv.pop(1))
kubectl.program = lambda: program
from lab.cli.app import main
main()
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with settings of its own, on a machine without a screen."""
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / ".lab"))
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PretendedKubectl:
    """Of a cluster that runs containers and has every tool at a private address."""
    pretended = PretendedKubectl(tmp_path / "kubectl")
    pretended.answers("get nodes", {"items": [REAL_NODE]})
    pretended.answers("get service ", PRIVATE)
    pretended.answers("get secret grafana", {"data": encoded({"admin-user": "admin", "admin-password": PASSWORD})})
    pretended.answers("create token kiali", f"{TOKEN}\n")
    monkeypatch.setattr("lab.adapters.kubectl.program", lambda: pretended.file)
    monkeypatch.setattr(port_forward, "_PAUSE", 0.02)
    return pretended


@pytest.fixture
def dev(kubectl: PretendedKubectl) -> Stack:
    """A lab that stands on that cluster."""
    assert kubectl.calls == []
    stack = Stack("dev")
    stack.directory.mkdir(parents=True)
    stack.kubeconfig.write_text("kind: Config\n")
    return stack


@pytest.fixture
def browsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the browser was asked to show, on a machine with a screen."""
    shown: list[str] = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", shown.append)
    return shown


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who presses Ctrl-C as soon as the page is there."""

    def hold(_self: port_forward.Forward) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(port_forward.Forward, "hold", hold)


@pytest.fixture
def public() -> Iterator[HTTPServer]:
    """A page at an address of its own, as a load balancer gives one."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:  # type: ignore[override]
            pass

    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def encoded(values: Mapping[str, str]) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}


def with_address(host: str) -> dict[str, Any]:
    return {"spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {"ingress": [{"ip": host}]}}}


def configured(stack: Stack, **values: object) -> None:
    """Write settings of the lab into the stack's file."""
    stack.file.write_text(yaml.safe_dump({"config": {f"istio-lab:{key}": value for key, value in values.items()}}))


def called(*arguments: str) -> Result:
    return CliRunner().invoke(app.app, list(arguments))


def refusal(*arguments: str) -> LabError:
    error = called(*arguments).exception
    assert isinstance(error, LabError), error
    return error


def started(dev: Stack, kubectl: PretendedKubectl, *arguments: str) -> subprocess.Popen[str]:
    """`lab` in a process of its own, in the group of processes that a terminal would make for it."""
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(dev.file.parent), str(kubectl.file), *arguments],
        cwd=PROJECT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        process_group=0,
    )


def test_every_tool_has_a_switch_that_is_a_setting() -> None:
    defaults: Any = Settings().model_dump(by_alias=True)

    for tool in pages.TOOLS.values():
        found = defaults
        for part in tool.switch.split("."):
            found = found[part]
        assert found is True, tool.switch


def test_every_page_begins_with_a_slash() -> None:
    assert [tool.title for tool in pages.TOOLS.values() if not tool.path.startswith("/")] == []


@pytest.mark.parametrize(
    ("name", "service", "path"),
    [
        ("kiali", ["service/kiali", ":20001"], "/kiali"),
        ("grafana", ["service/grafana", ":3000"], "/"),
        ("prometheus", ["service/prometheus", ":9090"], "/"),
        ("tracing", ["service/tracing", ":80"], "/jaeger"),
    ],
)
@pytest.mark.usefixtures("interrupted", "dev")
def test_a_private_tool_is_shown_at_an_address_of_this_machine(
    name: str, service: list[str], path: str, kubectl: PretendedKubectl, browsed: list[str]
) -> None:
    result = called("open", name)

    assert result.exit_code == 0, result.output
    assert kubectl.calls[-1][-2:] == service
    assert kubectl.requests == [path]
    (address,) = browsed
    assert address.startswith("http://127.0.0.1:")
    assert address.endswith(path)
    assert f": {address}\n" in result.stdout
    assert "Ctrl-C" in result.stdout
    assert kubectl.running == []


@pytest.mark.usefixtures("interrupted", "dev", "kubectl")
def test_the_browser_is_left_alone_if_the_user_says_so(browsed: list[str]) -> None:
    result = called("open", "kiali", "--no-browser")

    assert result.exit_code == 0
    assert browsed == []
    assert "Kiali: http://127.0.0.1:" in result.stdout


@pytest.mark.usefixtures("interrupted", "dev", "kubectl")
def test_a_browser_that_cannot_be_started_is_no_error(browsed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_address: str) -> bool:
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "open", fail)

    assert called("open", "kiali").exit_code == 0
    assert browsed == []


@pytest.mark.usefixtures("interrupted", "dev", "kubectl")
def test_no_browser_of_the_terminal_is_started_where_there_is_no_screen(
    browsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY")
    monkeypatch.setattr(sys, "platform", "linux")

    assert called("open", "kiali").exit_code == 0
    assert browsed == []


def test_a_public_tool_is_shown_at_its_own_address(
    dev: Stack, kubectl: PretendedKubectl, public: HTTPServer, browsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = pages.Tool(
        title="Grafana", service="grafana", port=public.server_port, path="/", switch="tutorial.bookinfo", shows=""
    )
    monkeypatch.setattr(pages, "TOOLS", {"grafana": tool})
    kubectl.answers("get service ", with_address("127.0.0.1"))

    result = called("open", "grafana", "--stack", dev.name)

    assert result.exit_code == 0, result.output
    assert browsed == [f"http://127.0.0.1:{public.server_port}/"]
    assert kubectl.started == []


@pytest.mark.usefixtures("interrupted", "dev")
def test_a_public_tool_that_does_not_let_this_machine_in_is_shown_through_the_api_server(
    kubectl: PretendedKubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_forward, "answers", lambda host, *_: host == port_forward.LOOPBACK)
    kubectl.answers("get service ", with_address("203.0.113.9"))

    result = called("open", "kiali")

    assert result.exit_code == 0, result.output
    assert "203.0.113.9 does not answer this machine: it lets in istio-lab:observability.sourceRanges" in result.stdout
    assert "Kiali: http://127.0.0.1:" in result.stdout


@pytest.mark.usefixtures("dev")
@pytest.mark.parametrize("name", list(pages.TOOLS))
def test_simulated_pods_have_no_page_and_what_can_be_looked_at_instead_is_said(
    name: str, kubectl: PretendedKubectl
) -> None:
    kubectl.answers("get nodes", {"items": [SIMULATED_NODE]})

    error = refusal("open", name)

    assert "the Pods of stack dev are simulated, so no page answers" in error.message
    assert f"kubectl -n {pages.TOOLS[name].namespace} get " in error.remedy
    assert "lab queries" in error.remedy
    assert "istio-lab:target azure or kubeconfig" in error.remedy
    assert kubectl.started == []


def test_a_tool_that_is_switched_off_names_its_setting(dev: Stack, kubectl: PretendedKubectl) -> None:
    configured(dev, observability={"kiali": {"enabled": False}})

    error = refusal("open", "kiali")

    assert error.message == "Kiali is switched off: istio-lab:observability.kiali.enabled is false in Pulumi.dev.yaml"
    assert "pulumi config set --stack dev --path istio-lab:observability.kiali.enabled true" in error.remedy
    assert kubectl.calls == []


@pytest.mark.parametrize("command", ["open", "password"])
def test_a_lab_that_does_not_stand_has_nothing_to_show(command: str) -> None:
    error = refusal(command, "grafana", "--stack", "second")

    assert (error.message, error.remedy) == ("stack second does not stand", "make up STACK=second")


@pytest.mark.usefixtures("dev")
def test_a_cluster_that_does_not_answer_is_said_with_the_way_to_heal_it(kubectl: PretendedKubectl) -> None:
    kubectl.answers("get nodes", "The connection to the server 127.0.0.1:6443 was refused", code=1)

    error = refusal("open", "kiali")

    assert error.message.startswith("the cluster of stack dev does not answer: ")
    assert "127.0.0.1:6443 was refused" in error.message
    assert error.remedy == "make up"


def test_a_cluster_on_azure_may_be_stopped(dev: Stack, kubectl: PretendedKubectl) -> None:
    configured(dev, target="azure", azure={"allowedRanges": ["203.0.113.7/32"]})
    kubectl.answers("get nodes", "Unable to connect to the server", code=1)

    assert "lab status --stack dev" in refusal("open", "kiali").remedy


@pytest.mark.usefixtures("dev")
def test_a_tool_that_was_switched_on_since_the_last_update_is_not_there_yet(kubectl: PretendedKubectl) -> None:
    kubectl.answers("get service ", "")

    error = refusal("open", "kiali")

    assert "has no Service kiali yet" in error.message
    assert error.remedy == "make up"


def test_loki_has_no_page_and_its_logs_are_looked_at_in_grafana() -> None:
    error = refusal("open", "loki")

    assert error.message == "Loki has no page of its own"
    assert "Grafana" in error.remedy


def test_an_unknown_tool_is_answered_with_those_that_there_are() -> None:
    error = refusal("open", "jaeger")

    assert error.message == 'there is no tool "jaeger"'
    assert error.remedy == "take one of: kiali, grafana, prometheus, tracing, rollouts"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_page_its_kubectl_and_nothing_else(
    dev: Stack, kubectl: PretendedKubectl, number: signal.Signals
) -> None:
    process = started(dev, kubectl, "open", "kiali")
    assert process.stdout is not None
    for line in process.stdout:
        if "Ctrl-C" in line:
            break
    (child,) = kubectl.running

    # The terminal sends Ctrl-C to every process of the group; `kill` reaches lab alone.
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    _, complaints = process.communicate(timeout=20)

    assert process.returncode == 0, complaints
    assert "Traceback" not in complaints
    assert child not in kubectl.running


def test_ctrl_c_while_the_page_is_waited_for_ends_as_quietly(dev: Stack, kubectl: PretendedKubectl) -> None:
    kubectl.forwards(status=503)
    process = started(dev, kubectl, "open", "kiali")
    deadline = time.monotonic() + 20
    while not kubectl.requests:
        assert time.monotonic() < deadline
        time.sleep(0.02)

    os.killpg(process.pid, signal.SIGINT)
    _, complaints = process.communicate(timeout=20)

    assert process.returncode == 0, complaints
    assert "Traceback" not in complaints
    assert kubectl.running == []


@pytest.mark.usefixtures("dev")
def test_grafanas_user_and_password_are_printed_as_they_are(kubectl: PretendedKubectl) -> None:
    result = called("password", "grafana")

    assert result.exit_code == 0
    assert result.stdout == f"user      admin\npassword  {PASSWORD}\n"
    assert result.stderr == ""
    assert PASSWORD not in json.dumps(kubectl.calls)


@pytest.mark.usefixtures("dev")
def test_a_password_is_there_where_pods_are_simulated_too(kubectl: PretendedKubectl) -> None:
    kubectl.answers("get nodes", {"items": [SIMULATED_NODE]})

    assert PASSWORD in called("password", "grafana").stdout


def test_kiali_with_a_login_is_given_a_token_that_soon_ends(dev: Stack, kubectl: PretendedKubectl) -> None:
    configured(dev, observability={"kiali": {"auth": "token"}})

    result = called("password", "kiali")

    assert result.stdout == f"{TOKEN}\n"
    assert kubectl.calls[-1][1:] == ["-n", "istio-system", "create", "token", "kiali", "--duration=1h"]


@pytest.mark.usefixtures("dev")
def test_kiali_without_a_login_says_so_and_prints_nothing_that_looks_like_a_token(kubectl: PretendedKubectl) -> None:
    result = called("password", "kiali")

    assert result.exit_code == 0
    assert result.stdout == ""
    assert "Kiali asks for no login here: istio-lab:observability.kiali.auth is anonymous." in result.stderr
    assert kubectl.calls == []


@pytest.mark.usefixtures("dev", "kubectl")
@pytest.mark.parametrize(("name", "title"), [("prometheus", "Prometheus"), ("tracing", "Jaeger")])
def test_a_tool_without_a_login_says_so(name: str, title: str) -> None:
    result = called("password", name)

    assert (result.exit_code, result.stdout) == (0, "")
    assert f"{title} has no login." in result.stderr


def test_the_password_of_a_grafana_that_is_switched_off_cannot_be_had(dev: Stack) -> None:
    configured(dev, observability={"grafana": {"enabled": False}})

    assert "istio-lab:observability.grafana.enabled is false" in refusal("password", "grafana").message


@pytest.fixture
def summarised(
    dev: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[], list[str]]:
    """What `lab up` says at its end."""
    monkeypatch.setattr(Stack, "outputs", lambda _: {})

    def show() -> list[str]:
        summary.show(dev, Console(width=200), Progress(quiet=True))
        return capsys.readouterr().out.splitlines()

    return show


def test_the_summary_names_the_commands_that_open_the_tools(summarised: Callable[[], list[str]]) -> None:
    shown = summarised()

    assert "  lab open bookinfo | kiali | grafana | prometheus | tracing | rollouts" in shown
    assert "  lab password grafana" in shown


def test_the_summary_leaves_out_what_is_switched_off(dev: Stack, summarised: Callable[[], list[str]]) -> None:
    configured(dev, observability={"grafana": {"enabled": False}, "tracing": {"enabled": False}})

    shown = summarised()

    assert "  lab open bookinfo | kiali | prometheus | rollouts" in shown
    assert "  lab password grafana" not in shown


def test_the_summary_says_nothing_of_tools_when_all_are_switched_off(
    dev: Stack, summarised: Callable[[], list[str]]
) -> None:
    switches = [tool.switch.split(".") for tool in pages.TOOLS.values() if tool.switch != "rollouts.enabled"]
    configured(dev, rollouts={"enabled": False}, observability={name: {"enabled": False} for _, name, _ in switches})

    assert "Tools" not in summarised()


def test_the_summary_says_that_simulated_tools_have_no_page(
    summarised: Callable[[], list[str]], kubectl: PretendedKubectl
) -> None:
    kubectl.answers("get nodes", {"items": [SIMULATED_NODE]})

    shown = summarised()

    assert "  Kiali, Grafana, Prometheus, Jaeger, Argo Rollouts: their Pods are simulated, no page is served." in shown
    assert [line for line in shown if "lab open" in line] == []


def test_the_queries_of_the_course_are_listed_with_their_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab_open, "console", Console(width=2000))

    shown = called("queries").stdout

    assert [query.name for query in queries.load() if query.name not in shown] == []
    assert [query.meaning for query in queries.load() if query.meaning not in shown] == []
    assert [query.query for query in queries.load() if query.query not in shown] == []


def test_no_query_is_cut_off_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab_open, "console", Console(width=80))

    assert "…" not in called("queries").stdout


def test_the_queries_can_be_had_as_json() -> None:
    listed = json.loads(called("queries", "--json").stdout)

    assert listed == [asdict(query) for query in queries.load()]


def test_one_query_alone_is_printed_as_it_is_to_be_copied() -> None:
    assert called("queries", "request-rate").stdout == f"{queries.named('request-rate').query}\n"
    assert "request-rate" in refusal("queries", "request").remedy
