"""A terminal has one connection to NATS, tried by raw clients against the real server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import nats
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nats.aio.client import Client

from backend.auth.tokens import Tokens
from backend.events import one_connection
from backend.events.nats_auth import NatsAuth
from backend.events.nats_config import new_issuer_seed, public_key, render_config, system_user
from backend.events.one_connection import OneConnection
from tests.eventually import eventually
from tests.servers import HOST, NatsServer, free_port, nats_server

pytestmark = pytest.mark.slow

SERVER = {"user": "server", "password": "secret"}
SYSTEM = {"user": system_user("server"), "password": "secret"}


class Door(NamedTuple):
    """A nats-server with two of our servers behind it."""

    url: str
    tokens: Tokens

    async def enter(self, terminal: str, user: str = "ana") -> Client:
        """One more connection of a terminal."""
        token, _ = self.tokens.issue(
            user=user, role="clerk", stores=["S1"], store_id="S1", terminal_id=terminal, session_id="s1"
        )

        async def quiet(_: Exception) -> None:
            """That it was cut is looked at by the test."""

        return await nats.connect(self.url, token=token, allow_reconnect=False, error_cb=quiet)


@pytest.fixture
def seed() -> str:
    return new_issuer_seed()


@pytest.fixture
def guarded(tmp_path: Path, seed: str) -> Iterator[NatsServer]:
    port, config = free_port(), tmp_path / "nats.conf"
    store, issuer = tmp_path / "js", public_key(seed)
    text = render_config(
        host=HOST, port=port, store=store, issuer=issuer, user=SERVER["user"], password=SERVER["password"]
    )
    config.write_text(text, encoding="utf-8")
    with nats_server(config, port) as server:
        yield server


@pytest.fixture
async def door(guarded: NatsServer, seed: str) -> AsyncIterator[Door]:
    tokens = Tokens(Ed25519PrivateKey.generate())
    async with AsyncExitStack() as parts:
        auth = NatsAuth({"servers": guarded.url, **SERVER}, seed, tokens.verify)
        ours = [OneConnection({"servers": guarded.url, **SYSTEM}) for _ in range(2)]
        await auth.start()
        parts.push_async_callback(auth.close)
        for one in ours:
            await one.start()
            parts.push_async_callback(one.close)
        await eventually(lambda: auth.connected and all(one.listening for one in ours))
        yield Door(guarded.url, tokens)


async def test_the_newest_connection_of_a_terminal_stays_and_the_older_ones_end(door: Door) -> None:
    other = await door.enter("T2")
    older = [await door.enter("T1") for _ in range(5)]
    newest = await door.enter("T1", user="luis")

    await eventually(lambda: all(client.is_closed for client in older))
    await newest.flush()
    await other.flush()
    assert newest.is_connected
    assert other.is_connected
    await newest.close()
    await other.close()


async def test_a_person_without_a_terminal_has_a_few(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_connection, "MOST_OF_A_PERSON", 2)
    first = await door.enter("")
    rest = [await door.enter("") for _ in range(2)]

    await eventually(lambda: first.is_closed)
    assert [client.is_connected for client in rest] == [True, True]
    for client in rest:
        await client.close()


async def test_what_was_missed_while_no_server_listened_is_made_good(guarded: NatsServer, seed: str) -> None:
    tokens = Tokens(Ed25519PrivateKey.generate())
    door = Door(guarded.url, tokens)
    auth = NatsAuth({"servers": guarded.url, **SERVER}, seed, tokens.verify)
    one = OneConnection({"servers": guarded.url, **SYSTEM})
    await auth.start()
    await eventually(lambda: auth.connected)
    older = [await door.enter("T1") for _ in range(3)]
    await one.start()
    await eventually(lambda: one.listening)
    newest = await door.enter("T1")

    await eventually(lambda: all(client.is_closed for client in older))
    assert newest.is_connected
    await newest.close()
    await asyncio.gather(one.close(), auth.close())


async def test_a_terminal_reaches_nothing_of_the_system_account(door: Door) -> None:
    client = await door.enter("T1")
    listed = await client.subscribe("$SYS.>")
    await client.publish("$SYS.REQ.SERVER.PING.CONNZ", b"{}", reply="$SYS.answer")
    await client.flush()

    with pytest.raises(nats.errors.TimeoutError):
        await listed.next_msg(timeout=0.5)
    await client.close()


@pytest.mark.parametrize(
    ("earlier", "later"), [("51.89Z", "51.9Z"), ("51.905Z", "51.91Z"), ("51Z", "51.001Z"), ("51.9Z", "52Z")]
)
def test_moments_sort_though_zeros_are_left_out(earlier: str, later: str) -> None:
    day = "2026-11-24T23:19:"
    assert one_connection._sortable(day + earlier) < one_connection._sortable(day + later)
