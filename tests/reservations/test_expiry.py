"""The expiry loop on both databases: what is due ends, once, whatever else happens to it at the same moment."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import bindparam, func, select, text, update
from structlog.testing import capture_logs

from backend.database import tables
from backend.database.engine import Database
from backend.ledger.lanes import Ledger
from backend.model.answers import Code
from backend.model.reservations import Status
from backend.reservations import expiry
from backend.reservations.expiry import LONGEST_PAUSE, PAGE, ExpiryLoop
from tests.eventually import eventually
from tests.ledger.shop import confirm, counters, open_shop, receive, reserve, running_ledger

holds = tables.reservations.c


@pytest.fixture
async def ledger(database: Database) -> AsyncIterator[Ledger]:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=1_000_000, jam=1000))
        yield ledger


async def set_deadlines(database: Database, deadlines: dict[UUID, datetime]) -> None:
    change = update(tables.reservations).where(holds.id == bindparam("hold")).values(expires_at=bindparam("at"))
    async with database.writer.begin() as connection:
        await connection.execute(change, [{"hold": hold, "at": at} for hold, at in deadlines.items()])


async def pass_all_deadlines(database: Database) -> None:
    async with database.writer.begin() as connection:
        await connection.execute(update(tables.reservations).values(expires_at=datetime.now(UTC)))


async def statuses(database: Database) -> dict[Status, int]:
    query = select(holds.status, func.count(holds.id.distinct())).group_by(holds.status)
    async with database.engine.connect() as connection:
        return {Status(status): number for status, number in await connection.execute(query)}


async def expire_movements(database: Database) -> int:
    query = select(func.count()).select_from(tables.movements).where(tables.movements.c.kind == "expire")
    async with database.engine.connect() as connection:
        return (await connection.execute(query)).scalar_one()


async def test_ends_what_is_due_and_only_that(database: Database, ledger: Ledger) -> None:
    due, live = reserve(tea=3, jam=2), reserve(tea=5)
    await ledger.submit_many([due, live])
    await set_deadlines(database, {due.command.id: datetime.now(UTC)})

    assert await ExpiryLoop(database, ledger).look() == 0

    assert await statuses(database) == {Status.EXPIRED: 1, Status.PENDING: 1}
    assert (await counters(database, "tea"))[1] == 5
    assert (await counters(database, "jam"))[1] == 0


async def test_pauses_until_the_next_deadline_and_never_long(database: Database, ledger: Ledger) -> None:
    loop = ExpiryLoop(database, ledger)
    assert await loop.look() == LONGEST_PAUSE

    await ledger.submit(reserve(ttl=900, tea=1))
    assert await loop.look() == LONGEST_PAUSE

    await ledger.submit(reserve(ttl=1, tea=1))
    assert 0 <= await loop.look() <= 1


async def test_takes_a_page_at_a_time(database: Database, ledger: Ledger) -> None:
    await ledger.submit_many([reserve(tea=1) for _ in range(PAGE + 1)])
    await pass_all_deadlines(database)
    loop = ExpiryLoop(database, ledger)

    assert await loop.look() == 0
    assert await statuses(database) == {Status.EXPIRED: PAGE, Status.PENDING: 1}

    assert await loop.look() == 0
    assert await loop.look() == LONGEST_PAUSE
    assert await statuses(database) == {Status.EXPIRED: PAGE + 1}


async def test_a_hold_ends_by_itself_at_its_second(database: Database, ledger: Ledger) -> None:
    loop = ExpiryLoop(database, ledger)
    await loop.start()
    await ledger.submit(reserve(ttl=1, tea=1))

    await eventually(lambda: has_expired(database, 1))

    await loop.close()
    async with database.engine.connect() as connection:
        (hold,) = (await connection.execute(select(tables.reservations))).all()
    assert hold.updated_at >= hold.expires_at


async def execute(database: Database, sql: str) -> None:
    async with database.writer.begin() as connection:
        await connection.execute(text(sql))


async def has_expired(database: Database, number: int) -> bool:
    return (await statuses(database)).get(Status.EXPIRED) == number


async def test_many_loops_expire_each_hold_once(database: Database, ledger: Ledger) -> None:
    await ledger.submit_many([reserve(tea=1, jam=1) for _ in range(400)])
    await pass_all_deadlines(database)

    async with running_ledger(database) as other:
        loops = [ExpiryLoop(database, ledger), ExpiryLoop(database, other), ExpiryLoop(database, other)]
        await asyncio.gather(*(loop.look() for loop in loops))
        while await loops[0].look() == 0:
            pass

    assert await statuses(database) == {Status.EXPIRED: 400}
    assert await expire_movements(database) == 800
    assert (await counters(database, "tea"))[:2] == (1_000_000, 0)
    assert (await counters(database, "jam"))[:2] == (1000, 0)


async def test_of_confirm_and_expire_exactly_one_wins(database: Database, ledger: Ledger) -> None:
    """While deadlines pass, one server confirms and two look for what is due."""
    holds = [(await ledger.submit(reserve(tea=1))).id for _ in range(150)]
    now = datetime.now(UTC)
    deadlines = {hold: now + timedelta(milliseconds=4 * number) for number, hold in enumerate(holds)}
    # Whatever the machine's speed, both happen.
    await set_deadlines(database, deadlines | {holds[0]: now, holds[-1]: now + timedelta(hours=1)})

    async with running_ledger(database) as other:
        lookers = [asyncio.create_task(look_for_ever(ExpiryLoop(database, one))) for one in (ledger, other)]
        codes = [answer.refusal and answer.refusal.code for answer in [await other.submit(confirm(h)) for h in holds]]
        for looker in lookers:
            looker.cancel()
        await asyncio.gather(*lookers, return_exceptions=True)

    confirmed, refused = codes.count(None), codes.count(Code.RESERVATION_ENDED)
    assert confirmed + refused == len(holds)
    assert confirmed >= 1
    assert refused >= 1
    while await ExpiryLoop(database, ledger).look() == 0:
        pass
    assert await statuses(database) == {Status.CONFIRMED: confirmed, Status.EXPIRED: refused}
    assert (await counters(database, "tea"))[:2] == (1_000_000 - confirmed, 0)


async def look_for_ever(loop: ExpiryLoop) -> None:
    while True:
        await loop.look()


async def test_goes_on_after_the_database_failed(
    database: Database, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "LONGEST_PAUSE", 0.1)
    hold = await ledger.submit(reserve(tea=1))
    await set_deadlines(database, {hold.id: datetime.now(UTC)})
    await execute(database, "ALTER TABLE reservations RENAME TO away")
    loop = ExpiryLoop(database, ledger)
    with capture_logs() as logs:
        await loop.start()
        await eventually(lambda: any(entry["event"] == "holds_not_expired" for entry in logs))
    await execute(database, "ALTER TABLE away RENAME TO reservations")

    await eventually(lambda: has_expired(database, 1))
    await loop.close()
