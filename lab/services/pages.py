"""The tools that have a page: where each one is, how it is opened, how people log in."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import signal
import sys
import webbrowser
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from lab.adapters import kubectl, port_forward
from lab.core.errors import LabError
from lab.core.progress import Progress
from lab.platforms import kubeconfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console

    from lab.adapters.stack import Stack


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool with a page.

    Attributes:
        title: as people call it.
        service: the name of its Service.
        port: of the Service.
        path: of the page; begins with a slash.
        switch: the setting that switches it on, without the namespace of the lab's keys.
        shows: what kubectl is asked, behind the namespace, to see what the tool is given where its page cannot be had.
        namespace: of the Service.
    """

    title: str
    service: str
    port: int
    path: str
    switch: str
    shows: str
    namespace: str = "istio-system"


TOOLS: Mapping[str, Tool] = {
    "kiali": Tool(
        title="Kiali",
        service="kiali",
        port=20001,
        path="/kiali",
        switch="observability.kiali.enabled",
        shows="get configmap kiali -o yaml",
    ),
    "grafana": Tool(
        title="Grafana",
        service="grafana",
        port=3000,
        path="/",
        switch="observability.grafana.enabled",
        shows="get configmaps",
    ),
    "prometheus": Tool(
        title="Prometheus",
        service="prometheus",
        port=9090,
        path="/",
        switch="observability.prometheus.enabled",
        shows="get configmap prometheus -o yaml",
    ),
    "tracing": Tool(
        title="Jaeger",
        service="tracing",
        port=80,
        path="/jaeger",
        switch="observability.tracing.enabled",
        shows="get telemetries.telemetry.istio.io -o yaml",
    ),
    "rollouts": Tool(
        title="Argo Rollouts",
        service="argo-rollouts-dashboard",
        port=3100,
        path="/rollouts/",
        switch="rollouts.enabled",
        shows="get rollouts.argoproj.io -A",
        namespace="argo-rollouts",
    ),
}
"""By what `lab open` calls them."""

WITHOUT_A_PAGE: Mapping[str, tuple[str, str]] = {
    "loki": ("Loki has no page of its own", "look at its logs in Grafana, under Explore or in the shop's dashboard"),
}
"""What people may look for among the tools: what is wrong with that, and what to do instead."""

LOGINS = ("grafana", "kiali")
"""The tools that can ask for a login."""

_KIALI_AUTH = "observability.kiali.auth"
_TOKEN_LIFE = "1h"  # noqa: S105 - how long a token lives, no token
_SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
"""Without any of these Python would take a browser that fills the terminal."""


def tool(name: str) -> Tool:
    """A tool by its name.

    Raises:
        LabError: there is none, or it has no page.
    """
    if name in WITHOUT_A_PAGE:
        raise LabError(*WITHOUT_A_PAGE[name])
    if name not in TOOLS:
        raise LabError(f"there is no tool {json.dumps(name)}", f"take one of: {', '.join(TOOLS)}")
    return TOOLS[name]


def switched_on(stack: Stack) -> dict[str, Tool]:
    """The tools that the stack's settings ask for, by their names."""
    settings = _settings(stack)
    return {name: each for name, each in TOOLS.items() if _value(settings, each.switch)}


def runs_containers(stack: Stack) -> bool:
    """Whether the stack's Pods really run, so that their pages answer."""
    nodes = json.loads(_ask(stack, "get", "nodes", "-o", "json"))["items"]
    return kubeconfig.runs_containers(nodes)


def open_page(name: str, stack: Stack, console: Console, *, browser: bool) -> None:
    """Show a tool's page: at its public address if it has one that answers, else at one of this machine until Ctrl-C.

    Args:
        name: as `TOOLS` has it.
        stack: which lab.
        console: where the address is printed.
        browser: also open it there; a machine without one is no error.

    Raises:
        LabError: the page cannot be had, with the reason.
    """
    wanted = tool(name)
    _require_page(wanted, stack)
    host = _public_host(wanted, stack)
    if host and _reached(wanted, host):
        port = "" if wanted.port == http.client.HTTP_PORT else f":{wanted.port}"
        _present(f"http://{host}{port}{wanted.path}", wanted, console, browser=browser)
        return
    if host:
        console.print(
            f"{host} does not answer this machine: it lets in istio-lab:observability.sourceRanges only. "
            "Going through the API server instead.",
            highlight=False,
            soft_wrap=True,
        )
    with contextlib.suppress(KeyboardInterrupt), _ended_like_an_interrupt():
        _forward(wanted, stack, console, browser=browser)


