"""Who may know whom: `__main__` -> `components` -> `lab`, nothing back. By the text of the sources, then by running."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.core.paths import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS = "lab/settings/loading.py"
PROGRAM = "__main__.py"
ENGINES = {"lab/services/classes/engine.py", "lab/services/classes/host.py", "lab/services/classes/provider.py"}
"""What runs the program for many students in one process."""
REFERENCE = "components/platform/shared.py"
"""Names another stack of the project, for which it needs the project's name."""

IMPORT_SECONDS = 3.0
"""Processor time for all modules of the program; half a second is usual."""

PROBE = """
import json, sys, time
begin = time.process_time()
import components.mesh.istio, components.platform.embedded, components.platform.select, components.tutorial
import lab.toolchain.artifacts, lab.settings
seconds = time.process_time() - begin
from tests.unit.components import support
names = support.main().listing()
modules = sorted(sys.modules)
print(json.dumps({"seconds": seconds, "resources": len(names), "modules": modules}))
"""


@cache
def sources() -> dict[str, ast.Module]:
    """Every source file of the program, by its path inside the project."""
    files = [PROJECT / PROGRAM, *(PROJECT / "components").rglob("*.py"), *(PROJECT / "lab").rglob("*.py")]
    return {file.relative_to(PROJECT).as_posix(): ast.parse(file.read_text(encoding="utf-8")) for file in files}


def under(folder: str) -> dict[str, ast.Module]:
    return {path: tree for path, tree in sources().items() if path.startswith(f"{folder}/")}


def imports(tree: ast.Module) -> Iterator[str]:
    """Every module that a file names in an import, wherever in the file; `from a import b` may mean the module a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute, so that their direction can be read"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def importers(files: dict[str, ast.Module], *packages: str) -> set[str]:
    """The files that import one of the packages."""
    return {path for path, tree in files.items() if any(name.split(".")[0] in packages for name in imports(tree))}


def users(files: dict[str, ast.Module], *names: str) -> set[str]:
    """The files that use a name or an attribute called so."""

    def used(tree: ast.Module) -> Iterator[str]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                yield node.attr
            elif isinstance(node, ast.Name):
                yield node.id
            elif isinstance(node, ast.alias):
                yield node.name

    return {path for path, tree in files.items() if not set(names).isdisjoint(used(tree))}


def test_there_are_sources_to_look_at() -> None:
    assert {PROGRAM, SETTINGS, "components/mesh/istio.py", "lab/platforms/embedded/ports.py"} <= set(sources())


def test_the_lab_never_imports_components() -> None:
    assert importers(under("lab"), "components") == set()


def test_only_the_settings_import_pulumi_in_the_lab() -> None:
    assert importers(under("lab"), "pulumi") <= {SETTINGS, *ENGINES}
    assert importers(under("lab"), "pulumi_kubernetes", "pulumi_azure_native") == set()


def test_nothing_imports_the_program_or_the_tests() -> None:
    assert importers(sources(), "__main__", "tests") == set()


def test_components_know_each_other_the_lab_and_pulumi_only() -> None:
    known = {"components", "lab", "pulumi", "pulumi_kubernetes", "pulumi_azure_native"} | sys.stdlib_module_names
    strangers = {path: {n.split(".")[0] for n in imports(tree)} - known for path, tree in under("components").items()}

    assert {path: found for path, found in strangers.items() if found} == {}


def test_azure_is_imported_by_its_own_platform_only() -> None:
    assert {path for path in importers(sources(), "pulumi_azure_native") if "azure" not in Path(path).name} == set()


CHOOSING = {
    "components/delivery/delivery.py",
    "components/platform/select.py",
    "components/observability/observability.py",
    "components/shop/shop.py",
    "components/traffic/traffic.py",
}
"""Where settings become what the components are given."""


def test_components_do_not_reach_for_settings() -> None:
    reaching = {
        path
        for path, tree in under("components").items()
        for name in imports(tree)
        if name.startswith("lab.settings") and "students" not in name and path not in CHOOSING
    }

    assert reaching == set(), "a component is given what it needs"


def test_only_the_settings_read_pulumis_configuration() -> None:
    readers = ("Config", "get_config", "get_config_env", "get_config_secret_keys_env", "CONFIG")

    of_pulumi = {path: sources()[path] for path in importers(sources(), "pulumi")}
    assert users(of_pulumi, *readers) <= {SETTINGS}
    assert users(sources(), "get_stack", "get_project") <= {SETTINGS, PROGRAM, REFERENCE}


def test_only_the_choice_of_a_platform_looks_at_the_targets_name() -> None:
    program = {PROGRAM: sources()[PROGRAM]} | under("components")

    asked = {
        path
        for path, tree in program.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "target"
    }

    assert asked | users(program, "Target") <= {"components/platform/select.py"}


def test_components_start_no_processes_of_their_own() -> None:
    program = {PROGRAM: sources()[PROGRAM]} | under("components")

    assert importers(program, "subprocess", "psutil", "pty") == set()


def test_no_shell_is_ever_asked_to_parse_a_command() -> None:
    calls = [
        path
        for path, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "shell" and ast.unparse(node.value) != "False"
    ]

    assert calls == []


@pytest.fixture(scope="module")
def fresh() -> dict[str, object]:
    """The program run under mocks in an interpreter of its own."""
    result = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=PROJECT, check=False, capture_output=True, text=True, timeout=60
    )
    assert not result.returncode, result.stderr
    found: dict[str, object] = json.loads(result.stdout)
    return found


def test_nothing_of_azure_is_imported_on_this_machine(fresh: dict[str, object]) -> None:
    modules = fresh["modules"]

    assert isinstance(modules, list)
    assert "pulumi_kubernetes" in modules
    assert [name for name in modules if name.startswith(("pulumi_azure", "azure", "msal"))] == []


def test_the_program_does_not_carry_the_toolchains_downloads(fresh: dict[str, object]) -> None:
    modules = fresh["modules"]

    assert isinstance(modules, list)
    assert [name for name in ("httpx", "typer", "lab.toolchain.download", "lab.cli.app") if name in modules] == []


def test_the_program_really_ran_there(fresh: dict[str, object]) -> None:
    assert isinstance(fresh["resources"], int)
    assert fresh["resources"] > 10


def test_the_programs_modules_are_imported_quickly(fresh: dict[str, object]) -> None:
    assert isinstance(fresh["seconds"], float)
    assert fresh["seconds"] < IMPORT_SECONDS
