"""Rollouts, Experiments and analyses: what the controller would do with rights that no student has."""

from __future__ import annotations

from typing import Any

from tests.engine.attempts.tried import SELECTOR, Object, Refused, made, template

_ARGO = "argoproj.io/v1alpha1"
PROMETHEUS = "http://prometheus.istio-system:9090"
_OTHER_PROVIDER = "asks Prometheus and nobody else"
_ADDRESS = "asks the lab's own Prometheus"
_FIELDS = "has address, query, timeout, rangeQuery and nothing else"
_NAMESPACE = "VirtualServices of its own namespace"
_NAMES = "names objects of its own namespace"
_SCOPE = "no clusterScope"
_ROUTING = "routes by the mesh alone"


def rollout(canary: Object | None = None, *, blue_green: Object | None = None, **metadata: Any) -> Object:  # noqa: ANN401
    strategy = {"blueGreen": blue_green} if blue_green else {"canary": canary or {}}
    return made("Rollout", _ARGO, {**SELECTOR, "template": template({}), "strategy": strategy}, **metadata)


def routed(**by: object) -> Object:
    return rollout({"canaryService": "a", "stableService": "b", "trafficRouting": by})


def analysis(provider: Object, *, kind: str = "AnalysisTemplate", **metric: object) -> Object:
    return made(kind, _ARGO, {"metrics": [{"name": "any", "provider": provider, **metric}]})


def prometheus(**fields: object) -> Object:
    return {"prometheus": {"address": PROMETHEUS, "query": "up", **fields}}


def web(url: str) -> Object:
    return {"web": {"url": url, "method": "PUT", "body": "{}", "jsonPath": "{$.a}"}}


_ELSEWHERE: Object = {"templates": [{"templateName": "any", "clusterScope": True}]}
_JOB: Object = {"job": {"spec": {"template": template({"restartPolicy": "Never"})}}}

_PROVIDERS: dict[str, Object] = {
    "job": _JOB,
    "kayenta": {
        "kayenta": {
            "address": "http://127.0.0.1",
            "application": "a",
            "canaryConfigName": "a",
            "configurationAccountName": "a",
            "metricsAccountName": "a",
            "storageAccountName": "a",
            "scopes": [],
            "threshold": {"marginal": 1, "pass": 2},
        }
    },
    "datadog": {"datadog": {"query": "a"}},
    "newRelic": {"newRelic": {"query": "a"}},
    "wavefront": {"wavefront": {"address": "127.0.0.1", "query": "a"}},
    "cloudWatch": {"cloudWatch": {"metricDataQueries": [{"id": "a", "expression": "a"}]}},
    "graphite": {"graphite": {"address": "http://127.0.0.1", "query": "a"}},
    "influxdb": {"influxdb": {"query": "a"}},
    "skywalking": {"skywalking": {"address": "http://127.0.0.1", "query": "a"}},
    "plugin": {"plugin": {"any/one": {"address": "http://127.0.0.1"}}},
    "web beside prometheus": {**prometheus(), **web("http://127.0.0.1:2379")},
}

_OWN_TOKEN = {"oauth2": {"tokenUrl": "http://127.0.0.1:2379", "clientId": "a", "clientSecret": "a"}}

