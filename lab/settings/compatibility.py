"""Judgement of pairs of Istio and Kubernetes, and better pairs to choose, by the tables of `lab.settings.support`.

`check` says so itself when they have grown old.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from lab.core import versions
from lab.settings.support import ISTIO, KUBERNETES, IstioMinor, KubernetesMinor, minor

STALE_AFTER = timedelta(days=30)
"""How long after the newest Istio row's end of support the tables still count as fresh."""

RETIRED_HUBS = ("gcr.io/istio-release", "registry.istio.io")
"""Image registries that Istio leaves; istio.io, blog 2026 "retirement of GCP"."""

RETIRED_HUBS_END = date(2026, 12, 1)
"""Announced as "December 2026", so the first day on which an image may be gone; the last outage test is 8 December."""


@dataclass(frozen=True)
class Pair:
    """A Kubernetes version and an Istio version that are meant to run together."""

    kubernetes: str
    istio: str


@dataclass(frozen=True)
class Verdict:
    """What the gate says about a pair.

    Attributes:
        refused: reasons why the pair cannot work; empty when it can.
        warnings: what the user should know about a pair that is let through.
        proposal: the nearest pair that works, when this one is refused.
    """

    refused: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    proposal: Pair | None = None


def check(kubernetes: str, istio: str, *, today: date, runs: Pair | None = None) -> Verdict:
    """Judges whether an Istio release works on a Kubernetes release.

    Args:
        kubernetes: a minor (`1.36`) or an exact version (`1.36.3`).
        istio: an exact version (`1.31.1`).
        today: the day that support dates are held against.
        runs: what the target runs whatever is asked for, or none where it runs what is asked for.
    """
    asked = Pair(minor(kubernetes), minor(istio))
    refused = _refusals(asked)
    if refused:
        return Verdict(refused=refused, proposal=_nearest(asked, istio))
    return Verdict(
        warnings=(
            *_kubernetes_warnings(asked.kubernetes, today),
            *_istio_warnings(asked, istio, today),
            *(_target_warnings(kubernetes, asked, runs) if runs else ()),
            *_stale_warnings(today),
        )
    )


def newest_istio_for(kubernetes: str) -> str | None:
    """The newest Istio release that supports a Kubernetes release which cannot be changed, or None.

    Args:
        kubernetes: a minor or an exact version.
    """
    fitting = [row for row in ISTIO.values() if minor(kubernetes) in row.supported]
    return max((row.newest for row in fitting), key=_order, default=None)


def hub_warnings(hub: str) -> tuple[str, ...]:
    """Warns about an image hub that Istio is leaving."""
    if not any(hub == retired or hub.startswith(f"{retired}/") for retired in RETIRED_HUBS):
        return ()
    return (
        (
            f"the hub {hub} is switched off in December 2026 (from {RETIRED_HUBS_END} on an image may be gone) "
            f"and never had Istio 1.31 or newer; use {versions.ISTIO_HUB}, which stays (istio.io, blog 2026)"
        ),
    )


def _refusals(asked: Pair) -> tuple[str, ...]:
    unknown = (*_unknown("Kubernetes", asked.kubernetes, KUBERNETES), *_unknown("Istio", asked.istio, ISTIO))
    if unknown:
        return unknown
    row = ISTIO[asked.istio]
    if asked.kubernetes in row.supported + row.tested:
        return ()
    return (
        (
            f"Istio {asked.istio} does not work with Kubernetes {asked.kubernetes}: "
            f"it supports {_span(row.supported)} and is tested on {_span(row.tested)} ({row.source})"
        ),
    )


def _unknown(product: str, asked: str, rows: dict[str, IstioMinor] | dict[str, KubernetesMinor]) -> tuple[str, ...]:
    if asked in rows:
        return ()
    hint = (
        f'; did you mean "{asked}0"? Quote it: YAML reads {asked}0 as the number {asked}' if f"{asked}0" in rows else ""
    )
    age = "newer" if _order(asked) > _order(max(rows, key=_order)) else "older"
    return (f"{product} {asked} is {age} than this release of the lab knows: {_span(tuple(rows))}{hint}",)


def _nearest(asked: Pair, istio: str) -> Pair:
    """Keeps the user's Istio if the tables know it, else moves to the closest Istio for the user's Kubernetes."""
    if asked.istio in ISTIO:
        return Pair(_closest(asked.kubernetes, ISTIO[asked.istio].supported), istio)
    fitting = tuple(name for name, row in ISTIO.items() if asked.kubernetes in row.supported)
    if not fitting:
        return Pair(minor(versions.KUBERNETES), versions.ISTIO)
    return Pair(asked.kubernetes, ISTIO[_closest(asked.istio, fitting)].newest)


def _closest(to: str, names: tuple[str, ...]) -> str:
    (major, number) = _order(to)
    return min(names, key=lambda name: (abs(_order(name)[0] - major), abs(_order(name)[1] - number), -_order(name)[1]))


def _kubernetes_warnings(name: str, today: date) -> tuple[str, ...]:
    row = KUBERNETES[name]
    if today <= row.ends:
        return ()
    aks = ""
    if row.aks_ends and row.aks_lts_ends and today > row.aks_ends:
        aks = f"; on Azure it needs the Premium tier with long-term support, which ends in {row.aks_lts_ends:%Y-%m}"
        if today > row.aks_lts_ends:
            aks = f"; on Azure even long-term support ended in {row.aks_lts_ends:%Y-%m}"
    return (f"Kubernetes {name} is past support since {row.ends} ({row.source}){aks}",)


def _istio_warnings(asked: Pair, istio: str, today: date) -> tuple[str, ...]:
    row = ISTIO[asked.istio]
    found = []
    if today > row.ends:
        about = "" if row.announced else "about "
        note = f". {row.note}" if row.note else ""
        found.append(f"Istio {asked.istio} is past support since {about}{row.ends} ({row.source}){note}")
    if _order(istio) > _order(row.newest):
        found.append(f"Istio {istio} is newer than {row.newest}, the newest patch this release of the lab knows")
    if asked.kubernetes in row.tested:
        found.append(
            f"Istio {asked.istio} is tested on Kubernetes {asked.kubernetes} but does not support it: "
            f"it supports {_span(row.supported)} ({row.source})"
        )
    return tuple(found)


def _target_warnings(kubernetes: str, asked: Pair, runs: Pair) -> tuple[str, ...]:
    found = []
    if kubernetes not in (runs.kubernetes, minor(runs.kubernetes)):
        found.append(f"this target always runs Kubernetes {runs.kubernetes}: asking for {kubernetes} changes nothing")
    if asked.istio != minor(runs.istio):
        found.append(
            f"this target always runs istiod of the {minor(runs.istio)} line: asking for Istio {asked.istio} changes "
            "the hub and tag of the images that pod specs name, and nothing else"
        )
    return tuple(found)


def _stale_warnings(today: date) -> tuple[str, ...]:
    newest = max(ISTIO, key=_order)
    ends = ISTIO[newest].ends
    if today <= ends + STALE_AFTER:
        return ()
    return (f"the lab's support tables are old: their newest Istio, {newest}, ended {ends}; update the lab",)


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _span(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
