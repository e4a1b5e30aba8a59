"""Forecasts of a week's sales of a product in a store, held against the last seven whole days of the real baskets.

    uv run python -m tests.benchmarks.forecast

The yardsticks are in the same table: saying nothing will sell, the last week again, each weekday as it was, and
exponential smoothing. The error is that of the units of the whole week, as replenishment needs them. Whoever looks only
at what sold before the week must expect too much of it, by every forecast; so the first rows are of all pairs.
"""

import csv
import gzip
from collections.abc import Callable, Sequence
from datetime import date

from rich.console import Console
from rich.table import Table

from backend.demo.source import BASKETS
from backend.model.demand import Day, demand_of

Forecast = Callable[[Sequence[int]], float]
WEEK = 7


def moving_average(sold: Sequence[int]) -> float:
    """What the rules of replenishment expect, before it is rounded up to a whole unit."""
    days = [Day(len(sold) - 1 - day, units, units, 1, 1) for day, units in enumerate(sold) if units]
    demand = demand_of([*days, Day(len(sold) - 1, sold[0], 1, 1, 1)], len(sold), 1)
    return demand.sold * WEEK / demand.days


def last_week(sold: Sequence[int]) -> float:
    """As many as in the week before."""
    return sum(sold[-WEEK:])


def weekdays(sold: Sequence[int]) -> float:
    """Each weekday as the mean of those before it."""
    return sum(sum(same) / len(same) for day in range(WEEK) if (same := sold[day::WEEK]))


def smoothing(share: float) -> Forecast:
    """Exponential smoothing of the days; `share` is the weight of the newest."""

    def forecast(sold: Sequence[int]) -> float:
        level = float(sold[0])
        for units in sold[1:]:
            level += share * (units - level)
        return level * WEEK

    return forecast


FORECASTS: dict[str, Forecast] = {
    "nothing sells": lambda _: 0.0,
    "moving average": moving_average,
    "last week": last_week,
    "mean of each weekday": weekdays,
    "exponential smoothing 0.05": smoothing(0.05),
    "exponential smoothing 0.1": smoothing(0.1),
    "exponential smoothing 0.3": smoothing(0.3),
}


def series() -> dict[tuple[str, str], list[int]]:
    """Units sold a day by store and product, on all days of the baskets but the last, which ends in the morning."""
    with gzip.open(BASKETS, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    days = [date.fromisoformat(row["transaction_timestamp"][:10]).toordinal() for row in rows]
    first, length = min(days), max(days) - min(days)
    sold: dict[tuple[str, str], list[int]] = {}
    for row, day in zip(rows, days, strict=True):
        if day < first + length:
            units = sold.setdefault((row["store_id"], row["product_id"]), [0] * length)
            units[day - first] += int(row["quantity"])
    return sold


def main() -> None:
    """Print the errors of all forecasts, for all pairs of a store and a product and for those that sold more before."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("units in training", "pairs", "forecast", "MAE", "WAPE", "bias"):
        table.add_column(name, justify="left" if name == "forecast" else "right")
    sold = series()
    for least in (0, 5, 10):
        chosen = [units for units in sold.values() if sum(units[:-WEEK]) >= least]
        truth = [sum(units[-WEEK:]) for units in chosen]
        for name, forecast in FORECASTS.items():
            errors = [forecast(units[:-WEEK]) - was for units, was in zip(chosen, truth, strict=True)]
            missed = sum(map(abs, errors))
            numbers = (missed / len(errors), missed / sum(truth), sum(errors) / len(errors))
            table.add_row(f"{least}+", str(len(chosen)), name, *[f"{number:.3f}" for number in numbers])
    Console().print(table)


if __name__ == "__main__":
    main()
