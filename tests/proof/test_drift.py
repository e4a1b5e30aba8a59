"""The background fold finds every counter that its movements or holds do not explain, a bounded slice at a time."""

import pytest
from prometheus_client import generate_latest
from sqlalchemy import delete, select, update
from structlog.testing import capture_logs

from backend.database.engine import Database
from backend.database.reads import reading
from backend.database.tables import movements, stock
from backend.proof import drift
from backend.proof.drift import DriftFold
from tests.ledger.shop import open_shop, receive, reserve, running_ledger, sell
from tests.observability.test_metrics import scraped


async def trade(database: Database) -> None:
    """Six rows in two stores; tea in store 292 has a long history."""
    await open_shop(database)
    async with running_ledger(database) as ledger:
        for store in ("292", "304"):
            await ledger.submit(receive(store, tea=50, jam=20, milk=5))
        for _ in range(12):
            await ledger.submit(sell(tea=1))
        await ledger.submit(reserve(tea=3, jam=2))


async def whole_pass(fold: DriftFold) -> int:
    """Periodic that one pass took."""
    turns = 1
    while not await fold.turn():
        turns += 1
    return turns


@pytest.mark.parametrize(("rows", "most"), [(500, 5_000), (2, 5_000), (500, 4), (1, 1)])
async def test_an_honest_stock_has_no_drift_in_slices_of_any_size(
    database: Database, monkeypatch: pytest.MonkeyPatch, rows: int, most: int
) -> None:
    monkeypatch.setattr(drift, "ROWS", rows)
    monkeypatch.setattr(drift, "MOVEMENTS", most)
    await trade(database)
    fold = DriftFold(database)
    turns = await whole_pass(fold)
    assert fold.units == 0
    async with reading(database) as connection:
        total = sum(await connection.scalars(select(stock.c.version)))
    assert turns > total / most


async def test_every_difference_counts_until_it_is_gone(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "MOVEMENTS", 4)
    await trade(database)
    tea = (stock.c.store_id == "292", stock.c.product_id == "tea")
    jam = (stock.c.store_id == "304", stock.c.product_id == "jam")
    async with database.writer.begin() as connection:
        await connection.execute(update(stock).where(*tea).values(on_hand=stock.c.on_hand + 2))
        await connection.execute(update(stock).where(*jam).values(on_hand=stock.c.on_hand - 3))
    fold = DriftFold(database)
    with capture_logs() as logs:
        await whole_pass(fold)
    assert fold.units == 5
    assert scraped(generate_latest().decode())("inventory_drift_units") == 5
    told = [(x["store"], x["product_id"], x["found"] - x["expected"]) for x in logs if x["event"] == "stock_drift"]
    assert told == [("292", "tea", 2), ("304", "jam", -3)]

    async with database.writer.begin() as connection:
        await connection.execute(update(stock).where(*tea).values(on_hand=stock.c.on_hand - 2))
        await connection.execute(update(stock).where(*jam).values(on_hand=stock.c.on_hand + 3))
    await fold.turn()
    assert fold.units == 5, "it is not forgotten before a whole pass has found nothing"
    await whole_pass(fold)
    assert fold.units == 0
    assert scraped(generate_latest().decode())("inventory_drift_units") == 0


async def test_a_lost_movement_and_a_hold_without_units_are_found(database: Database) -> None:
    await trade(database)
    async with database.writer.begin() as connection:
        lost = (movements.c.store_id == "304", movements.c.product_id == "milk", movements.c.version == 1)
        await connection.execute(delete(movements).where(*lost))
        jam = (stock.c.store_id == "292", stock.c.product_id == "jam")
        await connection.execute(update(stock).where(*jam).values(reserved=stock.c.reserved - 1))
    fold = DriftFold(database)
    await whole_pass(fold)
    # Five units of milk that came from nowhere, and one of jam that both its movements and its hold say is reserved.
    assert fold.units == 5 + 2
