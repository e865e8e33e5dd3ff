"""Tools with a web page: their Services, addresses and logins."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.adapters import kubectl, port_forward
from lab.core.errors import LabError
from lab.core.namespaces import ARGO_ROLLOUTS, ISTIO_SYSTEM
from lab.platforms import kubeconfig
from lab.services import state_repair

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.adapters.stack import Stack


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool with a web page.

    Attributes:
        title: its name for people.
        service: its Service.
        port: of the Service.
        path: of the page; begins with a slash.
        switch: the setting that enables it; empty for a Service that is there.
        shows: kubectl arguments that show its configuration where no page answers.
        namespace: of the Service.
    """

    title: str
    service: str
    port: int
    path: str
    switch: str
    shows: str
    namespace: str = ISTIO_SYSTEM


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
        namespace=ARGO_ROLLOUTS,
    ),
}
"""By their names in `lab open`."""

BOOKINFO = "bookinfo"
"""The page of the course's sample application, by its name in `lab open`."""

_GATEWAY = Tool(
    title="Bookinfo",
    service="istio-ingressgateway",
    port=http.client.HTTP_PORT,
    path="/productpage",
    switch="tutorial.bookinfo",
    shows="get service istio-ingressgateway -o yaml",
)

_SYSTEM = ("kube-system", "kube-public", "kube-node-lease")
"""Namespaces whose Services are not the lab's."""

WITHOUT_A_PAGE: Mapping[str, tuple[str, str]] = {
    "loki": ("Loki has no page of its own", "look at its logs in Grafana, under Explore or in the shop's dashboard"),
}
"""Names that people may try: the error and the remedy."""

LOGINS = ("grafana", "kiali")
"""Tools that can ask for a login."""

_KIALI_AUTH = "observability.kiali.auth"
_TOKEN_DURATION = "1h"  # noqa: S105 - a duration, no token


@dataclass(frozen=True, kw_only=True)
class Login:
    """Credentials of a tool, for standard output alone, or a note that it needs none."""

    secret: str = ""
    note: str = ""


def tool(name: str) -> Tool:
    """Return a tool by its name.

    Raises:
        LabError: there is none, or it has no page.
    """
    if name in WITHOUT_A_PAGE:
        raise LabError(*WITHOUT_A_PAGE[name])
    if name not in TOOLS:
        raise LabError(f"there is no tool {json.dumps(name)}", f"take one of: {', '.join(TOOLS)}")
    return TOOLS[name]


def find(name: str, stack: Stack) -> Tool:
    """Return a tool, Bookinfo, or a Service of the lab that speaks HTTP: `order`, or `order.shop` with its namespace.

    Raises:
        LabError: there is none, there are several, or it speaks no HTTP.
    """
    if name == BOOKINFO:
        return _GATEWAY
    if name in TOOLS or name in WITHOUT_A_PAGE or not stack.kubeconfig.is_file():
        return tool(name)
    every = json.loads(_ask(stack, "get", "services", "--all-namespaces", "-o", "json"))["items"]
    there = {
        f"{each['metadata']['name']}.{each['metadata']['namespace']}": each
        for each in every
        if each["metadata"]["namespace"] not in _SYSTEM
    }
    found = [each for each in there if name in (each, each.partition(".")[0])]
    if not found:
        raise LabError(
            f"there is no tool and no Service {json.dumps(name)}",
            f"take one of: {', '.join((BOOKINFO, *TOOLS))}; or a Service: kubectl get services -A",
        )
    if len(found) > 1:
        raise LabError(f"there are several Services {json.dumps(name)}", f"take one of: {', '.join(sorted(found))}")
    return _service_page(found[0], there[found[0]])


def _service_page(name: str, service: Mapping[str, Any]) -> Tool:
    ports = service["spec"].get("ports") or ()
    port = next((each["port"] for each in ports if _speaks_http(each)), None)
    if port is None:
        raise LabError(
            f"the Service {name} has no port for HTTP, so it has no page",
            f"see its ports: kubectl -n {service['metadata']['namespace']} get service {service['metadata']['name']}",
        )
    return Tool(
        title=name,
        service=service["metadata"]["name"],
        port=port,
        path="/",
        switch="",
        shows=f"get service {service['metadata']['name']} -o yaml",
        namespace=service["metadata"]["namespace"],
    )


def _speaks_http(port: Mapping[str, Any]) -> bool:
    """Check the protocol of a Service's port, as Istio does: by `appProtocol`, or by the beginning of its name."""
    protocol = str(port.get("appProtocol") or str(port.get("name", "")).partition("-")[0])
    return protocol in {"http", "http2"} or (not port.get("name") and port["port"] == http.client.HTTP_PORT)


def public_page(name: str, stack: Stack) -> str:
    """Return the address of Bookinfo's page, if it answers this machine; empty for every other name."""
    if name != BOOKINFO or not stack.kubeconfig.is_file():
        return ""
    address = stack.outputs().get("bookinfoUrl", "")
    url = urllib.parse.urlsplit(address)
    if url.scheme != "http" or not url.hostname:
        return ""
    answers = port_forward.answers(url.hostname, url.port or http.client.HTTP_PORT, url.path)
    return address if answers else ""


