"""Which tools exist, at which version, and how each is recognised and built."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

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
    """

    name: str
    seconds: int
    tags: str = ""
    defines: tuple[str, ...] = ()
    sources: str = ""
    embed: tuple[str, ...] = ()

    @property
    def ldflags(self) -> str:
        """The value of `-ldflags`."""
        return " ".join(("-s", "-w", *(f"-X {define}" for define in self.defines)))


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One executable.

    Attributes:
        name: its file name.
        version: the pinned version.
        group: what builds it.
        package: the Go package to build; empty for a script.
        script: the file inside the group's `sources` module, for a script.
        produces: the file name `go build` gives it, where that is not `name`.
        ask: arguments that make it print its version; empty when it cannot be asked, so PATH is not searched.
        prebuilt_version: the version of the download where it differs from what can be built.
        plugin: the folder below Pulumi's plugins that it is linked in, instead of on PATH, where the engine warns.
        beside: the engine and its language host look for each other in their own folder, so these must not be
            symbolic links.
    """

    name: str
    version: str
    group: Group
    package: str = ""
    script: str = ""
    produces: str = ""
    ask: tuple[str, ...] = ()
    prebuilt_version: str = ""
    plugin: str = ""
    beside: bool = False

    def recipe(self) -> str:
        """The SHA-256 of all that decides what a build gives, except the Go release."""
        group = self.group
        digest = hashlib.sha256()
        facts = (platform(), *BUILD_FLAGS, group.tags, group.ldflags, group.sources, self.package, self.script)
        digest.update("\n".join(facts).encode())
        for file in sorted((RECIPES / group.name).iterdir()):
            digest.update(f"\n{file.name}\n".encode() + file.read_bytes())
        return digest.hexdigest()


def platform() -> str:
    """This machine as Go names it, such as `linux/amd64`."""
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
    # etcd, kwok and Istio share most packages with Kubernetes: one module for all compiles them once, which saves a
    # tenth of a cold start.
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
_LOKI = Group(
    name="loki",
    seconds=340,
    tags="netgo",  # as Loki's own builds
    defines=(f"github.com/grafana/loki/v3/pkg/util/build.Version={versions.LOKI}",),
)
_COLLECTOR = Group(
    name="collector",
    seconds=180,
    defines=(f"main.version={versions.OPENTELEMETRY_COLLECTOR}",),
)
_FORTIO = Group(name="fortio", seconds=23)


def _language(name: str, *, package: str = "", script: str = "") -> Tool:
    # The engine's release archive carries these three; a build takes them from the last SDK module that had them.
    return Tool(
        name=name,
        version=versions.PULUMI_LANGUAGE_PYTHON,
        group=_LANGUAGE,
        package=package,
        script=script,
        beside=True,
        prebuilt_version=versions.PULUMI,
    )


def _control_plane(name: str, *ask: str) -> Tool:
    return Tool(
        name=name,
        version=versions.KUBERNETES,
        group=_CLUSTER,
        package=f"k8s.io/kubernetes/cmd/{name}",
        ask=ask or ("--version",),
    )


def _prometheus(name: str) -> Tool:
    return Tool(
        name=name,
        version=versions.PROMETHEUS,
        group=_PROMETHEUS,
        package=f"github.com/prometheus/prometheus/cmd/{name}",
        ask=("--version",),
    )


def _argo_rollouts(name: str, *ask: str) -> Tool:
    return Tool(
        name=name,
        version=versions.ARGO_ROLLOUTS,
        group=_ARGO_ROLLOUTS,
        package=f"github.com/argoproj/argo-rollouts/cmd/{name}",
        ask=ask,
    )


def _kwok(name: str) -> Tool:
    return Tool(
        name=name, version=versions.KWOK, group=_CLUSTER, package=f"sigs.k8s.io/kwok/cmd/{name}", ask=("--version",)
    )


_ALL = (
    Tool(
        name="pulumi",
        version=versions.PULUMI,
        group=_PULUMI,
        package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        ask=("version",),
        beside=True,
    ),
    _language(
        "pulumi-language-python",
        package="github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python",
    ),
    _language("pulumi-language-python-exec", script="python/cmd/pulumi-language-python-exec"),
    _language("pulumi-resource-pulumi-python", script="python/dist/pulumi-resource-pulumi-python"),
    Tool(
        name="pulumi-resource-kubernetes",
        version=versions.PULUMI_KUBERNETES,
        group=_PROVIDER,
        package=".",
        produces="kubernetes-provider",
        plugin=f"resource-kubernetes-v{versions.PULUMI_KUBERNETES}",
    ),
    _control_plane("kube-apiserver"),
    _control_plane("kube-controller-manager"),
    _control_plane("kube-scheduler"),
    _control_plane("kubectl", "version", "--client"),
    Tool(
        name="etcd",
        version=versions.ETCD,
        group=_CLUSTER,
        package="go.etcd.io/etcd/server/v3",
        produces="server",
        ask=("--version",),
    ),
    _kwok("kwok"),
    _kwok("kwokctl"),
    Tool(
        name="metrics-server",
        version=versions.METRICS_SERVER,
        group=_CLUSTER,
        package="sigs.k8s.io/metrics-server/cmd/metrics-server",
        ask=("--version",),
    ),
    Tool(
        name="pilot-discovery",
        version=versions.ISTIO,
        group=_CLUSTER,
        package="istio.io/istio/pilot/cmd/pilot-discovery",
        ask=("version", "--short"),
    ),
    Tool(
        name="istioctl",
        version=versions.ISTIO,
        group=_CLUSTER,
        package="istio.io/istio/istioctl/cmd/istioctl",
        ask=("version", "--remote=false", "--short"),
    ),
    _argo_rollouts("rollouts-controller", "--version"),
    _argo_rollouts("kubectl-argo-rollouts", "version", "--short"),
    Tool(
        name="helm",
        version=versions.HELM,
        group=_PROVIDER,
        package="helm.sh/helm/v3/cmd/helm",
        ask=("version", "--short"),
    ),
    _prometheus("prometheus"),
    _prometheus("promtool"),
    Tool(
        name="loki",
        version=versions.LOKI,
        group=_LOKI,
        package="github.com/grafana/loki/v3/cmd/loki",
        ask=("--version",),
    ),
    # Never looked for on PATH: an otelcol that is found there has other components.
    Tool(
        name="otelcol",
        version=versions.OPENTELEMETRY_COLLECTOR,
        group=_COLLECTOR,
        package=".",
        produces="collector",
    ),
    # Never looked for on PATH: fortio's own program takes other arguments.
    Tool(name="fortio", version=versions.FORTIO, group=_FORTIO, package="."),
)

TOOLS = {tool.name: tool for tool in _ALL}
"""Every tool by name."""

OBSERVABILITY = ("prometheus", "promtool", "loki", "otelcol")
"""What the tests of queries and of the log pipeline run; in a lab these are images."""

LOAD = ("fortio",)
"""What `lab load` runs where Pods are simulated, brought when it is first asked for."""

TESTS = ("helm", *OBSERVABILITY, *LOAD)
"""What only tests and benchmarks need, beside `lab load`."""

DEFAULT = tuple(name for name in TOOLS if name not in TESTS)
"""What a lab needs."""
