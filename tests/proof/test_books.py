"""The proof holds on an honest history and names whatever is falsified."""

from collections.abc import Sequence

import pytest
from sqlalchemy import text

from backend.database.engine import Database
from backend.ids import new_id
from backend.ledger.lanes import open_ledger
from backend.model.books import Request
from backend.model.commands import Line, Receive
from backend.proof.books import Drift, prove

from .conftest import LUIS, Shop


async def test_an_honest_history_is_proved(shop: Shop) -> None:
    proof = await prove(shop.db)
    assert proof.drifts == ()
    assert (proof.stock_rows, proof.movements, proof.commands, proof.sales, proof.open_holds) == (2, 12, 9, 1, 1)
    assert (proof.units_on_hand, proof.units_reserved, proof.units_sold) == (100 - 5 - 2 + 40 - 2 - 6, 7, 7)


async def test_an_empty_database_is_proved(database: Database) -> None:
    proof = await prove(database)
    assert (proof.stock_rows, proof.movements, proof.drifts) == (0, 0, ())


async def _falsify(shop: Shop, *statements: str) -> Sequence[Drift]:
    async with shop.db.writer.begin() as connection:
        for statement in statements:
            values = {"sale": _as_stored(shop, shop.sale.hex), "hold": _as_stored(shop, shop.hold.hex)}
            await connection.execute(text(statement.format(**values)))
    drifts = (await prove(shop.db)).drifts
    assert {drift.store_id for drift in drifts} == {"292"}
    return drifts


def _as_stored(shop: Shop, hex_id: str) -> str:
    return f"'{hex_id}'" if shop.db.dialect == "sqlite" else f"CAST('{hex_id}' AS uuid)"


BREAD = "WHERE store_id = '292' AND product_id = 'bread'"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            f"UPDATE stock SET on_hand = on_hand + 1 {BREAD}",
            {("on_hand after the last movement", 93, 94), ("on_hand as the sum of movements", 93, 94)},
        ),
        (
            f"UPDATE stock SET reserved = 1 {BREAD}",
            {
                ("reserved after the last movement", 3, 1),
                ("reserved as the sum of movements", 3, 1),
                ("reserved as the sum of open holds", 3, 1),
            },
        ),
        (f"UPDATE stock SET unavailable = 2 {BREAD}", {("unavailable after the last movement", 0, 2)}),
        (f"UPDATE stock SET incoming = 2 {BREAD}", {("incoming after the last movement", 0, 2)}),
        (f"UPDATE stock SET allocated = 2 {BREAD}", {("allocated after the last movement", 0, 2)}),
        (f"UPDATE stock SET version = 9 {BREAD}", {("version after the last movement", 8, 9)}),
        (
            f"UPDATE movements SET on_hand_change = 101 {BREAD} AND version = 1",
            {("on_hand as the sum of movements", 94, 93), ("on_hand after movement 1", 101, 100)},
        ),
        (
            f"UPDATE movements SET reserved = -1 {BREAD} AND version = 1",
            {
                ("reserved after movement 1", 0, -1),
                ("reserved after movement 2", 0, 1),
                ("negative reserved after movement 1", 0, -1),
            },
        ),
        (
            f"DELETE FROM movements {BREAD} AND version = 7",
            {
                ("number of movements", 8, 7),
                ("reserved as the sum of movements", 8, 3),
                ("reserved after movement 8", 8, 3),
            },
        ),
        (
            f"UPDATE movements SET version = 0 {BREAD} AND version = 1",
            {("first movement", 1, 0)},
        ),
        (
            f"UPDATE reservations SET quantity = 2 {BREAD} AND id = {{hold}}",
            {("reserved as the sum of open holds", 2, 3)},
        ),
        (
            f"UPDATE sale_lines SET quantity = 3, price_cents = 200 {BREAD} AND line = 1",
            {("units sold by movements", 4, 5)},
        ),
    ],
)
async def test_a_falsified_row_is_named(shop: Shop, statement: str, expected: set[tuple[str, int, int]]) -> None:
    drifts = await _falsify(shop, statement)
    assert {drift.product_id for drift in drifts} == {"bread"}
    assert {(drift.what, drift.expected, drift.found) for drift in drifts} == expected


async def test_movements_without_their_stock_row_are_named(shop: Shop) -> None:
    drifts = await _falsify(shop, f"DELETE FROM stock {BREAD}")
    assert Drift("292", "bread", "version after the last movement", 8, 0) in drifts


async def test_stock_without_movements_is_named(shop: Shop) -> None:
    drifts = await _falsify(shop, f"DELETE FROM movements {BREAD}", "DELETE FROM sale_lines", "DELETE FROM sales")
    assert Drift("292", "bread", "on_hand as the sum of movements", 0, 93) in drifts


async def test_a_movement_without_its_command_is_named(shop: Shop) -> None:
    drifts = await _falsify(shop, "DELETE FROM commands WHERE id = {sale}")
    assert {(x.product_id, x.what) for x in drifts} == {
        ("bread", f"recorded command {shop.sale}"),
        ("milk", f"recorded command {shop.sale}"),
    }


async def test_a_sale_whose_total_is_not_its_lines_is_named(shop: Shop) -> None:
    drifts = await _falsify(shop, "UPDATE sales SET total_cents = 1")
    assert drifts == (Drift("292", "", f"cents of sale {shop.sale}", 4 * 150 + 100 + 2 * 99, 1),)


async def test_rows_of_one_hold_that_disagree_are_named(shop: Shop) -> None:
    drifts = await _falsify(shop, f"UPDATE reservations SET status = 'EXPIRED' {BREAD} AND id = {{hold}}")
    assert Drift("292", "", f"states of hold {shop.hold}", 1, 2) in drifts
    assert Drift("292", "bread", "reserved as the sum of open holds", 0, 3) in drifts


async def test_the_proof_sees_one_moment_while_the_ledger_writes(shop: Shop) -> None:
    """A commit between two of its statements must not look like drift."""
    ledger = open_ledger(shop.db, lambda outgoing: None)
    await ledger.start()
    receive = Receive(id=new_id(), store_id="292", lines=(Line("bread", 1),))
    count = text("SELECT count(*) FROM movements")
    async with shop.db.snapshot.connect() as connection:
        before = await connection.scalar(count)
        assert (await ledger.submit(Request(receive, LUIS))).accepted
        during = await connection.scalar(count)
    await ledger.close()
    assert (before, during, (await prove(shop.db)).movements) == (12, 12, 13)
