"""Which Istio runs on which Kubernetes, until when, and what to choose instead.

The tables are copied by hand, dates and all, because a gate that needs the network is a gate that fails on a train.
`check` says so itself when they have grown old.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from lab.core import versions

STALE_AFTER = timedelta(days=30)
"""How long after the newest Istio row's end of support the tables still count as fresh."""

RETIRED_HUBS = ("gcr.io/istio-release", "registry.istio.io")
"""Image registries that Istio leaves; istio.io, blog 2026 "retirement of GCP"."""

RETIRED_HUBS_END = date(2026, 12, 1)
"""Announced as "December 2026", so the first day on which an image may be gone; the last outage test is 8 December."""


ENDS_SOON = timedelta(days=30)
"""The time before its end of support at which a default must be changed."""

_AKS_CALENDAR = "learn.microsoft.com, AKS, supported-kubernetes-versions"


@dataclass(frozen=True)
class Pair:
    """A Kubernetes version and an Istio version that are meant to run together."""

    kubernetes: str
    istio: str


@dataclass(frozen=True, kw_only=True)
class IstioMinor:
    """One row of Istio's support table.

    Attributes:
        newest: the newest patch release known, `x.y.z`.
        supported: Kubernetes minors that Istio supports.
        tested: Kubernetes minors that Istio tests but does not support (those older than `KUBERNETES` left out).
        ends: the last day of support.
        announced: whether `ends` is an announced day; otherwise the end of the month that Istio expects.
        source: where the row comes from.
        seen: the day on which the source said so.
        note: what else goes wrong with it, empty for nothing.
    """

    newest: str
    supported: tuple[str, ...]
    tested: tuple[str, ...]
    ends: date
    announced: bool = True
    source: str = "istio.io, data/compatibility/supportStatus.yml"
    seen: date = date(2026, 10, 1)
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class KubernetesMinor:
    """One row of the support tables of Kubernetes and of Azure Kubernetes Service (AKS).

    Attributes:
        ends: the last day of upstream support.
        aks_ends: the last day of AKS community support, by month; none where the AKS table has dropped the row.
        aks_lts_ends: the last day of AKS long-term support, by month.
        source: where `ends` comes from.
        seen: the day on which the source said so.
        aks_source: where the dates of AKS come from; empty without any.
        aks_seen: the day on which it said so.
    """

    ends: date
    aks_ends: date | None = None
    aks_lts_ends: date | None = None
    source: str = "kubernetes.io, data/releases/eol.yaml"
    seen: date = date(2026, 10, 1)
    aks_source: str = _AKS_CALENDAR
    aks_seen: date = date(2026, 8, 5)


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


def _minors(first: int, last: int) -> tuple[str, ...]:
    return tuple(f"1.{n}" for n in range(first, last + 1))


_GATEWAY_NOTE = (
    "On a cluster that installs its own charts, `pulumi up` fails: Helm 3.18.5 and later refuse the schema of the "
    "1.24 gateway chart (istio/istio#57354); 1.25.5 is the first that installs"
)

ISTIO = {
    "1.24": IstioMinor(
        newest="1.24.6",
        supported=_minors(28, 31),
        tested=_minors(27, 27),
        ends=date(2025, 6, 24),
        note=_GATEWAY_NOTE,
    ),
    "1.25": IstioMinor(newest="1.25.5", supported=_minors(29, 32), tested=_minors(27, 28), ends=date(2025, 9, 30)),
    "1.26": IstioMinor(newest="1.26.8", supported=_minors(29, 33), tested=_minors(27, 28), ends=date(2025, 12, 22)),
    "1.27": IstioMinor(newest="1.27.9", supported=_minors(29, 33), tested=_minors(27, 28), ends=date(2026, 4, 7)),
    "1.28": IstioMinor(newest="1.28.10", supported=_minors(30, 34), tested=_minors(27, 29), ends=date(2026, 7, 1)),
    "1.29": IstioMinor(
        newest="1.29.8",
        supported=_minors(31, 35),
        tested=_minors(27, 30),
        ends=date(2026, 10, 12),
        source="istio.io, news/support/announcing-1.29-eol",
    ),
    "1.30": IstioMinor(
        newest="1.30.8",
        supported=_minors(32, 36),
        tested=_minors(27, 31),
        ends=date(2026, 11, 30),
        announced=False,
        source="istio.io, news/releases/1.30.x and data/compatibility/supportStatus.yml",
        seen=date(2026, 11, 28),
    ),
    "1.31": IstioMinor(
        newest="1.31.4",
        # 1.37 was added a month after the release.
        supported=_minors(32, 37),
        tested=_minors(27, 31),
        ends=date(2027, 2, 28),
        announced=False,
        source="istio.io, news/releases/1.31.x and data/compatibility/supportStatus.yml",
        seen=date(2026, 11, 28),
    ),
}

_PLANNED = "kubernetes.io, releases"

KUBERNETES = {
    "1.27": KubernetesMinor(ends=date(2024, 7, 16)),
    "1.28": KubernetesMinor(ends=date(2024, 10, 22)),
    "1.29": KubernetesMinor(ends=date(2025, 2, 28)),
    "1.30": KubernetesMinor(ends=date(2025, 7, 15)),
    "1.31": KubernetesMinor(ends=date(2025, 11, 11), aks_ends=date(2025, 11, 1), aks_lts_ends=date(2026, 11, 30)),
    "1.32": KubernetesMinor(
        ends=date(2026, 2, 28), aks_ends=date(2026, 3, 31), aks_lts_ends=date(2027, 3, 31), source=_PLANNED
    ),
    "1.33": KubernetesMinor(
        ends=date(2026, 6, 28), aks_ends=date(2026, 7, 31), aks_lts_ends=date(2027, 7, 31), source=_PLANNED
    ),
    "1.34": KubernetesMinor(
        ends=date(2026, 10, 27), aks_ends=date(2026, 11, 30), aks_lts_ends=date(2027, 11, 30), source=_PLANNED
    ),
    "1.35": KubernetesMinor(
        ends=date(2027, 2, 28), aks_ends=date(2027, 3, 31), aks_lts_ends=date(2028, 3, 31), source=_PLANNED
    ),
    "1.36": KubernetesMinor(
        ends=date(2027, 6, 28), aks_ends=date(2027, 6, 30), aks_lts_ends=date(2028, 6, 30), source=_PLANNED
    ),
    "1.37": KubernetesMinor(
        ends=date(2027, 10, 28),
        # Since October 2026; AKS supports a version for twelve months, and for two years with long-term support.
        aks_ends=date(2027, 10, 31),
        aks_lts_ends=date(2028, 10, 31),
        source="kubernetes.io, releases/1.37",
        aks_source="github.com, Azure/AKS, releases of October 2026",
        aks_seen=date(2026, 11, 28),
    ),
}


def minor(version: str) -> str:
    """The minor of a version: `1.36` of `1.36.3`."""
    return ".".join(version.split(".")[:2])


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


def ending_defaults(today: date) -> tuple[str, ...]:
    """Name the lab's default versions that are within `ENDS_SOON` of their end of support, upstream or on AKS."""
    kubernetes, istio = minor(versions.KUBERNETES), minor(versions.ISTIO)
    row = KUBERNETES[kubernetes]
    ends = {
        f"Kubernetes {kubernetes}": row.ends,
        f"Kubernetes {kubernetes} on AKS": row.aks_ends or row.ends,
        f"Istio {istio}": ISTIO[istio].ends,
    }
    return tuple(f"{name} ends {day}" for name, day in ends.items() if today >= day - ENDS_SOON)


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
