"""How Pulumi's engine makes, checks, heals and removes the embedded control plane and its istiod.

The engine pickles these classes into the state, so they stay tiny and import `lab.platforms.embedded` late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, ResourceProvider, UpdateResult

if TYPE_CHECKING:
    from lab.platforms.dataplane.lifecycle import DataPlane
    from lab.platforms.embedded.control_plane import ControlPlane
    from lab.platforms.embedded.istiod import Istiod
    from lab.platforms.embedded.nodes import NodeSpec
    from lab.platforms.embedded.rollouts import RolloutsController

Props = dict[str, Any]
"""What the dynamic provider's protocol hands over."""


class ControlPlaneProvider(ResourceProvider):
    """etcd, API server, controller-manager, scheduler, kwok, metrics-server and the simulated nodes."""

    def check(self, olds: Props, news: Props) -> CheckResult:
        """Keep the ports of an existing lab, choose free ones for a new one: so they are known in a preview."""
        from dataclasses import asdict

        from lab.platforms.embedded.ports import Ports

        return CheckResult({**news, "ports": asdict(Ports.allocate(olds.get("ports")))}, [])

    def create(self, props: Props) -> CreateResult:
        """Make it from nothing."""
        from uuid import uuid4

        _control_plane(props).create(_nodes(props))
        # A new cluster is another cluster: whoever compares identities sees that its content must be made again.
        return CreateResult(uuid4().hex, _outputs(props))

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        """Changed settings, and processes that no longer run.

        Lost data is refused: the engine would first delete each object from a cluster that is no more.
        """
        plane = _control_plane(olds)
        plane.require_data()
        replaces = [key for key in ("directory", "version") if olds[key] != news[key]]
        # A lab of an earlier version of this program lacks the ports that came later.
        differs = any(_number(olds[key]) != _number(news[key]) for key in ("nodes", "ports"))
        return DiffResult(
            changes=bool(replaces) or differs or not plane.healthy,
            replaces=replaces,
            delete_before_replace=True,
        )

    def update(self, _id: str, _olds: Props, news: Props) -> UpdateResult:
        """Start what is down, then make the nodes what the settings say."""
        plane = _control_plane(news)
        if not plane.healthy:
            plane.start()
        plane.apply_nodes(_nodes(news))
        plane.remove_surplus_nodes(_nodes(news))
        return UpdateResult(_outputs(news))

    def read(self, id_: str, props: Props) -> ReadResult:
        """The truth for `pulumi refresh`: each component's state."""
        return ReadResult(id_, {**props, "components": _control_plane(props).health()})

    def delete(self, _id: str, props: Props) -> None:
        """End every process, those beside it included, and delete the data."""
        from lab.platforms.dataplane import lifecycle
        from lab.platforms.embedded import control_plane, istiod, rollouts

        directory = _control_plane(props).directory
        lifecycle.stop(directory)
        rollouts.stop(directory)
        istiod.stop(directory)
        control_plane.remove(directory)


class IstiodProvider(ResourceProvider):
    """The real istiod beside a control plane."""

    def create(self, props: Props) -> CreateResult:
        """Start it and wait until it serves. Its chart has brought new kinds, so the schema is due as well."""
        istiod = _istiod(props)
        istiod.start()
        istiod.control_plane.compose_schema()
        return CreateResult("istiod", {**props, "state": istiod.health()})

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        """Whether it runs as it was left; ports are unknown while its control plane is being replaced."""
        moved = olds["directory"] != news["directory"] or olds["ports"] != news["ports"]
        return DiffResult(changes=moved or not _istiod(olds).healthy)

    def update(self, _id: str, _olds: Props, news: Props) -> UpdateResult:
        """Start it again."""
        istiod = _istiod(news)
        istiod.start()
        return UpdateResult({**news, "state": istiod.health()})

    def read(self, id_: str, props: Props) -> ReadResult:
        """The truth for `pulumi refresh`."""
        return ReadResult(id_, {**props, "state": _istiod(props).health()})

    def delete(self, _id: str, props: Props) -> None:
        """End it."""
        _istiod(props).stop()


