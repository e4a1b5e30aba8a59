"""Deliveries: signed, repeated until they are received, once for all servers, and never lost."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import trustme
from sqlalchemy import func, select, update
from structlog.testing import capture_logs

from backend.database.engine import Database, open_database
from backend.database.reads import moment
from backend.database.tables import webhook_deliveries
from backend.database.writes import writing
from backend.events import outbox
from backend.events.subjects import Kind
from backend.ids import new_id
from backend.model.answers import SaleRecord
from backend.model.events import Message, Outgoing
from backend.model.stock import StockRow
from backend.webhooks import courier as courier_module
from backend.webhooks.courier import MAX_ATTEMPTS, Courier
from backend.webhooks.deliveries import claim
from backend.webhooks.queries import StoredWebhook, add_webhook, remove_webhook, replay
from backend.webhooks.signing import new_secret, signed_headers
from tests.e2e.server import Server
from tests.events.messages import commit, holds, outgoing, some
from tests.eventually import eventually
from tests.servers import HOST

from .receiver import Receiver, receiving, verified

SECRET = new_secret()
WEBHOOK = "a" * 32


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier_module, "LOOK_SECONDS", 0.02)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as there:
        yield there


@asynccontextmanager
async def delivering(database: Database, *, allow_private: bool = True) -> AsyncIterator[Courier]:
    courier = Courier(database, allow_private=allow_private)
    await courier.start()
    try:
        yield courier
    finally:
        await courier.close()


async def add(
    database: Database, url: str, store_id: str = "S1", kinds: tuple[str, ...] = tuple(Kind), id_: str = WEBHOOK
) -> None:
    async with writing(database) as connection:
        made = StoredWebhook(id_, url, store_id, kinds, "root", datetime.now(UTC))
        await add_webhook(connection, made, SECRET)


async def publish(database: Database, messages: list[Outgoing]) -> None:
    """What the relay does: the ledger's rows leave the outbox when NATS has them."""
    await commit(database, messages)
    await outbox.delete(database, [message.id for message in messages])
    assert await holds(database, 0)


async def owed(database: Database) -> int:
    async with database.engine.connect() as connection:
        query = select(func.count()).select_from(webhook_deliveries)
        return (await connection.execute(query)).scalar_one()


async def forward(database: Database) -> None:
    """What waits, for a pause or a lease to end, has waited long enough."""
    async with writing(database) as connection:
        past = await moment(connection) - timedelta(seconds=1)
        waiting = webhook_deliveries.c.next_at.is_not(None)
        await connection.execute(update(webhook_deliveries).where(waiting).values(next_at=past))


def test_a_signature_is_the_one_that_the_specification_shows() -> None:
    headers = signed_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_each_event_is_delivered_signed_to_whoever_asked_for_its_store_and_kind(
    database: Database, receiver: Receiver
) -> None:
    url = f"http://localhost:{receiver.port}"
    await add(database, f"{url}/stock?of=S1", "S1", ("stock",))
    await add(database, f"{url}/all", "*", id_="b" * 32)
    await add(database, f"{url}/sur", "S2", id_="c" * 32)
    now = datetime.now(UTC)
    sale = SaleRecord(new_id(), "S1", "T1-000001", 100, now)
    both = outgoing(Message("S1", now, stock=(StockRow("S1", "P", on_hand=3, version=1),), sales=(sale,)))
    other = outgoing(Message("S1", now, sales=(sale,)))
    await publish(database, [both, other])

    async with delivering(database):
        await eventually(lambda: owed_none(database))
    contents = {(x["webhook-id"], len(verified(SECRET, x, body).keys() - {"at"})): x for x, body in receiver.posts}
    assert set(contents) == {(str(both.id), 2), (str(both.id), 3), (str(other.id), 2)}
    assert {x["host"] for x in contents.values()} == {f"localhost:{receiver.port}"}
    stock = verified(SECRET, *next(post for post in receiver.posts if b"sales" not in post[1]))
    assert stock["stock"] == [
        {"store_id": "S1", "product_id": "P", "on_hand": 3, "unavailable": 0, "allocated": 0, "reserved": 0}
        | {"incoming": 0, "version": 1}
    ]


async def owed_none(database: Database) -> bool:
    return await owed(database) == 0


