"""Transfers and counts in the real ledgers: two stores, two lanes, two servers, one effect."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any
from uuid import UUID

import pytest
from msgspec import json
from sqlalchemy import select

from backend.database import tables
from backend.database.engine import Database
from backend.ids import new_id
from backend.ledger.lanes import Ledger
from backend.model.answers import Answer, Code
from backend.model.books import Request
from backend.model.commands import LevelChanges, Line, SetStock, Transfer
from backend.model.events import Message, Outgoing
from backend.model.stock import Levels
from backend.proof.books import Drift, prove

from .shop import codes, counters, open_shop, receive, request, reserve, running_ledger, sell


@pytest.fixture
async def ledger(database: Database) -> AsyncIterator[Ledger]:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        yield ledger
    assert not (await prove(database)).drifts


def transfer(source: str = "292", to: str = "304", id_: UUID | None = None, **units: int) -> Request:
    lines = tuple(Line(product, n) for product, n in units.items())
    return request(Transfer(id=id_ or new_id(), store_id=source, to_store_id=to, lines=lines))


def set_tea(quantity: int | None = None, expected: int | None = None, **levels: int) -> Request:
    changes = LevelChanges(**levels) if levels else None
    command = SetStock(
        id=new_id(), store_id="292", product_id="tea", quantity=quantity, levels=changes, expected_version=expected
    )
    return request(command)


async def stored_levels(database: Database) -> list[Levels]:
    async with database.engine.connect() as connection:
        return [Levels(*row) for row in await connection.execute(select(tables.levels))]


async def test_both_sides_are_stored_and_told(database: Database) -> None:
    await open_shop(database)
    published: list[Outgoing] = []
    async with running_ledger(database, published) as ledger:
        await ledger.submit(receive(tea=9, jam=3))
        published.clear()
        order = transfer(tea=4, jam=3)
        first = await ledger.submit(order)
        assert first.accepted
        assert await ledger.submit(order) == first
    assert (await counters(database, "tea"), await counters(database, "tea", "304")) == ((5, 0, 2), (4, 0, 1))
    told = {m.store_id: m.stock for m in (json.decode(out.payload, type=Message) for out in published)}
    assert {store: {row.on_hand for row in rows} for store, rows in told.items()} == {"292": {5, 0}, "304": {4, 3}}
    async with database.engine.connect() as connection:
        rows = await connection.execute(
            select(tables.commands.c.store_id).where(tables.commands.c.id == order.command.id)
        )
        assert sorted(rows.scalars()) == ["292", "304"]
    assert not (await prove(database)).drifts


async def test_the_proof_sees_goods_that_never_arrived(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=9))
        order = transfer(tea=4)
        await ledger.submit(order)
    moved = tables.movements
    lost = moved.update().where(moved.c.kind == "transfer_in").values(on_hand_change=3)
    async with database.writer.begin() as connection:
        await connection.execute(lost)
    what = f"units arrived by transfer {order.command.id}"
    assert Drift("292", "tea", what, 4, 3) in (await prove(database)).drifts


async def test_a_transfers_id_is_used_up_in_both_stores(ledger: Ledger) -> None:
    await ledger.submit(receive(tea=9))
    order = transfer(tea=4)
    await ledger.submit(order)
    other = await ledger.submit(reserve("304", id_=order.command.id, tea=1))
    assert codes([other]) == [Code.COMMAND_REUSED]


async def test_a_short_transfer_ends_the_dead_holds_of_the_giving_store_first(
    ledger: Ledger, database: Database
) -> None:
    await ledger.submit(receive(tea=5))
    held = await ledger.submit(reserve(tea=4))
    assert codes([await ledger.submit(transfer(tea=3))]) == [Code.INSUFFICIENT_STOCK]
    async with database.writer.begin() as connection:
        rows = tables.reservations
        await connection.execute(rows.update().where(rows.c.id == held.id).values(expires_at=rows.c.created_at))
    assert codes([await ledger.submit(transfer(tea=3))]) == [None]


async def test_one_callers_commands_keep_their_order_over_all_stores(ledger: Ledger, database: Database) -> None:
    await ledger.submit(receive(tea=100))
    orders: list[Request] = []
    for _ in range(20):  # each needs what the one before it has brought
        orders += [transfer(tea=5), sell(store="304", tea=1), transfer("304", "292", tea=4), sell(tea=4)]
    assert codes(await ledger.submit_many(orders)) == [None] * 80
    assert await counters(database, "tea") == (0, 0, 61)


async def back_and_forth(one: Ledger, two: Ledger) -> Sequence[Answer]:
    """Transfers in both directions, some of them sent to both ledgers, and sales in between."""
    work: list[Coroutine[Any, Any, Answer]] = []
    for n in range(60):
        order = transfer(tea=1, jam=2) if n % 2 else transfer("304", "292", jam=2, tea=1)
        work.append((one, two)[n // 2 % 2].submit(order))
        if n % 5 == 0:
            work += [one.submit(order), two.submit(order)]
        if n % 3 == 0:
            work.append(two.submit(reserve(("292", "304")[n % 2], tea=1)))
    return await asyncio.gather(*work)


async def test_transfers_in_both_directions_at_two_servers_end_and_lose_nothing(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as one, running_ledger(database) as two:
        await one.submit_many([receive(tea=15, jam=40), receive("304", tea=15, jam=40)])
        for _ in range(3):
            answers = await back_and_forth(one, two)
            assert set(codes(answers)) <= {None, Code.INSUFFICIENT_STOCK}
    for product, units in (("tea", 30), ("jam", 80)):
        here, there = await counters(database, product), await counters(database, product, "304")
        assert here[0] + there[0] == units
    assert not (await prove(database)).drifts


async def test_quantity_and_levels_are_set_together_or_not_at_all(ledger: Ledger, database: Database) -> None:
    await ledger.submit(set_tea(8, reorder_point=3, max_level=20))
    await ledger.submit(set_tea(min_level=2))
    levels = Levels("292", "tea", reorder_point=3, min_level=2, max_level=20)
    assert await stored_levels(database) == [levels]
    late = await ledger.submit(set_tea(1, expected=1, min_level=9))
    assert codes([late]) == [Code.VERSION_MOVED]
    assert late.refusal is not None
    assert late.refusal.stock is not None
    assert late.refusal.stock.version == 2
    assert await stored_levels(database) == [levels]
    assert await counters(database, "tea") == (8, 0, 2)


async def test_many_who_change_one_part_of_the_levels_lose_nothing(database: Database) -> None:
    await open_shop(database)
    names = ("safety_stock", "reorder_point", "reorder_quantity", "min_level")
    async with running_ledger(database) as one, running_ledger(database) as two:
        await asyncio.gather(*((one, two)[n % 2].submit(set_tea(**{names[n % 4]: n})) for n in range(40)))
        again = await asyncio.gather(*((one, two)[n % 2].submit(set_tea(**{names[n]: n + 1})) for n in range(4)))
    assert codes(again) == [None] * 4
    assert await stored_levels(database) == [Levels("292", "tea", 1, 2, 3, 4)]


async def test_of_many_who_expect_the_same_version_one_wins(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as one, running_ledger(database) as two:
        answers = await asyncio.gather(*((one, two)[n % 2].submit(set_tea(n, expected=0)) for n in range(20)))
    winners = [n for n, answer in enumerate(answers) if answer.accepted]
    assert len(winners) == 1
    assert codes(answers).count(Code.VERSION_MOVED) == 19
    assert await counters(database, "tea") == (winners[0], 0, 1)
