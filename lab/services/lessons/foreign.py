"""A student's own objects that a lesson meets."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from lab.core.errors import LabError
from lab.core.namespaces import ISTIO_SYSTEM
from lab.services.drift import effects, live, state, undeclared
from lab.services.lessons.claims import Claim

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lab.adapters.stack import Stack
    from lab.services.drift.fields import Value
    from lab.services.drift.live import Key
    from lab.services.drift.state import Declared
    from lab.services.drift.undeclared import Undeclared
    from lab.services.lessons.claims import Claims

_LOOKED_AT = (
    *undeclared.MESH,
    ("", "Service"),
    ("apps", "Deployment"),
    *(("argoproj.io", kind) for kind in ("Rollout", "AnalysisTemplate")),
)

_DOMAIN = ".svc.cluster.local"
"""Suffixes of the names of Services."""


@dataclass(frozen=True, kw_only=True)
class Met:
    """An object of somebody else that a lesson meets.

    Attributes:
        object: which one, and its effect.
        content: all of it.
        same_name: whether the lesson makes an object of that name, so that both cannot be.
    """

    object: Undeclared
    content: dict[str, Any]
    same_name: bool

    @property
    def why(self) -> str:
        """The reason why the lesson cannot overlook it."""
        effect = effects.effect(self.content, services=(), pods=(), root=ISTIO_SYSTEM)
        return "the lesson makes an object of that name" if self.same_name else f"it {effect}"


def met(stack: Stack, claims: Claims) -> tuple[Met, ...]:
    """The objects that a lesson meets in the cluster; none if no cluster can be asked, where `up` looks again.

    Raises:
        LabError: the state cannot be read.
    """
    if not stack.kubeconfig.is_file() or not (declared := state.declared(stack.export())):
        return ()
    try:
        cluster = live.look(stack, (), _LOOKED_AT)
    except LabError:
        return ()
    return tuple(among(declared, cluster, claims))


def among(declared: Iterable[Declared], cluster: Mapping[Key, Value], claims: Claims) -> Iterator[Met]:
    """The objects of a cluster that are not of the stack and that a lesson with these claims meets."""
    for each, content in undeclared.others(declared, cluster):
        group = each.api_version.rpartition("/")[0]
        same = Claim(group=group, kind=each.kind, namespace=each.namespace, name=each.name) in claims.objects
        if same or (each.kind in effects.RULES and _decides(each, content, claims)):
            yield Met(object=each, content=content, same_name=same)


def _decides(rule: Undeclared, content: dict[str, Any], claims: Claims) -> bool:
    """Check that a rule decides about the requests of a lesson, or is one where there should be none."""
    if space := claims.untouched:
        return (
            rule.namespace == space
            or (rule.kind in effects.PROXIES and rule.namespace == ISTIO_SYSTEM)
            or (
                rule.kind in effects.ROUTES and any(host.endswith(f".{space}.svc.cluster.local") for host in rule.hosts)
            )
        )
    if rule.kind not in effects.ROUTES or not effects.in_mesh(content):
        return False
    names = [own.removesuffix(rest) for own in claims.hosts for rest in ("", ".cluster.local", _DOMAIN)]
    return any(fnmatchcase(name, host) for name in names for host in rule.hosts)
