"""Real baskets sold through the API by many terminals at once, with the proof afterwards."""

from collections.abc import Sequence

import pytest
from msgspec import structs
from sqlalchemy import func, select

from backend.database.engine import Database
from backend.database.tables import sales
from backend.model.commands import SaleLine
from backend.proof.books import prove, units_moved_by
from backend.replay.baskets import Basket
from backend.replay.opening import OpeningStock, demand_of, opening_stock
from backend.replay.run import OpeningRefused, Plan, Result, replay
from backend.replay.sender import Credentials
from backend.terminal.api import ServerRefused

from .server import Server

LUIS = Credentials("luis", "9876", "381")


def ignore(step: str, done: int, total: int) -> None:
    """A watcher that does not look."""


def sellable(baskets: Sequence[Basket], opening: OpeningStock) -> int:
    """The units that can be sold, whatever the order: of each product what there is, or what is asked for."""
    demand = demand_of(baskets)
    there = opening_stock(demand, opening)
    return sum(min(units, there[key]) for key, units in demand.items())


async def check(db: Database, result: Result, baskets: Sequence[Basket], opening: OpeningStock) -> None:
    """What was acknowledged is what is in the database, and it is all that could be sold, once."""
    asked = sum(demand_of(baskets).values())
    assert result.errors == ()
    assert (result.units_asked, result.units_sold) == (asked, sellable(baskets, opening))
    assert result.units_refused == asked - result.units_sold
    assert await units_moved_by(db, result.run) == result.units_sold
    async with db.engine.connect() as connection:
        count = select(func.count()).select_from(sales).where(sales.c.receipt_number.startswith(result.run))
        assert await connection.scalar(count) == result.baskets_sold
    proof = await prove(db)
    assert (proof.drifts, proof.open_holds, proof.units_reserved) == ((), 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("opening", ["tight", "ample"])
async def test_all_that_can_be_sold_is_sold_once(
    server: Server, database: Database, baskets: Sequence[Basket], opening: OpeningStock
) -> None:
    result = await replay(Plan(baskets, opening, terminals=8, speed=None), server.url, LUIS, ignore)
    await check(database, result, baskets, opening)
    assert (result.units_refused > 0) == (opening == "tight")


@pytest.mark.slow
async def test_a_server_killed_in_the_middle_loses_and_doubles_nothing(
    server: Server, database: Database, baskets: Sequence[Basket]
) -> None:
    def kill(step: str, done: int, total: int) -> None:
        if step == "Selling" and done == len(baskets) // 2:
            server.kill()
            server.start()

    result = await replay(Plan(baskets, "tight", terminals=4, speed=None), server.url, LUIS, kill)
    assert result.retries > 0
    await check(database, result, baskets, "tight")


@pytest.mark.slow
async def test_what_the_server_does_not_know_or_allow_is_said_before_anything_is_sold(
    server: Server, database: Database, baskets: Sequence[Basket]
) -> None:
    strange = structs.replace(baskets[0], lines=(SaleLine("no-such-product", 1, 100),))
    plan = Plan([*baskets, strange], "ample", terminals=2, speed=None)
    with pytest.raises(OpeningRefused, match="There is no product no-such-product"):
        await replay(plan, server.url, LUIS, ignore)
    with pytest.raises(ServerRefused) as caught:
        await replay(plan, server.url, structs.replace(LUIS, pin="0000"), ignore)
    assert caught.value.code == "sign_in_refused"
    assert (await prove(database)).sales == 0


@pytest.mark.slow
async def test_a_speed_keeps_the_baskets_apart(server: Server, database: Database, baskets: Sequence[Basket]) -> None:
    plan = Plan(baskets[:5], "ample", terminals=2, speed=3600.0)
    result = await replay(plan, server.url, LUIS, ignore)
    assert result.seconds >= (baskets[4].at - baskets[0].at).total_seconds() / 3600
    await check(database, result, baskets[:5], "ample")
