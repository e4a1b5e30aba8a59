"""What a client can do on NATS with an access token, tried by a hostile one against the real server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import nats
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nats.aio.client import Client

import backend.auth.tokens
from backend.auth.roles import EVERY_STORE
from backend.auth.tokens import Tokens
from backend.events.nats_auth import NatsAuth, inbox_prefix
from backend.events.nats_config import MAX_SUBSCRIPTIONS, new_issuer_seed, public_key, render_config
from backend.events.streams import declare_streams
from tests.eventually import eventually
from tests.servers import HOST, NatsServer, free_port, nats_server

USER, PASSWORD = "server", 'p"$\\äss'
SERVER = {"user": USER, "password": PASSWORD}


@pytest.fixture
def seed() -> str:
    return new_issuer_seed()


@pytest.fixture
def guarded(tmp_path: Path, seed: str) -> Iterator[NatsServer]:
    """A nats-server configured as the embedded one is."""
    port, config = free_port(), tmp_path / "nats.conf"
    store = tmp_path / 'jet "stream"'
    config.write_text(
        render_config(host=HOST, port=port, store=store, issuer=public_key(seed), user=USER, password=PASSWORD),
        encoding="utf-8",
    )
    with nats_server(config, port) as server:
        yield server


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(Ed25519PrivateKey.generate())


@asynccontextmanager
async def asking(guarded: NatsServer, seed: str, tokens: Tokens) -> AsyncIterator[NatsAuth]:
    """One of our servers answers NATS's questions."""
    auth = NatsAuth({"servers": guarded.url, **SERVER}, seed, tokens.verify)
    await auth.start()
    try:
        await eventually(lambda: auth.connected)
        yield auth
    finally:
        await auth.close()


@pytest.fixture
async def door(guarded: NatsServer, seed: str, tokens: Tokens) -> AsyncIterator[NatsAuth]:
    async with asking(guarded, seed, tokens) as auth:
        yield auth


class Intruder:
    """A raw client that tries things, and what NATS said to it."""

    def __init__(self, url: str) -> None:
        self.client = Client()
        self.errors: list[str] = []
        self.closed = asyncio.Event()
        self._url = url

    async def connect(self, **options: Any) -> None:
        async def on_error(error: Exception) -> None:
            self.errors.append(str(error))

        async def on_closed() -> None:
            self.closed.set()

        await self.client.connect(
            self._url, allow_reconnect=False, error_cb=on_error, closed_cb=on_closed, connect_timeout=5, **options
        )

    async def hears(self, published: str, subscribed: str) -> None:
        """Fails unless what our server publishes arrives here."""
        news = await self.client.subscribe(subscribed)
        await self.client.flush()
        server = await nats.connect(self._url, **SERVER)
        await server.publish(published, b"news")
        await server.close()
        assert (await news.next_msg(timeout=10)).subject == published


@pytest.fixture
async def intruder(guarded: NatsServer) -> AsyncIterator[Intruder]:
    one = Intruder(guarded.url)
    yield one
    await one.client.close()


Issue = Callable[..., str]


@pytest.fixture
def issue(tokens: Tokens) -> Issue:
    """Makes access tokens: of the clerk ana at terminal T1, in store S1, unless said otherwise."""

    def token(stores: Collection[str] = ("S1",), user: str = "ana", key: Tokens = tokens) -> str:
        return key.issue(user=user, role="clerk", stores=stores, store_id="S1", terminal_id="T1", session_id="s1")[0]

    return token


