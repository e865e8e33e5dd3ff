"""Ends of support of the pinned versions, and their sources.

The tables are copied by hand, dates and all, because a gate that needs the network is a gate that fails on a train.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from lab.core import versions

ENDS_SOON = timedelta(days=30)
"""The time before its end of support at which a default must be changed."""

READ_AGAIN = timedelta(days=365)
"""The time for which a row holds whose publisher promises no day."""

_END_OF_LIFE = "endoflife.date, which quotes the publishers' own calendars"
_AKS_CALENDAR = "learn.microsoft.com, AKS, supported-kubernetes-versions"


@dataclass(frozen=True, kw_only=True)
class Pin:
    """The support of one pinned version.

    Attributes:
        line: the release line that the row speaks of, as the beginning of the version.
        ends: the last day of support; none where the publisher promises no day.
        promise: what the publisher promises instead of a day.
        source: where the row comes from.
        seen: the day on which it was read, or of the copy that was read.
        kept: the reason for which a version stays that is past its end or not the newest, empty for nothing.
        again: the day on which a version that is kept past its end must be looked at again.
    """

    line: str
    ends: date | None = None
    promise: str = ""
    source: str = _END_OF_LIFE
    seen: date = date(2026, 8, 22)
    kept: str = ""
    again: date | None = None

    @property
    def last_day(self) -> date:
        """The last day on which the version needs no look: without a promised day, a year after the row was read."""
        return self.again or self.ends or self.seen + READ_AGAIN


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


_NO_PROMISE = "no promise of the publisher was found"
_NEWEST_TWO = "the newest two minors are mended"
_NEWEST_MAJOR = "the newest major is maintained"
_NOTES = "the course notes name this image; it serves the exercise's page"
_ADDON = "Istio's own addon of the pinned commit runs it, and its dashboards are made for it"
_PROVIDERS = "pulumi.com, docs/support/provider-support-policy"
_READ = date(2026, 11, 29)

PINS = {
    "KUBERNETES": Pin(line="1.36", ends=KUBERNETES["1.36"].ends, source=_PLANNED, seen=date(2026, 10, 1)),
    "ISTIO": Pin(
        line="1.31",
        ends=ISTIO["1.31"].ends,
        source=ISTIO["1.31"].source,
        seen=ISTIO["1.31"].seen,
        kept="the newest patch whose istioctl has a checksum on record",
    ),
    "ISTIO_MODULE": Pin(
        line="v0.0.0-20260827124520",  # of the 1.31 line
        ends=ISTIO["1.31"].ends,
        source=ISTIO["1.31"].source,
        seen=ISTIO["1.31"].seen,
    ),
    "ARGO_ROLLOUTS": Pin(
        line="1.10",
        promise="the newest three minors are mended",
        source="argo-rollouts, docs/roadmap",
        seen=_READ,
        kept="1.10.2 needs Go 1.26.10, newer than the lab asks for",
    ),
    "PULUMI": Pin(
        line="3",
        promise=_NO_PROMISE,
        source=f"{_PROVIDERS} (of providers alone)",
        seen=_READ,
        kept="newer engines come with another SDK and language host; not tried yet",
    ),
    "PULUMI_LANGUAGE_PYTHON": Pin(line="3.79", promise=_NO_PROMISE, source="the newest that can be built", seen=_READ),
    "PULUMI_KUBERNETES": Pin(
        line="4", promise=_NEWEST_MAJOR, source=_PROVIDERS, seen=_READ, kept="newer ones cannot be built from modules"
    ),
    "PULUMI_AZURE_NATIVE": Pin(line="3", promise=_NEWEST_MAJOR, source=_PROVIDERS, seen=_READ),
    "KWOK": Pin(line="0.8", promise="as Kubernetes, without a day of its own", source="its SECURITY.md", seen=_READ),
    "ETCD": Pin(line="3.6", promise=_NEWEST_TWO, kept="the newest patch whose archives have checksums on record"),
    "METRICS_SERVER": Pin(
        line="0.9", promise="as Kubernetes, without a day of its own", source="its SECURITY.md", seen=_READ
    ),
    "HELM": Pin(
        line="3",
        ends=date(2026, 11, 11),
        source="helm.sh, blog, helm-4-released",
        seen=_READ,
        kept="the Kubernetes provider embeds this line, and one go.mod builds both",
        again=date(2027, 3, 31),
    ),
    "PROMETHEUS": Pin(
        line="3.13", ends=date(2027, 7, 31), kept="the newest patch whose archives and image have checksums on record"
    ),
    "PROMETHEUS_MODULE": Pin(line="v0.313", ends=date(2027, 7, 31)),
    "LOKI": Pin(line="3.7", promise=_NEWEST_TWO),
    "OPENTELEMETRY_COLLECTOR": Pin(
        line="0.160", promise="a promise begins with version 1", source="its VERSIONING.md", seen=date(2026, 8, 21)
    ),
    "FORTIO": Pin(line="1", promise="the newest release is mended", source="its SECURITY.md", seen=_READ),
    "KUBE_STATE_METRICS": Pin(
        line="2.19", promise="the latest release is recommended", source="its README", seen=date(2026, 8, 20)
    ),
    "NODE_EXPORTER": Pin(line="1", promise=_NO_PROMISE, source="its repository", seen=date(2026, 8, 8)),
    "MYSQL": Pin(line="8.4", ends=date(2032, 4, 30)),
    "PYTHON_IMAGE": Pin(line="3.13", ends=date(2029, 10, 31)),
    "Python": Pin(line="3.11", ends=date(2027, 10, 31)),
    "Go": Pin(line="1.26", promise="supported until 1.28 is there, expected in February 2027"),
    "library/nginx:1.29": Pin(line="1.29", ends=date(2026, 5, 13), kept=_NOTES, again=date(2027, 3, 31)),
    "library/nginx:1.19.10": Pin(line="1.19", ends=date(2021, 5, 25), kept=_NOTES, again=date(2027, 3, 31)),
    "jaegertracing/jaeger": Pin(line="2", promise=_NEWEST_MAJOR),
    "grafana/grafana": Pin(line="12.0", ends=date(2026, 2, 5), kept=_ADDON, again=date(2027, 3, 31)),
    "kiali/kiali": Pin(
        line="v2.27",
        ends=ISTIO["1.31"].ends,  # Kiali supports a version as long as the Istio that it belongs to
        source="kiali.io, prerequisites",
        seen=_READ,
    ),
    "kiwigrid/k8s-sidecar": Pin(line="2", promise=_NO_PROMISE, source="its repository", seen=date(2026, 8, 4)),
    "prometheus-operator/prometheus-config-reloader": Pin(
        line="v0.89", promise=_NO_PROMISE, source="Istio's addon", seen=_READ
    ),
    "dashboard 315": Pin(line="3", promise=_NO_PROMISE, source="grafana.com, dashboards/315", seen=date(2026, 11, 23)),
    "dashboard 6417": Pin(
        line="1", promise=_NO_PROMISE, source="grafana.com, dashboards/6417", seen=date(2026, 11, 23)
    ),
}
"""Every pin: by its name in `lab.core.versions`, or as the image, the dashboard or the language is called."""


def minor(version: str) -> str:
    """The minor of a version: `1.36` of `1.36.3`."""
    return ".".join(version.split(".")[:2])


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


def past_support(today: date) -> tuple[str, ...]:
    """Name the pins that are past their end of support, or whose row must be read again."""
    return tuple(
        f"{name} {row.line}: {f'supported until {row.ends}' if row.ends else row.promise}; "
        f"to be looked at since {row.last_day} ({row.source})"
        for name, row in PINS.items()
        if today > row.last_day
    )
