"""One home for versions: what must repeat one says the same."""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lab.core import versions
from lab.core.paths import PROJECT
from lab.settings.support import minor

if TYPE_CHECKING:
    from pathlib import Path

PULUMI_YAML: dict[str, Any] = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text(encoding="utf-8"))
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\#]+)", re.MULTILINE)

MODULES = {
    "argo-rollouts": {"github.com/argoproj/argo-rollouts": f"v{versions.ARGO_ROLLOUTS}"},
    "cluster": {
        "istio.io/istio": versions.ISTIO_MODULE,
        "k8s.io/kubernetes": f"v{versions.KUBERNETES}",
        "sigs.k8s.io/kwok": f"v{versions.KWOK}",
        "sigs.k8s.io/metrics-server": f"v{versions.METRICS_SERVER}",
    },
    "collector": {
        "go.opentelemetry.io/collector/otelcol": f"v{versions.OPENTELEMETRY_COLLECTOR}",
        "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/filelogreceiver": (
            f"v{versions.OPENTELEMETRY_COLLECTOR}"
        ),
    },
    "etcd": {"go.etcd.io/etcd/server/v3": f"v{versions.ETCD}"},
    "fortio": {"fortio.org/fortio": f"v{versions.FORTIO}"},
    "kubernetes-provider": {"helm.sh/helm/v3": f"v{versions.HELM}"},
    "language-python": {"github.com/pulumi/pulumi/sdk/v3": f"v{versions.PULUMI_LANGUAGE_PYTHON}"},
    "prometheus": {"github.com/prometheus/prometheus": versions.PROMETHEUS_MODULE},
    "pulumi": {
        "github.com/pulumi/pulumi/pkg/v3": f"v{versions.PULUMI}",
        "github.com/pulumi/pulumi/sdk/v3": f"v{versions.PULUMI}",
    },
}
"""What each folder of toolchain/ must build."""

MAY_NAME_VERSIONS = {
    "lab/settings/support.py": "the table of what supports what, with dates and sources",
    "lab/settings/texts.py": "examples in messages",
    "lab/core/versions.py": "their home",
}


def pins(name: str) -> dict[str, str]:
    return dict(PIN.findall((PROJECT / name).read_text(encoding="utf-8")))


def required(recipe: str) -> dict[str, str]:
    """Module -> version, by the `require` lines of a recipe's go.mod."""
    text = (PROJECT / "toolchain" / recipe / "go.mod").read_text(encoding="utf-8")
    return dict(re.findall(r"^(?:require |\t)(\S+) (v\S+)", text, re.MULTILINE))


@pytest.mark.parametrize(
    ("package", "version"), [("pulumi", versions.PULUMI), ("pulumi-kubernetes", versions.PULUMI_KUBERNETES)]
)
@pytest.mark.parametrize("file", ["requirements.in", "requirements.txt"])
def test_pulumis_python_packages_are_of_the_engines_and_the_providers_version(
    file: str, package: str, version: str
) -> None:
    assert pins(file)[package] == version


@pytest.mark.parametrize("source", ["requirements", "requirements-dev"])
def test_the_locked_requirements_are_those_that_were_asked_for(source: str) -> None:
    asked, locked = pins(f"{source}.in"), pins(f"{source}.txt")

    assert len(asked) > 3
    assert {name: locked.get(name) for name in asked} == asked


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_locked_requirement_has_an_exact_version_and_a_checksum(file: str) -> None:
    text = (PROJECT / file).read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"\n(?=[a-z])", text) if re.match(r"[a-z]", entry)]

    assert len(entries) == len(pins(file))
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_checks_run_on_the_very_packages_that_the_lab_runs_on() -> None:
    lab, dev = pins("requirements.txt"), pins("requirements-dev.txt")

    assert {name: version for name, version in dev.items() if lab.get(name, version) != version} == {}


def test_every_recipe_is_known_here() -> None:
    assert {file.parent.name for file in (PROJECT / "toolchain").glob("*/go.mod")} == set(MODULES)


@pytest.mark.parametrize("recipe", MODULES)
def test_a_recipe_builds_the_pinned_version(recipe: str) -> None:
    found = required(recipe)

    assert {module: found.get(module) for module in MODULES[recipe]} == MODULES[recipe]


@pytest.mark.parametrize("recipe", MODULES)
def test_a_recipe_locks_the_checksum_of_what_it_builds(recipe: str) -> None:
    sums = (PROJECT / "toolchain" / recipe / "go.sum").read_text(encoding="utf-8")

    assert [module for module, version in MODULES[recipe].items() if f"{module} {version} h1:" not in sums] == []