def show_login(name: str, stack: Stack, console: Console, notes: Console) -> None:
    """Print what a tool's login asks for.

    Args:
        name: as `TOOLS` has it.
        stack: which lab.
        console: where a secret goes, and nothing else.
        notes: where it is said that no login is needed.

    Raises:
        LabError: there is no such tool, or it does not stand.
    """
    wanted = tool(name)
    settings = _require_switched_on(wanted, stack)
    if name == "grafana":
        secret = json.loads(_ask(stack, "-n", wanted.namespace, "get", "secret", "grafana", "-o", "json"))["data"]
        _print_secret(console, f"user      {_decoded(secret['admin-user'])}")
        _print_secret(console, f"password  {_decoded(secret['admin-password'])}")
    elif name == "kiali" and _value(settings, _KIALI_AUTH) == "token":
        duration = f"--duration={_TOKEN_LIFE}"
        _print_secret(console, _ask(stack, "-n", wanted.namespace, "create", "token", "kiali", duration).strip())
    elif name == "kiali":
        notes.print(f"Kiali asks for no login here: istio-lab:{_KIALI_AUTH} is anonymous.", highlight=False)
    else:
        notes.print(f"{wanted.title} has no login.", highlight=False)


def _forward(wanted: Tool, stack: Stack, console: Console, *, browser: bool) -> None:
    destination = port_forward.Destination(
        kubeconfig=stack.kubeconfig,
        namespace=wanted.namespace,
        service=wanted.service,
        port=wanted.port,
        path=wanted.path,
    )

    def tell(sentence: str) -> None:
        console.print(escape(sentence), highlight=False, soft_wrap=True)

    with port_forward.Forward(destination, tell) as held:
        with Progress() as progress, progress.step(f"waiting for {wanted.title} to answer", usual=3):
            held.wait()
        _present(held.address, wanted, console, browser=browser)
        console.print("It stays there until you press Ctrl-C.")
        held.hold()


def _present(address: str, wanted: Tool, console: Console, *, browser: bool) -> None:
    console.print(f"{wanted.title}: {address}", highlight=False, soft_wrap=True)
    if browser and (sys.platform == "darwin" or any(os.environ.get(name) for name in _SCREENS)):
        with contextlib.suppress(webbrowser.Error, OSError):
            webbrowser.open(address)


def _reached(wanted: Tool, host: str) -> bool:
    with Progress() as progress, progress.step(f"asking {host} for {wanted.title}"):
        return port_forward.answers(host, wanted.port, wanted.path)


def _require_page(wanted: Tool, stack: Stack) -> None:
    _require_switched_on(wanted, stack)
    if not runs_containers(stack):
        raise LabError(
            f"{wanted.title} is there, but as an object of the API only: "
            f"the Pods of stack {stack.name} are simulated, so no page answers",
            f"see what it is given: kubectl -n {wanted.namespace} {wanted.shows}\n"
            "see what the course asks: lab queries\n"
            "see the page on a cluster that runs containers, so with istio-lab:target azure or kubeconfig",
        )


def _require_switched_on(wanted: Tool, stack: Stack) -> dict[str, Any]:
    """The stack's settings, if the tool can be there by them."""
    if not stack.kubeconfig.is_file():
        raise LabError(f"stack {stack.name} does not stand", f"make up{stack.suffix}")
    settings = _settings(stack)
    if not _value(settings, wanted.switch):
        raise LabError(
            f"{wanted.title} is switched off: istio-lab:{wanted.switch} is false in {stack.file.name}",
            f"pulumi config set --stack {stack.name} --path istio-lab:{wanted.switch} true, "
            f"then: make up{stack.suffix}",
        )
    return settings


def _public_host(wanted: Tool, stack: Stack) -> str | None:
    """The address outside the cluster that the tool's Service has."""
    found = _ask(stack, "-n", wanted.namespace, "get", "service", wanted.service, "--ignore-not-found", "-o", "json")
    if not found:
        raise LabError(
            f"stack {stack.name} has no Service {wanted.service} yet, though its settings ask for it",
            f"make up{stack.suffix}",
        )
    for entry in json.loads(found)["status"].get("loadBalancer", {}).get("ingress", ()):
        return str(entry.get("ip") or entry["hostname"])
    return None


def _ask(stack: Stack, *arguments: str) -> str:
    """What kubectl answers on a lab that stands."""
    try:
        return kubectl.run(stack.kubeconfig, *arguments)
    except LabError as error:
        remedy = f"make up{stack.suffix}"
        if stack.target == "azure":
            remedy = f"see whether it is stopped: lab status --stack {stack.name}; else: {remedy}"
        raise LabError(f"the cluster of stack {stack.name} does not answer: {error.message}", remedy) from None


def _settings(stack: Stack) -> dict[str, Any]:
    """The stack's settings with their defaults, by the keys that users write."""
    from lab.settings import Settings

    return Settings.from_mapping(stack.config(), source=stack.file.name).model_dump(mode="json", by_alias=True)


def _value(settings: Mapping[str, Any], key: str) -> Any:  # noqa: ANN401 - settings are of many types
    found: Any = settings
    for part in key.split("."):
        found = found[part]
    return found


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()


def _print_secret(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def _ended_like_an_interrupt() -> Iterator[None]:
    """Whoever ends `lab` with a plain `kill` must not leave kubectl behind."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
