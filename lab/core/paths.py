"""Where the lab keeps things: a cache shared by all clones, and one git-ignored folder inside the project."""

from __future__ import annotations

import contextlib
import os
import pwd
from pathlib import Path

from lab.core.errors import LabError

PROJECT = Path(__file__).resolve().parents[2]
"""The folder of `Pulumi.yaml`."""


def home() -> Path:
    """The project's own working folder: Pulumi's home, local state, passphrase, links to tools, running labs."""
    return Path(os.environ.get("ISTIO_LAB_HOME") or PROJECT / ".lab")


def cache() -> Path:
    """The cache of tools and artifacts: safe to delete, shared by every clone and every stack of this user."""
    if given := os.environ.get("ISTIO_LAB_CACHE"):
        return Path(given)
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    # A relative one counts as none, by its specification.
    if Path(xdg).is_absolute():
        return Path(xdg) / "istio-lab"
    if home := user_home():
        return home / ".cache" / "istio-lab"
    raise LabError(
        "there is no folder for the cache of tools: HOME is not set, and the system does not know this user",
        "name one: export ISTIO_LAB_CACHE=FOLDER",
    )


def user_home() -> Path | None:
    """The user's own folder: by the variable, or by the system's list of users; None where neither has one."""
    given = Path(os.environ.get("HOME", ""))
    if given.is_absolute():
        return given
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return None


def require_names() -> None:
    """Require names of folders that files and other programs can have: those in UTF-8.

    Raises:
        LabError: one is in another encoding.
    """
    named = {"the project's folder": PROJECT, "ISTIO_LAB_HOME": home()}
    with contextlib.suppress(LabError):
        named["the cache of tools, by ISTIO_LAB_CACHE, XDG_CACHE_HOME or HOME"] = cache()
    for what, folder in named.items():
        raw = os.fsencode(folder)
        try:
            raw.decode()
        except UnicodeDecodeError:
            raise LabError(
                f"{what}: found {raw.decode(errors='backslashreplace')}, which is not UTF-8",
                "give the folder a name in UTF-8, such as one of ASCII letters, or use another folder",
            ) from None


def bin_dir() -> Path:
    """Links to the resolved tools; goes in front of PATH."""
    return home() / "bin"


def artifacts_dir() -> Path:
    """Links to the resolved charts and manifests."""
    return home() / "artifacts"


def stacks_dir() -> Path:
    """The states of this project's stacks in that backend, a file for each."""
    return state_dir() / ".pulumi" / "stacks" / "istio-lab"


def pulumi_home() -> Path:
    """`PULUMI_HOME`: plugins, credentials and logs stay inside the project."""
    return home() / "pulumi"


def state_dir() -> Path:
    """The local `file://` backend."""
    return home() / "state"


def temporary_dir() -> Path:
    """`TMPDIR` of everything run on this project: Pulumi's Kubernetes provider leaves kubeconfigs there."""
    return home() / "tmp"


def passphrase_file() -> Path:
    """The generated passphrase that encrypts secrets in the local state (mode 0600)."""
    return home() / "passphrase"


def stack_dir(stack: str) -> Path:
    """What belongs to one stack on this machine: its embedded cluster, its kubeconfig, its logs."""
    return home() / "stacks" / stack


def charts_dir(stack_directory: Path) -> Path:
    """The charts that the program renders for a stack while the engine already makes its platform."""
    return stack_directory / "charts"


def class_dir() -> Path:
    """What belongs to classes on this machine: a folder for each stack of one."""
    return home() / "class"


def class_workspace(stack: str) -> Path:
    """Where pulumi works on a stack of a class: a project folder of its own, with that stack's settings alone."""
    return class_dir() / "stacks" / stack


def relative(path: Path) -> str:
    """A path as it may stand in Pulumi's state: relative to the project where it lies inside, so clones can move."""
    return os.path.relpath(path, PROJECT) if path.is_relative_to(PROJECT) else str(path)
