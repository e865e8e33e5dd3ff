"""Objects around a Rollout that stop it, or lead its requests to nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.services.rollouts.state import Obstacle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Object = Mapping[str, Any]

_NO_SUBSET = "requests that are routed to it are answered with 503"

_SHRINKING = {"onsuccess", "progressively"}
"""Values of `workloadRef.scaleDown` with which the controller scales the Deployment itself."""


def find(rollout: Object, around: Sequence[Object]) -> tuple[Obstacle, ...]:
    """Find what stands in a Rollout's way among the objects of its namespace; those that block it come first."""
    found = [
        *_services(rollout, around),
        *_routes(rollout, around),
        *_rivals(rollout, around),
        *_workload(rollout, around),
    ]
    return tuple(sorted(found, key=lambda each: not each.blocks))


def _services(rollout: Object, around: Sequence[Object]) -> Iterator[Obstacle]:
    canary, blue_green = _strategy(rollout, "canary"), _strategy(rollout, "blueGreen")
    there = {each["metadata"]["name"] for each in _of(around, "Service")}
    for strategy, field in (
        (canary, "stableService"),
        (canary, "canaryService"),
        (blue_green, "activeService"),
        (blue_green, "previewService"),
    ):
        name = strategy.get(field)
        if name and name not in there:
            yield Obstacle(
                text=f"The Service {name} ({field}) does not exist, so the controller cannot switch it.",
                remedy="get services",
            )


def _routes(rollout: Object, around: Sequence[Object]) -> Iterator[Obstacle]:
    named = _istio(rollout).get("destinationRule") or {}
    rules = {each["metadata"]["name"]: each for each in _of(around, "DestinationRule")}
    wanted = [named[field] for field in ("stableSubsetName", "canarySubsetName") if named.get(field)]
    told: set[str] = set()
    if (name := named.get("name")) and name not in rules:
        yield Obstacle(
            text=f"The DestinationRule {name} does not exist, so the subsets {' and '.join(wanted)} lead nowhere: "
            f"{_NO_SUBSET}.",
            remedy="get destinationrules",
        )
        return
    if name:
        host = (rules[name].get("spec") or {}).get("host", "")
        for subset in wanted:
            if subset not in _subsets([rules[name]]):
                told.add(subset)
                yield _no_subset(subset, host, [rules[name]])
    for service in _virtual_services(rollout, around):
        for host, subset in _destinations(service):
            fitting = [each for each in rules.values() if _short((each.get("spec") or {}).get("host", "")) == host]
            if subset not in told and subset not in _subsets(fitting):
                told.add(subset)
                yield _no_subset(subset, host, fitting)


def _no_subset(subset: str, host: str, rules: Sequence[Object]) -> Obstacle:
    if not rules:
        return Obstacle(
            text=f"No DestinationRule has the subset {subset} of {host}: {_NO_SUBSET}.", remedy="get destinationrules"
        )
    name = rules[0]["metadata"]["name"]
    return Obstacle(
        text=f"The DestinationRule {name} has no subset {subset}: {_NO_SUBSET}. "
        f"It has: {', '.join(sorted(_subsets(rules))) or 'none'}.",
        remedy=f"edit destinationrule {name}",
    )


def _rivals(rollout: Object, around: Sequence[Object]) -> Iterator[Obstacle]:
    """Find other objects that do the same work; a Rollout that the controller refuses does none."""
    name, mine = rollout["metadata"]["name"], _claims(rollout)
    for other in _of(around, "Rollout"):
        rival = other["metadata"]["name"]
        if rival == name or _invalid(other):
            continue
        theirs = _claims(other)
        for service in mine.keys() & theirs.keys():
            if not mine[service] or not theirs[service] or mine[service] & theirs[service]:
                yield Obstacle(
                    text=f"The Rollout {rival} changes the same route of the VirtualService {service}: each writes its "
                    "own weights over those of the other. Name a route for each of them.",
                    remedy=f"edit virtualservice {service}",
                )
        if _same_pods(rollout, other):
            yield _same_selector(f"Rollout {rival}")
    for other in _of(around, "Deployment"):
        reference = (rollout.get("spec") or {}).get("workloadRef") or {}
        if other["metadata"]["name"] != reference.get("name") and _same_pods(rollout, other):
            yield _same_selector(f"Deployment {other['metadata']['name']}")


def _same_selector(rival: str) -> Obstacle:
    kind, _, name = rival.partition(" ")
    return Obstacle(
        text=f"The {rival} selects the same Pods: a Service of one of them sends requests to both.",
        remedy=f"get {kind.lower()} {name} -o yaml",
        blocks=False,
    )


def _workload(rollout: Object, around: Sequence[Object]) -> Iterator[Obstacle]:
    reference = (rollout.get("spec") or {}).get("workloadRef") or {}
    for each in _of(around, "Deployment"):
        count = (each.get("spec") or {}).get("replicas", 1)
        if each["metadata"]["name"] == reference.get("name") and count and reference.get("scaleDown") not in _SHRINKING:
            name = each["metadata"]["name"]
            yield Obstacle(
                text=f"The Deployment {name}, whose template it takes, still runs {count} Pods of its own.",
                remedy=f"scale deployment {name} --replicas=0",
                blocks=False,
            )


def _claims(rollout: Object) -> dict[str, set[str]]:
    """Return the routes that a Rollout changes, by VirtualService; empty for the only route."""
    return {each["name"]: set(each.get("routes") or ()) for each in _references(rollout)}


def _references(rollout: Object) -> list[Object]:
    istio = _istio(rollout)
    every = [istio.get("virtualService"), *(istio.get("virtualServices") or ())]
    # A name may carry another namespace behind a dot; that one is not read.
    return [each for each in every if each and each.get("name") and "." not in each["name"]]


def _virtual_services(rollout: Object, around: Sequence[Object]) -> Iterator[Object]:
    names = {each["name"] for each in _references(rollout)}
    yield from (each for each in _of(around, "VirtualService") if each["metadata"]["name"] in names)


def _destinations(service: Object) -> Iterator[tuple[str, str]]:
    """Yield the host, without its domain, and the subset of each destination that names one."""
    spec, namespace = service.get("spec") or {}, service["metadata"]["namespace"]
    for kind in ("http", "tcp", "tls"):
        for route in spec.get(kind) or ():
            for each in route.get("route") or ():
                found = each.get("destination") or {}
                host, subset = str(found.get("host", "")), found.get("subset")
                if subset and host.split(".")[1:2] in ([], [namespace]):
                    yield _short(host), subset


def _same_pods(one: Object, other: Object) -> bool:
    labels = [((each.get("spec") or {}).get("selector") or {}).get("matchLabels") or {} for each in (one, other)]
    return bool(labels[0]) and labels[0] == labels[1]


def _invalid(rollout: Object) -> bool:
    conditions = (rollout.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == "InvalidSpec" and each.get("status") == "True" for each in conditions)


def _subsets(rules: Iterable[Object]) -> set[str]:
    return {subset.get("name", "") for rule in rules for subset in (rule.get("spec") or {}).get("subsets") or ()}


def _short(host: str) -> str:
    return host.partition(".")[0]


def _strategy(rollout: Object, kind: str) -> Object:
    found: Object = ((rollout.get("spec") or {}).get("strategy") or {}).get(kind) or {}
    return found


def _istio(rollout: Object) -> Object:
    found: Object = (_strategy(rollout, "canary").get("trafficRouting") or {}).get("istio") or {}
    return found


def _of(objects: Iterable[Object], kind: str) -> list[Object]:
    return [each for each in objects if each.get("kind") == kind]
