"""Network namespaces: one for the node, with a bridge, and one for each Pod, with the Pod's own address.

They are made with `ip` of iproute2, inside a mount namespace with a private `/run`, which takes their names with it.
"""

from __future__ import annotations

import hashlib
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
"""Gives a process the Service names, which lead to the sidecar, and the Pod's host name."""

_LONGEST_NAME, _LONGEST_HOSTNAME = 150, 63
"""Letters of a Pod's name in the names of files, which end at 255, and of a host name in Linux."""

_SPACE = "size=64m,nr_inodes=4096,mode=1777,nosuid,nodev,noexec"
"""Of a Pod's own folder: as much as the emptyDir of the applications."""


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """The network namespace and the folder of one Pod.

    Attributes:
        name: of both: see `name_of`.
        index: unique; it names the veth interface on the node, and its user.
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
    def hostname(self) -> str:
        """The host name of its processes, cut as a kubelet does."""
        return self.name.rsplit(".", 1)[0][:_LONGEST_HOSTNAME].rstrip("-.")

    @property
    def folder(self) -> Path:
        """The folder of its files."""
        return FOLDER / self.name

    @property
    def temporary(self) -> Path:
        """The folder that its processes may write to."""
        return self.folder / "tmp"

    @property
    def network(self) -> Path:
        """The file of its network namespace."""
        return _NETWORKS / self.name

    def inside(self) -> list[str]:
        """Return the command prefix that starts a process of the lab's user in this Pod's network.

        It sees this machine as its user does: for a process of the Pod's own there is `confinement`.
        """
        own = ["unshare", "--mount", "--uts", "sh", "-c", _ENTER, str(self.hosts), self.hostname]
        return ["nsenter", f"--net={self.network}", *own]

    def create(self) -> None:
        """Create it, with a veth pair to the node's bridge.

        Raises:
            LabError: the kernel does not allow it.
        """
        self.temporary.mkdir(parents=True, exist_ok=True)
        _run("mount", "-t", "tmpfs", "-o", _SPACE, "tmpfs", str(self.temporary))
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
        for command in (["ip", "netns", "delete", self.name], ["umount", "-l", str(self.temporary)]):
            process.run(command, check=False)  # one that could not be made is not all there
        shutil.rmtree(self.folder, ignore_errors=True)


def name_of(pod: str, namespace: str) -> str:
    """Return the name of a Pod's sandbox: the Pod's name, a dot, its namespace.

    A very long name is cut, and told from others by a hash.
    """
    if len(pod) > _LONGEST_NAME:
        pod = f"{pod[:_LONGEST_NAME]}-{hashlib.sha256(pod.encode()).hexdigest()[:8]}"
    return f"{pod}.{namespace}"


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
