"""What the upkeep forgets, and that a forgotten command cannot happen again."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import insert, select, update

from backend.database import tables
from backend.database.engine import Database
from backend.ids import expiry_command_id, new_id
from backend.model.answers import Code
from backend.model.books import Request
from backend.model.commands import Line
from backend.model.forgetting import COMMANDS_KEPT, forgotten
from backend.model.verbs.receive import Receive
from backend.proof.books import prove
from backend.upkeep.hygiene import OUTBOX_KEPT, PAGE
from backend.upkeep.loop import Upkeep
from backend.webhooks.deliveries import LETTERS_KEPT
from tests.allotments.shelf import LUIS, allot, release
from tests.ledger.shop import open_shop, receive, request, running_ledger

NOW = datetime.now(UTC)


def id_made(at: datetime, number: int = 0) -> UUID:
    """A UUIDv7 made at that moment."""
    return UUID(int=(int(at.timestamp() * 1000) << 80) | (0x7 << 76) | (0x2 << 62) | number)


def test_an_id_is_forgotten_by_the_time_it_carries() -> None:
    assert forgotten(id_made(NOW - COMMANDS_KEPT - timedelta(seconds=1)), NOW)
    assert not forgotten(id_made(NOW - COMMANDS_KEPT + timedelta(seconds=1)), NOW)
    assert not forgotten(new_id(), NOW)
    assert not forgotten(uuid4(), NOW), "it carries no time, so it is kept for ever"
    assert forgotten(UUID("00000000-0000-7000-0000-000000000001"), NOW), "whatever its variant: so it is deleted, too"


def test_the_id_of_an_expiry_sorts_with_its_hold() -> None:
    hold = new_id()
    first, second = expiry_command_id(hold, 1), expiry_command_id(hold, 2)
    assert first != second
    assert first == expiry_command_id(hold, 1)
    assert first.version == second.version == 8
    assert first.bytes[:6] == hold.bytes[:6]


async def test_old_ids_go_and_what_they_did_cannot_be_done_again(database: Database) -> None:
    await open_shop(database)
    old = id_made(NOW - COMMANDS_KEPT - timedelta(days=1))
    young = receive_as(id_made(NOW - COMMANDS_KEPT + timedelta(days=1)), 5)
    other = receive_as(uuid4(), 7)
    async with running_ledger(database) as ledger:
        for each in (young, other):
            assert (await ledger.submit(each)).accepted
        await record_old(database, [old, expiry_command_id(old, 1)])
        await Upkeep(database).turn(NOW)
        assert await recorded(database) == {young.command.id, other.command.id}

        refused = (await ledger.submit(receive_as(old, 100))).refusal
        assert refused is not None
        assert refused.code is Code.COMMAND_TOO_OLD
        assert (await ledger.submit(young)).stock[0].on_hand == 5, "its first answer"
        assert (await ledger.submit(receive(tea=1))).stock[0].on_hand == 13


async def test_a_server_whose_clock_is_ahead_forgets_nothing_early(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        first = receive(tea=5)
        answer = await ledger.submit(first)
        await Upkeep(database).turn(NOW + COMMANDS_KEPT + timedelta(days=1))
        assert await ledger.submit(first) == answer


async def test_a_command_that_waited_long_is_forgotten_before_its_movements(database: Database) -> None:
    """It is forgotten by its id, which a terminal made long before the ledger got it; the proof knows."""
    await open_shop(database)
    old = id_made(NOW - COMMANDS_KEPT + timedelta(hours=1))
    async with running_ledger(database) as ledger:
        assert (await ledger.submit(receive_as(old, 5))).accepted
    forgotten_now = id_made(NOW - COMMANDS_KEPT - timedelta(hours=1))
    async with database.writer.begin() as connection:  # two hours later
        await connection.execute(update(tables.commands).values(id=forgotten_now))
        await connection.execute(update(tables.movements).values(command_id=forgotten_now))
    await Upkeep(database).turn(NOW)
    assert await recorded(database) == set()
    assert (await prove(database)).drifts == ()


async def test_more_than_a_page_goes_in_one_turn(database: Database) -> None:
    old = NOW - COMMANDS_KEPT - timedelta(days=1)
    await record_old(database, [id_made(old, number) for number in range(PAGE + 1)])
    await Upkeep(database).turn(NOW)
    assert await recorded(database) == set()


async def test_messages_that_nobody_came_for_are_dropped_after_a_month(database: Database) -> None:
    ages = {new_id(): OUTBOX_KEPT + timedelta(minutes=1), new_id(): OUTBOX_KEPT - timedelta(minutes=1)}
    rows = [{"id": id_, "store_id": "292", "payload": "{}", "created_at": NOW - age} for id_, age in ages.items()]
    async with database.writer.begin() as connection:
        await connection.execute(insert(tables.outbox), rows)
    await Upkeep(database).turn(NOW)
    async with database.engine.connect() as connection:
        assert (await connection.scalars(select(tables.outbox.c.id))).all() == [list(ages)[1]]


def receive_as(id_: UUID, units: int) -> Request:
    return request(Receive(id=id_, store_id="292", lines=(Line("tea", units),)))


async def record_old(database: Database, ids: list[UUID]) -> None:
    row = {"store_id": "292", "fingerprint": "", "answer": "{}", "actor": "ana", "terminal_id": ""}
    kinds = {7: "receive", 8: "expire"}
    rows = [row | {"id": id_, "at": NOW - COMMANDS_KEPT, "kind": kinds[id_.version or 0]} for id_ in ids]
    async with database.writer.begin() as connection:
        await connection.execute(insert(tables.commands), rows)


async def recorded(database: Database) -> set[UUID]:
    async with database.engine.connect() as connection:
        return set((await connection.scalars(select(tables.commands.c.id))).all())


async def test_sessions_that_are_long_over_and_old_failures_are_forgotten(database: Database) -> None:
    old, recent = NOW - timedelta(days=1, minutes=1), NOW - timedelta(hours=23)
    common = {"user_name": "ana", "store_id": "norte", "terminal_id": "T1", "refresh_hash": "", "created_at": old}
    async with database.writer.begin() as connection:
        for at in (old, recent):
            await connection.execute(insert(tables.sessions).values(id=at.isoformat(), expires_at=at, **common))
            failure = {"subject": at.isoformat(), "failures": 1, "failed_at": at}
            await connection.execute(insert(tables.sign_in_failures).values(**failure))

    await Upkeep(database).turn(NOW)

    async with database.engine.connect() as connection:
        for column in (tables.sessions.c.id, tables.sign_in_failures.c.subject):
            assert list(await connection.scalars(select(column))) == [recent.isoformat()]


async def test_what_was_known_of_ended_allotments_is_forgotten_after_a_day(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=9))
        kept = (await ledger.submit(allot(3, ttl=1))).id
        ended = (await ledger.submit(allot(2, who=LUIS, ttl=1))).id
        await ledger.submit(release(ended, LUIS))
    rows = select(tables.allotments.c.id)
    for days, left in ((0, {kept, ended}), (2, {kept})):
        await Upkeep(database).turn(datetime.now(UTC) + timedelta(days=days))
        async with database.engine.connect() as connection:
            assert set(await connection.scalars(rows)) == left
    assert not (await prove(database)).drifts


async def test_dead_letters_are_forgotten_after_a_month(database: Database) -> None:
    old, recent = NOW - LETTERS_KEPT - timedelta(minutes=1), NOW - LETTERS_KEPT + timedelta(minutes=1)
    webhook = {"id": "w", "url": "", "store_id": "*", "kinds": "", "secret": "", "created_by": "", "created_at": old}
    async with database.writer.begin() as connection:
        await connection.execute(insert(tables.webhooks).values(**webhook))
        for at, next_at in ((old, None), (recent, None), (old, NOW)):
            row = {"webhook_id": "w", "event_id": new_id(), "store_id": "292", "payload": "{}"}
            await connection.execute(insert(tables.webhook_deliveries).values(**row, created_at=at, next_at=next_at))

    await Upkeep(database).turn(NOW)

    async with database.engine.connect() as connection:
        left = await connection.execute(select(tables.webhook_deliveries))
    assert {(row.created_at, row.next_at) for row in left} == {(recent, None), (old, NOW)}
