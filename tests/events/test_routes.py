"""The events of a store over HTTP, from a real NATS: pages, positions, and a stream that goes on where it ended."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import nats
import pytest
from msgspec import json

from backend.auth import tokens as tokens_module
from backend.auth.keys import load_signing_key
from backend.auth.tokens import Tokens
from backend.events.feed import Event
from backend.events.streams import HISTORY
from backend.server import serve
from backend.settings import Settings
from tests.eventually import eventually
from tests.http.shop import Shop, assert_problem, furnish
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
        shop = Shop(client, Tokens(load_signing_key(settings.signing_key_file)), sqlite_url)

        async def there() -> bool:
            return (await shop.get("events")).status_code == 200

        await eventually(there)
        yield shop, server
    stop.set()
    await serving


async def events(shop: Shop, after: str, number: int = 1, **more: str) -> list[Event]:
    """The events after a position, once there are so many."""
    found: list[Event] = []

    async def enough() -> bool:
        answer = await shop.get("events", None, after=after, **more)
        found[:] = json.decode(json.encode(answer.json()["events"]), type=list[Event])
        return len(found) >= number

    await eventually(enough)
    return found


async def now(shop: Shop) -> str:
    answer = (await shop.get("events")).json()
    assert answer["events"] == []
    position: str = answer["next"]
    return position


async def test_pages_go_on_where_the_last_one_ended(shop: tuple[Shop, NatsServer]) -> None:
    counter, _ = shop
    begin = await now(counter)
    await counter.receive("milk", 9)
    await counter.receive("milk", 9, "sur")
    await counter.reserve("milk", 2)

    first, second, third = await events(counter, begin, 3)
    assert [event.kind for event in (first, second, third)] == ["stock", "stock", "reservation"]
    assert {event.store_id for event in (first, second, third)} == {"norte"}
    assert [(row.on_hand, row.reserved, row.version) for row in (*first.stock, *second.stock)] == [(9, 0, 1), (9, 2, 2)]
    assert await events(counter, first.position, 2) == [second, third]
    assert await events(counter, begin, kind="reservation") == [third]
    page = (await counter.get("events", after=begin, limit=1)).json()
    assert page["next"] == page["events"][0]["position"] == first.position


async def test_a_stream_goes_on_after_the_last_event_id(shop: tuple[Shop, NatsServer]) -> None:
    counter, _ = shop
    await counter.receive("milk", 9)
    async with streamed(counter) as (head, lines):
        assert head.headers["content-type"].startswith("text/event-stream")
        begin = await field(lines, "id")
        await counter.reserve("milk", 1)
        assert await field(lines, "event") == "stock"
        assert json.decode(await field(lines, "data"), type=Event).stock[0].reserved == 1
    async with streamed(counter, {"Last-Event-ID": begin}) as (_, lines):
        assert await field(lines, "id") == begin
        assert await field(lines, "event") == "stock"
        last = await field(lines, "id")
    assert (await events(counter, begin, 2))[1].position == last


@pytest.mark.slow
async def test_a_stream_ends_with_the_token(shop: tuple[Shop, NatsServer], monkeypatch: pytest.MonkeyPatch) -> None:
    counter, _ = shop
    monkeypatch.setattr(tokens_module, "LIFETIME", timedelta(seconds=2))
    async with streamed(counter, counter.bearer()) as (_, lines):
        said = [line async for line in lines]
    assert said[0].startswith("retry:")


async def test_positions_that_the_history_does_not_have(shop: tuple[Shop, NatsServer]) -> None:
    counter, server = shop
    begin = await now(counter)
    born = begin.split("-")[0]
    await counter.receive("milk", 9)
    last = (await events(counter, begin))[-1].position
    async with await nats.connect(server.url) as client:
        await client.jetstream().purge_stream(HISTORY)
    for gone in (begin, f"{born}-999999", f"1{begin}"):
        assert_problem(await counter.get("events", after=gone), 410, "position_gone")
        assert_problem(await counter.get("events/stream", after=gone), 410, "position_gone")
    assert (await counter.get("events", after=last)).json() == {"events": [], "next": last}
    assert_problem(await counter.get("events", after="nonsense"), 400, "invalid_input")


async def test_who_may_read_and_when_nats_is_away(shop: tuple[Shop, NatsServer]) -> None:
    counter, server = shop
    assert_problem(await counter.get("events", store_id="sur"), 403, "store_not_allowed")
    assert_problem(await counter.get("events/stream", store_id="sur"), 403, "store_not_allowed")
    assert_problem(await counter.get("events", store_id="*"), 400, "invalid_input")
    root = counter.bearer("root", "admin", ["*"])
    assert_problem(await counter.get("events", root, store_id="nowhere"), 404, "unknown_store")
    server.kill()
    problem = assert_problem(await counter.get("events"), 503, "events_away")
    assert problem["retryable"]


@asynccontextmanager
async def streamed(
    shop: Shop, headers: dict[str, str] | None = None
) -> AsyncIterator[tuple[httpx.Response, AsyncIterator[str]]]:
    async with shop.client.stream("GET", "events/stream", headers=shop.auth | (headers or {})) as answer:
        assert answer.status_code == 200
        yield answer, answer.aiter_lines()


async def field(lines: AsyncIterator[str], name: str) -> str:
    """The value of the next line that begins with this name."""
    async for line in lines:
        if line.startswith(f"{name}: "):
            return line.removeprefix(f"{name}: ")
    raise AssertionError(f"the stream ended without {name}")


async def test_a_stream_ends_with_its_key(shop: tuple[Shop, NatsServer]) -> None:
    counter, _ = shop
    wanted = {"name": "board", "scopes": ["events:read"], "stores": ["norte"]}
    key = (await counter.post("keys", wanted, counter.admin)).json()
    async with (
        asyncio.timeout(15),
        counter.client.stream("GET", "events/stream", headers={"X-API-Key": key["key"]}) as answer,
    ):
        assert answer.status_code == 200
        assert (await counter.client.delete(f"keys/{key['id']}", headers=counter.admin)).status_code == 204
        said = [line async for line in answer.aiter_lines()]  # ends
    assert said[0].startswith("retry:")


async def test_the_head_of_a_stream_is_all_of_it(shop: tuple[Shop, NatsServer]) -> None:
    counter, _ = shop
    head = await counter.client.head("events/stream", headers=counter.auth)
    assert head.headers["content-type"].startswith("text/event-stream")
    async with asyncio.timeout(10):  # on the same connection
        assert (await counter.get("events")).status_code == 200
