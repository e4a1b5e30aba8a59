"""Facts over both databases: dead holds make room first, counts know when the goods left, and the proof sees all."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from backend.counts.queries import lines_of, moves_since
from backend.database.engine import Database
from backend.database.reads import reading
from backend.ids import new_id
from backend.ledger.lanes import Ledger
from backend.model.books import Request
from backend.model.commands import Command, Line, SaleLine
from backend.model.counts import LineBody, difference
from backend.model.shortfalls import Offline, Outcome
from backend.model.verbs.sell import Sell
from backend.model.verbs.shortfall_settle import ShortfallSettle
from backend.proof.books import prove
from tests.counts.shelf import opening, posting, scanning
from tests.ledger.shop import ANA, bury, cancel, counters, open_shop, receive, reserve, running_ledger


def fact(units: int, *holds: UUID, made_at: datetime | None = None) -> Sell:
    when = made_at or datetime.now(UTC)
    lines = (SaleLine("tea", units, 100),)
    return Sell(id=new_id(), store_id="292", lines=lines, holds=holds, made_at=when, offline=Offline(sequence=1))


def taking(case: UUID, *lines: Line) -> ShortfallSettle:
    """Takes the units of the case, or some of them, from what is there now."""
    return ShortfallSettle(
        id=new_id(),
        store_id="292",
        shortfall_id=case,
        outcome=Outcome.TAKE,
        reason="they came",
        lines=lines or None,
    )


async def accept(ledger: Ledger, *commands: Command) -> None:
    for answer in await ledger.submit_many([Request(command, ANA) for command in commands]):
        assert answer.accepted, answer.refusal


async def test_dead_holds_make_room_for_a_fact_before_anything_is_short(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        hold = reserve(tea=4)
        await ledger.submit_many([receive(tea=5), hold])
        await bury(database, hold.command.id)
        answer = await ledger.submit(Request(fact(5), ANA))
        assert (answer.accepted, answer.documents) == (True, ())
    assert (await counters(database, "tea"))[:2] == (0, 0)
    assert (await prove(database)).drifts == ()


async def test_a_retry_of_a_fact_has_one_effect(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=1))
        sale = Request(fact(3), ANA)
        first, *others = await ledger.submit_many([sale, sale, sale])
        assert first.accepted
        assert [first] * 2 == others
        assert await ledger.submit(sale) == first


async def test_a_count_is_told_when_the_goods_of_a_settled_shortfall_left(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        hold, count = reserve(tea=2), opening("tea")
        await ledger.submit_many([receive(tea=5), hold])
        sale = fact(5)
        await accept(ledger, count)
        await accept(ledger, scanning(count.id, 0))
        await accept(ledger, sale)
        await ledger.submit(cancel(hold.command.id))
        await accept(ledger, taking(sale.id))
        async with reading(database) as connection:
            (line,) = [x.read(LineBody) for x in await lines_of(connection, "292", count.id)]
            moves = await moves_since(connection, "292", [line])
        assert difference(line, moves["292", "tea"]).left == 0
        await accept(ledger, posting(count.id))
    assert (await counters(database, "tea"))[:2] == (0, 0)
    assert (await prove(database)).drifts == ()


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE sale_lines SET short = 1", "units short of sale"),
        ("UPDATE sale_lines SET short = 0", "units sold by movements"),
        ("DELETE FROM documents WHERE kind = 'shortfall'", "documents that movements of kind shortfall name"),
        ("""UPDATE documents SET body = replace(body, '"taken":1', '"taken":2')""", "moved by shortfall of shortfall"),
        (
            """UPDATE documents SET body = replace(body, '"dismissed":0', '"dismissed":9')""",
            "units settled of what was short",
        ),
        ("UPDATE movements SET on_hand_change = -2 WHERE kind = 'shortfall'", "moved by shortfall of shortfall"),
    ],
)
async def test_what_is_falsified_is_found(database: Database, statement: str, found: str) -> None:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=1))
        sale = fact(3)
        await accept(ledger, sale)
        await ledger.submit(receive(tea=1))
        await accept(ledger, taking(sale.id, Line("tea", 1)))
    assert (await prove(database)).drifts == ()
    async with database.writer.begin() as connection:
        await connection.exec_driver_sql(statement)
    drifts = (await prove(database)).drifts
    assert any(found in drift.what for drift in drifts), drifts
