"""Dynamic providers of the embedded control plane and of the processes beside it.

This module keeps its path: the state of every stack names its classes by it. The work is in `lab`, imported late.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, ResourceProvider, UpdateResult

if TYPE_CHECKING:
    from lab.platforms.embedded.control_plane import ControlPlane
    from lab.platforms.embedded.nodes import NodeSpec

Props = dict[str, Any]
"""Properties of a resource, as the provider protocol has them."""


class ControlPlaneProvider(ResourceProvider):
    """etcd, API server, controller-manager, scheduler, kwok, metrics-server and the simulated nodes."""

    def check(self, olds: Props, news: Props) -> CheckResult:
        """Keep the ports of an existing lab and choose free ones for a new lab, so that previews know them."""
        from dataclasses import asdict

        from lab.platforms.embedded.ports import Ports

        return CheckResult({**news, "ports": asdict(Ports.allocate(olds.get("ports")))}, [])

    def create(self, props: Props) -> CreateResult:
        """Create the cluster under a new identity, so that its content is made again."""
        from uuid import uuid4

        from lab.platforms.embedded import claim

        claim.require_own(_directory(props))
        _bring_tools()
        _control_plane(props).create(_nodes(props))
        claim.note(_directory(props))
        return CreateResult(uuid4().hex, _outputs(props))

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        """Compare settings and find processes that are down.

        Lost data raises an error: the engine would first delete each object from a cluster that is gone.
        """
        plane = _control_plane(olds)
        plane.require_data()
        replaces = [key for key in ("directory", "version") if olds[key] != news[key]]
        # A lab of an earlier version of this program lacks the ports that came later.
        differs = any(_integers(olds[key]) != _integers(news[key]) for key in ("nodes", "ports"))
        return DiffResult(
            changes=bool(replaces) or differs or not plane.healthy, replaces=replaces, delete_before_replace=True
        )

    def update(self, _id: str, _olds: Props, news: Props) -> UpdateResult:
        """Start what is down and apply the settings of the nodes."""
        _bring_tools()
        plane = _control_plane(news)
        if not plane.healthy:
            plane.start()
        plane.apply_nodes(_nodes(news))
        plane.remove_surplus_nodes(_nodes(news))
        return UpdateResult(_outputs(news))

    def read(self, id_: str, props: Props) -> ReadResult:
        """Return the health of each component for `pulumi refresh`."""
        return ReadResult(id_, {**props, "components": _control_plane(props).health()})

    def delete(self, _id: str, props: Props) -> None:
        """Stop every process, those beside the control plane included, and delete the data."""
        from lab.platforms.dataplane import lifecycle
        from lab.platforms.embedded import control_plane, istiod, rollouts

        directory = _directory(props)
        lifecycle.stop(directory)
        rollouts.stop(directory)
        istiod.stop(directory)
        control_plane.remove(directory)


class _Process(Protocol):
    @property
    def healthy(self) -> bool: ...

    def start(self) -> None: ...

    def health(self) -> Any: ...  # noqa: ANN401 - kept in the state as it is


class _ProcessProvider(ResourceProvider):
    """A process beside the control plane."""

    resource_id: ClassVar[str]

    def _process(self, props: Props) -> _Process:
        raise NotImplementedError

    def create(self, props: Props) -> CreateResult:
        """Start it."""
        return CreateResult(self.resource_id, self._started(props))

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        """Compare settings and health; ports are unknown while the control plane is being replaced."""
        # A data plane of an earlier version of this program counts nothing.
        differs = any(olds.get(key, False) != news.get(key, False) for key in ("directory", "ports", "metrics"))
        return DiffResult(changes=differs or not self._process(olds).healthy)

    def update(self, _id: str, _olds: Props, news: Props) -> UpdateResult:
        """Start it again."""
        return UpdateResult(self._started(news))

    def read(self, id_: str, props: Props) -> ReadResult:
        """Return its health for `pulumi refresh`."""
        return ReadResult(id_, {**props, "state": self._process(props).health()})

    def _tools(self, props: Props) -> tuple[str, ...]:
        """Return the tools that it runs beyond those of the control plane."""
        del props
        return ()

    def _started(self, props: Props) -> Props:
        _bring_tools(*self._tools(props))
        process = self._process(props)
        process.start()
        return {**props, "state": process.health()}


class IstiodProvider(_ProcessProvider):
    """The real istiod."""

    resource_id = "istiod"

    def _process(self, props: Props) -> _Process:
        from lab.platforms.embedded.istiod import Istiod

        return Istiod(control_plane=_control_plane(props))

    def create(self, props: Props) -> CreateResult:
        """Start it, then have the API server compose its schema, since Istio's CRDs are new."""
        created = super().create(props)
        _control_plane(props).compose_schema()
        return created

    def delete(self, _id: str, props: Props) -> None:
        """Stop it."""
        from lab.platforms.embedded import istiod

        istiod.stop(_directory(props))


class RolloutsControllerProvider(_ProcessProvider):
    """The real controller of Argo Rollouts."""

    resource_id = "rollouts-controller"

    def _process(self, props: Props) -> _Process:
        from lab.platforms.embedded.rollouts import RolloutsController

        return RolloutsController(control_plane=_control_plane(props))

    def delete(self, _id: str, props: Props) -> None:
        """Stop it."""
        from lab.platforms.embedded import rollouts

        rollouts.stop(_directory(props))


class DataPlaneProvider(_ProcessProvider):
    """Real workloads, if this machine can have them; they follow the cluster once started."""

    resource_id = "data-plane"

    def _process(self, props: Props) -> _Process:
        from lab.platforms.dataplane.lifecycle import DataPlane

        return DataPlane(control_plane=_control_plane(props), metrics=bool(props.get("metrics")))

    def _tools(self, props: Props) -> tuple[str, ...]:
        from lab.platforms.dataplane import lifecycle

        return ("prometheus",) if props.get("metrics") and not lifecycle.unavailable() else ()

    def delete(self, _id: str, props: Props) -> None:
        """Stop it with all that runs in it."""
        from lab.platforms.dataplane import lifecycle

        lifecycle.stop(_directory(props))


def _bring_tools(*more: str) -> None:
    """Have the embedded tools on this machine. The engine shows what this process prints, and so the progress."""
    import sys

    from lab import toolchain
    from lab.core.progress import Progress

    toolchain.ensure((*toolchain.EMBEDDED, *more), progress=Progress(sys.stdout))


def _integers(values: Props) -> Props:
    """Restore integers: the engine's wire format has none, so 3 comes back as 3.0."""
    return {key: int(value) if isinstance(value, float) else value for key, value in values.items()}


def _directory(props: Props) -> Path:
    return Path(props["directory"]).absolute()


def _control_plane(props: Props) -> ControlPlane:
    from lab.platforms.embedded.control_plane import ControlPlane
    from lab.platforms.embedded.ports import Ports

    return ControlPlane(directory=_directory(props), ports=Ports.of(_integers(props["ports"])))


def _nodes(props: Props) -> NodeSpec:
    from lab.platforms.embedded.nodes import NodeSpec

    return NodeSpec(**_integers(props["nodes"]))


def _outputs(props: Props) -> Props:
    plane = _control_plane(props)
    # They were started just now; some listen a moment later, which nothing waits for.
    return {**props, "kubeconfig": plane.kubeconfig.read_text(), "components": plane.processes()}
