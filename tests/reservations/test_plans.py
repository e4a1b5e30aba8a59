"""Finding due holds costs what is due, not what exists: both databases find them by the partial indexes."""

from datetime import UTC, datetime
from time import perf_counter

import pytest
from sqlalchemy import insert, text

from backend.database import tables
from backend.database.engine import Database, open_database
from backend.ids import new_id
from backend.ledger import postgres as ledger_postgres
from backend.ledger import sqlite as ledger_sqlite
from backend.model.reservations import NEVER
from backend.reservations.due import DUE, NEXT
from backend.reservations.expiry import PAGE, ExpiryLoop
from tests.ledger.shop import open_shop, reserve, running_ledger
from tests.plans import compiled, plan


async def look_for_due(database: Database, how: str = "") -> str:
    """The plan of the loop's look for due holds."""
    return await plan(database, *compiled(database, DUE, {"limit": PAGE}), how)


async def look_for_dead_tea(database: Database, how: str = "") -> str:
    """The plan of the ledger's look for the dead holds of one short product."""
    if database.dialect == "postgresql":
        return await plan(database, ledger_postgres.DUE_HOLDS, (["292"], ["tea"], []), how)
    values = {"keys": '[["292","tea"]]', "now": "2030", "found": "[]"}
    return await plan(database, *compiled(database, ledger_sqlite.DUE_HOLDS, values))


async def look_for_kept_tea(database: Database) -> str:
    """The plan of the ledger's look for the allotments of one short product."""
    if database.dialect == "postgresql":
        return await plan(database, ledger_postgres.KEEPERS, (["292"], ["tea"], NEVER))
    return await plan(database, *compiled(database, ledger_sqlite.KEEPERS, {"keys": '[["292","tea"]]', "never": NEVER}))


async def test_both_are_found_by_their_index(database: Database) -> None:
    await many_holds(database)

    assert "ix_reservations_due" in await look_for_due(database)
    assert "ix_reservations_due" in await plan(database, *compiled(database, NEXT, {}))
    assert "ix_reservations_held" in await look_for_dead_tea(database)
    kept = await look_for_kept_tea(database)
    # PostgreSQL starts from the allotments of the store while there are few.
    assert "ix_reservations_held" in kept or "pk_reservations" in kept


async def many_holds(database: Database) -> None:
    """Live ones, what terminals keep, and ended ones, that no look for what is due has any use for."""
    hold: dict[str, object] = dict.fromkeys(("customer_id", "actor", "terminal_id"), "")
    hold |= {"store_id": "292", "quantity": 1, "version": 1}
    hold |= dict.fromkeys(("created_at", "updated_at"), datetime.now(UTC))
    holds = [
        {**hold, "id": new_id(), "product_id": f"p{number % 200}", "status": status, "expires_at": expires_at}
        for status, expires_at in (
            ("PENDING", datetime(2100, 1, 1, tzinfo=UTC)),
            ("PENDING", NEVER),
            ("EXPIRED", datetime.now(UTC)),
        )
        for number in range(2000)
    ]
    async with database.writer.begin() as connection:
        await connection.execute(insert(tables.reservations), holds)
        await connection.execute(text("ANALYZE reservations"))


@pytest.mark.slow
async def test_a_million_pending_holds(postgres_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """500 of them are due, on a product with 100,000 holds. The times are printed for a person to judge."""
    database = open_database(postgres_url)
    await a_million_holds(database)

    due = await look_for_due(database, "(ANALYZE)")
    assert "ix_reservations_due" in due
    short = await look_for_dead_tea(database, "(ANALYZE)")
    assert "ix_reservations_held" in short
    assert "Removed by Filter" not in short
    async with running_ledger(database) as ledger:
        started = perf_counter()
        assert (await ledger.submit(reserve(tea=200))).accepted  # nothing else is left of it
        freed = perf_counter() - started
        await make_due(database, PAGE)
        started = perf_counter()
        assert await ExpiryLoop(database, ledger).look() == 0
        swept = perf_counter() - started
    await database.close()

    with capsys.disabled():
        print(f"\n{due}\n\n{short}\n\nA shortage freed 500 dead holds in {1000 * freed:.0f} ms;", end=" ")
        print(f"the loop ended {PAGE} due ones in {1000 * swept:.0f} ms.")


async def a_million_holds(database: Database) -> None:
    hold = """INSERT INTO reservations (id, store_id, product_id, quantity, status, expires_at, customer_id, actor,
        terminal_id, created_at, updated_at, version)
        SELECT gen_random_uuid(), '{store}', '{product}', 1, 'PENDING', now() + make_interval(secs => {after}), '',
        'ana', 'T1', now(), now(), 1 FROM generate_series(1, {number}) n"""
    await open_shop(database)
    for sql in (
        hold.format(store="304", product="milk", after="900 + n / 1000.0", number=900_000),
        hold.format(store="292", product="tea", after="900 + n / 1000.0", number=99_500),
        hold.format(store="292", product="tea", after="-n / 1000.0", number=500),
        """INSERT INTO stock (store_id, product_id, on_hand, reserved, version, updated_at)
            SELECT store_id, product_id, count(*), count(*), 1, now() FROM reservations GROUP BY 1, 2""",
        "ANALYZE reservations",
    ):
        await execute(database, sql)


async def make_due(database: Database, number: int) -> None:
    some = f"(SELECT id FROM reservations WHERE status = 'PENDING' LIMIT {number})"
    await execute(database, f"UPDATE reservations SET expires_at = now() WHERE id IN {some}")


async def execute(database: Database, sql: str) -> None:
    async with database.writer.begin() as connection:
        await connection.execute(text(sql))
