"""Network namespaces: one for the node, with a bridge, and one for each Pod, with the Pod's own address.

All by `ip` of iproute2, inside a mount namespace whose `/run` is its own: names in there are seen by nobody else and
are gone with it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from lab.adapters import process

_NODE, _BRIDGE, _INTERFACE = "node", "pods", "eth0"

_PREFIX = 8
"""Length of the network that all Pods see as their own: wider than any cluster's, so that no route is needed."""

FOLDER = Path("/run/pods")
"""Where each Pod has a folder of its own."""

_HOSTS = Path("/run/hosts")

_NETWORKS = Path("/run/netns")
"""Where `ip` looks for network namespaces by their names."""

_ENTER = 'mount --bind "$0" /etc/hosts && hostname "$1" && shift && exec "$@"'
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
        return _NETWORKS / self.name

    def inside(self) -> list[str]:
        """The words before a command that make it one of this Pod's processes."""
        own = ["unshare", "--mount", "--uts", "sh", "-c", _ENTER, str(self.hosts), self.name.rsplit(".", 1)[0]]
        return ["nsenter", f"--net={self.network}", *own]

    def create(self) -> None:
        """Make it, with a wire to the node's bridge.

        Raises:
            LabError: the kernel does not allow it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        wire = f"pod{self.index}"
        _add(self.network)
        _ip(
            _NODE,
            f"link add {wire} type veth peer name {_INTERFACE} netns {self.name}",
            f"link set {wire} master {_BRIDGE} up",
        )
        _ip(
            self.name,
            "link set lo up",
            f"link set {_INTERFACE} address {hardware_address(self.address)}",
            f"addr add {self.address}/{_PREFIX} dev {_INTERFACE}",
            f"link set {_INTERFACE} up",
        )

    def remove(self) -> None:
        """Remove it; the wire goes with it."""
        _run("ip", "netns", "delete", self.name)
        shutil.rmtree(self.folder)


def hardware_address(address: str) -> str:
    """The Ethernet address of a Pod: the same for all that ever have its IPv4 address.

    The cluster gives addresses of Pods that have gone to new ones, and for half a minute everybody remembers who had
    them: with another hardware address, what is sent to the new Pod would be lost.

    Args:
        address: IPv4.
    """
    # 02 is the beginning of those that are given by the owner of a network, not by a maker of hardware.
    return ":".join(["02", "00", *(f"{int(part):02x}" for part in address.split("."))])


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
        LabError: the kernel does not allow it.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    _HOSTS.mkdir(exist_ok=True)
    _NETWORKS.mkdir(exist_ok=True)
    _add(_NETWORKS / _NODE)
    _ip(_NODE, "link set lo up", f"link add {_BRIDGE} type bridge", f"link set {_BRIDGE} up")


def _add(network: Path) -> None:
    """Make a network namespace; `ip netns add` wants to return to the machine's own, which only root may enter."""
    network.touch()
    _run("unshare", f"--net={network}", "true")


def _ip(network: str, *commands: str) -> None:
    """What `ip` is told to do in a network namespace; a process for all of it, since a lab has twenty Pods."""
    _run("ip", "-n", network, "-batch", "-", stdin="\n".join(commands))


def _run(*command: str, stdin: str = "") -> None:
    process.run(command, stdin=stdin)
