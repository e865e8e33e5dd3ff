"""Every pinned version of the lab. Nothing else in the project names one, except lock files that a test compares."""

from __future__ import annotations

# renovate: datasource=github-releases depName=kubernetes/kubernetes
KUBERNETES = "1.36.3"
"""Of the embedded control plane and of kubectl: of a minor that both Istio 1.31 and AKS support."""

# renovate: datasource=github-releases depName=istio/istio
ISTIO = "1.31.1"
"""Images (hub and tag), istiod's and istioctl's reported version."""

ISTIO_MODULE = "v0.0.0-20260827124520-eed52ebb66ad"
"""The commit of the 1.31 line that the Go module `istio.io/istio` serves: charts, samples, istiod, istioctl."""

ISTIO_HUB = "docker.io/istio"
"""The hub that stays: the course's gcr.io/istio-release is switched off in December 2026."""

# renovate: datasource=github-releases depName=argoproj/argo-rollouts
ARGO_ROLLOUTS = "1.10.1"
"""Controller, dashboard and kubectl plugin; 1.10.2 needs a newer Go than the lab asks for."""

# renovate: datasource=github-releases depName=pulumi/pulumi
PULUMI = "3.259.0"
"""The engine and the Python SDK, kept the same."""

PULUMI_LANGUAGE_PYTHON = "3.79.0"
"""The newest Python language host that can be built from Go modules; works with the engine above."""

# renovate: datasource=github-releases depName=pulumi/pulumi-kubernetes
PULUMI_KUBERNETES = "4.25.0"
"""The provider plugin and its Python SDK, kept the same."""

# renovate: datasource=github-releases depName=pulumi/pulumi-azure-native
PULUMI_AZURE_NATIVE = "3.29.0"
"""The provider plugin and its Python SDK, kept the same."""

# renovate: datasource=github-releases depName=kubernetes-sigs/kwok
KWOK = "0.8.0"
# renovate: datasource=github-releases depName=etcd-io/etcd
ETCD = "3.6.14"

# renovate: datasource=github-releases depName=kubernetes-sigs/metrics-server
METRICS_SERVER = "0.9.0"
"""Answers `kubectl top` on the embedded target; of the Kubernetes minor above."""

# renovate: datasource=github-releases depName=helm/helm
HELM = "3.18.6"
"""The benchmark's helm, of the line that the Kubernetes provider embeds."""

# renovate: datasource=github-releases depName=prometheus/prometheus
PROMETHEUS = "3.13.1"
"""Image, and what the tests run: of the line with long-term support; the pinned addon has 3.10.0."""

PROMETHEUS_MODULE = "v0.313.1"
"""What the Go module `github.com/prometheus/prometheus` calls the version above."""

# renovate: datasource=github-releases depName=grafana/loki
LOKI = "3.7.8"
"""Image, and what the tests run where it can be downloaded; the pinned addon has 3.6.7."""

# renovate: datasource=github-releases depName=open-telemetry/opentelemetry-collector-releases
OPENTELEMETRY_COLLECTOR = "0.160.0"
"""Image, and what the tests run."""

# renovate: datasource=github-releases depName=fortio/fortio
FORTIO = "1.75.3"
"""The runner and the histograms of the load generator that `lab load` uses where Pods are simulated."""

# renovate: datasource=github-releases depName=kubernetes/kube-state-metrics
KUBE_STATE_METRICS = "2.19.1"
# renovate: datasource=github-releases depName=prometheus/node_exporter
NODE_EXPORTER = "1.12.1"

# renovate: datasource=docker depName=library/mysql
MYSQL = "8.4.7"
"""The shop's database: of the line with long-term support."""

DOCKER_HUB_DIGESTS = {
    "library/mysql:8.4.7": "0426ec38c7a10aa45ba383887df7878f74ee70e2fd589c7b69207f3577901903",
    "library/nginx:1.19.10": "df13abe416e37eb3db4722840dd479b00ba193ac6606e7902331dcea50f4f1f2",
    "library/nginx:1.29": "1881968aff6f7cdcc4b888c00a11f4ce241ad7ec957e0cb4a9e19e93a3ff87ea",
    "grafana/loki:3.7.8": "1107dd5274e0ada47e42472b7a7e71f3b2a2fe878878108f3e2f9e51528f0193",
    "jaegertracing/jaeger:2.17.0": "6266573208d665ce5c17483bce0a75d0806480d92c84766d288d0aee885ce708",
    "otel/opentelemetry-collector-k8s:0.160.0": "76d7a04f2291da1d8b7ce259468d09f0f9f44f71f67a5737539f64ca82b5bdb1",
    "prom/prometheus:v3.13.1": "3c42b892cf723fa54d2f262c37a0e1f80aa8c8ddb1da7b9b0df9455a35a7f893",
}
"""SHA-256 of the index of an image on Docker Hub, as at least two independent public files record it. None was
found for Grafana 12.0.1 and for the course notes' siege, which has no tag."""

# renovate: datasource=docker depName=library/python
PYTHON_IMAGE = "3.13.16-slim-trixie@sha256:bf44cdfcb76cd3b41e879bc058fc37ec5872002ccfde7fcb765e218cde0cd79c"
"""What the images of the shop begin with; the digest is that of all platforms."""