def test_the_download_of_loki_which_has_no_recipe_is_of_the_pinned_version() -> None:
    downloads = json.loads((PROJECT / "lab.lock.json").read_text(encoding="utf-8"))["tools"]["loki"]

    assert downloads
    assert [pin["url"] for pin in downloads.values() if f"/v{versions.LOKI}/" not in pin["url"]] == []


def test_kubernetes_staging_modules_are_of_the_same_release() -> None:
    text = (PROJECT / "toolchain" / "cluster" / "go.mod").read_text(encoding="utf-8")
    replaced = re.findall(r"(k8s\.io/\S+)(?: v\S+)? => (k8s\.io/\S+) (v\S+)", text)
    _, release, patch = versions.KUBERNETES.split(".")

    assert len(replaced) > 10
    assert {version for *_, version in replaced} == {f"v0.{release}.{patch}"}
    assert [old for old, new, _ in replaced if old != new] == []


def test_the_provider_says_the_version_of_its_python_package() -> None:
    text = (PROJECT / "toolchain" / "kubernetes-provider" / "main.go").read_text(encoding="utf-8")

    assert f'Serve("kubernetes", "{versions.PULUMI_KUBERNETES}"' in text


def test_the_declared_defaults_are_the_pinned_versions() -> None:
    declared = {key: PULUMI_YAML["config"][key]["default"] for key in ("kubernetesVersion", "istioVersion", "istioHub")}

    assert declared == {
        "kubernetesVersion": minor(versions.KUBERNETES),
        "istioVersion": versions.ISTIO,
        "istioHub": versions.ISTIO_HUB,
    }


def test_istios_module_is_of_a_commit_and_so_cannot_move() -> None:
    assert re.fullmatch(r"v0\.0\.0-\d{14}-[0-9a-f]{12}", versions.ISTIO_MODULE)


def test_prometheus_module_is_of_its_release() -> None:
    """3.13.1 is the module's v0.313.1: its major, and its minor in two digits, are one number there."""
    major, minor_, patch = map(int, versions.PROMETHEUS.split("."))

    assert f"v0.{major}{minor_:02}.{patch}" == versions.PROMETHEUS_MODULE


def test_every_part_of_the_collector_is_of_one_release() -> None:
    """Its stable modules count from 1: those of release 0.160.0 are 1.66.0."""
    parts = {
        version
        for module, version in required("collector").items()
        if module.startswith(("go.opentelemetry.io/collector/", "github.com/open-telemetry/opentelemetry-collector-"))
        and not module.endswith("/featuregate")  # a library without a part of its own
    }

    assert len(parts) == 2
    assert f"v{versions.OPENTELEMETRY_COLLECTOR}" in parts


@pytest.mark.parametrize(
    "name",
    [
        "KUBERNETES",
        "ISTIO",
        "PULUMI",
        "PULUMI_KUBERNETES",
        "KWOK",
        "ETCD",
        "HELM",
        "METRICS_SERVER",
        "PROMETHEUS",
        "LOKI",
        "OPENTELEMETRY_COLLECTOR",
    ],
)
def test_every_version_is_exact_and_without_a_v(name: str) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", getattr(versions, name))


def test_no_other_source_names_a_pinned_version() -> None:
    pinned = {value for key, value in vars(versions).items() if key.isupper() and isinstance(value, str)}
    sources = [PROJECT / "__main__.py", *(PROJECT / "components").rglob("*.py"), *(PROJECT / "lab").rglob("*.py")]

    naming = {
        file.relative_to(PROJECT).as_posix(): word
        for file in sources
        for word in words(file)
        if word in pinned or word.removeprefix("v") in pinned
    }

    assert {path: word for path, word in naming.items() if path not in MAY_NAME_VERSIONS} == {}


def words(file: Path) -> set[str]:
    """Every word of every text in a source file, docstrings left out."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    prose = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and node not in prose)
    return {word for node in texts if isinstance(node.value, str) for word in re.split(r"[\s\"'`,=:@]+", node.value)}


@pytest.mark.parametrize("app", ["order", "delivery"])
def test_the_recipes_of_the_images_begin_with_the_pinned_python(app: str) -> None:
    recipe = (PROJECT / "apps" / app / "Dockerfile").read_text(encoding="utf-8")

    assert f"ARG BASE_IMAGE=docker.io/library/python:{versions.PYTHON_IMAGE}\n" in recipe
