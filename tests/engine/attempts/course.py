"""What the notes have a student type, beyond what the instructor's stack makes: object by object."""

from __future__ import annotations

from tests.engine.attempts.mesh import entry, http, jwt, own, rule
from tests.engine.attempts.pods import PROXY
from tests.engine.attempts.rollouts import PROMETHEUS, analysis, prometheus
from tests.engine.attempts.services import claim, named, secret, service
from tests.engine.attempts.tried import HOME, SHOP, TUTORIAL, Allowed, Object, container, made, pod, template, volume

_OLD = "networking.istio.io/v1alpha3"
_ARGO = "argoproj.io/v1alpha1"


def data(name: str, **values: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": HOME}, "data": values}


def order(route: Object) -> Object:
    return made("VirtualService", _OLD, {"hosts": ["order"], "http": [route]}, namespace=TUTORIAL)


def workload(kind: str, name: str, image: str, *, replicas: int = 1, namespace: str = SHOP, **spec: object) -> Object:
    """A workload as the notes write it."""
    containers = [container(name=name, image=image, ports=[{"containerPort": 8080}])]
    labels = {"app": name}
    return made(
        kind,
        _ARGO if kind == "Rollout" else "apps/v1",
        {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
            **spec,
        },
        namespace=namespace,
        name=name,
    )


_RETRIES = {
    "attempts": 3,
    "perTryTimeout": "2s",
    "retryOn": "5xx,retriable-4xx,gateway-error,connect-failure,refused-stream",
}
_WITHIN_THREE: Object = {"route": [{"destination": {"host": "order"}}], "timeout": "3s"}
_STEPS: list[Object] = [
    step for weight in (10, 20, 30, 40) for step in ({"setWeight": weight}, {"pause": {"duration": "10s"}})
]
_BY_MESH: Object = {
    "istio": {
        "virtualService": {"name": "delivery", "routes": ["primary"]},
        "destinationRule": {"name": "delivery", "stableSubsetName": "stable", "canarySubsetName": "canary"},
    }
}
_PROBE = {"httpGet": {"path": "/actuator/health", "port": 8080}, "initialDelaySeconds": 10}
_ANALYSIS: Object = {"templates": [{"templateName": "delivery"}], "args": [{"name": "service", "value": "delivery"}]}
_ANALYSED: Object = {
    "trafficRouting": _BY_MESH,
    "analysis": {**_ANALYSIS, "startingStep": 1},
    "steps": [*_STEPS, {"analysis": _ANALYSIS}],
}

ALLOWED = [
    Allowed("my-config", data("my-config", **{"class": "MSA", "Lab": "ConfigMap"})),
    Allowed("config-dev", data("config-dev", ORDER_LOG_LEVEL="INFO")),
    Allowed("hello-nginx", workload("Deployment", "hello-nginx", "nginx:latest", namespace=TUTORIAL)),
    Allowed(
        "order with a liveness probe",
        pod(app={"image": "registry.example/order:v1", "livenessProbe": _PROBE, "readinessProbe": _PROBE}),
    ),
    Allowed("delivery", workload("Deployment", "delivery", "registry.example/delivery:v1", replicas=2)),
    Allowed("order exposed", service(ports=[{"port": 8080, "protocol": "TCP", "targetPort": 8080}])),
    Allowed("siege", pod(app={"name": "siege", "image": "apexacme/siege-nginx"}, name="siege")),
    Allowed("order within three seconds", order(_WITHIN_THREE)),
    Allowed(
        "order asked again",
        order({**_WITHIN_THREE, "retries": _RETRIES}),
    ),
    Allowed(
        "dr-delivery",
        made(
            "DestinationRule",
            _OLD,
            {
                "host": "delivery",
                "trafficPolicy": {
                    "loadBalancer": {"simple": "ROUND_ROBIN", "localityLbSetting": {"enabled": False}},
                    "outlierDetection": {"interval": "10s", "consecutive5xxErrors": 1, "baseEjectionTime": "3m"},
                },
            },
            namespace=TUTORIAL,
        ),
    ),
    Allowed(
        "reviews by weight",
        http(
            {
                "route": [
                    {"destination": {"host": "reviews", "subset": "v1"}, "weight": 80},
                    {"destination": {"host": "reviews", "subset": "v2"}, "weight": 20},
                ]
            }
        ),
    ),
    Allowed("bookinfo", http(own(), hosts=["*"], gateways=["bookinfo-gateway"])),
    Allowed(
        "bookinfo at the student's address",
        http(own(), hosts=["anna.lab.internal"], gateways=["anna-tutorial/bookinfo-gateway"]),
    ),
    Allowed(
        "a route to one's other namespace",
        http({"route": [{"destination": {"host": "order.anna-shop.svc.cluster.local"}}]}),
    ),
    Allowed("a copy to one's other namespace", http(own(mirror={"host": "order.anna-shop.svc.cluster.local"}))),
    Allowed("a route for oneself", http(own(), exportTo=[".", "anna-shop"])),
    Allowed("a fault", http(own(fault={"delay": {"fixedDelay": "7s", "percentage": {"value": 100}}}))),
    Allowed(
        "subsets",
        rule(subsets=[{"name": "v1", "labels": {"version": "v1"}}], trafficPolicy={"tls": {"mode": "ISTIO_MUTUAL"}}),
    ),
    Allowed("a host outside", entry()),
    Allowed("TLS to a host outside", rule("api.example.com", trafficPolicy={"tls": {"mode": "SIMPLE"}})),
    Allowed("mutual TLS", made("PeerAuthentication", "security.istio.io/v1", {"mtls": {"mode": "STRICT"}})),
    Allowed(
        "only order may",
        made(
            "AuthorizationPolicy",
            "security.istio.io/v1",
            {"action": "ALLOW", "rules": [{"from": [{"source": {"namespaces": [SHOP]}}]}]},
        ),
    ),
    Allowed("keys in place", jwt(jwks='{"keys": []}')),
    Allowed(
        "fewer traces",
        made(
            "Telemetry",
            "telemetry.istio.io/v1",
            {"tracing": [{"providers": [{"name": "jaeger"}], "randomSamplingPercentage": 10}]},
        ),
    ),
    Allowed(
        "example-rollout by a canary",
        workload(
            "Rollout",
            "nginx",
            "nginx:1.19.10",
            replicas=10,
            namespace=HOME,
            strategy={"canary": {"maxSurge": "25%", "maxUnavailable": 0, "steps": _STEPS}},
        ),
    ),
    Allowed(
        "example-rollout by blue/green",
        workload(
            "Rollout",
            "nginx",
            "nginx:1.19.10",
            replicas=10,
            namespace=HOME,
            strategy={
                "blueGreen": {
                    "activeService": "nginx-active",
                    "previewService": "nginx-preview",
                    "autoPromotionEnabled": False,
                    "previewReplicaCount": 2,
                }
            },
        ),
    ),
    Allowed(
        "delivery by the mesh",
        workload(
            "Rollout",
            "delivery",
            "registry.example/delivery:v2",
            strategy={"canary": _ANALYSED},
        ),
    ),
    Allowed(
        "a Rollout of a Deployment",
        made(
            "Rollout",
            _ARGO,
            {
                "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "delivery"},
                "strategy": {"canary": {"steps": _STEPS}},
            },
        ),
    ),
    Allowed(
        "an analysis",
        analysis(
            prometheus(query='sum(rate(istio_requests_total{service="{{args.service}}"}[1m]))'),
            interval="30s",
            count=3,
            successCondition="result[0] > 0.95",
        ),
    ),
    Allowed("a run of an analysis", analysis(prometheus(), kind="AnalysisRun")),
    Allowed(
        "Prometheus by its whole name",
        analysis(prometheus(address=PROMETHEUS.replace(":9090", ".svc.cluster.local:9090/"))),
    ),
    Allowed(
        "an experiment",
        made(
            "Experiment",
            _ARGO,
            {
                "duration": "1m",
                "templates": [{"name": "a", "selector": {"matchLabels": {"app": "tried"}}, "template": template({})}],
                "analyses": [{"name": "a", "templateName": "delivery"}],
            },
        ),
    ),
    Allowed("mysql by another name", named("mysql.anna-shop.svc.cluster.local")),
    Allowed("a Secret", secret("Opaque")),
    Allowed("a claim", claim("8Gi")),
    Allowed("an account", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a", "namespace": SHOP}}),
    Allowed("a Pod with a claim", pod(volume(persistentVolumeClaim={"claimName": "data"}))),
    Allowed("a Pod with memory", pod(volume(emptyDir={"medium": "Memory", "sizeLimit": "64Mi"}))),
    Allowed("a Pod with a ConfigMap", pod(volume(configMap={"name": "config-dev"}))),
    Allowed(
        "a Pod of cheap nodes",
        pod(
            {"tolerations": [{"key": "kubernetes.azure.com/scalesetpriority", "value": "spot", "effect": "NoSchedule"}]}
        ),
    ),
    Allowed(
        "a Pod without a sidecar",
        pod(labels={"sidecar.istio.io/inject": "false"}, annotations={"sidecar.istio.io/inject": "false"}),
    ),
    Allowed("a sidecar with less memory", pod(annotations={"sidecar.istio.io/proxyMemory": "64Mi"})),
    Allowed(
        "Istio's init container",
        pod(
            {
                "initContainers": [
                    {
                        "name": "istio-init",
                        "image": PROXY,
                        "args": ["istio-iptables", "-p", "15001"],
                        "securityContext": {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}},
                    }
                ]
            }
        ),
    ),
    Allowed(
        "an autoscaler",
        made(
            "HorizontalPodAutoscaler",
            "autoscaling/v2",
            {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "order"}},
        ),
    ),
    Allowed("a Job", made("Job", "batch/v1", {"template": template({"restartPolicy": "Never"})})),
    Allowed(
        "a CronJob",
        made(
            "CronJob",
            "batch/v1",
            {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template({"restartPolicy": "Never"})}}},
        ),
    ),
]
