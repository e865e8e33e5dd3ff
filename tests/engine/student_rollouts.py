"""Rollouts as students write them, good and bad, with what `lab rollout status` has to say of each."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Object = dict[str, Any]

NAMESPACE, FULL = "students", "students-full"
"""Where they are; nothing starts in the second."""

PAUSE: Object = {"pause": {}}
HALF = ({"setWeight": 50}, PAUSE)
NOWHERE = {"nodeSelector": {"disk": "none"}}
"""Of Pods that no node takes."""

HEADER = {"name": "h", "match": [{"headerName": "x", "headerValue": {"exact": "y"}}]}
GET = f"kubectl -n {NAMESPACE} get "
EDIT = f"kubectl -n {NAMESPACE} edit "


@dataclass(frozen=True, kw_only=True)
class Case:
    """A Rollout and the objects that it needs.

    Attributes:
        spec: of the Rollout, besides its selector and its template.
        phase: expected.
        reason: words of the explanation.
        command: the beginning of the first command; the Rollout's own set-image, promote, ... by the verb alone.
        pod: of the Pods, beside their container.
        second: of the Pods of version 2; None for a Rollout that stays at its first version.
        act: a verb of `lab rollout` that follows.
        look: kubectl arguments of the second command, if it is looked at.
        app: the label that it selects its Pods by; its name unless given.
    """

    spec: Object
    phase: str
    reason: str
    command: str
    around: tuple[Object, ...] = ()
    pod: Object = field(default_factory=dict)
    second: Object | None = None
    act: str = ""
    look: str = ""
    namespace: str = NAMESPACE
    app: str = ""

    @property
    def broken(self) -> bool:
        return self.phase == "Degraded" or self.command.startswith((GET, EDIT))

    def objects(self, name: str, version: int) -> list[Object]:
        app, second = self.app or name, version > 1 and self.second is not None
        pod = {"containers": [{"name": "app", "image": f"docker.io/me/app:v{version if second else 1}"}]}
        spec = {"replicas": 2, "selector": {"matchLabels": {"app": app}}, **self.spec}
        if "workloadRef" not in spec:
            labels = {"app": app, "version": f"v{2 if second else 1}"}
            more = self.second if second else self.pod
            spec["template"] = {"metadata": {"labels": labels}, "spec": {**pod, **(more or {})}}
        return [*self.around, made("Rollout", name, spec, "argoproj.io/v1alpha1", self.namespace)]


def made(kind: str, name: str, spec: Object, version: str = "v1", namespace: str = NAMESPACE) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def canary(*steps: Object, **more: object) -> Object:
    return {"strategy": {"canary": {"steps": list(steps), **more}}}


def blue_green(name: str, **more: object) -> Object:
    return {"strategy": {"blueGreen": {"activeService": name, **more}}}


def service(name: str, app: str = "") -> Object:
    return made("Service", name, {"selector": {"app": app or name}, "ports": [{"name": "http", "port": 80}]})


def route(name: str, *destinations: tuple[str, str], **more: object) -> Object:
    """An HTTP route to a host and a subset each; all requests to the first."""
    return {
        "name": name,
        "route": [
            {"destination": {"host": host, **({"subset": subset} if subset else {})}, "weight": 0 if position else 100}
            for position, (host, subset) in enumerate(destinations)
        ],
        **more,
    }


def virtual_service(name: str, *routes: Object) -> Object:
    return made("VirtualService", name, {"hosts": [name], "http": list(routes)}, "networking.istio.io/v1")


def destination_rule(name: str, *subsets: str) -> Object:
    found = [{"name": each, "labels": {"app": name}} for each in subsets]
    return made("DestinationRule", name, {"host": name, "subsets": found}, "networking.istio.io/v1")


def by_services(name: str, *steps: Object, service_of: str = "", managed: str = "", **more: object) -> Object:
    """A canary that a VirtualService splits between two Services."""
    istio = {"virtualService": {"name": service_of or name, **more}}
    routing = {"istio": istio, **({"managedRoutes": [{"name": managed}]} if managed else {})}
    return canary(*steps, canaryService=f"{name}-canary", stableService=name, trafficRouting=routing)


def services(name: str) -> tuple[Object, ...]:
    return service(name), service(f"{name}-canary", name)


def mesh(name: str) -> tuple[Object, ...]:
    """What `by_services` needs."""
    return *services(name), virtual_service(name, route("primary", (name, ""), (f"{name}-canary", "")))


def by_subsets(name: str) -> Object:
    """A canary that a VirtualService splits between two subsets of a DestinationRule."""
    rule = {"name": name, "stableSubsetName": "stable", "canarySubsetName": "canary"}
    return canary(*HALF, trafficRouting={"istio": {"virtualService": {"name": name}, "destinationRule": rule}})


def subsets(name: str, *there: str) -> tuple[Object, ...]:
    both = virtual_service(name, route("primary", (name, "stable"), (name, "canary")))
    return service(name), both, *((destination_rule(name, *there),) if there else ())


def template(name: str, port: int, **metric: object) -> Object:
    """An AnalysisTemplate whose query is an argument, as are its limits."""
    address = f"http://127.0.0.1:{port}"
    found = {"name": "success-rate", "provider": {"prometheus": {"address": address, "query": "{{args.value}}"}}}
    arguments = [{"name": "value"}, {"name": "least", "value": "0.95"}, {"name": "limit", "value": "0"}]
    spec = {"args": arguments, "metrics": [{**found, "successCondition": "result[0] >= {{args.least}}", **metric}]}
    return made("AnalysisTemplate", name, spec, "argoproj.io/v1alpha1")


def judged(name: str, value: str, *, background: bool = False) -> Object:
    """A canary with an analysis of a template."""
    analysis = {"templates": [{"templateName": name}], "args": [{"name": "value", "value": value}]}
    if background:
        return canary(*HALF, analysis=analysis)
    return canary({"setWeight": 50}, {"analysis": analysis}, PAUSE)


def cases(port: int) -> dict[str, Case]:
    """By the name of the Rollout; `port` is that of what answers like Prometheus."""
    taken = {"canary": {}, "blueGreen": {"activeService": "both"}}
    deployment = {"selector": {"matchLabels": {"app": "ref"}}, "replicas": 1}
    pods = {"metadata": {"labels": {"app": "ref"}}, "spec": {"containers": [{"name": "app", "image": "me/app"}]}}
    workload = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "ref"}
    bad_header = {"name": "h", "match": [{"headerName": "x", "headerValue": {"regex": "["}}]}
    # Without a limit, a measurement that fails is taken again four times, ten seconds apart.
    failing = template("judge", port, failureLimit="{{args.limit}}", consecutiveErrorLimit=0)
    unsure = template("unsure", port, failureCondition="result[0] < 0.5")
    lasting = template("lasting", port, interval="1h", count=3)
    nobody = template("nobody", 1, consecutiveErrorLimit=0)
    # A route of one's own is given to each of two Rollouts, or the same one to both.
    fair = virtual_service("fair", *(route(each, (each, ""), (f"{each}-canary", "")) for each in ("fair-a", "fair-b")))
    fair["spec"]["http"][0]["match"] = [{"uri": {"prefix": "/a"}}]
    twins = subsets("twins", "stable", "canary")
    return {
        "healthy": Case(spec=canary(), phase="Healthy", reason="gets every request", command="set-image"),
        "updated": Case(spec=canary(), second={}, phase="Healthy", reason="Revision 2 (v2)", command="set-image"),
        "paused": Case(spec=canary(*HALF), second={}, phase="Paused", reason="with 50 %", command="promote"),
        "timed": Case(
            spec=canary({"setWeight": 50}, {"pause": {"duration": "1h"}}),
            second={},
            phase="Paused",
            reason="goes on by itself in",
            command="promote",
        ),
        "aborted": Case(
            spec=canary(*HALF), second={}, act="abort", phase="Degraded", reason="by hand", command="set-image"
        ),
        "by-hand": Case(spec={**canary(), "paused": True}, phase="Paused", reason="spec.paused", command="promote"),
        "zero": Case(
            spec={**canary(), "replicas": 0},
            phase="Healthy",
            reason="scaled to 0 replicas",
            command=f"kubectl -n {NAMESPACE} scale rollout zero",
        ),
        "restart": Case(
            spec={**canary(), "restartAt": "2099-01-01T00:00:00Z"},
            phase="Progressing",
            reason="restarts its Pods at 2099-01-01",
            command=f"kubectl -n {NAMESPACE} patch rollout restart",
        ),
        # What the controller refuses.
        "selector": Case(
            spec={**canary(), "selector": {"matchLabels": {"app": "other"}}},
            phase="Degraded",
            reason="The template needs each label of the selector",
            command=f"{EDIT}rollout selector",
        ),
        "weight": refused("weight", canary({"setWeight": 150}), "SetWeight needs to be between 0 and 100"),
        "surge": refused("surge", canary(maxSurge=0, maxUnavailable=0), "both can not be zero"),
        "both": refused("both", {"strategy": taken}, "Multiple Strategies"),
        "neither": refused("neither", {"strategy": {}}, "missing field"),
        "empty-step": refused("empty-step", canary({}), "Step must have one of"),
        "deadline": refused("deadline", {**canary(), "progressDeadlineSeconds": 1, "minReadySeconds": 9}, "greater"),
        "no-service": refused(
            "no-service", canary(*HALF, canaryService="a", stableService="b"), 'service "b" not found', "get services"
        ),
        "no-mesh": refused(
            "no-mesh", by_services("no-mesh", *HALF), '"no-mesh" not found', "get virtualservices", *services("no-mesh")
        ),
        "no-route": refused(
            "no-route",
            by_services("no-route", *HALF, routes=["second"]),
            "HTTP Route 'second' is not found",
            "get virtualservice no-route",
            *mesh("no-route"),
        ),
        "no-host": refused(
            "no-host",
            by_services("no-host", *HALF),
            "Canary Service 'no-host-canary' not found",
            "get virtualservice no-host",
            *services("no-host"),
            virtual_service("no-host", route("primary", ("no-host", ""), ("else", ""))),
        ),
        "unmanaged": refused(
            "unmanaged", by_services("unmanaged", {"setHeaderRoute": HEADER}), "managedRoutes", "", *mesh("unmanaged")
        ),
        "no-active": refused("no-active", blue_green("none"), 'service "none" not found', "get services"),
        "no-preview": refused(
            "no-preview",
            blue_green("no-preview", previewService="none"),
            "none",
            "get services",
            service("no-preview"),
        ),
        "wrong-service": refused(
            "wrong-service",
            blue_green("wrong-service"),
            "has another value of app than the Pods",
            "get service wrong-service",
            service("wrong-service", "other"),
        ),
        "no-template": refused("no-template", judged("none", "1"), "'none' not found", "get analysistemplates"),
        "no-argument": refused(
            "no-argument",
            canary({"analysis": {"templates": [{"templateName": "judge"}]}}),
            "The argument value of the AnalysisTemplate has no value",
            "get analysistemplates",
            failing,
        ),
        "ref-missing": refused(
            "ref-missing", {**canary(), "workloadRef": {**workload, "name": "none"}}, "none", "get deployments"
        ),
        # What does not come up.
        "unschedulable": Case(
            spec={**canary(), "progressDeadlineSeconds": 600},
            pod=NOWHERE,
            phase="Progressing",
            reason="Unschedulable",
            command=f"kubectl -n {NAMESPACE} describe pod unschedulable-",
        ),
        "never-ready": Case(
            spec={**canary(), "progressDeadlineSeconds": 1},
            pod=NOWHERE,
            phase="Degraded",
            reason="There is no version before it",
            command="set-image",
        ),
        "late": Case(
            spec={**canary(*HALF), "progressDeadlineSeconds": 1},
            second=NOWHERE,
            phase="Degraded",
            reason="Revision 2 (v2) was not there in time",
            command="set-image",
        ),
        "late-aborts": Case(
            spec={**canary(*HALF), "progressDeadlineSeconds": 1, "progressDeadlineAbort": True},
            second=NOWHERE,
            phase="Degraded",
            reason="because its Pods were not there in time",
            command="set-image",
        ),
        "quota": Case(
            spec=canary(),
            namespace=FULL,
            phase="Progressing",
            reason="exceeded quota",
            command=f"kubectl -n {FULL} describe resourcequota",
        ),
        "no-account": Case(
            spec=canary(),
            pod={"serviceAccountName": "none"},
            phase="Progressing",
            reason='serviceaccount "none" not found',
            command=f"kubectl -n {NAMESPACE} describe replicaset no-account-",
        ),
        # What an analysis says.
        "judged-bad": Case(
            spec=judged("judge", "0.5"),
            around=(failing,),
            second={},
            phase="Degraded",
            reason="(0 may fail); the last value is [0.5], it succeeds where result[0] >= 0.95",
            command="set-image",
        ),
        "judged-beside": Case(
            spec=judged("judge", "0.1", background=True),
            around=(failing,),
            second={},
            phase="Degraded",
            reason="the last value is [0.1]",
            command="set-image",
        ),
        "judged-unsure": Case(
            spec=judged("unsure", "0.7"),
            around=(unsure,),
            second={},
            phase="Paused",
            reason="were inconclusive; the last value is [0.7], it succeeds where result[0] >= 0.95",
            command="promote",
        ),
        "judged-empty": Case(
            spec=judged("judge", "nothing"),
            around=(failing,),
            second={},
            phase="Degraded",
            reason="The query found nothing",
            command=f"{GET}analysisrun judged-empty-",
        ),
        "judged-nobody": Case(
            spec=judged("nobody", "1"),
            around=(nobody,),
            second={},
            phase="Degraded",
            reason="Prometheus does not answer the controller",
            command="lab open prometheus",
        ),
        "judged-now": Case(
            spec=judged("lasting", "0.97"),
            around=(lasting,),
            second={},
            phase="Progressing",
            reason="it goes on, or back, by itself",
            command="watch",
        ),
        "experiment": Case(
            spec=canary({"experiment": {"duration": "1h", "templates": [{"name": "one", "specRef": "canary"}]}}),
            second={},
            phase="Progressing",
            reason="The experiment of this step runs",
            command="watch",
        ),
        # What only the objects around it tell, or the controller's log.
        "refused": Case(
            spec=by_services("refused", {"setHeaderRoute": bad_header}, PAUSE, managed="h"),
            around=mesh("refused"),
            second={},
            phase="Progressing",
            reason="The controller cannot go on",
            command=f"{EDIT}rollout refused",
        ),
        "header": Case(
            spec=by_services(
                "header", {"setCanaryScale": {"replicas": 1}}, {"setHeaderRoute": HEADER}, PAUSE, managed="h"
            ),
            around=mesh("header"),
            second={},
            phase="Paused",
            reason="with 0 % of the requests at the new version, besides those of setHeaderRoute h",
            command="promote",
        ),
        "subsets": Case(
            spec=by_subsets("subsets"),
            around=subsets("subsets", "stable", "canary"),
            second={},
            phase="Paused",
            reason="with 50 %",
            command="promote",
        ),
        "no-subset": Case(
            spec=by_subsets("no-subset"),
            around=subsets("no-subset", "stable"),
            second={},
            phase="Paused",
            reason="no-subset has no subset canary: requests that are routed to it are answered with 503",
            command=f"{EDIT}destinationrule no-subset",
        ),
        "no-rule": Case(
            spec=by_subsets("no-rule"),
            around=subsets("no-rule"),
            phase="Progressing",
            reason="The DestinationRule no-rule does not exist",
            command=f"{GET}destinationrules",
        ),
        "fair-a": Case(
            spec=by_services("fair-a", *HALF, service_of="fair", routes=["fair-a"]),
            around=(*services("fair-a"), *services("fair-b"), fair),
            second={},
            phase="Paused",
            reason="with 50 %",
            command="promote",
        ),
        "fair-b": Case(
            spec=by_services("fair-b", *HALF, service_of="fair", routes=["fair-b"]),
            second={},
            phase="Paused",
            reason="with 50 %",
            command="promote",
        ),
        **{
            f"twin-{each}": Case(
                spec=by_subsets("twins"),
                around=twins,
                phase="Healthy",
                reason=f"The Rollout twin-{other} changes the same route of the VirtualService twins",
                command=f"{EDIT}virtualservice twins",
            )
            for each, other in ("ab", "ba")
        },
        **{
            f"same-{each}": Case(
                spec=canary(),
                app="same",
                phase="Healthy",
                reason=f"The Rollout same-{other} selects the same Pods",
                command="set-image",
            )
            for each, other in ("ab", "ba")
        },
        "ref": Case(
            spec={**canary(), "workloadRef": workload},
            around=(made("Deployment", "ref", {**deployment, "template": pods}, "apps/v1"),),
            phase="Healthy",
            reason="still runs 1 Pods of its own",
            command=f"kubectl -n {NAMESPACE} set image deployment/ref",
        ),
        # Blue and green.
        "preview": Case(
            spec=blue_green("preview", previewService="preview-next", autoPromotionEnabled=False),
            around=(service("preview"), service("preview-next", "preview")),
            second={},
            phase="Paused",
            reason="is ready as the preview",
            command="promote",
        ),
        "switched": Case(
            spec=blue_green("switched"),
            around=(service("switched"),),
            second={},
            phase="Healthy",
            reason="Revision 2 (v2) gets every request",
            command="set-image",
        ),
        "preview-bad": Case(
            spec=blue_green(
                "preview-bad",
                prePromotionAnalysis={
                    "templates": [{"templateName": "judge"}],
                    "args": [{"name": "value", "value": "0.5"}],
                },
            ),
            around=(service("preview-bad"), failing),
            second={},
            phase="Degraded",
            reason="every request goes to revision 1 (v1), because 1 of 1 measurements",
            command="set-image",
        ),
    }


def refused(name: str, spec: Object, reason: str, look: str = "", *around: Object) -> Case:
    """A Rollout that the controller refuses."""
    return Case(spec=spec, around=around, phase="Degraded", reason=reason, command=f"{EDIT}rollout {name}", look=look)


def second_versions(found: dict[str, Case]) -> str:
    """The manifest of the Rollouts that have a second version, at that."""
    every = [case.objects(name, 2)[-1] for name, case in found.items() if case.second is not None]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": every})


def everything(found: dict[str, Case]) -> str:
    """The manifest of all of them at their first version, each object once."""
    quota = made("ResourceQuota", "nothing", {"hard": {"pods": "0"}}, namespace=FULL)
    spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": each}} for each in (NAMESPACE, FULL)]
    every = [each for name, case in found.items() for each in case.objects(name, 1)]
    # A Rollout comes behind what it needs, so that the first thing that is said of it is the last.
    every.sort(key=lambda each: each["kind"] == "Rollout")
    once = {(each["kind"], each["metadata"]["name"]): each for each in every}
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [*spaces, quota, *once.values()]})


@contextlib.contextmanager
def prometheus() -> Iterator[int]:
    """What answers like Prometheus, with the query for its value: nothing when that is no number."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
            query = urllib.parse.parse_qs(asked)["query"][0]
            result = [] if query == "nothing" else [{"metric": {}, "value": [1, query]}]
            answer = {"status": "success", "data": {"resultType": "vector", "result": result}}
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
