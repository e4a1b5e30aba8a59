"""The events of a store over HTTP, from a real NATS: pages, positions, and a stream that goes on where it ended."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import nats
import pytest
from msgspec import json
from nats.aio.client import Client
from nats.aio.msg import Msg

from backend.auth import tokens as tokens_module
from backend.auth.keys import load_signing_key
from backend.auth.tokens import Tokens
from backend.events import feed as feed_module
from backend.events import tail as tail_module
from backend.events.feed import Event
from backend.events.sse import MAX_OF_A_CALLER
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


async def test_a_caller_holds_20_streams_and_gets_room_when_one_ends(shop: tuple[Shop, NatsServer]) -> None:
    counter, _ = shop
    async with AsyncExitStack() as held:
        last = [await held.enter_async_context(streamed(counter)) for _ in range(MAX_OF_A_CALLER)][-1][0]

        refused = await counter.get("events/stream")
        problem = assert_problem(refused, 429, "too_many_streams")
        assert problem["limit"] == MAX_OF_A_CALLER
        assert refused.headers["retry-after"] == str(problem["retry_after"])
        async with streamed(counter, counter.bearer("luis", "supervisor")):
            pass  # others have theirs

        await last.aclose()

        async def room() -> bool:
            async with counter.client.stream("GET", "events/stream", headers=counter.auth) as answer:
                return answer.status_code == 200

        await eventually(room)


async def test_many_streams_of_a_store_ask_jetstream_no_more_than_one(
    shop: tuple[Shop, NatsServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    counter, _ = shop
    asked: list[int] = []
    read = feed_module._messages

    async def counted(client: Client, subject: str, first: int, limit: int) -> list[Msg]:
        asked.append(first)
        return await read(client, subject, first, limit)

    monkeypatch.setattr(feed_module, "_messages", counted)
    async with AsyncExitStack() as held:
        streams = [(await held.enter_async_context(streamed(counter)))[1] for _ in range(10)]
        for lines in streams:
            await field(lines, "id")
        asked.clear()
        await counter.receive("milk", 9)
        heard = {await field(lines, "id") for lines in streams}
        assert len(heard) == 1
        number = int(heard.pop().partition("-")[2])
        assert len([first for first in asked if first <= number]) < 10


async def test_a_stream_that_is_behind_reads_the_history_without_gap_or_double(
    shop: tuple[Shop, NatsServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    counter, _ = shop
    monkeypatch.setattr(tail_module, "MAX_PAGE", 2)
    monkeypatch.setattr(tail_module, "KEPT_BYTES", 1)
    begin = await now(counter)
    async with streamed(counter):
        for _ in range(7):
            await counter.receive("milk", 1)
        await events(counter, begin, 7)
        async with streamed(counter, {"Last-Event-ID": begin}) as (_, lines):
            assert await field(lines, "id") == begin
            versions = [json.decode(await field(lines, "data"), type=Event).stock[0].version for _ in range(7)]
            await counter.receive("milk", 1)
            versions.append(json.decode(await field(lines, "data"), type=Event).stock[0].version)
    assert versions == [1, 2, 3, 4, 5, 6, 7, 8]


async def test_streams_that_are_broken_off_leave_no_task_behind(shop: tuple[Shop, NatsServer]) -> None:
    counter, _ = shop
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    async with AsyncExitStack() as held:
        for _ in range(17):
            _, lines = await held.enter_async_context(streamed(counter))
            await field(lines, "id")
        await counter.receive("milk", 9)

    def over() -> bool:
        gc.collect()
        return not any(task.get_name().startswith(("tail", "stream")) for task in asyncio.all_tasks())

    await eventually(over)
    assert complaints == []
