"""Which pairs of Kubernetes and Istio are let through, with what words, on 23 November 2026."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from lab.core import versions
from lab.settings import compatibility
from lab.settings.compatibility import Pair, check, newest_istio_for
from lab.settings.support import ISTIO, KUBERNETES, minor

TODAY = date(2026, 11, 23)
EMBEDDED = Pair("1.36.3", "1.31.1")


def warnings(kubernetes: str, istio: str, today: date = TODAY, runs: Pair | None = None) -> str:
    verdict = check(kubernetes, istio, today=today, runs=runs)
    assert verdict.refused == ()
    assert verdict.proposal is None
    return "\n".join(verdict.warnings)


@pytest.mark.parametrize(
    ("kubernetes", "istio"),
    [
        ("1.36", "1.31.1"),
        ("1.36.3", "1.31.1"),
        ("1.35", "1.31.1"),
        ("1.37", "1.31.0"),
        ("1.35", "1.30.5"),
        ("1.36", "1.30.5"),
    ],
)
def test_pairs_within_support_pass_without_a_word(kubernetes: str, istio: str) -> None:
    assert warnings(kubernetes, istio) == ""


@pytest.mark.parametrize(
    ("kubernetes", "istio", "reason", "proposal"),
    [
        (
            "1.36",
            "1.24.6",
            "Istio 1.24 does not work with Kubernetes 1.36: it supports 1.28 to 1.31",
            Pair("1.31", "1.24.6"),
        ),
        ("1.32", "1.24.6", "it supports 1.28 to 1.31 and is tested on 1.27", Pair("1.31", "1.24.6")),
        ("1.37", "1.30.5", "it supports 1.32 to 1.36", Pair("1.36", "1.30.5")),
        ("1.36", "1.29.3", "it supports 1.31 to 1.35", Pair("1.35", "1.29.3")),
        ("1.35.2", "1.26.0", "it supports 1.29 to 1.33", Pair("1.33", "1.26.0")),
        (
            "1.36",
            "1.32.0",
            "Istio 1.32 is newer than this release of the lab knows: 1.24 to 1.31",
            Pair("1.36", "1.31.4"),
        ),
        ("1.32", "1.99.0", "Istio 1.99 is newer", Pair("1.32", "1.31.4")),
        ("1.28", "1.20.0", "Istio 1.20 is older than this release of the lab knows", Pair("1.28", "1.24.6")),
        ("1.33", "1.19.0", "Istio 1.19 is older", Pair("1.33", "1.26.8")),
        (
            "1.38",
            "1.31.1",
            "Kubernetes 1.38 is newer than this release of the lab knows: 1.27 to 1.37",
            Pair("1.37", "1.31.1"),
        ),
        ("1.16", "1.31.1", "Kubernetes 1.16 is older", Pair("1.32", "1.31.1")),
        ("1.3", "1.31.1", 'did you mean "1.30"? Quote it', Pair("1.32", "1.31.1")),
        ("2.0", "2.0.0", "Kubernetes 2.0 is newer", Pair("1.36", "1.31.1")),
    ],
)
def test_pairs_that_cannot_work_are_refused_with_the_reason_and_the_nearest_that_can(
    kubernetes: str, istio: str, reason: str, proposal: Pair
) -> None:
    verdict = check(kubernetes, istio, today=TODAY)

    assert reason in " / ".join(verdict.refused)
    assert verdict.proposal == proposal


@pytest.mark.parametrize("kubernetes", [*KUBERNETES, "1.3", "1.99"])
@pytest.mark.parametrize("istio", [*(row.newest for row in ISTIO.values()), "1.10.0", "1.99.0"])
def test_a_proposal_is_always_a_pair_that_is_let_through(kubernetes: str, istio: str) -> None:
    proposal = check(kubernetes, istio, today=TODAY).proposal

    if proposal:
        assert check(proposal.kubernetes, proposal.istio, today=TODAY).refused == ()


def test_two_unknown_versions_are_two_reasons() -> None:
    assert len(check("1.99", "1.99.0", today=TODAY).refused) == 2


def test_the_pair_of_the_course_is_let_through_with_everything_that_will_happen() -> None:
    told = warnings("1.31", "1.24.6", runs=EMBEDDED)

    assert "Kubernetes 1.31 is past support since 2025-11-11 (kubernetes.io" in told
    assert "on Azure it needs the Premium tier with long-term support, which ends in 2026-11" in told
    assert "Istio 1.24 is past support since 2025-06-24 (istio.io" in told
    assert "`pulumi up` fails: Helm 3.18.5 and later refuse the schema of the 1.24 gateway chart" in told
    assert "always runs Kubernetes 1.36.3: asking for 1.31 changes nothing" in told
    assert "istiod of the 1.31 line: asking for Istio 1.24 changes the hub and tag of the images" in told


def test_after_november_2026_azure_cannot_run_the_kubernetes_of_the_course_at_all() -> None:
    assert "on Azure even long-term support ended in 2026-11" in warnings("1.31", "1.24.6", today=date(2026, 12, 1))


def test_where_the_target_runs_what_is_asked_for_nothing_is_said_about_what_it_runs() -> None:
    assert "always runs" not in warnings("1.31", "1.24.6")


@pytest.mark.parametrize("kubernetes", ["1.35", "1.36.1"])
def test_another_kubernetes_on_a_pinned_control_plane_changes_nothing_and_says_so(kubernetes: str) -> None:
    assert warnings(kubernetes, "1.31.1", runs=EMBEDDED) == (
        f"this target always runs Kubernetes 1.36.3: asking for {kubernetes} changes nothing"
    )


def test_a_pair_that_istio_tests_but_does_not_support_is_let_through_with_a_warning() -> None:
    assert "Istio 1.31 is tested on Kubernetes 1.31 but does not support it" in warnings("1.31", "1.31.1")


def test_a_patch_nobody_has_seen_is_let_through_with_a_warning() -> None:
    assert warnings("1.36", "1.31.10") == (
        "Istio 1.31.10 is newer than 1.31.4, the newest patch this release of the lab knows"
    )


def test_patches_are_compared_as_numbers() -> None:
    assert "newest patch" not in warnings("1.34", "1.28.9")
    assert "newest patch" in warnings("1.34", "1.28.11")


@pytest.mark.parametrize(
    ("product", "last_day"), [("Istio 1.29", date(2026, 10, 12)), ("Kubernetes 1.35", date(2027, 2, 28))]
)
def test_the_last_day_of_support_still_counts(product: str, last_day: date) -> None:
    assert f"{product} is past support" not in warnings("1.35", "1.29.8", today=last_day)
    assert f"{product} is past support" in warnings("1.35", "1.29.8", today=last_day + timedelta(days=1))


def test_a_date_that_istio_only_expects_is_called_about() -> None:
    assert "Istio 1.30 is past support since about 2026-11-30" in warnings("1.36", "1.30.5", today=date(2026, 12, 24))


@pytest.mark.parametrize(("days", "old"), [(0, False), (1, True)])
def test_tables_that_have_grown_old_say_so(days: int, old: bool) -> None:  # noqa: FBT001 - a table's column
    today = ISTIO["1.31"].ends + compatibility.STALE_AFTER + timedelta(days=days)

    assert ("the lab's support tables are old" in warnings("1.36", "1.31.1", today=today)) is old


def test_the_tables_know_the_versions_that_the_lab_pins() -> None:
    assert minor(versions.KUBERNETES) in KUBERNETES
    newest = ISTIO[minor(versions.ISTIO)].newest
    assert patch(newest) >= patch(versions.ISTIO)


def patch(version: str) -> int:
    return int(version.rpartition(".")[2])


@pytest.mark.parametrize("name", ISTIO)
def test_every_row_of_istio_fits_the_rest(name: str) -> None:
    row = ISTIO[name]

    assert row.newest.startswith(f"{name}.")
    assert set(row.supported + row.tested) <= set(KUBERNETES)
    assert not set(row.supported) & set(row.tested)
    assert row.source


@pytest.mark.parametrize(
    ("kubernetes", "istio"), [("1.36.3", "1.31.4"), ("1.31", "1.29.8"), ("1.30.5", "1.28.10"), ("1.99.0", None)]
)
def test_for_a_kubernetes_that_cannot_be_changed_the_newest_istio_is_proposed(kubernetes: str, istio: str) -> None:
    assert newest_istio_for(kubernetes) == istio
