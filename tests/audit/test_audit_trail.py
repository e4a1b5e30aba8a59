"""An act is in the trail exactly when its change is in the database."""

from typing import Any

import pytest
from msgspec import Struct, json
from sqlalchemy import insert, select

from backend.database.audit_trail import Origin, record
from backend.database.engine import Database
from backend.database.reads import database_now
from backend.database.tables import audit, stores

LUIS = Origin("luis", "T1", "198.51.100.1", "r1")


class Person(Struct):
    """As stored."""

    name: str
    pin_hash: str


async def trail(database: Database) -> list[dict[str, Any]]:
    async with database.engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(select(audit).order_by(audit.c.at))).mappings()]


async def open_store(database: Database, *, fail: bool) -> None:
    async with database.writer.begin() as connection:
        await connection.execute(insert(stores).values(id="norte", name="Norte", created_at=database_now()))
        await record(connection, LUIS, "store.create", "store:norte", store_id="norte", after={"name": "Norte"})
        if fail:
            raise ConnectionError


async def test_an_act_is_written_with_its_change(database: Database) -> None:
    await open_store(database, fail=False)

    (act,) = await trail(database)
    async with database.engine.connect() as connection:
        opened_at = await connection.scalar(select(stores.c.created_at))
        now = await connection.scalar(select(database_now()))
    assert act.pop("id").version == 7
    assert opened_at <= act.pop("at") <= now
    assert json.decode(act.pop("after")) == {"name": "Norte"}
    assert act == {
        "store_id": "norte",
        "actor": "luis",
        "terminal_id": "T1",
        "address": "198.51.100.1",
        "action": "store.create",
        "subject": "store:norte",
        "before": None,
        "request_id": "r1",
    }


async def test_an_act_ends_with_its_change(database: Database) -> None:
    with pytest.raises(ConnectionError):
        await open_store(database, fail=True)
    assert await trail(database) == []


async def test_what_names_a_secret_is_not_kept(database: Database) -> None:
    async with database.writer.begin() as connection:
        await record(
            connection,
            LUIS,
            "user.update",
            "user:ana",
            before=Person("ana", "$argon2id$1"),
            after={"name": "ana", "keys": [{"id": "k1", "secret": "s3cret"}]},
        )
    (act,) = await trail(database)
    assert json.decode(act["before"]) == {"name": "ana", "pin_hash": "***"}
    assert json.decode(act["after"]) == {"name": "ana", "keys": [{"id": "k1", "secret": "***"}]}
