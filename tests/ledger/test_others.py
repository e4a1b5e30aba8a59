"""The ledger on PostgreSQL when others are in the way: a second server, a row that never fits, a lost primary."""

import asyncio

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from backend.database.engine import open_database
from backend.database.errors import DatabaseAway
from backend.ledger import lanes as ledger_module
from backend.ledger import postgres as ledger_postgres
from backend.ledger.lanes import LedgerFull
from backend.model.answers import Answer
from backend.proof.books import prove
from tests.eventually import eventually

from .shop import bury, codes, open_shop, receive, reserve, running_ledger, sell


async def test_an_id_belongs_to_one_store_whichever_servers_are_asked(postgres_url: str) -> None:
    database = open_database(postgres_url)
    await open_shop(database)
    async with running_ledger(database) as one, running_ledger(database) as two:
        await one.submit(receive("292", tea=9))
        await two.submit(receive("304", tea=9))
        for _ in range(5):
            here = reserve("292", tea=1)
            there = reserve("304", id_=here.command.id, tea=1)
            answers = await asyncio.gather(one.submit(here), two.submit(there))
            assert sorted(map(str, codes(answers))) == ["None", "command_reused"]
    await database.close()


async def test_holds_of_one_id_that_two_servers_made_at_once_both_end(postgres_url: str) -> None:
    """A distributed database has no key that spans the stores. It must not take units away for ever."""
    database = open_database(postgres_url)
    async with database.writer.begin() as connection:
        await connection.execute(text("DROP INDEX uq_commands_id"))
    await open_shop(database)
    async with running_ledger(database) as one, running_ledger(database) as two:
        await one.submit(receive("292", tea=1))
        await two.submit(receive("304", tea=1))
        here = reserve("292", tea=1)
        there = reserve("304", id_=here.command.id, tea=1)
        if codes(await asyncio.gather(one.submit(here), two.submit(there))) == [None, None]:
            await bury(database, here.command.id)
            assert (await one.submit(sell(tea=1))).accepted
            assert (await one.submit(sell(tea=1, store="304"))).accepted
            what = [drift.what for drift in (await prove(database)).drifts]
            assert what == [f"states of hold {here.command.id}"], "a person is told"
    await database.close()


async def test_one_command_that_conflicts_for_ever_harms_no_other(postgres_url: str) -> None:
    """A movement is there already: no second look makes it go away."""
    database = open_database(postgres_url)
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=9, jam=9))
        async with database.writer.begin() as connection:
            await connection.execute(text("""
                INSERT INTO movements SELECT (m).* FROM (
                    SELECT json_populate_record(movements, '{"version": 2}') m FROM movements WHERE product_id = 'jam'
                ) s"""))  # fmt: skip
        broken, well = await asyncio.gather(
            *(ledger.submit(what) for what in (reserve(jam=1), reserve(tea=1))), return_exceptions=True
        )
        assert isinstance(broken, LedgerFull)
        assert isinstance(well, Answer)
        assert well.accepted
    await database.close()


async def test_a_database_that_hangs_is_away(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(ledger_postgres, "STATEMENT_SECONDS", 0.2)
    database = open_database(postgres_url)
    await open_shop(database)
    order = receive(tea=1)
    async with running_ledger(database) as ledger:
        async with database.writer.begin() as connection:
            await connection.execute(text("LOCK TABLE stock"))
            with pytest.raises(DatabaseAway):
                await ledger.submit(order)
        assert (await ledger.submit(order)).accepted
    await database.close()


async def test_a_server_that_is_no_primary_any_more_is_a_lost_one(postgres_url: str) -> None:
    """Its refusal says nothing about the command, which waits until the primary answers."""
    database = open_database(postgres_url)
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=9))
        async with database.writer.begin() as connection:
            name = await connection.scalar(text("SELECT current_database()"))
            await connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
            await connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = :name"),
                {"name": "mostrador-ledger"},
            )
        lost = _lost()
        waiting = asyncio.create_task(ledger.submit(sell(tea=1)))
        await eventually(lambda: _lost() > lost + 2)  # the old connection, then refusals
        assert not waiting.done()
        async with database.writer.begin() as connection:
            await connection.execute(text("SET TRANSACTION READ WRITE"))
            await connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = off'))
        assert (await waiting).accepted
    await database.close()


def _lost() -> float:
    return REGISTRY.get_sample_value("mostrador_database_lost_total") or 0.0
