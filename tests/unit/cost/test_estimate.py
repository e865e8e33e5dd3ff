"""What stacks and classes cost: golden tables, and what holds for all settings."""

from __future__ import annotations

import random
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from lab.platforms.azure.cost import prices
from lab.platforms.azure.cost.estimate import Course, Share, class_estimate, estimate, plain_course
from lab.platforms.azure.cost.line_items import line_items
from lab.platforms.azure.cost.prices import Kind, Price, PriceBook, Unit, UnknownPriceError
from lab.platforms.azure.cost.savings import savings
from tests.unit.cost.support import WIDTH, elsewhere, printed, reviewed, settings

if TYPE_CHECKING:
    from lab.settings import Settings

SMALLEST: dict[str, object] = {"location": "eastus", "systemPool": {"count": 1, "maxCount": 1}}

ONE = {
    "default": settings(),
    "cheapest": settings(azure=SMALLEST),
    "spot": settings(azure={"spotPool": {"enabled": True}}),
    "standard-premium": settings(azure={"tier": "Standard", "registrySku": "Premium"}),
    "embedded": settings(target="embedded"),
    "kubeconfig": elsewhere(),
}
CLASSES = {
    "class-on-clusters": [Share(stack=f"student-{n:02}", settings=settings()) for n in range(1, 13)],
    "class-on-one-platform": [
        Share(stack="platform", settings=settings(azure={"systemPool": {"count": 4, "maxCount": 8}}), platform=True),
        *(Share(stack=f"student-{n:02}", settings=elsewhere()) for n in range(1, 13)),
    ],
}
KNOWN = {
    "eastus": ["Standard_D2s_v5", "Standard_D4s_v5"],
    "westeurope": ["Standard_D4s_v5"],
}


def random_settings(seed: int) -> Settings:
    """Any settings of which the table knows all prices, but for a spot pool that it does not know."""
    chance = random.Random(seed)  # noqa: S311 - no secret is made of it
    region = chance.choice(list(KNOWN))
    count = chance.randint(1, 20)
    return settings(
        target=chance.choice(["azure", "azure", "azure", "embedded"]),
        azure={
            "location": region,
            "tier": chance.choice(["Free", "Standard", "Premium"]),
            "registrySku": chance.choice(["Basic", "Standard", "Premium"]),
            "systemPool": {
                "vmSize": chance.choice(KNOWN[region]),
                "count": count,
                "maxCount": chance.randint(count, 100),
            },
            "spotPool": {"enabled": region == "westeurope" and chance.random() < 0.5, "maxCount": chance.randint(1, 9)},
        },
    )


seeds = pytest.mark.parametrize("seed", range(60))


@pytest.mark.parametrize("name", ONE)
def test_what_a_stack_costs_is_what_was_reviewed(name: str, request: pytest.FixtureRequest) -> None:
    made = printed([Share(stack=name, settings=ONE[name])])

    assert made == reviewed(name, made, request), "meant so? pytest tests/unit/cost --update-golden, then git diff"


@pytest.mark.parametrize("name", CLASSES)
def test_what_a_class_costs_is_what_was_reviewed(name: str, request: pytest.FixtureRequest) -> None:
    made = printed(CLASSES[name], of_class=True)

    assert made == reviewed(name, made, request), "meant so? pytest tests/unit/cost --update-golden, then git diff"


def shown_total(text: str) -> tuple[list[list[Decimal]], list[Decimal]]:
    """The money of the rows of the first table, and of its total."""
    rows, _, rest = text.partition("\n total ")
    money = [
        [Decimal(number) for number in re.findall(r"\d+\.\d{4}(?!\S)", line)[-2:]]
        for line in rows.splitlines()
        if re.search(r"\d\.\d{4}$", line)
    ]
    return money, [Decimal(number) for number in re.findall(r"\d+\.\d{4}", rest.splitlines()[0])]


@pytest.mark.parametrize("name", ["default", "cheapest", "spot", "standard-premium"])
def test_the_numbers_that_are_shown_add_up(name: str) -> None:
    rows, total = shown_total(printed([Share(stack=name, settings=ONE[name])]))

    assert len(rows) >= 8
    assert [sum(row[column] for row in rows) for column in (0, 1)] == total


@seeds
def test_the_sum_is_that_of_the_lines_for_any_settings(seed: int) -> None:
    shares = [Share(stack=f"s{n}", settings=random_settings(1000 * seed + n)) for n in range(4)]
    found = class_estimate(shares, prices.table())

    lines = [line for part in found.parts for line in part.lines]
    assert found.lines == tuple(lines)
    assert found.per_hour == sum(line.number * line.each for line in lines)
    assert found.at_most == sum(line.most * line.each for line in lines)
    assert found.per_hour == sum(part.per_hour for part in found.parts)
    assert found.at_most >= found.per_hour >= found.stopped >= 0


@seeds
def test_only_what_azure_gives_for_nothing_costs_nothing(seed: int) -> None:
    chosen = random_settings(seed)
    found = estimate(chosen, prices.table())

    assert [line.resource for line in found.lines if not line.each] == [
        item.resource for item in line_items(chosen) if item.meter is None
    ]


@seeds
def test_a_price_that_is_not_known_is_never_a_zero(seed: int) -> None:
    chosen = random_settings(seed)
    whole = {item.meter: prices.table().find(item.meter) for item in line_items(chosen) if item.meter}
    known = {meter: price for meter, price in whole.items() if price}
    assert known == whole

    for missing in known:
        book = PriceBook(prices={meter: price for meter, price in known.items() if meter != missing})
        with pytest.raises(UnknownPriceError) as refused:
            estimate(chosen, book)

        assert f"no price is known of {missing.kind} {missing.name}" in refused.value.message


