"""The copy follows a real server and a real NATS, which go away and come back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from backend.auth.keys import load_signing_key
from backend.auth.tokens import Tokens
from backend.server import serve
from backend.settings import Settings
from backend.terminal import listener
from backend.terminal.api import Api
from backend.terminal.cache.cache import Cache
from backend.terminal.cache.sync import Sync
from backend.terminal.listener import Link
from tests.eventually import eventually
from tests.http.shop import PIN, PRODUCTS, Shop, furnish
from tests.servers import NatsServer


@pytest.fixture
async def shop(
    sqlite_url: str, start_nats: Callable[[], NatsServer], tmp_path: Path
) -> AsyncIterator[tuple[Shop, NatsServer]]:
    """A served shop with NATS, and that NATS."""
    await furnish(sqlite_url)
    server = start_nats()
    settings = Settings.load(
        _env_file=None,
        database_url=sqlite_url,
        nats_url=server.url,
        signing_key_file=tmp_path / "key.pem",
        server_port=0,
        drain_seconds=0,
    )
    ready: asyncio.Queue[str] = asyncio.Queue()
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(settings, stop, ready.put_nowait))
    url = await ready.get()
    async with httpx.AsyncClient(base_url=f"{url}/api/v1/", timeout=20) as client:
        yield Shop(client, Tokens(load_signing_key(settings.signing_key_file)), sqlite_url), server
    stop.set()
    await serving


@asynccontextmanager
async def following(shop: Shop, path: Path) -> AsyncIterator[Sync]:
    """A terminal in the store norte whose copy follows the server."""
    api = Api(str(shop.client.base_url).split("/api/")[0])
    session = await api.sign_in("ana", PIN, "norte", "T1")
    sync = Sync(Cache(path, "norte"), api, session, "T1")
    task = asyncio.create_task(sync.run())
    yield sync
    task.cancel()
    await asyncio.wait([task])
    await sync.cache.close()
    await api.close()


async def equal(shop: Shop, cache: Cache) -> bool:
    """Whether the copy has the server's numbers."""
    stock = await cache.stock_of(list(PRODUCTS))
    here = {x: (number.row.on_hand, number.row.reserved, number.row.version) for x, number in stock.items()}
    there = {}
    for product_id in PRODUCTS:
        said = (await shop.get(f"stock/{product_id}/norte")).json()
        there[product_id] = (said["quantity"], said["reserved_qty"], said["version"])
    return here == there


@pytest.mark.slow
async def test_it_is_equal_after_every_kind_of_absence(
    shop: tuple[Shop, NatsServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "PAUSES", (0.05,))
    counter, bus = shop
    await counter.receive("milk", 9)
    path = tmp_path / "copy.db"
    async with following(counter, path) as sync:
        cache = sync.cache
        await eventually(lambda: sync.link is Link.ONLINE)
        assert await equal(counter, cache)
        await counter.reserve("milk", 2)
        await eventually(lambda: equal(counter, cache))
        bus.stop()
        await eventually(lambda: sync.link is not Link.ONLINE)
        await counter.receive("rice", 5)
        bus.start()
        await eventually(lambda: sync.link is Link.ONLINE)
        await eventually(lambda: equal(counter, cache))
        position = cache.facts["events"]
        assert position

    await counter.receive("bread", 3)
    await counter.reserve("rice", 1)
    new = {"sku": "TEA", "name": "Té verde", "price": 2}
    assert (await counter.post("products", new, counter.admin)).status_code == 201
    async with following(counter, path) as sync:
        before = await sync.cache.stock("milk")
        assert (before.row.on_hand, before.is_fresh) == (9, False), "known at once"
        await eventually(lambda: sync.link is Link.ONLINE)
        assert await equal(counter, sync.cache)
        assert [x.product.name for x in (await sync.cache.search("te ver")).found] == ["Té verde"]
        assert sync.healed == 0
        assert sync.cache.facts["events"] != position
