"""The fake NATS is held to a real one: what a terminal does with it has the same effect on both."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

import msgspec
import nats
import pytest

from backend.model.stock import StockRow
from tests.eventually import eventually
from tests.servers import NatsServer

from .fake_nats import FakeNats

ROW = StockRow("292", "1041", on_hand=8, version=2)


class Bus(Protocol):
    """A NATS, and what the test does to it from outside."""

    @property
    def connect(self) -> Callable[..., Awaitable[Any]]:
        """As nats.connect."""

    async def publish(self, row: StockRow) -> None:
        """Somebody else tells of a row of store 292."""

    async def end(self) -> None:
        """It goes away, with all its connections."""


class _Fake:
    def __init__(self) -> None:
        self._nats = FakeNats()
        self.connect = self._nats.connect

    async def publish(self, row: StockRow) -> None:
        await self._nats.publish(row)

    async def end(self) -> None:
        self._nats.down = True
        await self._nats.drop()


class _Real:
    def __init__(self, server: NatsServer) -> None:
        self._server = server
        self.connect = nats.connect

    async def publish(self, row: StockRow) -> None:
        async with _connected(self._server.url) as other:
            content = msgspec.json.encode({"store_id": "292", "stock": [row], "sales": []})
            await other.publish("inventory.292.stock.1041", content)
            await other.flush()

    async def end(self) -> None:
        self._server.stop()


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Any]:
    client = await nats.connect(url)
    yield client
    await client.close()


@pytest.mark.parametrize("kind", ["fake", "real"])
async def test_a_terminal_connects_listens_and_hears_of_the_end(
    kind: str, start_nats: Callable[[], NatsServer]
) -> None:
    server = start_nats() if kind == "real" else None
    bus: Bus = _Real(server) if server else _Fake()
    url = server.url if server else "nats://nowhere:4222"
    heard: list[Any] = []
    ends: list[str] = []

    async def on_message(message: Any) -> None:
        heard.append(msgspec.json.decode(message.data))

    async def closed() -> None:
        ends.append("closed")

    async def trouble(_: Exception) -> None:
        """Every trouble also closes the connection."""

    options: dict[str, Any] = {
        "allow_reconnect": False,
        "max_reconnect_attempts": 1,
        "reconnect_time_wait": 0,
        "connect_timeout": 3,
        "closed_cb": closed,
        "error_cb": trouble,
    }
    client = await bus.connect([url], **options)
    await client.subscribe("inventory.292.>", cb=on_message)
    await client.flush(3)
    assert not client.is_closed
    await bus.publish(ROW)
    await eventually(lambda: heard)
    assert msgspec.convert(heard[0]["stock"][0], StockRow) == ROW
    await bus.end()
    await eventually(lambda: ends)
    assert client.is_closed
    with pytest.raises((nats.errors.Error, OSError)) as away:
        await client.flush(1)
    assert isinstance(away.value, nats.errors.ConnectionClosedError)
    with pytest.raises(nats.errors.NoServersError):
        await bus.connect([url], **options)
    await client.close()
