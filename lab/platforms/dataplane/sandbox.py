"""Network namespaces: one for the node, with a bridge, and one for each Pod, with the Pod's own address.

They are made with `ip` of iproute2, inside a mount namespace with a private `/run`, which takes their names with it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.adapters import process
from lab.platforms.embedded.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterable

_NODE, _BRIDGE, _INTERFACE = "node", "pods", "eth0"

_PREFIX = 8
"""Length of the network that all Pods see as their own: wider than any cluster's, so that no route is needed."""

FOLDER = Path("/run/pods")
"""Parent of the Pods' folders."""

_HOSTS = Path("/run/hosts")

_NETWORKS = Path("/run/netns")
"""The folder in which `ip` looks for network namespaces."""

NODE = _NETWORKS / _NODE
"""The node's network namespace."""

_ENTER = 'mount --bind "$0" /etc/hosts && hostname "$1" && shift && exec "$@"'
"""Gives the Pod's processes the Service names, which lead to the sidecar, and the Pod's host name."""


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """The network namespace and the folder of one Pod.

    Attributes:
        name: of both: the Pod's name, a dot, its namespace.
        index: unique; it names the veth interface on the node.
        address: the Pod's IPv4 address.
    """

    name: str
    index: int
    address: str

    @property
    def hosts(self) -> Path:
        """The `/etc/hosts` of its processes: the same for all Pods of a namespace."""
        return hosts_file(self.name.rsplit(".", 1)[-1])

    @property
    def folder(self) -> Path:
        """The folder that its processes may write to."""
        return FOLDER / self.name

    @property
    def network(self) -> Path:
        """The file of its network namespace."""
        return _NETWORKS / self.name

    def inside(self) -> list[str]:
        """Return the command prefix that starts a process in this Pod."""
        own = ["unshare", "--mount", "--uts", "sh", "-c", _ENTER, str(self.hosts), self.name.rsplit(".", 1)[0]]
        return ["nsenter", f"--net={self.network}", *own]

    def create(self) -> None:
        """Create it, with a veth pair to the node's bridge.

        Raises:
            LabError: the kernel does not allow it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        veth = f"pod{self.index}"
        _add(self.network)
        _ip(
            _NODE,
            f"link add {veth} type veth peer name {_INTERFACE} netns {self.name}",
            f"link set {veth} master {_BRIDGE} up",
        )
        _ip(
            self.name,
            "link set lo up",
            f"link set {_INTERFACE} address {hardware_address(self.address)}",
            f"addr add {self.address}/{_PREFIX} dev {_INTERFACE}",
            f"link set {_INTERFACE} up",
        )

    def remove(self) -> None:
        """Remove it with its veth pair."""
        _run("ip", "netns", "delete", self.name)
        shutil.rmtree(self.folder)


def hardware_address(address: str) -> str:
    """Derive a Pod's Ethernet address from its IPv4 address.

    The cluster reuses IPv4 addresses, and neighbours remember the Ethernet address for half a minute: packets to the
    new Pod would be lost if it had another one.
    """
    # 02 marks a locally administered address.
    return ":".join(["02", "00", *(f"{int(part):02x}" for part in address.split("."))])


def hosts_file(namespace: str) -> Path:
    """Return the hosts file of a namespace."""
    return _HOSTS / namespace


def hosts(services: Iterable[tuple[str, str]], namespace: str) -> str:
    """Return `/etc/hosts` for the processes of a namespace: the names of each Service lead to the sidecar."""
    lines = [f"{LOOPBACK} localhost"]
    for name, own in sorted(services):
        short = [name] if own == namespace else []
        lines.append(
            " ".join([LOOPBACK, *short, f"{name}.{own}", f"{name}.{own}.svc", f"{name}.{own}.svc.cluster.local"])
        )
    return "\n".join([*lines, ""])


def names(agent: int) -> list[str]:
    """List the Pods that really run, as seen from outside; `agent` is the agent's process id."""
    folder = Path(f"/proc/{agent}/root{FOLDER}")
    return sorted(each.name for each in folder.iterdir()) if folder.is_dir() else []


def create_node() -> None:
    """Create the node's namespace with its bridge.

    Raises:
        LabError: the kernel does not allow it.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    _HOSTS.mkdir(exist_ok=True)
    _NETWORKS.mkdir(exist_ok=True)
    _add(NODE)
    _ip(_NODE, "link set lo up", f"link add {_BRIDGE} type bridge", f"link set {_BRIDGE} up")


def _add(network: Path) -> None:
    """Create a network namespace; `ip netns add` would return to the host's, which only root may enter."""
    network.touch()
    _run("unshare", f"--net={network}", "true")


def _ip(network: str, *commands: str) -> None:
    """Run `ip` commands in a network namespace, in one process, since a lab has twenty Pods."""
    _run("ip", "-n", network, "-batch", "-", stdin="\n".join(commands))


def _run(*command: str, stdin: str = "") -> None:
    process.run(command, stdin=stdin)