class RolloutsControllerProvider(ResourceProvider):
    """The real controller of Argo Rollouts beside a control plane."""

    def create(self, props: Props) -> CreateResult:
        """Start it."""
        controller = _rollouts(props)
        controller.start()
        return CreateResult("rollouts-controller", {**props, "state": controller.health()})

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        """Whether it runs as it was left."""
        moved = olds["directory"] != news["directory"] or olds["ports"] != news["ports"]
        return DiffResult(changes=moved or not _rollouts(olds).healthy)

    def update(self, _id: str, _olds: Props, news: Props) -> UpdateResult:
        """Start it again."""
        controller = _rollouts(news)
        controller.start()
        return UpdateResult({**news, "state": controller.health()})

    def read(self, id_: str, props: Props) -> ReadResult:
        """The truth for `pulumi refresh`."""
        return ReadResult(id_, {**props, "state": _rollouts(props).health()})

    def delete(self, _id: str, props: Props) -> None:
        """End it."""
        from lab.platforms.embedded import rollouts

        rollouts.stop(_control_plane(props).directory)


class DataPlaneProvider(ResourceProvider):
    """Real workloads beside a control plane, where this machine can have them."""

    def create(self, props: Props) -> CreateResult:
        """Start it; it follows the cluster by itself from then on."""
        plane = _data_plane(props)
        plane.start()
        return CreateResult("data-plane", {**props, "state": plane.health()})

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        """Whether it runs as it was left; one of an earlier version of this program counts nothing."""
        kept = {"directory": None, "ports": None, "metrics": False}
        other = any(olds.get(key, default) != news[key] for key, default in kept.items())
        return DiffResult(changes=other or not _data_plane(olds).healthy)

    def update(self, _id: str, _olds: Props, news: Props) -> UpdateResult:
        """Start it again."""
        plane = _data_plane(news)
        plane.start()
        return UpdateResult({**news, "state": plane.health()})

    def read(self, id_: str, props: Props) -> ReadResult:
        """The truth for `pulumi refresh`."""
        return ReadResult(id_, {**props, "state": _data_plane(props).health()})

    def delete(self, _id: str, props: Props) -> None:
        """End it with all that runs in it."""
        from lab.platforms.dataplane import lifecycle

        lifecycle.stop(_control_plane(props).directory)


def _number(values: Props) -> Props:
    """The engine's wire format has no integers: 3 comes back as 3.0."""
    return {key: int(value) if isinstance(value, float) else value for key, value in values.items()}


def _control_plane(props: Props) -> ControlPlane:
    from pathlib import Path

    from lab.platforms.embedded.control_plane import ControlPlane
    from lab.platforms.embedded.ports import Ports

    return ControlPlane(directory=Path(props["directory"]).absolute(), ports=Ports(**_number(props["ports"])))


def _nodes(props: Props) -> NodeSpec:
    from lab.platforms.embedded.nodes import NodeSpec

    return NodeSpec(**_number(props["nodes"]))


def _istiod(props: Props) -> Istiod:
    from lab.platforms.embedded.istiod import Istiod

    return Istiod(control_plane=_control_plane(props))


def _rollouts(props: Props) -> RolloutsController:
    from lab.platforms.embedded.rollouts import RolloutsController

    return RolloutsController(control_plane=_control_plane(props))


def _data_plane(props: Props) -> DataPlane:
    from lab.platforms.dataplane.lifecycle import DataPlane

    return DataPlane(control_plane=_control_plane(props), metrics=bool(props.get("metrics")))


def _outputs(props: Props) -> Props:
    plane = _control_plane(props)
    return {**props, "kubeconfig": plane.kubeconfig.read_text(), "components": plane.health()}
