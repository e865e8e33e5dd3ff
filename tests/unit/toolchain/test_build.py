"""How Go is called, what is asked of it, and what a failed build says."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from lab.core import paths, versions
from lab.toolchain import build, catalog, golang
from lab.toolchain.cache import SourceFailed
from lab.toolchain.catalog import TOOLS
from tests.unit.toolchain.support import FakeGo, program


def make(*names: str) -> dict[str, Path]:
    tools = [TOOLS[name] for name in names]
    return build.build(tools[0].group, tools, threading.Event())


def test_builds_a_group_with_the_flags_and_versions_that_are_pinned(go: FakeGo) -> None:
    made = make("kube-apiserver", "kubectl")
    [call] = go.calls("build")
    assert call.startswith(
        "build -trimpath -gcflags=all=-dwarf=false -tags=vtprotobuf,disable_pgv -ldflags -s -w -X k8s.io/"
    )
    assert f"gitVersion=v{versions.KUBERNETES} " in call
    assert call.endswith("/out/ k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kubectl")
    assert {name: path.name for name, path in made.items()} == {name: name for name in made}


@pytest.mark.usefixtures("go")
def test_the_file_that_go_names_otherwise_gets_the_tools_name() -> None:
    assert make("etcd")["etcd"].name == "etcd"
    assert make("pulumi-resource-kubernetes")["pulumi-resource-kubernetes"].name == "pulumi-resource-kubernetes"


def test_scripts_come_out_of_the_locked_module_without_a_build(go: FakeGo) -> None:
    made = make("pulumi-language-python-exec", "pulumi-resource-pulumi-python")
    assert made["pulumi-language-python-exec"].read_text() == "content of python/cmd/pulumi-language-python-exec\n"
    assert go.calls("mod") == ["mod download -json github.com/pulumi/pulumi/sdk/v3"]
    assert go.calls("build") == []


@pytest.mark.usefixtures("go")
def test_the_recipe_folder_of_the_project_is_not_written_to() -> None:
    before = sorted(catalog.RECIPES.rglob("*"))
    make("pulumi-resource-kubernetes")
    assert sorted(catalog.RECIPES.rglob("*")) == before


def test_a_go_that_is_too_old_for_the_recipe_is_refused_with_the_release_to_install(go: FakeGo) -> None:
    go.behaves(VERSION="1.26.4")
    assert make("etcd")
    go.behaves(VERSION="1.26.3")
    with pytest.raises(SourceFailed, match=r"is Go 1\.26\.3, which is too old: install Go >= 1\.26\.4"):
        make("etcd")


def test_the_oldest_go_that_the_readme_asks_for_builds_what_a_lab_needs() -> None:
    needed = {TOOLS[name].group.name for name in catalog.DEFAULT}
    wanted = {name: golang.wanted(catalog.RECIPES / name) for name in needed}
    assert max(wanted.values()) == golang.OLDEST, wanted
    for readme in ("README.md", "README.ko.md"):
        assert f"Go {'.'.join(map(str, golang.OLDEST))}" in (paths.PROJECT / readme).read_text(encoding="utf-8")


@pytest.mark.parametrize("tools", [catalog.OBSERVABILITY, catalog.LOAD, catalog.OPTIONAL, catalog.ON_DEMAND])
def test_what_up_does_not_run_is_not_brought_for_a_lab(tools: tuple[str, ...]) -> None:
    assert not set(tools) & set(catalog.DEFAULT)
    assert set(tools) < set(TOOLS)


def test_a_recipe_may_ask_for_a_newer_go_but_not_for_an_older_one(lab: Path) -> None:
    (lab / "go.mod").write_text("module x\n\ngo 1.24.7\n")
    assert golang.wanted(lab) == golang.OLDEST
    (lab / "go.mod").write_text("module x\n\ngo 1.27.3\n")
    assert golang.wanted(lab) == (1, 27, 3)


def test_the_modules_of_a_build_can_be_fetched_before_it(go: FakeGo) -> None:
    build.fetch(TOOLS["kwok"].group, [TOOLS["kwok"]], threading.Event())
    assert go.calls("list") == ["list -deps -tags=vtprotobuf,disable_pgv sigs.k8s.io/kwok/cmd/kwok"]
    assert go.calls("build") == []


def test_a_failed_build_shows_the_last_lines_and_where_the_rest_is(go: FakeGo) -> None:
    go.behaves(FAILS="main.go:7: undefined: nothing")
    with pytest.raises(SourceFailed, match=r"undefined: nothing") as failure:
        make("etcd")
    log = paths.cache() / "logs" / "build-etcd.log"
    assert f"`go build` ended with 1 (all of it: {log})" in str(failure.value)
    assert log.exists()


def test_go_keeps_out_of_the_users_folders_but_keeps_the_users_settings(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(lab / "user"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("GOENV", raising=False)
    monkeypatch.setenv("GOPROXY", "https://proxy.example.org")
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    settings = golang.environment()
    for name in ("GOPATH", "GOMODCACHE", "GOCACHE", "XDG_CONFIG_HOME"):
        assert Path(settings[name]).is_relative_to(paths.cache()), name
    assert settings["GOENV"].startswith(str(lab / "user"))
    assert settings["GOENV"].endswith("go/env")
    assert settings["GOPROXY"] == "https://proxy.example.org"
    assert settings["GOFLAGS"] == "-modcacherw -buildvcs=false -mod=readonly"


def test_every_tool_but_loki_has_a_recipe_and_every_recipe_a_tool() -> None:
    built = {tool.group.name for tool in TOOLS.values() if not tool.group.not_built}
    assert {p.name for p in catalog.RECIPES.iterdir()} == built
    assert [name for name, tool in TOOLS.items() if tool.group.not_built] == ["loki"]


def test_the_recipes_lock_the_pinned_versions() -> None:
    for group, requirement in (
        ("pulumi", f"github.com/pulumi/pulumi/pkg/v3 v{versions.PULUMI}"),
        ("language-python", f"github.com/pulumi/pulumi/sdk/v3 v{versions.PULUMI_LANGUAGE_PYTHON}"),
        ("cluster", f"k8s.io/kubernetes v{versions.KUBERNETES}"),
        ("cluster", f"sigs.k8s.io/kwok v{versions.KWOK}"),
        ("etcd", f"go.etcd.io/etcd/server/v3 v{versions.ETCD}"),
        ("cluster", f"istio.io/istio {versions.ISTIO_MODULE}"),
        ("kubernetes-provider", f"helm.sh/helm/v3 v{versions.HELM}"),
    ):
        assert f"{requirement} " in (catalog.RECIPES / group / "go.mod").read_text().replace("\n", " "), group
    main = (catalog.RECIPES / "kubernetes-provider" / "main.go").read_text()
    assert f'"{versions.PULUMI_KUBERNETES}"' in main


def test_a_recipe_that_changes_is_another_cache_entry(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = lab / "recipes" / "etcd"
    program(recipe / "go.mod", "module x\n")
    monkeypatch.setattr(catalog, "RECIPES", lab / "recipes")
    before = build.folder(TOOLS["etcd"])
    program(recipe / "go.mod", "module y\n")
    assert build.folder(TOOLS["etcd"]) != before
    assert before.name.startswith(f"{versions.ETCD}-")
