"""This stack, measured as a user runs it: the `pulumi` command in an activated copy of the project."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from benchmarks import results
from benchmarks.cluster import Cluster
from benchmarks.results import Measure
from lab.core import paths

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.sandbox import Sandbox
    from benchmarks.way import Record

_ACTIVATED = '. .lab/activate && exec pulumi "$@"'


class Ours:
    """A copy of the project, so that measuring touches neither the clone nor a lab of the user.

    Args:
        sandbox: what everything runs in.
    """

    name = results.OURS

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._project = sandbox.folder / "project"
        # With the compiled modules, which a user's project has too after its first use.
        shutil.copytree(paths.PROJECT, self._project, symlinks=True, ignore=left_out)
        (self._project / ".venv").symlink_to(paths.PROJECT / ".venv")
        sandbox.run([".venv/bin/python", "-m", "lab", "setup"], cwd=self._project)

    def measure(self, record: Record) -> set[str]:
        """Measure one whole life of a stack. The previews are of a lab that stands, not of one still settling.

        Args:
            record: measures the block it is used for.

        Returns:
            what stood.
        """
        stack = f"bench-{secrets.token_hex(3)}"
        self._configure(stack)
        self._pulumi("stack", "init", stack)
        cluster = Cluster(self._home / "stacks" / stack / "kubeconfig", self._sandbox)
        with record(Measure.UP):
            self._pulumi("up", "--yes", "--skip-preview")
            cluster.wait_until_ready()
        stood = cluster.inventory()
        self._sandbox.wait_until_at_rest()
        with record(Measure.PREVIEW):
            self._pulumi("preview", "--expect-no-changes")
        with record(Measure.UP_AGAIN):
            self._pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
        with record(Measure.DESTROY):
            self._pulumi("destroy", "--yes", "--skip-preview")
            self._sandbox.wait_until_gone()
        self._pulumi("stack", "rm", "--yes", stack)
        return stood

    @property
    def _home(self) -> Path:
        return self._project / ".lab"

    def _configure(self, stack: str) -> None:
        """Give a stack the settings of `dev`; its encryption belongs to the clone's own passphrase."""
        config = yaml.safe_load((paths.PROJECT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))["config"]
        (self._project / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"config": config}), encoding="utf-8")

    def _pulumi(self, *arguments: str) -> None:
        self._sandbox.run(["bash", "-c", _ACTIVATED, "pulumi", *arguments], cwd=self._project)


def left_out(folder: str, names: Iterable[str]) -> set[str]:
    """What the copy does without: hidden folders, tests, and the working folder, which holds the copy itself."""
    home = paths.home().resolve()
    return {name for name in names if name.startswith(".") or name == "tests" or Path(folder, name).resolve() == home}
