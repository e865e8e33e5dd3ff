"""Support of the pins: each has a row, and none is past its end."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from typing import Any

import pytest

from lab.core import versions
from lab.core.paths import PROJECT
from lab.settings import support
from lab.settings.support import ISTIO, KUBERNETES, PINS, IstioMinor, KubernetesMinor

OF_ADDONS = {
    "grafana/grafana",
    "jaegertracing/jaeger",
    "kiali/kiali",
    "kiwigrid/k8s-sidecar",
    "prometheus-operator/prometheus-config-reloader",
}
"""Images of Istio's addons; tests/observability/test_support.py holds their rows against the real manifests."""


def constants() -> dict[str, str]:
    """The pinned versions by name; a hub is an address, not a version."""
    return {
        name: value
        for name, value in vars(versions).items()
        if name.isupper() and isinstance(value, str) and name != "ISTIO_HUB"
    }


def of_docker_hub() -> dict[str, str]:
    """The images with a digest that are no other pin's."""
    split = {image: image.rpartition(":")[2] for image in versions.DOCKER_HUB_DIGESTS}
    elsewhere = {f"{prefix}{version}" for version in constants().values() for prefix in ("", "v")}
    return {
        image: tag for image, tag in split.items() if tag not in elsewhere and image.partition(":")[0] not in OF_ADDONS
    }


def of_dashboards() -> dict[str, str]:
    lock: dict[str, Any] = json.loads((PROJECT / "lab.lock.json").read_text(encoding="utf-8"))
    return {f"dashboard {number}": str(row["revision"]) for number, row in lock["dashboards"].items()}


def of_languages() -> dict[str, str]:
    """The languages that the project and its recipes ask for."""
    project = re.search(r'requires-python = ">=([\d.]+)"', (PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    recipe = (PROJECT / "toolchain" / "cluster" / "go.mod").read_text(encoding="utf-8")
    go = re.search(r"^go (\S+)$", recipe, re.MULTILINE)
    assert project
    assert go
    return {"Python": project[1], "Go": go[1]}


def pinned() -> dict[str, str]:
    return {**constants(), **of_docker_hub(), **of_dashboards(), **of_languages()}


def test_every_pin_has_a_row_and_every_row_a_pin() -> None:
    assert sorted(PINS) == sorted({*pinned(), *OF_ADDONS})
    assert len(PINS) > 30


@pytest.mark.parametrize("name", sorted(set(PINS) - OF_ADDONS))
def test_a_row_speaks_of_the_version_that_is_pinned(name: str) -> None:
    version = pinned()[name]

    assert re.match(rf"{re.escape(PINS[name].line)}(?![0-9])", version), f"{name} is {version}: renew its row"


def test_no_pin_is_past_its_end_of_support() -> None:
    assert support.past_support(datetime.now(tz=UTC).date()) == ()


def test_a_pin_past_its_end_is_named() -> None:
    assert any(
        told.startswith("KUBERNETES 1.36: supported until 2027-06-28")
        for told in support.past_support(date(2027, 6, 29))
    )
    assert not any(told.startswith("KUBERNETES") for told in support.past_support(date(2027, 6, 28)))


def test_a_pin_whose_publisher_promises_no_day_is_looked_at_after_a_year() -> None:
    assert any(told.startswith("KWOK") for told in support.past_support(date(2027, 11, 30)))
    assert not any(told.startswith("KWOK") for told in support.past_support(date(2027, 11, 29)))


def test_no_pin_holds_for_ever() -> None:
    assert len(support.past_support(date(2033, 1, 1))) == len(PINS)


@pytest.mark.parametrize("name", PINS)
def test_every_pin_has_an_end_or_a_promise_and_its_source(name: str) -> None:
    row = PINS[name]

    assert row.source
    assert date(2026, 1, 1) < row.seen <= datetime.now(tz=UTC).date()
    assert bool(row.ends) != bool(row.promise)


@pytest.mark.parametrize("name", [name for name, row in PINS.items() if row.again])
def test_a_pin_that_is_kept_past_its_end_has_a_reason_and_a_day_within_a_year(name: str) -> None:
    row = PINS[name]

    assert row.kept
    assert row.ends
    assert row.again
    assert row.ends < row.again <= row.seen + support.READ_AGAIN


@pytest.mark.parametrize(
    ("name", "row"), [*((f"Istio {each}", row) for each, row in ISTIO.items()), *KUBERNETES.items()]
)
def test_every_row_has_its_source_and_the_day_on_which_it_was_read(
    name: str, row: IstioMinor | KubernetesMinor
) -> None:
    assert row.source, name
    assert date(2026, 1, 1) < row.seen <= datetime.now(tz=UTC).date()
    if isinstance(row, KubernetesMinor) and row.aks_ends:
        assert row.aks_source
        assert date(2026, 1, 1) < row.aks_seen <= datetime.now(tz=UTC).date()


def test_no_default_is_within_thirty_days_of_its_end_of_support() -> None:
    assert support.ending_defaults(datetime.now(tz=UTC).date()) == ()


@pytest.mark.parametrize(
    ("today", "named"),
    [
        (date(2027, 1, 28), ()),
        (date(2027, 1, 29), ("Istio 1.31 ends 2027-02-28",)),
        (
            date(2027, 5, 31),
            (
                "Kubernetes 1.36 ends 2027-06-28",
                "Kubernetes 1.36 on AKS ends 2027-06-30",
                "Istio 1.31 ends 2027-02-28",
            ),
        ),
    ],
)
def test_a_default_that_ends_soon_is_named(today: date, named: tuple[str, ...]) -> None:
    assert support.ending_defaults(today) == named


def test_the_newest_versions_of_november_2026_are_known() -> None:
    assert (ISTIO["1.31"].newest, ISTIO["1.30"].newest) == ("1.31.4", "1.30.8")
    assert (KUBERNETES["1.37"].aks_ends, KUBERNETES["1.34"].aks_ends) == (date(2027, 10, 31), date(2026, 11, 30))


def test_support_ends_in_the_order_of_releases() -> None:
    for rows in (ISTIO, KUBERNETES):
        ends = [row.ends for row in rows.values()]
        assert ends == sorted(ends)