@pytest.mark.usefixtures("door")
class TestAClerk:
    async def test_hears_the_own_store(self, intruder: Intruder, issue: Issue) -> None:
        await intruder.connect(token=issue())

        await intruder.hears("inventory.S1.stock.P1", "inventory.S1.>")

    async def test_hears_the_own_inbox(self, intruder: Intruder, issue: Issue) -> None:
        await intruder.connect(token=issue(), inbox_prefix=inbox_prefix("ana", "T1"))
        inbox = intruder.client.new_inbox()

        await intruder.hears(inbox, inbox)

    @pytest.mark.parametrize(
        "subject",
        [
            "inventory.S2.>",
            "inventory.S2.stock.P1",
            "inventory.*.>",
            "inventory.>",
            "*.S1.>",
            ">",
            "$JS.API.>",
            "$SYS.>",
            "$SYS.REQ.USER.AUTH",
            "_INBOX.>",
            "_INBOX.luis-T2.>",
            "_INBOX.ana-T1",
        ],
    )
    async def test_hears_nothing_else(self, intruder: Intruder, issue: Issue, subject: str) -> None:
        await intruder.connect(token=issue())
        await intruder.client.subscribe(subject)

        await eventually(lambda: intruder.errors)
        assert intruder.errors == [f'nats: permissions violation for subscription to "{subject.lower()}"']

    @pytest.mark.parametrize(
        "subject",
        [
            "inventory.S1.stock.P1",
            "$JS.API.STREAM.DELETE.INVENTORY",
            "$JS.API.CONSUMER.CREATE.INVENTORY",
            "$SYS.REQ.USER.AUTH",
            "_INBOX.ana-T1.x",
            "anything",
        ],
    )
    async def test_publishes_nothing(self, intruder: Intruder, issue: Issue, subject: str) -> None:
        await intruder.connect(token=issue())
        await intruder.client.publish(subject, b"mine")

        await eventually(lambda: intruder.errors)
        assert intruder.errors == [f'nats: permissions violation for publish to "{subject.lower()}"']

    async def test_reads_nothing_that_jetstream_keeps(
        self, guarded: NatsServer, intruder: Intruder, issue: Issue
    ) -> None:
        server = await nats.connect(guarded.url, **SERVER)
        await declare_streams(server.jetstream())
        await server.jetstream().publish("inventory.S1.stock.P1", b"news")
        await server.close()
        await intruder.connect(token=issue(), inbox_prefix=inbox_prefix("ana", "T1"))
        inbox = await intruder.client.subscribe(f"{inbox_prefix('ana', 'T1')}.>")
        wanted = [
            "INFO",
            "STREAM.NAMES",
            "STREAM.INFO.INVENTORY",
            "STREAM.MSG.GET.INVENTORY",
            "DIRECT.GET.INVENTORY_LAST",
            "DIRECT.GET.INVENTORY_LAST.inventory.S1.stock.P1",
            "DIRECT.GET.INVENTORY_LAST.inventory.S2.stock.P1",
            "CONSUMER.CREATE.INVENTORY",
            "CONSUMER.CREATE.INVENTORY.ana-T1.inventory.S1.>",
            "CONSUMER.CREATE.INVENTORY.ana-T1.inventory.S2.>",
            "CONSUMER.DURABLE.CREATE.INVENTORY.webhooks",
            "CONSUMER.MSG.NEXT.INVENTORY.webhooks",
            "CONSUMER.DELETE.INVENTORY.webhooks",
            "STREAM.PURGE.INVENTORY",
        ]
        for request in wanted:
            await intruder.client.publish(f"$JS.API.{request}", b"{}", reply=f"{inbox_prefix('ana', 'T1')}.answer")

        await eventually(lambda: len(intruder.errors) == len(wanted))
        assert all("permissions violation for publish" in error for error in intruder.errors)
        assert inbox.pending_msgs == 0

    async def test_comes_back_with_a_fresh_token_when_the_old_one_ends(
        self, guarded: NatsServer, intruder: Intruder, issue: Issue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(backend.auth.tokens, "LIFETIME", timedelta(seconds=2))
        await intruder.connect(token=issue())
        await asyncio.wait_for(intruder.closed.wait(), 20)
        again = Intruder(guarded.url)
        await again.connect(token=issue())

        await again.hears("inventory.S1.stock.P1", "inventory.S1.>")
        await again.client.close()

    async def test_is_cut_off_when_the_token_expires(
        self, intruder: Intruder, issue: Issue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(backend.auth.tokens, "LIFETIME", timedelta(seconds=2))
        await intruder.connect(token=issue())

        await asyncio.wait_for(intruder.closed.wait(), 20)

        assert "authentication expired" in str(intruder.client.last_error)


@pytest.mark.usefixtures("door")
class TestTheDoorIsShutTo:
    async def check(self, intruder: Intruder, **options: Any) -> None:
        with pytest.raises(nats.errors.Error):
            await intruder.connect(**options)
        assert not intruder.client.is_connected

    async def test_nobody(self, intruder: Intruder) -> None:
        await self.check(intruder)

    async def test_nonsense(self, intruder: Intruder) -> None:
        await self.check(intruder, token="nonsense")

    async def test_a_token_of_another_key(self, intruder: Intruder, issue: Issue) -> None:
        await self.check(intruder, token=issue(key=Tokens(Ed25519PrivateKey.generate())))

    async def test_an_expired_token(self, intruder: Intruder, issue: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(backend.auth.tokens, "LIFETIME", timedelta(seconds=-1))
        await self.check(intruder, token=issue())

    async def test_the_servers_name_without_its_password(self, intruder: Intruder) -> None:
        await self.check(intruder, user=SERVER["user"], password="guess")


@pytest.mark.usefixtures("door")
async def test_an_administrator_hears_every_store(intruder: Intruder, issue: Issue) -> None:
    await intruder.connect(token=issue(stores=[EVERY_STORE]))

    await intruder.hears("inventory.S7.stock.P1", "inventory.*.>")


@pytest.mark.usefixtures("door")
async def test_who_subscribes_without_end_is_cut_off(intruder: Intruder, issue: Issue) -> None:
    await intruder.connect(token=issue())
    for _ in range(MAX_SUBSCRIPTIONS + 1):
        await intruder.client.subscribe("inventory.S1.>")

    await asyncio.wait_for(intruder.closed.wait(), 20)
    assert "maximum subscriptions exceeded" in str(intruder.client.last_error)


@pytest.mark.usefixtures("door")
async def test_names_that_are_wildcards_open_nothing(intruder: Intruder, issue: Issue) -> None:
    await intruder.connect(token=issue(user="*", stores=[">", "S.*"]))
    for subject in ("inventory.S1.>", "inventory.S.x", "_INBOX.>"):
        await intruder.client.subscribe(subject)

    await eventually(lambda: len(intruder.errors) == 3)


@pytest.mark.usefixtures("door")
async def test_a_supervisor_of_very_many_stores_gets_in(intruder: Intruder, issue: Issue) -> None:
    await intruder.connect(token=issue(stores=[f"store-{number}" for number in range(900)]))

    await intruder.hears("inventory.store-899.stock.P1", "inventory.store-899.>")


async def test_clients_keep_listening_while_the_servers_restart(
    guarded: NatsServer, intruder: Intruder, issue: Issue, tokens: Tokens, seed: str
) -> None:
    async with asking(guarded, seed, tokens):
        await intruder.connect(token=issue())
    await intruder.hears("inventory.S1.stock.P1", "inventory.S1.>")

    async with asking(guarded, seed, tokens):
        late = await nats.connect(guarded.url, token=issue(user="luis"))
        await late.close()


async def test_the_other_server_answers_when_one_is_gone(
    guarded: NatsServer, intruder: Intruder, issue: Issue, tokens: Tokens, seed: str
) -> None:
    async with asking(guarded, seed, tokens):
        async with asking(guarded, seed, tokens):
            pass
        await intruder.connect(token=issue())


async def test_the_door_opens_again_after_nats_was_away(
    guarded: NatsServer, intruder: Intruder, issue: Issue, tokens: Tokens, seed: str
) -> None:
    async with asking(guarded, seed, tokens) as door:
        guarded.kill()
        await eventually(lambda: not door.connected)
        guarded.start()
        await eventually(lambda: door.connected)
        await intruder.connect(token=issue())
