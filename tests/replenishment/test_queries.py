"""What replenishment reads, on both databases: demand from movements, what open documents bring and take, and plans."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from backend.database import tables
from backend.database.engine import Database
from backend.database.reads import reading
from backend.ids import new_id
from backend.model.commands import Line
from backend.model.demand import Demand
from backend.model.verbs.order_open import OrderOpen
from backend.model.verbs.proposal_close import ProposalClose, ProposalOutcome
from backend.model.verbs.propose import Propose
from backend.model.verbs.transfer_cancel import TransferCancel
from backend.model.verbs.transfer_open import TransferOpen
from backend.model.verbs.transfer_pack import TransferPack
from backend.model.verbs.transfer_ship import TransferShip
from backend.replenishment.queries import DAYS, demands, open_units
from tests.ledger.shop import confirm, open_shop, receive, request, reserve, running_ledger, sell
from tests.plans import plan

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
TEA, JAM = ("292", "tea"), ("292", "jam")


async def moved(database: Database, *steps: tuple[float, str, int], product_id: str = "tea") -> int:
    """Write movements of a product in store 292, each (days ago, kind, change); returns what is on hand afterwards."""
    nothing: dict[str, Any] = dict.fromkeys(("reason", "actor", "terminal_id", "document_id"), "")
    nothing |= dict.fromkeys(("reserved_change", "unavailable", "allocated", "reserved", "incoming"), 0)
    on_hand, rows = 0, []
    for version, (ago, kind, change) in enumerate(steps, 1):
        on_hand += change
        rows.append(
            nothing
            | {"store_id": "292", "product_id": product_id, "version": version, "kind": kind, "command_id": new_id()}
            | {"on_hand_change": change, "on_hand": on_hand, "at": NOW - timedelta(days=ago)}
        )
    async with database.writer.begin() as connection:
        await connection.execute(insert(tables.movements), rows)
    return on_hand


async def demand(database: Database, sellable: int, window: int = 28) -> Demand:
    async with reading(database) as connection:
        return (await demands(connection, [TEA], [sellable], NOW, window))[TEA]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        # Ten units in the two days until the shelf was empty; eighteen days later it is filled again and one is sold.
        (
            [(20.5, "receive", 10), (19.5, "sell", -6), (19.4, "sell", -4), (1.5, "receive", 5), (1.4, "sell", -1)],
            (11, 4),
        ),
        # What was there before the window counts from its first day on; what was sold before does not.
        ([(40, "receive", 10), (30, "sell", -2), (10.5, "sell", -3)], (3, 28)),
        # Handing over a hold is a sale, shrinkage is not.
        ([(5.5, "receive", 10), (4.5, "confirm", -2), (3.5, "adjust", -3)], (2, 6)),
        # An order that is handed over is demand; a sale that was voided never was.
        ([(5.5, "receive", 10), (4.5, "order_fulfil", -2), (3.5, "sell", -4), (3.4, "void", 4)], (2, 6)),
        # Sold within one day from first to last.
        ([(3.9, "receive", 4), (3.5, "sell", -4)], (4, 1)),
    ],
)
async def test_demand_is_what_was_sold_on_days_with_stock(
    database: Database, steps: list[tuple[float, str, int]], expected: tuple[int, int]
) -> None:
    assert await demand(database, await moved(database, *steps)) == Demand(*expected)


async def test_a_row_that_never_moved_has_the_days_of_what_it_holds(database: Database) -> None:
    assert (await demand(database, 0), await demand(database, 3)) == (Demand(0, 0), Demand(0, 28))


async def test_several_rows_are_one_question(database: Database) -> None:
    await moved(database, (2.5, "receive", 9), (2.4, "sell", -4))
    await moved(database, (1.5, "receive", 9), (1.4, "sell", -1), product_id="jam")
    async with reading(database) as connection:
        found = await demands(connection, [TEA, JAM, ("304", "tea")], [5, 8, 0], NOW, 28)
    assert found == {TEA: Demand(4, 3), JAM: Demand(1, 2), ("304", "tea"): Demand(0, 0)}


async def test_what_the_ledger_commits_is_demand(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=10))
        hold = await ledger.submit(reserve(tea=2))
        await ledger.submit_many([sell(tea=3), confirm(hold.id)])
    async with reading(database) as connection:
        assert (await demands(connection, [TEA], [5], datetime.now(UTC), 28))[TEA] == Demand(5, 1)


async def test_open_documents_bring_and_take(database: Database) -> None:
    """Asked for: owed here and expected there. Packed: allocated here. Shipped: incoming there. Closed: nothing."""
    await open_shop(database)
    asked = TransferOpen(
        id=new_id(), store_id="304", from_store_id="292", to_store_id="304", lines=(Line("tea", 6), Line("jam", 1))
    )
    proposed = Propose(id=new_id(), store_id="292", lines=(Line("jam", 4), Line("jam", 2)))

    async def units() -> tuple[dict[Any, int], dict[Any, int]]:
        async with reading(database) as connection:
            return tuple(map(dict, await open_units(connection)))  # type: ignore[return-value]  # both of them

    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=9, jam=1))
        await ledger.submit_many([request(asked), request(proposed)])
        there = ("304", "tea"), ("304", "jam")
        assert await units() == ({there[0]: 6, there[1]: 1, JAM: 6}, {TEA: 6, JAM: 1})
        await ledger.submit(
            request(TransferPack(id=new_id(), store_id="292", transfer_id=asked.id, lines=(Line("tea", 5),)))
        )
        closed = ProposalClose(
            id=new_id(), store_id="292", proposal_id=proposed.id, outcome=ProposalOutcome.ORDERED, reason="4711"
        )
        assert (await ledger.submit(request(closed))).accepted
        expected, owed = await units()
        assert ({key: n for key, n in expected.items() if n}, owed) == ({there[0]: 5}, {})
        await ledger.submit(request(TransferShip(id=new_id(), store_id="292", transfer_id=asked.id)))
        assert await units() == ({}, {})
        cancelled = TransferOpen(
            id=new_id(), store_id="292", from_store_id="292", to_store_id="304", lines=(Line("tea", 1),)
        )
        await ledger.submit(request(cancelled))
        await ledger.submit(
            request(TransferCancel(id=new_id(), store_id="292", transfer_id=cancelled.id, reason="no van"))
        )
        assert await units() == ({}, {})


async def test_what_is_on_backorder_is_owed(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=9))
        lines = (Line("tea", 2), Line("jam", 4))
        opened = await ledger.submit(request(OrderOpen(id=new_id(), store_id="292", lines=lines, backorder=True)))
        assert opened.accepted
    async with reading(database) as connection:
        assert (await open_units(connection)).owed == {TEA: 0, JAM: 4}


async def test_demand_is_read_by_the_key_of_the_movements(database: Database) -> None:
    """What it costs is what the asked rows moved, not what the shop did."""
    nothing: dict[str, Any] = dict.fromkeys(("reason", "actor", "terminal_id", "document_id"), "")
    nothing |= dict.fromkeys(("on_hand_change", "reserved_change", "unavailable", "allocated", "reserved"), 0)
    nothing |= {"incoming": 0, "on_hand": 1, "kind": "sell"}
    rows = [
        nothing
        | {"store_id": f"s{n % 4}", "product_id": f"p{n % 500}", "version": n, "command_id": new_id()}
        | {"at": NOW}
        for n in range(4000)
    ]
    async with database.writer.begin() as connection:
        await connection.execute(insert(tables.movements), rows)
    if database.dialect == "postgresql":  # a shop's SQLite has no statistics
        async with database.engine.begin() as connection:
            await connection.exec_driver_sql("ANALYZE movements")
    sql = str(DAYS[database.dialect])
    keys = {"sqlite": """'[["s1","p1"]]'""", "postgresql": ""}[database.dialect]
    for name, value in (
        (":keys", keys),
        (":stores", "'{s1}'"),
        (":products", "'{p1}'"),
        (":since", "'2026-03-01 00:00:00+00'"),
        (":now", "'2026-03-29 00:00:00+00'"),
    ):
        sql = sql.replace(name, value)
    steps = await plan(database, sql, ())
    assert {"sqlite": "(store_id=? AND product_id=?)", "postgresql": "Index Scan"}[database.dialect] in steps
    assert not re.search(r"SCAN m\b|Seq Scan on movements_\d", steps)
    if database.dialect == "postgresql":
        assert re.search(r"Index Cond: .*product_id", steps)
