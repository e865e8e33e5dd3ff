"""Flags and variables of kwokctl's components, most of which close what it leaves open to every user of the machine.

kwokctl serves etcd without a login and the metrics of the controllers to anybody. etcd gets the control plane's own
certificates, which it also asks of its clients; nobody needs the controllers' ports.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.platforms.embedded.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lab.platforms.embedded.ports import Ports


_ALONE = {"leader-elect": "false"}
"""For a controller of which there is one: started again after a kill, it would wait for the lease of the one before."""

_VARIABLES = {"kube-apiserver": {"GOMEMLIMIT": "450MiB"}}
"""It needs 250 MB with a whole lab, and would double that between two collections. Above the limit it collects more
often, for at most half of its time."""


@dataclass(frozen=True, kw_only=True)
class Flag:
    """A flag of a component; `replaces` for one that kwokctl sets to something else."""

    component: str
    name: str
    value: str
    replaces: bool = False

    def __str__(self) -> str:
        return f"--{self.name}={self.value}"


def flags(certificates: Path, ports: Ports) -> tuple[Flag, ...]:
    """Return the flags of all components; `certificates` is kwokctl's folder of them."""
    authority, certificate, key = (str(certificates / name) for name in ("ca.crt", "admin.crt", "admin.key"))
    client, peer = f"https://{LOOPBACK}:{ports.etcd}", f"https://{LOOPBACK}:{ports.etcd_peer}"
    replaced = {
        "etcd": {
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"node0={peer}",
        },
        "kube-apiserver": {"etcd-servers": client},
        "kube-controller-manager": {"secure-port": "0"},
        "kube-scheduler": {"secure-port": "0"},
        # In its working folder: it takes a comma or a quote in a path for one between several files.
        "kwok-controller": {"config": "kwok.yaml"},
    }
    added = {
        "etcd": {
            "client-cert-auth": "true",
            "trusted-ca-file": authority,
            "cert-file": certificate,
            "key-file": key,
            "peer-client-cert-auth": "true",
            "peer-trusted-ca-file": authority,
            "peer-cert-file": certificate,
            "peer-key-file": key,
        },
        "kube-apiserver": {
            "etcd-cafile": authority,
            "etcd-certfile": certificate,
            "etcd-keyfile": key,
        },
        # A quota of objects whose definition is new refuses them until it is counted anew: by default within five
        # minutes.
        "kube-controller-manager": {"resource-quota-sync-period": "10s", **_ALONE},
        "kube-scheduler": _ALONE,
    }
    return tuple(
        Flag(component=component, name=name, value=value, replaces=replaces)
        for chosen, replaces in ((replaced, True), (added, False))
        for component, values in chosen.items()
        for name, value in values.items()
    )


def patches(chosen: Iterable[Flag]) -> list[dict[str, object]]:
    """Return them, and the components' variables, as `componentsPatches` of kwokctl's configuration."""
    arguments = [
        (flag.component, "extraArgs", {"key": flag.name, "value": flag.value, "override": flag.replaces})
        for flag in chosen
    ]
    variables = [
        (component, "extraEnvs", {"name": name, "value": value})
        for component, values in _VARIABLES.items()
        for name, value in values.items()
    ]
    return [{"name": component, kind: [each]} for component, kind, each in (*arguments, *variables)]


def applied(component: str, arguments: Iterable[str], chosen: Iterable[Flag]) -> list[str]:
    """Return the arguments of a component with its flags, whatever they were before."""
    own = {flag.name: str(flag) for flag in chosen if flag.component == component}
    kept = [each for each in arguments if each.removeprefix("--").partition("=")[0] not in own]
    return [*kept, *own.values()]


def complete(component: str, command: Sequence[str], chosen: Iterable[Flag]) -> bool:
    """Check that a command line has all flags of its component; that of an earlier version of this program has not."""
    return all(str(flag) in command for flag in chosen if flag.component == component)