REFUSED = [
    Refused("a web analysis of etcd", analysis(web("http://127.0.0.1:2379"), kind="AnalysisRun"), _OTHER_PROVIDER),
    Refused("a web analysis of the node's metadata", analysis(web("http://169.254.169.254/")), _OTHER_PROVIDER),
    Refused("a web analysis by argument", analysis(web("{{args.url}}")), _OTHER_PROVIDER),
    *(Refused(f"an analysis by {name}", analysis(found), _OTHER_PROVIDER) for name, found in _PROVIDERS.items()),
    Refused("a run by job", analysis(_JOB, kind="AnalysisRun"), _OTHER_PROVIDER),
    *(
        Refused(f"Prometheus at {address}", analysis(prometheus(address=address), kind=kind), _ADDRESS)
        for address, kind in {
            "http://127.0.0.1:2379": "AnalysisRun",
            "http://localhost:9090": "AnalysisTemplate",
            "http://prometheus.istio-system:9090@127.0.0.1:2379": "AnalysisRun",
            "http://prometheus.istio-system:9090/../": "AnalysisRun",
            "{{args.address}}": "AnalysisTemplate",
            "http://{{ args.host }}:9090": "AnalysisTemplate",
            "http://prometheus.istio-system:9090.ben-shop": "AnalysisRun",
            "http://kiali.istio-system:20001": "AnalysisTemplate",
            "https://169.254.169.254/metadata": "AnalysisRun",
            "": "AnalysisTemplate",
        }.items()
    ),
    Refused("headers to Prometheus", analysis(prometheus(headers=[{"key": "Metadata", "value": "true"}])), _FIELDS),
    Refused("a token from elsewhere", analysis(prometheus(authentication=_OWN_TOKEN)), _FIELDS),
    Refused("a signature of the cloud", analysis(prometheus(authentication={"sigv4": {"region": "a"}})), _FIELDS),
    Refused("no certificate", analysis(prometheus(insecure=True)), _FIELDS),
    Refused("a query without an end", analysis(prometheus(query="a" * 5000)), "at most 4000 characters"),
    Refused("a thousand questions a second", analysis(prometheus(), interval="1ms", count=9), "once a second at most"),
    Refused(
        "eleven metrics",
        made("AnalysisRun", _ARGO, {"metrics": [{"name": f"a{each}", "provider": prometheus()} for each in range(11)]}),
        "at most 10 metrics",
    ),
    Refused(
        "a template of the cluster in a template",
        made("AnalysisTemplate", _ARGO, {"metrics": [], **_ELSEWHERE}),
        _SCOPE,
    ),
    Refused(
        "another student's VirtualService", routed(istio={"virtualService": {"name": "order.ben-shop"}}), _NAMESPACE
    ),
    Refused(
        "another student's VirtualService in a list",
        routed(istio={"virtualServices": [{"name": "own"}, {"name": "order.ben-shop"}]}),
        _NAMESPACE,
    ),
    Refused("a path for a VirtualService", routed(istio={"virtualService": {"name": "../../x"}}), _NAMESPACE),
    Refused(
        "another student's DestinationRule",
        routed(
            istio={
                "virtualService": {"name": "own"},
                "destinationRule": {"name": "order.ben-shop", "canarySubsetName": "a", "stableSubsetName": "b"},
            }
        ),
        _NAMES,
    ),
    Refused("another student's Service", rollout({"canaryService": "order.ben-shop"}), _NAMES),
    Refused("a path for a Service", rollout(blue_green={"activeService": "../ben-shop/services/order"}), _NAMES),
    Refused("an Ingress of NGINX", routed(nginx={"stableIngress": "any"}), _ROUTING),
    Refused("an Ingress of ALB", routed(alb={"ingress": "any", "servicePort": 80}), _ROUTING),
    Refused("a TrafficSplit", routed(smi={"trafficSplitName": "any"}), _ROUTING),
    Refused("a Service of Traefik", routed(traefik={"weightedTraefikServiceName": "any"}), _ROUTING),
    Refused("a route of Apisix", routed(apisix={"route": {"name": "any"}}), _ROUTING),
    Refused("a Mapping of Ambassador", routed(ambassador={"mappings": ["any"]}), _ROUTING),
    Refused("a mesh of AWS", routed(appMesh={"virtualService": {"name": "any", "routes": []}}), _ROUTING),
    Refused("a plugin that routes", routed(plugins={"any/one": {"address": "evil"}}), _ROUTING),
    Refused("a plugin as a step", rollout({"steps": [{"plugin": {"name": "any/one"}}]}), "runs no plugins"),
    Refused("an analysis of the cluster", rollout({"analysis": _ELSEWHERE}), _SCOPE),
    Refused("an analysis of the cluster as a step", rollout({"steps": [{"analysis": _ELSEWHERE}]}), _SCOPE),
    Refused(
        "an analysis of the cluster in an experiment as a step",
        rollout(
            {
                "steps": [
                    {
                        "experiment": {
                            "templates": [{"name": "a", "specRef": "stable"}],
                            "analyses": [{"name": "a", "templateName": "a", "clusterScope": True}],
                        }
                    }
                ]
            }
        ),
        _SCOPE,
    ),
    Refused(
        "an analysis of the cluster before the promotion",
        rollout(blue_green={"activeService": "a", "prePromotionAnalysis": _ELSEWHERE}),
        _SCOPE,
    ),
    Refused(
        "an analysis of the cluster after the promotion",
        rollout(blue_green={"activeService": "a", "postPromotionAnalysis": _ELSEWHERE}),
        _SCOPE,
    ),
    Refused(
        "an analysis of the cluster in an Experiment",
        made(
            "Experiment",
            _ARGO,
            {
                "templates": [{"name": "a", **SELECTOR, "template": template({})}],
                "analyses": [{"name": "a", "templateName": "a", "clusterScope": True}],
            },
        ),
        _SCOPE,
    ),
    Refused(
        "a workload of any kind",
        made(
            "Rollout",
            _ARGO,
            {
                **SELECTOR,
                "strategy": {"canary": {}},
                "workloadRef": {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "a"},
            },
        ),
        "workloadRef of a Rollout",
    ),
    Refused(
        "notifications",
        rollout(annotations={"notifications.argoproj.io/subscribe.on-rollout-completed.webhook": "a"}),
        "sends no notifications",
    ),
    Refused(
        "a cluster's template", {**analysis(prometheus(), kind="ClusterAnalysisTemplate")}, "cannot create resource"
    ),
]