async def test_a_failure_is_tried_again_under_the_same_id(database: Database, receiver: Receiver) -> None:
    receiver.statuses = [500, 302]
    await add(database, f"http://{HOST}:{receiver.port}/")
    [event] = some(1)
    await publish(database, [event])
    async with delivering(database):
        for tries, error in enumerate(("answered 500", "answered 302"), 1):
            await eventually(partial(waits_after, database, tries, error))
            assert len(receiver.posts) == tries
            await forward(database)
        await eventually(lambda: owed_none(database))
    assert receiver.ids == [str(event.id)] * 3
    assert all(verified(SECRET, *post) for post in receiver.posts)


async def waits_after(database: Database, attempts: int, error: str) -> bool:
    """Whether the only delivery failed `attempts` times, the last time with `error`, and was told when to try again."""
    async with database.engine.connect() as connection:
        row = (await connection.execute(select(webhook_deliveries))).one()
    # An attempt counts from its beginning, so the error tells whether it has ended.
    return (row.attempts, row.last_error) == (attempts, error) and row.next_at is not None


async def test_after_ten_attempts_it_is_a_dead_letter_that_can_be_replayed(
    database: Database, receiver: Receiver
) -> None:
    receiver.statuses = [503]
    await add(database, f"http://{HOST}:{receiver.port}/")
    [event] = some(1)
    await publish(database, [event])
    async with writing(database) as connection:
        await connection.execute(update(webhook_deliveries).values(attempts=MAX_ATTEMPTS - 1))

    async with delivering(database):
        await eventually(lambda: has_letter(database))
        await forward(database)  # moves nothing: it has no next attempt
        assert len(receiver.posts) == 1
        async with writing(database) as connection:
            letter = await replay(connection, WEBHOOK, event.id)
        assert letter is not None
        assert letter.last_error == "answered 503"
        await eventually(lambda: owed_none(database))
    assert receiver.ids == [str(event.id)] * 2


async def has_letter(database: Database) -> bool:
    async with database.engine.connect() as connection:
        row = (await connection.execute(select(webhook_deliveries))).one()
    return row.next_at is None and row.attempts == MAX_ATTEMPTS


async def test_two_servers_deliver_each_event_once(database: Database, receiver: Receiver) -> None:
    await add(database, f"http://{HOST}:{receiver.port}/")
    events = some(60)
    await commit(database, events)
    ids = [event.id for event in events]
    async with delivering(database), delivering(database):
        # Two relays may have an acknowledgement of the same message.
        await asyncio.gather(outbox.delete(database, ids[:40]), outbox.delete(database, ids[20:]))
        await eventually(lambda: owed_none(database))
    assert sorted(receiver.ids) == sorted(str(one) for one in ids)


async def test_what_one_server_is_claiming_another_passes_over(postgres_url: str) -> None:
    """SQLite lets only one of them write at a time anyway."""
    database = open_database(postgres_url)
    await add(database, "https://shop.example/")
    await publish(database, some(7))
    async with asyncio.timeout(10), writing(database) as one, writing(database) as other:
        claimed = [await claim(connection, WEBHOOK, 5) for connection in (one, other)]
    assert [len(page) for page in claimed] == [5, 2]
    assert len({delivery.event_id for page in claimed for delivery in page}) == 7
    await database.close()


async def test_a_server_that_dies_after_its_post_leaves_the_event_to_the_others(
    database: Database, receiver: Receiver
) -> None:
    await add(database, f"http://{HOST}:{receiver.port}/")
    [event] = some(1)
    receiver.open.clear()
    dying = Courier(database, allow_private=True)
    await dying.start()
    await publish(database, [event])
    await eventually(lambda: receiver.posts)
    await dying.close(deadline=0)
    receiver.open.set()
    async with delivering(database):
        assert await owed(database) == 1
        await forward(database)
        await eventually(lambda: owed_none(database))
    assert receiver.ids == [str(event.id)] * 2


@pytest.mark.slow
async def test_a_server_killed_after_its_post_leaves_the_event_to_the_next(
    postgres_url: str, receiver: Receiver, tmp_path: Path
) -> None:
    """As the test before, with processes and kill -9."""
    database = open_database(postgres_url)
    await add(database, f"http://{HOST}:{receiver.port}/")
    receiver.open.clear()
    [event] = some(1)
    server = Server(postgres_url, tmp_path, WEBHOOKS_ALLOW_PRIVATE="true")
    server.start()
    await publish(database, [event])
    await eventually(lambda: receiver.posts)
    server.kill()
    receiver.open.set()
    assert await owed(database) == 1
    await forward(database)
    server.start()
    await eventually(lambda: owed_none(database))
    server.stop()
    await database.close()
    assert receiver.ids == [str(event.id)] * 2


