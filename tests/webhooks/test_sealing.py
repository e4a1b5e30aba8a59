"""Secrets of webhooks at rest: a copy of the database reveals none, and keys can be changed."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert
from structlog.testing import capture_logs

from backend.database import tables
from backend.database.engine import Database, open_database
from backend.database.reads import reading
from backend.database.writes import writing
from backend.webhooks.courier import Courier
from backend.webhooks.queries import StoredWebhook, add_webhook, stored_secrets
from backend.webhooks.sealing import Sealer, WebhookKeyUnfit, seal_all, sealer_of
from backend.webhooks.signing import new_secret
from tests.events.messages import some
from tests.eventually import eventually

SECRET = new_secret()
OLD, NEW = Sealer([b"old"]), Sealer([b"new", b"old"])


async def add_in_clear(database: Database, id_: str = "a" * 32) -> None:
    """What the release before wrote."""
    row = {"id": id_, "url": "https://shop.example/hook", "store_id": "*", "kinds": "sale", "secret": SECRET}
    async with writing(database) as connection:
        await connection.execute(insert(tables.webhooks), row | {"created_by": "root", "created_at": datetime.now(UTC)})


async def add_sealed(database: Database, sealed: str, id_: str = "a" * 32) -> None:
    made = StoredWebhook(id_, "https://shop.example/hook", "*", ("sale",), "root", datetime.now(UTC))
    async with writing(database) as connection:
        await add_webhook(connection, made, sealed)


async def kept(database: Database) -> tuple[str, str | None]:
    async with reading(database) as connection:
        [webhook] = await stored_secrets(connection)
    return webhook.secret, webhook.sealed


def test_what_is_sealed_opens_for_its_webhook_and_its_key_only() -> None:
    sealed = OLD.seal("one", SECRET)
    assert SECRET.removeprefix("whsec_") not in sealed
    assert sealed != OLD.seal("one", SECRET)
    assert len(sealed) <= 200
    assert OLD.open("one", sealed) == NEW.open("one", sealed) == SECRET
    for sealer, webhook, text in (
        (OLD, "two", sealed),
        (Sealer([b"another"]), "one", sealed),
        (OLD, "one", sealed[:-8] + "AAAAAAAA"),
        (OLD, "one", sealed[:12]),
        (OLD, "one", "nothing"),
    ):
        with pytest.raises(WebhookKeyUnfit, match="WEBHOOK_KEYS_ACCEPTED") as unfit:
            sealer.open(webhook, text)
        assert unfit.value.code == "webhook_key_unfit"


def test_a_key_of_its_own_seals_and_what_the_signing_keys_sealed_still_opens() -> None:
    signing, former = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    before = sealer_of("", (), former, ()).seal("one", SECRET)
    rotated = sealer_of("", (), signing, [former])
    assert rotated.open("one", before) == SECRET
    assert not rotated.is_newest(before)
    own = sealer_of("k" * 32, (), signing, [former])
    assert own.open("one", rotated.seal("one", SECRET)) == own.open("one", before) == SECRET
    next_ = sealer_of("n" * 32, ("k" * 32,), signing, ())
    assert next_.open("one", own.seal("one", SECRET)) == SECRET


async def test_secrets_in_clear_are_sealed_and_old_ones_anew(database: Database) -> None:
    await add_in_clear(database)
    await seal_all(database, OLD)
    secret, sealed = await kept(database)
    assert secret == ""
    assert sealed is not None
    assert OLD.open("a" * 32, sealed) == SECRET
    await seal_all(database, NEW)
    _, again = await kept(database)
    assert again is not None
    assert NEW.is_newest(again)
    assert NEW.open("a" * 32, again) == SECRET
    await seal_all(database, NEW)
    assert await kept(database) == ("", again)


async def test_what_no_key_opens_is_told_and_left(database: Database) -> None:
    sealed = OLD.seal("a" * 32, SECRET)
    await add_sealed(database, sealed)
    with capture_logs() as lines:
        await seal_all(database, Sealer([b"another"]))
    assert [(line["event"], line["log_level"]) for line in lines] == [("webhook_key_unfit", "error")]
    assert await kept(database) == ("", sealed)


async def test_the_file_does_not_hold_the_secret_any_more(sqlite_url: str, tmp_path: Path) -> None:
    database = open_database(sqlite_url)
    await add_in_clear(database)
    await database.close()
    assert key_in(tmp_path)
    database = open_database(sqlite_url)
    await seal_all(database, OLD)
    await database.close()
    assert not key_in(tmp_path)


def key_in(directory: Path) -> bool:
    return any(SECRET.removeprefix("whsec_").encode() in path.read_bytes() for path in directory.iterdir())


async def test_a_webhook_of_the_release_before_is_sealed_by_the_courier(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.webhooks.courier.LOOK_SECONDS", 0.02)
    courier = Courier(database, OLD, allow_private=False)
    await courier.start()
    await eventually(lambda: all_sealed_once(courier))
    await add_in_clear(database)
    async with writing(database) as connection:
        [event] = some(1)
        now = datetime.now(UTC)
        row = {"webhook_id": "a" * 32, "event_id": event.id, "store_id": "S1", "payload": "{}"}
        await connection.execute(insert(tables.webhook_deliveries), row | {"created_at": now, "next_at": now})
    await eventually(lambda: is_sealed(database))
    await courier.close()


async def all_sealed_once(courier: Courier) -> bool:
    return courier._all_sealed


async def is_sealed(database: Database) -> bool:
    return (await kept(database))[1] is not None