def switched_on(stack: Stack) -> dict[str, Tool]:
    """Return the tools that the stack's settings enable, by their names."""
    settings = _settings(stack)
    return {name: each for name, each in TOOLS.items() if _value(settings, each.switch)}


def runs_containers(stack: Stack) -> bool:
    """Check that the stack's Pods really run, so that their pages answer."""
    nodes = json.loads(_ask(stack, "get", "nodes", "-o", "json"))["items"]
    return kubeconfig.runs_containers(nodes)


def require_page(name: str, stack: Stack) -> Tool:
    """Return a tool whose page answers.

    Raises:
        LabError: the page cannot be had, with the reason.
    """
    wanted = find(name, stack)
    _require_switched_on(wanted, stack)
    if not runs_containers(stack):
        raise LabError(
            f"{wanted.title} is there, but as an object of the API only: "
            f"the Pods of stack {stack.name} are simulated, so no page answers",
            f"see what it is given: kubectl -n {wanted.namespace} {wanted.shows}\n"
            "see what the course asks: lab queries\n"
            "see the page on a cluster that runs containers, so with istio-lab:target azure or kubeconfig",
        )
    return wanted


def public_url(wanted: Tool, host: str) -> str:
    """Return the address of a tool's page on a public host."""
    port = "" if wanted.port == http.client.HTTP_PORT else f":{wanted.port}"
    return f"http://{host}{port}{wanted.path}"


def destination(wanted: Tool, stack: Stack) -> port_forward.Destination:
    """Return the target of a port-forward to a tool's page."""
    return port_forward.Destination(
        kubeconfig=stack.kubeconfig,
        namespace=wanted.namespace,
        service=wanted.service,
        port=wanted.port,
        path=wanted.path,
    )


def login(name: str, stack: Stack) -> Login:
    """Read the credentials of a tool.

    Raises:
        LabError: there is no such tool, or it is not installed.
    """
    wanted = tool(name)
    settings = _require_switched_on(wanted, stack)
    if name == "grafana":
        secret = json.loads(_ask(stack, "-n", wanted.namespace, "get", "secret", "grafana", "-o", "json"))["data"]
        user, password = _decoded(secret["admin-user"]), _decoded(secret["admin-password"])
        return Login(secret=f"user      {user}\npassword  {password}")
    if name == "kiali" and _kiali_asks(settings):
        duration = f"--duration={_TOKEN_DURATION}"
        return Login(secret=_ask(stack, "-n", wanted.namespace, "create", "token", "kiali", duration).strip())
    if name == "kiali":
        return Login(note=f"Kiali asks for no login here: istio-lab:{_KIALI_AUTH} is anonymous.")
    return Login(note=f"{wanted.title} has no login.")


def _kiali_asks(settings: Mapping[str, Any]) -> bool:
    """Check that Kiali asks for a token: by its setting, or because students work on the cluster."""
    students = _value(settings, "student.id") or _value(settings, "student.classroom")
    return _value(settings, _KIALI_AUTH) in ({"token", "automatic"} if students else {"token"})


def public_host(wanted: Tool, stack: Stack) -> str | None:
    """Return the address outside the cluster that the tool's Service has, if any."""
    found = _ask(stack, "-n", wanted.namespace, "get", "service", wanted.service, "--ignore-not-found", "-o", "json")
    if not found:
        raise LabError(
            f"stack {stack.name} has no Service {wanted.service} yet, though its settings ask for it",
            f"make up{stack.suffix}",
        )
    for entry in json.loads(found)["status"].get("loadBalancer", {}).get("ingress", ()):
        return str(entry.get("ip") or entry["hostname"])
    return None


def _require_switched_on(wanted: Tool, stack: Stack) -> dict[str, Any]:
    """Return the stack's settings if they enable the tool."""
    if not stack.kubeconfig.is_file():
        raise LabError(f"stack {stack.name} does not stand", f"make up{stack.suffix}")
    settings = _settings(stack)
    if wanted.switch and not _value(settings, wanted.switch):
        raise LabError(
            f"{wanted.title} is switched off: istio-lab:{wanted.switch} is false in {stack.file.name}",
            f"pulumi config set --stack {stack.name} --path istio-lab:{wanted.switch} true, "
            f"then: make up{stack.suffix}",
        )
    return settings


def _ask(stack: Stack, *arguments: str) -> str:
    """Run kubectl against the stack's cluster."""
    try:
        return kubectl.run(stack.kubeconfig, *arguments)
    except LabError as error:
        raise state_repair.unanswered(stack, error.message) from None


def _settings(stack: Stack) -> dict[str, Any]:
    """Return the stack's settings with their defaults, by the keys of Pulumi.yaml."""
    from lab.settings import Settings

    return Settings.from_mapping(stack.config(), source=stack.file.name, stack=stack.name).model_dump(
        mode="json", by_alias=True
    )


def _value(settings: Mapping[str, Any], key: str) -> Any:  # noqa: ANN401 - settings are of many types
    found: Any = settings
    for part in key.split("."):
        found = found[part]
    return found


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()