async def test_a_server_that_stops_waits_for_the_answer(database: Database, receiver: Receiver) -> None:
    await add(database, f"http://{HOST}:{receiver.port}/")
    receiver.open.clear()
    async with delivering(database) as courier:
        await publish(database, some(1))
        await eventually(lambda: receiver.posts)
        closing = asyncio.create_task(courier.close(deadline=30))
        receiver.open.set()
        await closing
    assert await owed(database) == 0


async def test_a_slow_receiver_keeps_nobody_else_waiting(database: Database, receiver: Receiver) -> None:
    async with receiving() as slow:
        slow.open.clear()
        await add(database, f"http://{HOST}:{slow.port}/")
        await add(database, f"http://{HOST}:{receiver.port}/", id_="b" * 32)
        await publish(database, some(50))
        async with delivering(database):
            await eventually(lambda: len(receiver.posts) == 50)
            assert await owed(database) >= 50
            slow.open.set()
            await eventually(lambda: owed_none(database))


async def test_an_address_that_has_become_private_is_not_called(database: Database, receiver: Receiver) -> None:
    await add(database, f"https://localhost:{receiver.port}/")
    await publish(database, some(1))
    async with delivering(database, allow_private=False):
        await eventually(lambda: refused(database))
    assert receiver.posts == []


async def refused(database: Database) -> bool:
    async with database.engine.connect() as connection:
        error = await connection.scalar(select(webhook_deliveries.c.last_error))
    return error == "localhost is not on the public internet"


@pytest.fixture
async def sqlite_database(sqlite_url: str) -> AsyncIterator[Database]:
    opened = open_database(sqlite_url)
    yield opened
    await opened.close()


async def test_a_certificate_must_be_the_name_s(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("shop.example").configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    async def here(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (HOST, 0))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", here)
    async with receiving(tls) as receiver:
        await add(sqlite_database, f"https://shop.example:{receiver.port}/")
        await add(sqlite_database, f"https://other.example:{receiver.port}/", id_="b" * 32)
        await publish(sqlite_database, some(1))
        async with delivering(sqlite_database):
            await eventually(lambda: tried_both(sqlite_database))
    assert [headers["host"] for headers, _ in receiver.posts] == [f"shop.example:{receiver.port}"]


async def tried_both(database: Database) -> bool:
    async with database.engine.connect() as connection:
        errors = (await connection.scalars(select(webhook_deliveries.c.last_error))).all()
    return len(errors) == 1 and "certificate" in errors[0].lower()


async def test_a_removed_webhook_is_owed_nothing(database: Database) -> None:
    await add(database, "https://shop.example/")
    await publish(database, some(3))
    assert await owed(database) == 3
    async with writing(database) as connection:
        await remove_webhook(connection, WEBHOOK)
    await publish(database, some(3))
    assert await owed(database) == 0


async def test_authorities_that_cannot_be_read_are_told_of_until_they_can(
    database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    await add(database, f"http://localhost:{receiver.port}")
    await publish(database, some(1))
    with capture_logs() as logs:
        async with delivering(database):
            await eventually(lambda: "webhooks_without_authorities" in [line["event"] for line in logs])
            monkeypatch.delenv("SSL_CERT_FILE")
            await eventually(lambda: owed_none(database))


async def test_an_event_that_this_release_cannot_read_keeps_no_other_waiting(
    database: Database, receiver: Receiver
) -> None:
    await add(database, f"http://localhost:{receiver.port}")
    odd, *others = some(3)
    await publish(database, [odd, *others])
    async with writing(database) as connection:
        its = webhook_deliveries.c.event_id == odd.id
        await connection.execute(update(webhook_deliveries).where(its).values(payload='{"at": "of a later release"}'))
    async with delivering(database):
        await eventually(lambda: only_one_failed(database))
    assert sorted(receiver.ids) == [str(other.id) for other in others]


async def only_one_failed(database: Database) -> bool:
    async with database.engine.connect() as connection:
        return [error[:12] for error in await connection.scalars(select(webhook_deliveries.c.last_error))] == [
            "this release"
        ]
