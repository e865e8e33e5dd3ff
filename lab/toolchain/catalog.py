"""The catalogue of tools: versions, and how each is recognised and built."""

from __future__ import annotations

import hashlib
import os
from dataclasses import KW_ONLY, dataclass

from lab.core import paths, versions

RECIPES = paths.PROJECT / "toolchain"
"""One folder per group with the go.mod and go.sum that lock what is built."""

BUILD_FLAGS = ("-trimpath", "-gcflags=all=-dwarf=false")
"""Without debug data the Go build cache and the link steps are half as large.

Inlining stays: without it a build takes a fifth less, once, and every `up` three seconds more.
"""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Tools that are built from one Go module.

    Attributes:
        name: the folder below `RECIPES`.
        seconds: what the build takes on 2 cores with cold caches: the order of builds and what people are told.
        tags: Go build tags, comma separated.
        defines: linker definitions `variable=value`; those of packages that a tool lacks are ignored by the linker.
        sources: a module whose files are needed beside its packages: to embed, or scripts to install.
        embed: files of `sources` that the recipe's main package embeds.
        not_built: the reason for which there is no recipe: the tools are only downloaded.
    """

    name: str
    seconds: int
    tags: str = ""
    defines: tuple[str, ...] = ()
    sources: str = ""
    embed: tuple[str, ...] = ()
    not_built: str = ""

    @property
    def ldflags(self) -> str:
        """The value of `-ldflags`."""
        return " ".join(("-s", "-w", *(f"-X {define}" for define in self.defines)))


@dataclass(frozen=True)
class Tool:
    """One executable.

    Attributes:
        name: its file name.
        version: the pinned version.
        group: what builds it.
        package: the Go package to build; empty for a script.
        ask: arguments that print its version; PATH is not searched without.
        script: the file inside the group's `sources` module, for a script.
        produces: the file name `go build` gives it, where that is not `name`.
        plugin: the folder below Pulumi's plugins that it is linked in, instead of on PATH, where the engine warns.
        beside: the engine and its language host look for each other in their own folder, so these must not be
            symbolic links.
    """

    name: str
    version: str
    group: Group
    package: str = ""
    ask: str = ""
    _: KW_ONLY
    script: str = ""
    produces: str = ""
    plugin: str = ""
    beside: bool = False

    def recipe(self) -> str:
        """Return the SHA-256 of all inputs of a build, except the Go release."""
        group = self.group
        digest = hashlib.sha256()
        facts = (platform(), *BUILD_FLAGS, group.tags, group.ldflags, group.sources, self.package, self.script)
        digest.update("\n".join(facts).encode())
        for file in sorted((RECIPES / group.name).glob("*")):
            digest.update(f"\n{file.name}\n".encode() + file.read_bytes())
        return digest.hexdigest()


def platform() -> str:
    """Return this machine as Go names it, such as `linux/amd64`."""
    machine = os.uname()
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine.machine, machine.machine)
    return f"{machine.sysname.lower()}/{architecture}"


_PULUMI_VERSION = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
_KUBERNETES_MAJOR, _KUBERNETES_MINOR, _ = versions.KUBERNETES.split(".")

_PULUMI = Group(
    name="pulumi",
    seconds=210,
    tags="disable_grpc_modules",  # Google's storage client by HTTP alone: a tenth less to compile
    defines=(f"{_PULUMI_VERSION}={versions.PULUMI}",),
)
_LANGUAGE = Group(
    name="language-python",
    seconds=18,
    defines=(f"{_PULUMI_VERSION}={versions.PULUMI_LANGUAGE_PYTHON}",),
    sources="github.com/pulumi/pulumi/sdk/v3",
)
_PROVIDER = Group(
    name="kubernetes-provider",
    seconds=430,
    defines=(
        f"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version={versions.PULUMI_KUBERNETES}",
        f"helm.sh/helm/v3/internal/version.version=v{versions.HELM}",
    ),
    sources="github.com/pulumi/pulumi-kubernetes/provider/v4",
    embed=(
        "cmd/pulumi-resource-kubernetes/schema.json",
        "cmd/pulumi-resource-kubernetes/terraform-mapping.json",
    ),
)
_CLUSTER = Group(
    # kwok and Istio share most packages with Kubernetes: one module for all compiles them once, which saves a tenth of
    # a cold start.
    name="cluster",
    seconds=620,
    tags="vtprotobuf,disable_pgv",  # as Istio's own builds
    defines=(
        f"k8s.io/component-base/version.gitVersion=v{versions.KUBERNETES}",
        f"k8s.io/component-base/version.gitMajor={_KUBERNETES_MAJOR}",
        f"k8s.io/component-base/version.gitMinor={_KUBERNETES_MINOR}",
        f"istio.io/istio/pkg/version.buildVersion={versions.ISTIO}",
        f"istio.io/istio/pkg/version.buildHub={versions.ISTIO_HUB}",
        f"istio.io/istio/pkg/version.buildTag={versions.ISTIO}",
        # What metrics-server says of itself; the others say it only to the API server, as the client's version.
        f"k8s.io/client-go/pkg/version.gitVersion=v{versions.METRICS_SERVER}",
    ),
)
# In the cluster's module, which still locks an older one, a newer etcd would build Kubernetes and Istio anew.
_ETCD = Group(name="etcd", seconds=30)
_ARGO_ROLLOUTS = Group(
    name="argo-rollouts",
    seconds=174,
    defines=(f"github.com/argoproj/argo-rollouts/utils/version.version={versions.ARGO_ROLLOUTS}",),
)
_PROMETHEUS = Group(
    name="prometheus",
    seconds=240,
    defines=(f"github.com/prometheus/common/version.Version={versions.PROMETHEUS}",),
)
_LOKI = Group(name="loki", seconds=0, not_built="the lab does not build Loki, which is under the AGPL")
_COLLECTOR = Group(
    name="collector",
    seconds=180,
    defines=(f"main.version={versions.OPENTELEMETRY_COLLECTOR}",),
)
_FORTIO = Group(name="fortio", seconds=23)


_KUBERNETES = "k8s.io/kubernetes/cmd"
_ARGO = "github.com/argoproj/argo-rollouts/cmd"
_PROM = "github.com/prometheus/prometheus/cmd"
_SDK = "github.com/pulumi/pulumi/sdk/v3/python/cmd"


def _language(name: str, *, package: str = "", script: str = "") -> Tool:
    # The engine's release archive carries these three; a build takes them from the last SDK module that had them.
    return Tool(
        name,
        versions.PULUMI_LANGUAGE_PYTHON,
        _LANGUAGE,
        package,
        script=script,
        beside=True,
    )


_ALL = (
    Tool("pulumi", versions.PULUMI, _PULUMI, "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", "version", beside=True),
    _language("pulumi-language-python", package=f"{_SDK}/pulumi-language-python"),
    _language("pulumi-language-python-exec", script="python/cmd/pulumi-language-python-exec"),
    _language("pulumi-resource-pulumi-python", script="python/dist/pulumi-resource-pulumi-python"),
    Tool(
        "pulumi-resource-kubernetes",
        versions.PULUMI_KUBERNETES,
        _PROVIDER,
        ".",
        produces="kubernetes-provider",
        plugin=f"resource-kubernetes-v{versions.PULUMI_KUBERNETES}",
    ),
    Tool("kube-apiserver", versions.KUBERNETES, _CLUSTER, f"{_KUBERNETES}/kube-apiserver", "--version"),
    Tool(
        "kube-controller-manager", versions.KUBERNETES, _CLUSTER, f"{_KUBERNETES}/kube-controller-manager", "--version"
    ),
    Tool("kube-scheduler", versions.KUBERNETES, _CLUSTER, f"{_KUBERNETES}/kube-scheduler", "--version"),
    Tool("kubectl", versions.KUBERNETES, _CLUSTER, f"{_KUBERNETES}/kubectl", "version --client"),
    Tool("etcd", versions.ETCD, _ETCD, "go.etcd.io/etcd/server/v3", "--version", produces="server"),
    Tool("kwok", versions.KWOK, _CLUSTER, "sigs.k8s.io/kwok/cmd/kwok", "--version"),
    Tool("kwokctl", versions.KWOK, _CLUSTER, "sigs.k8s.io/kwok/cmd/kwokctl", "--version"),
    Tool(
        "metrics-server",
        versions.METRICS_SERVER,
        _CLUSTER,
        "sigs.k8s.io/metrics-server/cmd/metrics-server",
        "--version",
    ),
    Tool("pilot-discovery", versions.ISTIO, _CLUSTER, "istio.io/istio/pilot/cmd/pilot-discovery", "version --short"),
    Tool(
        "istioctl",
        versions.ISTIO,
        _CLUSTER,
        "istio.io/istio/istioctl/cmd/istioctl",
        "version --remote=false --short",
    ),
    Tool("rollouts-controller", versions.ARGO_ROLLOUTS, _ARGO_ROLLOUTS, f"{_ARGO}/rollouts-controller", "--version"),
    Tool(
        "kubectl-argo-rollouts",
        versions.ARGO_ROLLOUTS,
        _ARGO_ROLLOUTS,
        f"{_ARGO}/kubectl-argo-rollouts",
        "version --short",
    ),
    Tool("helm", versions.HELM, _PROVIDER, "helm.sh/helm/v3/cmd/helm", "version --short"),
    Tool("prometheus", versions.PROMETHEUS, _PROMETHEUS, f"{_PROM}/prometheus", "--version"),
    Tool("promtool", versions.PROMETHEUS, _PROMETHEUS, f"{_PROM}/promtool", "--version"),
    Tool("loki", versions.LOKI, _LOKI, ask="--version"),
    # Never looked for on PATH: an otelcol that is found there has other components.
    Tool("otelcol", versions.OPENTELEMETRY_COLLECTOR, _COLLECTOR, ".", produces="collector"),
    # Never looked for on PATH: fortio's own program takes other arguments.
    Tool("fortio", versions.FORTIO, _FORTIO, "."),
)

TOOLS = {tool.name: tool for tool in _ALL}
"""Every tool by name."""

OBSERVABILITY = ("prometheus", "promtool", "otelcol")
"""What the tests of queries and of the log pipeline run; in a lab these are images."""

OPTIONAL = ("loki",)
"""What some of these tests run where it can be downloaded."""

LOAD = ("fortio",)
"""What `lab load` runs where Pods are simulated, brought when it is first asked for."""

ON_DEMAND = ("istioctl", "kubectl-argo-rollouts")
"""Tools that people run on a lab that stands, brought when they are first asked for."""

TESTS = ("helm", *OBSERVABILITY, *LOAD)
"""What only tests and benchmarks need, beside `lab load`."""

EMBEDDED = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    "kwokctl",
    "metrics-server",
    "kubectl",
    "pilot-discovery",
    "rollouts-controller",
)
"""What the resources of the embedded target run."""

DEFAULT = tuple(name for name in TOOLS if name not in (*ON_DEMAND, *TESTS, *OPTIONAL))
"""Tools that `up` needs."""
