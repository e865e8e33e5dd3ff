"""A budget that warns about the bill."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from pulumi_azure_native import consumption

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi

    from components.platform.azure.scope import Scope


def make(scope: Scope, depends_on: Sequence[pulumi.Resource]) -> None:
    """Make the budget of the resource group.

    Args:
        scope: of the stack.
        depends_on: what must stand before.
    """
    settings = scope.settings.budget

    def warning(threshold: int, kind: consumption.ThresholdType) -> consumption.NotificationArgs:
        return consumption.NotificationArgs(
            enabled=True,
            operator=consumption.OperatorType.GREATER_THAN_OR_EQUAL_TO,
            threshold=threshold,
            threshold_type=kind,
            contact_emails=[settings.email],
        )

    consumption.Budget(
        "budget",
        budget_name=scope.names.budget,
        scope=scope.group.id,
        category=consumption.CategoryType.COST,
        amount=settings.amount,
        time_grain=consumption.TimeGrainType.MONTHLY,
        time_period=consumption.BudgetTimePeriodArgs(start_date=_first_of_month(datetime.now(tz=UTC).date())),
        notifications={
            "actual80": warning(80, consumption.ThresholdType.ACTUAL),
            "actual100": warning(100, consumption.ThresholdType.ACTUAL),
            "forecast100": warning(100, consumption.ThresholdType.FORECASTED),
        },
        # A budget keeps the month in which it began.
        opts=scope.opts(depends_on=depends_on, ignore_changes=["timePeriod"]),
    )


def _first_of_month(today: date) -> str:
    """Azure requires the first day of a month."""
    return f"{today:%Y-%m}-01T00:00:00Z"
