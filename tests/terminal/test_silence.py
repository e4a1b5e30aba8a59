"""A real server whose process stands still: its connections are open, and nothing answers."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest

from backend.terminal.api import Api
from backend.terminal.cache.cache import Cache
from backend.terminal.desk import Desk
from backend.terminal.journal import Journal
from backend.terminal.live import Link
from backend.terminal.values import Notice
from tests.e2e.server import Server
from tests.eventually import eventually
from tests.http.shop import PIN, PRODUCTS, furnish

from .fake_nats import FakeNats


@pytest.fixture
async def server(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    await furnish(sqlite_url)
    server = Server(sqlite_url, tmp_path)
    server.start()
    await asyncio.to_thread(server.wait_until_ready)
    yield server
    server.thaw()
    server.stop()


@pytest.mark.slow
async def test_it_is_offline_a_scan_is_answered_at_once_and_the_age_only_grows(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats, "connect", FakeNats().connect)
    api, journal, said = Api(server.url), Journal(tmp_path / "T1.db", "T1"), list[str]()

    def say(notice: Notice) -> None:
        said.append(notice.code)

    cache = Cache(tmp_path / "copy.db", "norte")
    desk = Desk(api, journal, cache, await api.sign_in("ana", PIN, "norte", "T1"), "T1", say)
    running = asyncio.create_task(desk.run())
    await eventually(lambda: desk.live.link is Link.ONLINE and cache.is_complete)
    server.freeze()
    async with asyncio.timeout(1):
        assert await desk.scan(PRODUCTS["milk"][1]) is not None
    assert "scan_waits" not in said
    await eventually(lambda: desk.live.link is Link.OFFLINE)
    ages: list[float] = []

    def grown() -> bool:
        ages.append(desk.stale_for)
        return ages[-1] > ages[0] + 1

    await eventually(grown)
    assert ages == sorted(ages)
    assert desk.is_away
    server.thaw()
    await eventually(lambda: desk.live.link is Link.ONLINE and not desk.is_away)
    assert await desk.scan(PRODUCTS["milk"][1]) is not None
    running.cancel()
    await asyncio.wait([running])
    await cache.close()
    journal.close()
    await api.close()