@pytest.mark.parametrize("stack", [settings(target="embedded"), elsewhere()])
def test_what_does_not_stand_on_azure_costs_nothing_and_needs_no_prices(stack: Settings) -> None:
    found = estimate(stack, PriceBook(prices={}))

    assert (found.per_hour, found.at_most, found.lines) == (0, 0, ())


def test_an_autoscaler_may_reach_more_than_a_stack_begins_with() -> None:
    found = estimate(ONE["spot"], prices.table())
    spot = next(line for line in found.lines if line.resource == "spot pool")

    assert (spot.number, spot.most, spot.per_hour, spot.at_most) == (0, 3, 0, Decimal("0.1275"))
    assert found.at_most > found.per_hour


def test_a_student_pays_a_share_of_the_common_platform() -> None:
    shared = class_estimate(CLASSES["class-on-one-platform"], prices.table())

    assert shared.students == 12
    assert shared.per_hour == shared.parts[0].per_hour
    assert shared.per_student is not None
    assert shared.per_hour <= shared.per_student * 12 < shared.per_hour + Decimal("0.0012")


def test_a_class_of_clusters_costs_as_many_times_one() -> None:
    one = estimate(settings(), prices.table())
    found = class_estimate(CLASSES["class-on-clusters"], prices.table())

    assert (found.per_hour, found.at_most, found.per_student) == (12 * one.per_hour, 12 * one.at_most, one.per_hour)


def test_a_class_of_nobody_costs_nothing_and_nobody_pays_a_share() -> None:
    found = class_estimate([], prices.table())

    assert (found.per_hour, found.per_student) == (0, None)


def test_stopping_saves_the_nodes_and_nothing_else() -> None:
    found = estimate(settings(azure={"tier": "Standard"}), prices.table())
    nodes = sum(line.per_hour for line in found.lines if line.resource == "system pool")

    assert found.per_hour - found.stopped == nodes == Decimal("0.46")


def test_a_course_is_its_days() -> None:
    found = estimate(settings(), prices.table())
    course = Course(hours_per_day=6, days=3)
    told = plain_course(course, found)

    assert told["perDay"]["leftRunning"] == pytest.approx(float(found.per_hour * 24), abs=0.01)
    assert told["perDay"]["takenDownAfterClass"] == pytest.approx(float(found.per_hour * 6), abs=0.01)
    assert told["perDay"]["stoppedAfterClass"] == pytest.approx(
        float(found.per_hour * 6 + found.stopped * 18), abs=0.01
    )
    assert all(told["perCourse"][way] == pytest.approx(3 * day, abs=0.03) for way, day in told["perDay"].items())


def test_what_saves_is_the_difference_of_what_is_shown() -> None:
    shares, course = [Share(stack="kim", settings=settings())], Course()
    found = class_estimate(shares, prices.table())
    told = plain_course(course, found)["perCourse"]
    saved = {saving.name: saving.usd for saving in savings(found, shares, prices.table(), course)}

    assert saved["lab stop after class"] == Decimal(str(told["leftRunning"])) - Decimal(str(told["stoppedAfterClass"]))
    assert saved["lab down after class"] == Decimal(str(told["leftRunning"])) - Decimal(
        str(told["takenDownAfterClass"])
    )
    assert saved["a spot pool"] == Decimal("0.1875") * 40
    assert saved["lab class reap on expires"] == (found.per_hour * 24 * 30).quantize(Decimal("0.01"), "ROUND_UP")


def test_what_spot_nodes_would_save_is_unknown_where_their_price_is() -> None:
    shares = [Share(stack="kim", settings=settings(azure={"location": "eastus"}))]
    found = class_estimate(shares, prices.table())
    saved = {saving.name: saving.usd for saving in savings(found, shares, prices.table(), Course())}

    assert saved["a spot pool"] is None
    assert "price unknown" in printed(shares)


def test_where_nothing_is_added_no_spot_node_could_save() -> None:
    shares = [Share(stack="kim", settings=settings(azure=SMALLEST))]
    found = class_estimate(shares, prices.table())

    assert "a spot pool" not in {saving.name for saving in savings(found, shares, prices.table(), Course())}


def test_a_spot_price_above_the_usual_one_is_no_saving() -> None:
    book = PriceBook(
        prices={
            **prices.table().prices,
            **{
                meter: Price(usd=Decimal(1), unit=Unit.HOUR, source="a bad day", date="2026-11-26")
                for meter in prices.table().prices
                if meter.kind is Kind.SPOT_NODE
            },
        }
    )
    shares = [Share(stack="kim", settings=settings())]
    found = class_estimate(shares, book)

    assert "a spot pool" not in {saving.name for saving in savings(found, shares, book, Course())}


def test_a_course_without_nights_can_save_none() -> None:
    shares, course = [Share(stack="kim", settings=settings())], Course(hours_per_day=24)
    found = class_estimate(shares, prices.table())

    names = {saving.name for saving in savings(found, shares, prices.table(), course)}
    assert names == {"a spot pool", "lab class reap on expires"}


@pytest.mark.parametrize("name", ["default", "spot", "embedded"])
def test_a_table_fits_on_80_columns(name: str) -> None:
    assert max(map(len, printed([Share(stack=name, settings=ONE[name])]).splitlines())) <= WIDTH


def test_a_stack_by_itself_is_the_one_part_of_its_estimate() -> None:
    (part,) = estimate(settings(), prices.table(), stack="kim").parts

    assert (part.stack, part.target, part.location, part.platform) == ("kim", "azure", "westeurope", False)
