"""Network namespaces: one for the node, with a bridge, and one for each Pod, with the Pod's own address.

All by `ip` of iproute2, inside a mount namespace whose `/run` is its own: names in there are seen by nobody else and
are gone with it.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_NODE, _BRIDGE, _INTERFACE = "node", "pods", "eth0"

_PREFIX = 8
"""Length of the network that all Pods see as their own: wider than any cluster's, so that no route is needed."""

FOLDER = Path("/run/pods")
"""Where each Pod has a folder of its own."""

_HOSTS = Path("/run/hosts")

_ENTER = 'mount --bind "$0" /etc/hosts && echo "$1" > /proc/sys/kernel/hostname && shift && exec "$@"'
"""Names of Services lead to the sidecar and the machine is called like the Pod, for the Pod's processes alone."""


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """The surroundings of one Pod.

    Attributes:
        name: of its network namespace and of its folder: that of the Pod, a dot, that of the Pod's namespace.
        index: what no other Pod has had; it names the end of the wire on the node.
        address: its IPv4 address.
    """

    name: str
    index: int
    address: str

    @property
    def hosts(self) -> Path:
        """The file that its processes see as `/etc/hosts`: the same for all Pods of a namespace."""
        return hosts(self.name.rsplit(".", 1)[-1])

    @property
    def folder(self) -> Path:
        """What its processes may write to."""
        return FOLDER / self.name

    @property
    def network(self) -> Path:
        """The file that stands for its network namespace."""
        return Path("/run/netns") / self.name

    def inside(self) -> list[str]:
        """The words before a command that make it one of this Pod's processes."""
        own = ["unshare", "--mount", "--uts", "sh", "-c", _ENTER, str(self.hosts), self.name.rsplit(".", 1)[0]]
        return ["nsenter", f"--net={self.network}", *own]

    def create(self) -> None:
        """Make it, with a wire to the node's bridge.

        Raises:
            subprocess.CalledProcessError: the kernel does not allow it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        wire = f"pod{self.index}"
        _ip("netns", "add", self.name)
        _ip("-n", _NODE, "link", "add", wire, "type", "veth", "peer", "name", _INTERFACE, "netns", self.name)
        _ip("-n", _NODE, "link", "set", wire, "master", _BRIDGE, "up")
        _ip("-n", self.name, "link", "set", "lo", "up")
        _ip("-n", self.name, "addr", "add", f"{self.address}/{_PREFIX}", "dev", _INTERFACE)
        _ip("-n", self.name, "link", "set", _INTERFACE, "up")

    def remove(self) -> None:
        """Remove it; the wire goes with it."""
        _ip("netns", "delete", self.name)
        shutil.rmtree(self.folder)


def hosts(namespace: str) -> Path:
    """The hosts file of a namespace."""
    return _HOSTS / namespace


def names(agent: int) -> list[str]:
    """The Pods that really run, as seen from outside.

    Args:
        agent: process id of the agent.
    """
    folder = Path(f"/proc/{agent}/root{FOLDER}")
    return sorted(each.name for each in folder.iterdir()) if folder.is_dir() else []


def create_node() -> None:
    """Make the node's own namespace with its bridge.

    Raises:
        subprocess.CalledProcessError: the kernel does not allow it.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    _HOSTS.mkdir(exist_ok=True)
    _ip("netns", "add", _NODE)
    _ip("-n", _NODE, "link", "set", "lo", "up")
    _ip("-n", _NODE, "link", "add", _BRIDGE, "type", "bridge")
    _ip("-n", _NODE, "link", "set", _BRIDGE, "up")


def _ip(*arguments: str) -> None:
    # The program has its place in /sbin or in /usr/bin; the command's own PATH knows.
    command = ["ip", *arguments]
    subprocess.run(command, check=True, capture_output=True, text=True)
