"""How large a fleet a chain needs: arithmetic over unit costs that were measured, each step of it shown.

The costs are from 2 shared cores with PostgreSQL 18 (docs/architecture.md); `python -m tests.benchmarks.ledger` and
`python -m tests.benchmarks.http` measure them on other machines.
"""

from math import ceil

from msgspec import Struct


class Chain(Struct, frozen=True):
    """The chain to estimate for. The defaults of a sale are the averages of 2,946 real supermarket baskets."""

    stores: int
    skus: int
    sales_per_day: int = 600
    """Sales a day in one store."""
    lines_per_sale: float = 11.2
    terminals_per_store: int = 4
    peak_share: float = 0.12
    """Part of a day's sales in its busiest hour."""
    months_kept: int = 24
    """Months of movements in the database before they are archived."""


class Costs(Struct, frozen=True):
    """What one of each thing costs, as measured."""

    server_cpu_us: float = 230.0
    """Of an API server, for one command over HTTP: 4,900 a second on one core."""
    database_cpu_us: float = 360.0
    """Of PostgreSQL, for a command alone in its transaction; in full batches it is 48."""
    stock_row: int = 270
    """Bytes on disk of a row of `stock` with its indexes and its room to change."""
    movement: int = 234
    sale: int = 182
    sale_line: int = 137
    command: int = 729
    """A recorded command with its answer; the answer of a whole sale is longer by a `sale_answer_line` a line."""
    sale_answer_line: int = 93
    hold: int = 396
    busy: float = 0.5
    """How busy a core may be at the peak; the rest is for the minute that is worse than its hour, and for failures."""
    server_cores: int = 2
    smallest_fleet: int = 3
    """Servers, so that one may die while another restarts."""


class Figure(Struct, frozen=True):
    """One number of the estimate, and how it comes about."""

    name: str
    value: float
    unit: str
    arithmetic: str


SECONDS_A_MONTH = 30 * 86_400
_GB = 1e9


def estimate(chain: Chain, costs: Costs) -> list[Figure]:
    """Returns what the chain needs, in the order of the arithmetic: each figure uses those before it.

    Every line of a cart is held when it is scanned, and the sale ends the holds: one command a line and one a sale.
    """
    lines = chain.lines_per_sale
    sales = chain.stores * chain.sales_per_day
    commands = sales * (lines + 1)
    peak = commands * chain.peak_share / 3600
    servers_busy = peak * costs.server_cpu_us / 1e6
    servers = max(costs.smallest_fleet, ceil(servers_busy / costs.busy / costs.server_cores) + 1)
    database_cores = peak * costs.database_cpu_us / 1e6 / costs.busy
    delivered = peak * chain.terminals_per_store
    sale_bytes = (
        costs.sale
        + costs.command
        + lines * (costs.sale_line + costs.sale_answer_line + costs.command + costs.hold + 2 * costs.movement)
    )
    month = sales * 30 * sale_bytes / _GB
    movements = sales * 30 * lines * 2 * costs.movement / _GB
    stock = chain.stores * chain.skus * costs.stock_row / _GB
    rest = min(chain.months_kept, 13)
    disk = stock + movements * chain.months_kept + (month - movements) * rest
    return [
        Figure("sales a day", sales, "", f"{chain.stores:,} stores × {chain.sales_per_day:,}"),
        Figure("commands a day", commands, "", f"{sales:,} sales × ({lines:g} holds + 1 sale)"),
        Figure(
            "commands at the peak",
            peak,
            "/s",
            f"{commands:,.0f} × {chain.peak_share:.0%} in the busiest hour ÷ 3,600 s",
        ),
        Figure("server cores busy", servers_busy, "cores", f"{peak:,.0f}/s × {costs.server_cpu_us:g} µs"),
        Figure(
            "API servers",
            servers,
            f"of {costs.server_cores} cores",
            f"{servers_busy:,.2f} ÷ {costs.busy:.0%} ÷ {costs.server_cores} + 1 spare, at least {costs.smallest_fleet}",
        ),
        Figure(
            "database cores",
            max(2, ceil(database_cores)),
            "cores",
            f"{peak:,.0f}/s × {costs.database_cpu_us:g} µs ÷ {costs.busy:.0%}, at least 2",
        ),
        Figure("messages published", peak, "/s", "at most one a command: a batch makes one for each store in it"),
        Figure("messages delivered", delivered, "/s", f"{peak:,.0f}/s × {chain.terminals_per_store} terminals a store"),
        Figure("connections to NATS", chain.stores * chain.terminals_per_store, "", "one a terminal"),
        Figure("disk, stock rows", stock, "GB", f"{chain.stores:,} × {chain.skus:,} rows × {costs.stock_row} bytes"),
        Figure("disk a month", month, "GB", f"{sales:,} × 30 sales × {sale_bytes:,.0f} bytes"),
        Figure("of that, movements", movements, "GB", f"{sales:,} × 30 × {lines:g} lines × 2 × {costs.movement} bytes"),
        Figure(
            "disk in the steady state",
            disk,
            "GB",
            f"stock + {chain.months_kept} months of movements + {rest} of the rest (command ids are kept 13 months)",
        ),
    ]
