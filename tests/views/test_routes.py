"""What routes answer from views: with its age, never older than this server's commits, and fresh for who wants that."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.auth.keys import load_signing_key
from backend.auth.tokens import Tokens
from backend.cache.link import linked
from backend.server import running
from backend.settings import Settings
from tests.eventually import eventually
from tests.http.shop import Shop, forget_trade
from tests.servers import RedisServer

FRESH = {"Cache-Control": "no-cache"}


@pytest.fixture
async def shop(
    furnished_sqlite: str, redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Shop]:
    """A shop with a Redis."""
    monkeypatch.setattr("backend.cache.link.PATIENCE", 10.0)  # a busy machine is no outage
    async with linked(redis.url) as link, link.asking() as client:
        await client.flushall()
    settings = Settings.load(
        _env_file=None,
        database_url=furnished_sqlite,
        signing_key_file=tmp_path / "key.pem",
        redis_url=redis.url,
    )
    tokens = Tokens(load_signing_key(settings.signing_key_file))
    async with running(settings) as app:
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://shop/api/v1/") as client:
            yield Shop(client, tokens, furnished_sqlite)
    await forget_trade(furnished_sqlite)


async def test_the_chains_stock(shop: Shop) -> None:
    for number in range(1, 4):
        await shop.receive("milk", 1)
        answer = await shop.get("stock/product/milk")
        assert answer.json()["total_available"] == number
        assert 0 <= int(answer.headers["age"]) <= 10
        fresh = await shop.get("stock/product/milk", shop.auth | FRESH)
        assert "age" not in fresh.headers
        assert fresh.json() == answer.json()
    assert (await shop.get("stock/product/none")).status_code == 404


async def test_what_is_running_out(shop: Shop) -> None:
    async def low(headers: dict[str, str] = shop.auth, **asked: object) -> list[tuple[str, int]]:
        answer = await shop.get("stock/low-stock", headers, store_id="norte", **asked)
        assert ("age" in answer.headers) == (headers == shop.auth)
        return [(item["product_id"], item["available_qty"]) for item in answer.json()["items"]]

    await shop.receive("milk", 5)
    await shop.receive("rice", 3)
    assert await low(threshold=5) == [("milk", 5), ("rice", 3)]
    assert await low() == []
    await shop.reserve("rice", 1)
    await shop.receive("milk", 1)
    assert await low(threshold=5) == [("rice", 2)]  # though the list is kept
    await shop.receive("bread", 1)
    assert await low(shop.auth | FRESH, threshold=5) == [("bread", 1), ("rice", 2)]
    assert (await shop.get("stock/low-stock", store_id="oeste")).status_code == 404

    levels = {"reorder_point": 2}
    assert (await shop.put("stock/rice/norte", levels, shop.supervisor | {"If-Match": "*"})).status_code == 200
    assert await low(limit=9) == [("rice", 2)]
    await shop.receive("rice", 1)
    assert await low(limit=9) == []


async def test_a_kept_list_of_what_is_running_out_ends_by_itself(shop: Shop) -> None:
    async def low(count: int) -> bool:
        return bool((await shop.get("stock/low-stock", threshold=9)).json()["count"] == count)

    await shop.receive("milk", 5)
    assert await low(1)
    await shop.receive("bread", 5)
    await eventually(lambda: low(2))


async def test_one_stores_stock_is_always_read(shop: Shop) -> None:
    assert "age" not in (await shop.get("stock/milk/norte")).headers


async def test_a_search_page_ends_with_the_next_change_of_the_catalogue(shop: Shop) -> None:
    async def found(**more: Any) -> list[str]:
        answer = await shop.get("products", q="galletas", **more)
        assert "age" in answer.headers
        return [product["name"] for product in answer.json()["products"]]

    admin = shop.bearer("root", "admin", ["*"])
    assert await found() == []
    added = await shop.post("products", {"sku": "G", "name": "Galletas", "price": 1}, admin)
    assert added.status_code == 201
    where = f"products/{added.json()['id']}"
    assert await found() == await found(store_id="norte") == ["Galletas"]
    assert (await shop.client.put(where, json={"name": "Galletas rotas"}, headers=admin)).status_code == 200
    assert await found() == ["Galletas rotas"]
    assert (await shop.client.delete(where, headers=admin)).status_code == 204
    assert await found() == []


async def test_no_category_is_not_the_category_of_that_name(shop: Shop) -> None:
    assert (await shop.get("products", q="leche", category="None")).json()["total"] == 0
    assert (await shop.get("products", q="leche")).json()["total"] == 2


async def test_the_stock_in_a_search_page_is_always_read(shop: Shop) -> None:
    for number in (1, 2):
        await shop.receive("milk", 1)
        answer = await shop.get("products", q="leche entera", store_id="norte")
        assert answer.json()["products"][0]["stock"]["quantity"] == number
