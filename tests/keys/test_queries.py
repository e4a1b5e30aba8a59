"""How long a key is believed, and how often its use is written down."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from backend.auth.api_keys import ApiKey, KeyRefused
from backend.database.engine import Database
from backend.database.reads import moment
from backend.database.tables import api_keys
from backend.database.writes import writing
from backend.keys import service as machine_keys
from backend.keys.queries import StoredKey, add_key, remove_key
from backend.keys.service import BELIEVED_SECONDS, Keys


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


async def new_key(database: Database, valid: timedelta | None = None) -> ApiKey:
    key = ApiKey.make()
    async with writing(database) as connection:
        now = await moment(connection)
        stored = StoredKey(key.id, "Web", ("stock:read",), ("norte",), "", "root", now, now + valid if valid else None)
        await add_key(connection, stored, key.digest)
    return key


async def remove(database: Database, key: ApiKey) -> None:
    async with writing(database) as connection:
        assert await remove_key(connection, key.id, None)


async def last_use(database: Database, key: ApiKey) -> datetime | None:
    async with database.engine.connect() as connection:
        used_at: datetime | None = await connection.scalar(
            select(api_keys.c.last_used_at).where(api_keys.c.id == key.id)
        )
    return used_at


async def test_a_key_revoked_elsewhere_is_believed_for_seconds(database: Database) -> None:
    clock, key = Clock(), await new_key(database)
    keys = Keys(database, clock)
    claims = await keys.verify(str(key))
    assert (claims.actor, claims.store_id, claims.scopes) == (f"key:{key.id}", "norte", frozenset({"stock:read"}))
    await remove(database, key)

    clock.seconds += BELIEVED_SECONDS - 0.1
    assert await keys.verify(str(key)) is claims
    with pytest.raises(KeyRefused):
        await keys.verify(f"{key.id}.{'A' * 43}")
    clock.seconds += 0.2
    with pytest.raises(KeyRefused):
        await keys.verify(str(key))


async def test_a_key_is_not_believed_beyond_its_end(database: Database) -> None:
    clock, key = Clock(), await new_key(database, timedelta(seconds=60))
    keys = Keys(database, clock)
    await keys.verify(str(key))
    async with writing(database) as connection:
        now = await moment(connection)
        await connection.execute(update(api_keys).values(expires_at=now + timedelta(seconds=1)))
    clock.seconds += BELIEVED_SECONDS
    await keys.verify(str(key))  # looked at again: it ends in a second
    clock.seconds += 1
    async with writing(database) as connection:
        await connection.execute(update(api_keys).values(expires_at=await moment(connection)))
    with pytest.raises(KeyRefused):
        await keys.verify(str(key))


async def test_its_use_is_written_down_at_most_once_a_minute(database: Database) -> None:
    clock, key = Clock(), await new_key(database)
    keys = Keys(database, clock)
    assert await last_use(database, key) is None
    with pytest.raises(KeyRefused):
        await keys.verify(f"{key.id}.{'A' * 43}")
    assert await last_use(database, key) is None

    await keys.verify(str(key))
    first = await last_use(database, key)
    clock.seconds += BELIEVED_SECONDS
    await keys.verify(str(key))
    assert first is not None
    assert await last_use(database, key) == first

    long_ago = first - timedelta(minutes=1)
    async with writing(database) as connection:
        await connection.execute(update(api_keys).values(last_used_at=long_ago))
    clock.seconds += BELIEVED_SECONDS
    await keys.verify(str(key))
    assert (await last_use(database, key) or long_ago) >= first


async def test_memory_is_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_keys, "REMEMBERED", 2)
    keys, many = Keys(database, Clock()), [await new_key(database) for _ in range(3)]
    for key in [*many, *many]:
        assert (await keys.verify(str(key))).actor == f"key:{key.id}"
        assert len(keys._known) <= 2


def test_a_key_does_not_show_its_secret() -> None:
    key = ApiKey.make()
    assert key.secret not in repr(key)
    assert ApiKey.parse(str(key)) == key
    assert key.fits(key.digest)
    assert not key.fits(ApiKey.make().digest)
