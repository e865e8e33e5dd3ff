"""What a class costs, in a line, and whether it may."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from lab.core.errors import LabError
from lab.platforms.azure.cost import retail
from lab.platforms.azure.cost.prices import Meter, Price, PriceBook, Unit
from lab.services.classes import price
from lab.services.classes.roster import Roster

if TYPE_CHECKING:
    from collections.abc import Iterable

AZURE: dict[str, Any] = {"target": "azure", "azure": {"location": "eastus", "allowedRanges": ["203.0.113.0/24"]}}
"""Where the repository's own table knows every price."""


def roster(count: int = 2, **more: object) -> Roster:
    given = {"class": "ws26", "students": [{"id": f"s{number}"} for number in range(count)], **more}
    return Roster.model_validate(given, by_alias=True)


def azure(count: int = 2, **more: object) -> Roster:
    return roster(count, platform=AZURE, **more)


@pytest.fixture(autouse=True)
def _no_list_of_azure(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(_meters: object) -> None:
        raise retail.RetailError("nobody answers")

    monkeypatch.setattr(retail, "ask", silent)


FREE = {
    "a shared cluster here": roster(),
    "a cluster here for each": roster(tenancy="cluster"),
    "an existing cluster": roster(platform={"target": "kubeconfig", "kubeconfig": {"file": "k.yaml", "context": "c"}}),
}


@pytest.mark.parametrize("chosen", FREE.values(), ids=FREE)
def test_what_does_not_stand_on_azure_costs_nothing(chosen: Roster) -> None:
    found = price.estimate(chosen)
    price.hold(chosen, found)

    assert (found.per_hour, found.at_most) == (Decimal(0), Decimal(0))
    assert price.sentence(chosen, found) == "It costs nothing: no part of it stands on Azure."


def test_what_stands_on_azure_is_told_an_hour_a_student_and_a_day() -> None:
    chosen = azure(4, hours=6)
    found = price.estimate(chosen)
    sentence = price.sentence(chosen, found)

    assert found.per_hour > 0
    assert sentence.startswith(f"It costs {found.per_hour} USD an hour, {found.per_student} for each student, ")
    assert f"at most {found.at_most}; {(found.per_hour * 6).quantize(Decimal('0.01'))} for a day of 6 hours" in sentence
    assert "\n" not in sentence


def test_students_share_the_cluster_so_another_one_makes_it_cheaper_for_each() -> None:
    two, three = (price.estimate(azure(count)) for count in (2, 3))

    assert (two.students, three.students) == (2, 3)
    assert two.per_student is not None
    assert three.per_student is not None
    assert three.per_student < two.per_student


def test_a_cluster_for_each_costs_that_many_times_as_much() -> None:
    one, three = (price.estimate(roster(count, tenancy="cluster", settings=AZURE)) for count in (1, 3))

    assert three.per_hour == 3 * one.per_hour
    assert [each.platform for each in price.shares(roster(tenancy="cluster"))] == [False, False]
    assert [each.platform for each in price.shares(roster())] == [True, False, False]


def test_a_class_may_cost_what_its_file_says_and_not_more() -> None:
    most = price.estimate(azure()).at_most
    for limit in (0, float(most), round(float(most) + 1, 4)):
        chosen = azure(budget={"maxPerHour": limit})
        price.hold(chosen, price.estimate(chosen))
    limit = round(float(most) - 0.01, 4)
    chosen = azure(budget={"maxPerHour": limit})
    with pytest.raises(LabError) as error:
        price.hold(chosen, price.estimate(chosen))

    assert error.value.message == (
        f"budget.maxPerHour of class ws26 is {limit}, but the class may cost {most} USD an hour"
    )
    assert "raise the limit" in error.value.remedy


def test_a_budget_counts_what_an_autoscaler_may_add() -> None:
    found = price.estimate(azure())
    chosen = azure(budget={"maxPerHour": float(found.per_hour)})

    assert found.at_most > found.per_hour
    with pytest.raises(LabError):
        price.hold(chosen, found)


def test_a_machine_of_which_no_price_is_known_is_named() -> None:
    unknown = {**AZURE, "azure": {**AZURE["azure"], "systemPool": {"vmSize": "Standard_X99s_v9"}}}
    with pytest.raises(LabError, match="Standard_X99s_v9"):
        price.estimate(roster(platform=unknown))


def test_where_the_table_is_silent_azures_list_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Meter] = []

    def answers(meters: Iterable[Meter]) -> PriceBook:
        asked.extend(meters)
        known = dict.fromkeys(asked, Price(usd=Decimal("0.5"), unit=Unit.HOUR, source="x", date="2026-12-24"))
        return PriceBook(prices=known, advice="")

    monkeypatch.setattr(retail, "ask", answers)
    elsewhere = {**AZURE, "azure": {**AZURE["azure"], "location": "koreacentral"}}

    assert price.estimate(roster(platform=elsewhere)).per_hour >= Decimal("0.5")
    assert {meter.region for meter in asked} == {"koreacentral"}


def test_the_course_is_as_long_as_the_file_says() -> None:
    assert (price.course(roster(days=3, hours=5)).days, price.course(roster(days=3, hours=5)).hours_per_day) == (3, 5)
