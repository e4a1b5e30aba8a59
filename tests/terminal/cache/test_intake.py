"""A copy is filled from the real server's snapshot, goes on where one broke off, and is equal in the end."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from backend.sync import service
from backend.terminal.api import Api, ServerAway, ServerRefused
from backend.terminal.cache.cache import Cache
from backend.terminal.cache.intake import Progress, load
from tests.terminal.fake_server import IN_STOCK, PIN, PRODUCTS
from tests.terminal.real_server import real_server


@pytest.fixture
async def transport(sqlite_url: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncBaseTransport]:
    async with real_server(sqlite_url, tmp_path) as transport:
        yield transport


@pytest.fixture
async def cache(tmp_path: Path) -> AsyncIterator[Cache]:
    cache = Cache(tmp_path / "copy.db", "292")
    yield cache
    await cache.close()


class Breaking(httpx.AsyncBaseTransport):
    """Cuts the answers of a server off after so many bytes; None leaves them whole."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner, self.asked = inner, list[httpx.URL]()
        self.after: int | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        request.headers["accept-encoding"] = "identity"
        response = await self.inner.handle_async_request(request)
        content = await response.aread()
        if self.after is not None:
            content = content[: self.after]
        return httpx.Response(response.status_code, headers=response.headers, content=content)


async def signed_in(transport: httpx.AsyncBaseTransport) -> Api:
    api = Api("http://server", transport)
    await api.sign_in("ana", PIN, "292", "T1")
    return api


async def test_a_snapshot_fills_the_copy_and_tells_how_far_it_is(
    transport: httpx.AsyncBaseTransport, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PAGE", 4)
    told: list[Progress] = []
    await load(cache, await signed_in(transport), told.append)
    rows = len(PRODUCTS) * 2
    assert [x.done for x in told] == [4, 6, 10, 12, 12]
    assert {x.total for x in told} == {rows}
    assert cache.is_complete
    assert cache.facts["catalogue"].isdigit()
    milk = await cache.by_code("2000000010410")
    assert milk is not None
    assert (milk.product.name, milk.product.unit_price.cents) == ("Whole milk", 119)
    assert [x.stock.available for x in (await cache.search("milk")).found] == [IN_STOCK] * 2
    assert cache.take_changed() == set(PRODUCTS)


async def test_a_snapshot_that_broke_off_goes_on_behind_what_is_here(
    transport: httpx.AsyncBaseTransport, cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PAGE", 1)
    breaking = Breaking(transport)
    api = await signed_in(breaking)
    position, cuts, done = "", 0, list[Progress]()
    breaking.after = 450
    while not cache.is_complete:
        try:
            await load(cache, api, done.append)
        except ServerAway:
            cuts += 1
            with closing(sqlite3.connect(tmp_path / "mostrador.db")) as db, db:
                db.execute("UPDATE products SET brand = ? WHERE id = '1041'", (f"B{cuts}",))
        position = position or cache.facts["catalogue"]
    assert cuts >= 2
    assert cache.facts["catalogue"] == position
    assert [x.done for x in done][-1] == len(PRODUCTS) * 2
    assert [x.done for x in done] == sorted(x.done for x in done)
    assert len((await cache.search("")).found) == len(PRODUCTS)
    assert {number.row.on_hand for number in (await cache.stock_of(list(PRODUCTS))).values()} == {IN_STOCK}


async def test_an_answer_that_is_none_is_a_version_that_differs(cache: Cache) -> None:
    api = Api("http://server", httpx.MockTransport(lambda _: httpx.Response(200, content=b"[]\n[]\n")))
    with pytest.raises(ServerRefused, match="different version"):
        await load(cache, api, lambda _: None)
