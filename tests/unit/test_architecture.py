"""Rules on the sources that the import contracts of pyproject.toml cannot say."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from functools import cache
from statistics import median
from typing import TYPE_CHECKING

import pytest

from lab.core.paths import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = "__main__.py"
SETTINGS = "lab/settings/loading.py"
DOOR = {"lab/adapters/process.py", "lab/adapters/process_async.py"}
STARTERS = re.compile(
    r"os\.(system|popen|exec\w+|spawn\w+|posix_spawnp?|fork)|asyncio\.create_subprocess_\w+|psutil\.Popen"
)

PROBE = """
import json, sys
from tests.unit.components import support
names = support.main().listing()
print(json.dumps({"resources": len(names), "modules": sorted(sys.modules)}))
"""


@cache
def sources() -> dict[str, ast.Module]:
    """Parse every source file of the product, by its path inside the project."""
    files = [PROJECT / PROGRAM, *(PROJECT / "components").rglob("*.py"), *(PROJECT / "lab").rglob("*.py")]
    return {file.relative_to(PROJECT).as_posix(): ast.parse(file.read_text(encoding="utf-8")) for file in files}


def imports(tree: ast.Module) -> Iterator[str]:
    """List every module that a file imports, also late; `from a import b` may mean the module a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def importers(*packages: str) -> set[str]:
    """Find the files that import one of the packages."""
    return {path for path, tree in sources().items() if any(name.split(".")[0] in packages for name in imports(tree))}


def users(*names: str) -> set[str]:
    """Find the files that use a name, an attribute or an import called so."""

    def used(tree: ast.Module) -> Iterator[str]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                yield node.attr
            elif isinstance(node, ast.Name):
                yield node.id
            elif isinstance(node, ast.alias):
                yield node.name

    return {path for path, tree in sources().items() if not set(names).isdisjoint(used(tree))}


def test_the_folder_of_the_lab_can_be_taken_in_at_a_glance() -> None:
    entries = [entry.name for entry in (PROJECT / "lab").iterdir() if entry.name != "__pycache__"]

    assert len(entries) <= 12, sorted(entries)


def test_files_are_short() -> None:
    lines = {path: len((PROJECT / path).read_text(encoding="utf-8").splitlines()) for path in sources()}

    assert {path: count for path, count in lines.items() if count > 350} == {}
    assert median(lines.values()) <= 120
    assert lines[PROGRAM] <= 80


def test_one_door_leads_to_other_programs() -> None:
    starting = importers("subprocess", "pty") | {
        path
        for path, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and STARTERS.fullmatch(ast.unparse(node))
    }

    assert starting <= DOOR, "start the program by lab.adapters.process"


def test_no_shell_parses_a_command() -> None:
    calls = [
        path
        for path, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "shell" and ast.unparse(node.value) != "False"
    ]

    assert calls == []


def test_only_the_settings_read_pulumis_configuration() -> None:
    readers = users("get_config", "get_config_env", "get_config_secret_keys_env", "CONFIG") | {
        path for path in importers("pulumi") if "pulumi.Config" in ast.unparse(sources()[path])
    }

    assert readers <= {SETTINGS}


def test_only_the_choice_of_a_platform_looks_at_the_name_of_the_target() -> None:
    program = {path: tree for path, tree in sources().items() if path.startswith("components/") or path == PROGRAM}
    asked = {
        path
        for path, tree in program.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "target"
    }

    assert asked <= {"components/platform/select.py"}


def test_the_sdk_of_azure_is_imported_by_its_platform_only() -> None:
    assert {path for path in importers("pulumi_azure_native") if "azure" not in path} == set()


@pytest.fixture(scope="module")
def fresh() -> dict[str, object]:
    """Run the program under mocks in an interpreter of its own."""
    result = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=PROJECT, check=False, capture_output=True, text=True, timeout=300
    )
    assert not result.returncode, result.stderr
    found: dict[str, object] = json.loads(result.stdout)
    return found


def test_the_embedded_target_imports_nothing_of_azure(fresh: dict[str, object]) -> None:
    modules = fresh["modules"]

    assert isinstance(modules, list)
    assert "pulumi_kubernetes" in modules
    assert [name for name in modules if name.startswith(("pulumi_azure", "azure", "msal"))] == []


def test_the_program_imports_neither_downloads_nor_commands(fresh: dict[str, object]) -> None:
    modules = fresh["modules"]

    assert isinstance(modules, list)
    assert [name for name in ("httpx", "typer", "rich", "lab.toolchain.download", "lab.cli") if name in modules] == []


def test_the_program_really_ran_there(fresh: dict[str, object]) -> None:
    assert isinstance(fresh["resources"], int)
    assert fresh["resources"] > 10
