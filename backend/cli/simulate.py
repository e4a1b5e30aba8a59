"""`mostrador simulate`: estimate the fleet that a chain needs."""

import click
import msgspec
from rich.table import Table

from .capacity import Chain, Costs, Figure, estimate
from .options import console


@click.command()
@click.option("--stores", type=click.IntRange(1, 1_000_000), required=True, help="Stores of the chain.")
@click.option("--skus", type=click.IntRange(1, 10_000_000), required=True, help="Products that a store has.")
@click.option("--sales-per-day", type=click.IntRange(1, 1_000_000), default=600, show_default=True, help="A store's.")
@click.option("--lines-per-sale", type=click.FloatRange(1, 1000), default=11.2, show_default=True, help="On average.")
@click.option("--terminals-per-store", type=click.IntRange(1, 1000), default=4, show_default=True)
@click.option(
    "--peak-share", type=click.FloatRange(0.04, 1), default=0.12, show_default=True, help="Of the busiest hour."
)
@click.option("--months-kept", type=click.IntRange(1, 1200), default=24, show_default=True, help="Of movements.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def simulate(
    stores: int,
    skus: int,
    sales_per_day: int,
    lines_per_sale: float,
    terminals_per_store: int,
    peak_share: float,
    months_kept: int,
    as_json: bool,
) -> None:
    """Estimate servers, database, messages and disk for a chain, from measured unit costs.

    Nothing is run: it is arithmetic, and each line shows its own. Measure the unit costs on your machines with the
    benchmarks in tests/benchmarks before you buy anything.

    \b
    Example:
      mostrador simulate --stores 2000 --skus 50000
    """
    chain = Chain(stores, skus, sales_per_day, lines_per_sale, terminals_per_store, peak_share, months_kept)
    costs = Costs()
    figures = estimate(chain, costs)
    if as_json:
        click.echo(msgspec.json.encode({"chain": chain, "costs": costs, "figures": figures}))
    else:
        _show(figures)


def _show(figures: list[Figure]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("figure", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("how")
    for figure in figures:
        exact = figure.value >= 100 or figure.value == int(figure.value)
        table.add_row(
            figure.name, f"{figure.value:,.0f}" if exact else f"{figure.value:,.2f}", figure.unit, figure.arithmetic
        )
    console().print(table)
