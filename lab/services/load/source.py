"""The generator of a load: siege in its Pod where containers run, else fortio on this machine."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import toolchain
from lab.adapters import kubectl
from lab.core.errors import LabError
from lab.platforms.dataplane import lifecycle
from lab.services import pages
from lab.services.load import fortio, shop, siege
from lab.services.load.plan import PORT, Destination, Plan
from lab.services.load.report import Meter, Report
from lab.settings import Settings
from lab.toolchain import applications

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.adapters.stack import Stack
    from lab.core.progress import Progress
    from lab.services.load.report import Outcome


@dataclass(frozen=True, kw_only=True)
class Source:
    """A generator that is ready to run.

    Attributes:
        plan: the load.
        note: for people, before it runs.
        by: the generator and its place, for the report.
        generate: runs it; returns its result, and whether the user ended it early.
    """

    plan: Plan
    note: str
    by: str
    generate: Callable[[Meter], tuple[Outcome, bool]]

    def run(self) -> Report:
        """Generate the load, with its progress on standard error."""
        outcome, interrupted = self.generate(Meter(self.plan.seconds))
        return Report(
            method=self.plan.method,
            url=self.plan.url,
            by=self.by,
            users=self.plan.users,
            asked=self.plan.seconds,
            outcome=outcome,
            interrupted=interrupted,
        )


@contextlib.contextmanager
def prepared(
    stack: Stack, plan: Plan, progress: Progress, *, on_line: Callable[[str], None] | None = None
) -> Iterator[Source]:
    """Prepare the generator that fits the stack, and all that it needs for the length of a `with` block.

    Raises:
        LabError: the lab is down, there is no such Service, or no load can be made.
    """
    if not stack.kubeconfig.is_file():
        raise LabError(f"stack {stack.name} does not stand", f"make up{stack.suffix}")
    in_cluster = pages.runs_containers(stack)
    _require_service(stack, plan)
    if in_cluster:
        yield _siege(stack, plan, on_line)
        return
    unavailable = lifecycle.unavailable()
    if unavailable and plan.app not in applications.names():
        raise LabError(
            f"the Pods of stack {stack.name} are simulated, and {plan.app} cannot run on this machine instead",
            f"take one of: {', '.join(applications.names())}; or a cluster that runs containers",
        )
    toolchain.bring(toolchain.LOAD, progress)
    if not unavailable:
        destination = Destination(
            base=f"http://{plan.app}:{PORT}",
            by=f"fortio in the Pod siege of the namespace {plan.namespace}, through its Envoy",
            inside=tuple(lifecycle.inside(stack.directory, f"siege.{plan.namespace}")),
        )
        note = f"from the Pod siege of the namespace {plan.namespace}, through its Envoy: {plan.url}"
        yield _fortio(plan, destination, note)
        return
    with shop.on_loopback(plan.app, _variables(stack), progress) as destination:
        note = (
            f"The Pods of stack {stack.name} are simulated, and there is no data plane: {unavailable}. Instead, "
            f"{plan.app} runs as a process of this machine while the load lasts: without Envoy, without MySQL, with "
            "one replica."
        )
        yield _fortio(plan, destination, note)


def _siege(stack: Stack, plan: Plan, on_line: Callable[[str], None] | None) -> Source:
    siege.require_pod(stack, plan.namespace)
    return Source(
        plan=plan,
        note=f"in the Pod {siege.POD} of the namespace {plan.namespace}: siege {' '.join(siege.arguments(plan))}",
        by=f"siege in the namespace {plan.namespace}",
        generate=lambda meter: siege.run(stack, plan, meter, on_line),
    )


def _fortio(plan: Plan, destination: Destination, note: str) -> Source:
    return Source(
        plan=plan,
        note=note,
        by=destination.by,
        generate=lambda meter: fortio.run(toolchain.path("fortio"), destination, plan, meter),
    )


def _variables(stack: Stack) -> dict[str, dict[str, str]]:
    """Return each application's environment variables; logs of every request would fill this machine's disk."""
    settings = Settings.from_mapping(stack.config(), source=stack.file.name, stack=stack.name).shop
    return {
        name: {
            "APP_VERSION": app.version,
            "APP_COLOUR": app.colour,
            "VARIANT": app.variant.value,
            f"{name.upper()}_LOG_LEVEL": "WARNING",
        }
        for name, app in {"order": settings.order, "delivery": settings.delivery}.items()
    }


def _require_service(stack: Stack, plan: Plan) -> None:
    listing = kubectl.run(stack.kubeconfig, "-n", plan.namespace, "get", "services", "--output=name").split()
    names = [name.removeprefix("service/") for name in listing]
    if plan.app not in names:
        raise LabError(
            f"the namespace {plan.namespace} of stack {stack.name} has no Service {plan.app}; "
            f"it has {', '.join(names) or 'none at all'}",
            f"name another with --namespace, or let the shop be made: make up{stack.suffix}",
        )
