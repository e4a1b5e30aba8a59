"""Exports: everything of a kind, a line each, read page by page while it is sent."""

import asyncio
import tracemalloc
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import json
from sqlalchemy import insert

from backend.database import tables
from backend.database.engine import open_database
from backend.database.errors import DatabaseAway
from backend.exports import routes as exports
from backend.exports.routes import NDJSON, lines
from backend.ids import new_id
from backend.server import running, serve
from backend.settings import Settings
from backend.stock.history_queries import StoreStep, movements_of
from tests.http.shop import Shop, assert_problem
from tests.stock.test_history import trade


@pytest.fixture
def two_rows_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "PAGE", 2)


async def exported(shop: Shop, what: str, **query: str) -> list[dict[str, Any]]:
    answer = await shop.get(f"export/{what}", None, **query)
    assert (answer.status_code, answer.headers["content-type"]) == (200, NDJSON), answer.text
    return [json.decode(line) for line in answer.content.splitlines()]


@pytest.mark.usefixtures("two_rows_a_page")
async def test_an_export_has_the_rows_of_the_lists(shop: Shop) -> None:
    await trade(shop)
    norte = {"store_id": "norte"}
    listed = (await shop.get("products")).json()["products"]
    assert await exported(shop, "products") == sorted(listed, key=lambda product: product["id"])
    assert (
        await exported(shop, "movements", **norte) == (await shop.get("movements", None, **norte)).json()["movements"]
    )
    assert await exported(shop, "sales", **norte) == (await shop.get("sales", None, **norte)).json()["sales"]
    north, south = [(await shop.get(f"stock/store/{store}")).json()["items"] for store in ("norte", "sur")]
    assert (len(north), len(south)) == (2, 1)
    assert await exported(shop, "stock") == north + south
    assert await exported(shop, "stock", **norte) == north
    assert await exported(shop, "stock", store_id="este") == []


@pytest.mark.usefixtures("two_rows_a_page")
async def test_of_a_time(shop: Shop) -> None:
    await trade(shop)
    sold = (await exported(shop, "sales", store_id="norte"))[0]["sold_at"]
    kinds = [step["kind"] for step in await exported(shop, "movements", store_id="norte", since=sold)]
    assert kinds == ["reserve", "sell", "sell"]
    kinds = [step["kind"] for step in await exported(shop, "movements", store_id="norte", until=sold)]
    assert kinds == ["receive", "receive"]
    assert await exported(shop, "sales", store_id="norte", until=sold) == []


async def test_what_is_wrong_is_a_problem_before_the_first_line(shop: Shop) -> None:
    everywhere = shop.bearer("root", "admin", ["*"])
    for what in ("stock", "movements", "sales"):
        assert_problem(await shop.get(f"export/{what}", everywhere, store_id="oeste"), 404, "unknown_store")
    for what in ("movements", "sales"):
        assert_problem(await shop.get(f"export/{what}", store_id="sur"), 403, "store_not_allowed")
        assert assert_problem(await shop.get(f"export/{what}"), 400, "invalid_input")["field"] == "store_id"


async def test_a_page_is_read_when_the_one_before_was_taken() -> None:
    read: list[int] = []

    async def behind(last: int) -> Sequence[int]:
        read.append(last)
        return [last + 1, last + 2] if last < 4 else []

    chunks = lines([1, 2], behind, str)
    assert (await anext(chunks), read) == (b'"1"\n"2"\n', [])
    assert (await anext(chunks), read) == (b'"3"\n"4"\n', [2])
    assert [chunk async for chunk in chunks] == []
    assert read == [2, 4]


@pytest.mark.usefixtures("two_rows_a_page", "process_wide")
async def test_pages_flow_while_more_is_read_and_what_breaks_off_is_noticed(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await trade(shop)
    arrived, pages = asyncio.Event(), 0

    async def failing(*of: Any) -> list[StoreStep]:
        nonlocal pages
        pages += 1
        if pages == 1:
            return await movements_of(*of)
        await arrived.wait()
        raise DatabaseAway("The database does not answer now; try again in a moment.")

    monkeypatch.setattr(exports, "movements_of", failing)
    settings = Settings.load(
        _env_file=None,
        database_url=shop.database_url,
        nats_url="",
        signing_key_file=tmp_path / "key.pem",
        server_port=0,
    )
    stop, ready = asyncio.Event(), asyncio.Queue[str]()
    serving = asyncio.create_task(serve(settings, stop, ready.put_nowait))
    address = f"{await ready.get()}/api/v1/export/movements"
    async with (
        httpx.AsyncClient(headers=shop.auth, params={"store_id": "norte"}) as client,
        client.stream("GET", address) as answer,
    ):
        chunks = answer.aiter_raw()
        assert len((await anext(chunks)).splitlines()) == 2
        arrived.set()
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(chunks)
    stop.set()
    await serving


@pytest.mark.slow
async def test_a_long_export_takes_the_memory_of_a_page(shop: Shop, tmp_path: Path) -> None:
    await long_ago(shop.database_url, 30_000)
    settings = Settings.load(
        _env_file=None, database_url=shop.database_url, nats_url="", signing_key_file=tmp_path / "key.pem"
    )
    sent: list[int] = []

    whole = asyncio.Event()

    async def receive() -> Any:
        await whole.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            sent.append(len(message["body"]))
            if not message["more_body"]:
                whole.set()

    async with running(settings) as app:
        scope: Any = {"type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "root_path": ""}
        scope |= {"path": "/api/v1/export/movements", "query_string": b"store_id=norte", "client": ("127.0.0.1", 1)}
        scope |= {"headers": [(k.lower().encode(), v.encode()) for k, v in shop.auth.items()], "server": ("shop", 80)}
        tracemalloc.start()
        await app(scope, receive, send)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert sum(sent) > 10_000_000
    assert peak < sum(sent) / 3


async def long_ago(url: str, number: int) -> None:
    """So many movements of the store norte."""
    moved: dict[str, Any] = dict.fromkeys(("terminal_id", "document_id"), "")
    moved |= dict.fromkeys(("on_hand_change", "reserved_change", "on_hand", "unavailable"), 0)
    moved |= dict.fromkeys(("allocated", "reserved", "incoming"), 0)
    moved |= {"store_id": "norte", "product_id": "rice", "kind": "adjust", "actor": "ana", "reason": "x" * 100}
    rows = [moved | {"version": n + 1, "command_id": new_id(), "at": datetime.now(UTC)} for n in range(number)]
    db = open_database(url)
    async with db.writer.begin() as connection:
        await connection.execute(insert(tables.movements), rows)
    await db.close()
