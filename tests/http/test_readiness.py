"""Readiness while the disk is full or the file damaged; few lines in the log; and after it is mended."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from backend.auth.keys import load_signing_key
from backend.auth.tokens import Tokens
from backend.database import readiness
from backend.ids import new_id
from backend.observability.sparing import LINE_SECONDS, Sparing
from backend.settings import Settings
from tests.small_disk import SmallDisk

from .fixtures import server_of
from .shop import Shop, furnish


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> SmallDisk:
    monkeypatch.setattr("backend.database.state.ASK_SECONDS", 0.0)
    return SmallDisk(monkeypatch)


@pytest.fixture
async def own_shop(sqlite_url: str, tmp_path: Path, disk: SmallDisk) -> AsyncIterator[Shop]:
    """A shop of this test's own, on a disk that can be full."""
    await furnish(sqlite_url)
    settings = Settings.load(_env_file=None, database_url=sqlite_url, nats_url="", signing_key_file=tmp_path / "k.pem")
    async with server_of(settings) as client:
        yield Shop(client, Tokens(load_signing_key(settings.signing_key_file)), sqlite_url)


async def ready(shop: Shop) -> tuple[int, Any]:
    answer = await shop.client.get("http://shop/health/ready")
    return answer.status_code, answer.json()["problem"]


async def receive(shop: Shop) -> httpx.Response:
    lines = [{"product_id": "milk", "quantity": 1}]
    body = {"commands": [{"type": "receive", "id": str(new_id()), "store_id": "norte", "lines": lines}]}
    return await shop.post("commands", body, shop.supervisor)


async def test_a_full_disk_is_not_ready_until_there_is_room(own_shop: Shop, disk: SmallDisk) -> None:
    assert await ready(own_shop) == (200, None)
    disk.full = True
    with capture_logs() as lines:
        while (refused := await receive(own_shop)).status_code == 200:
            pass
        for _ in range(20):
            refused = await receive(own_shop)
        assert (refused.status_code, refused.json()["code"]) == (503, "disk_full")
        assert refused.json()["retryable"]
        assert "Retry-After" in refused.headers
        assert await ready(own_shop) == (503, "disk_full")
        assert await ready(own_shop) == (503, "disk_full")
    failed = [line for line in lines if line["event"] == "request_failed"]
    assert 1 <= len(failed) < 20
    assert [line["problem"] for line in lines if line["event"] == "not_ready"] == ["disk_full"]
    disk.full = False
    assert await ready(own_shop) == (200, None)
    assert (await receive(own_shop)).status_code == 200


async def test_a_server_that_nobody_asks_notices_a_full_disk_too(
    own_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "LEAST_ROOM", 1 << 62)
    assert await ready(own_shop) == (503, "disk_full")


def damage(path: Path) -> None:
    path.with_name(f"{path.name}-wal").write_bytes(b"")
    path.write_bytes(b"this is no database any more" * 10_000)


async def test_a_damaged_file_is_not_ready(own_shop: Shop) -> None:
    assert await ready(own_shop) == (200, None)
    damage(Path(own_shop.database_url.removeprefix("sqlite+aiosqlite:///")))
    assert await ready(own_shop) == (503, "database_damaged")
    assert await ready(own_shop) == (503, "database_damaged")


def test_of_many_lines_one_a_second_is_written() -> None:
    now = 0.0
    lines = Sparing(lambda: now)
    assert lines.line("disk_full") == {}
    assert [lines.line("disk_full") for _ in range(3)] == [None] * 3
    assert lines.line("other") == {}
    now = LINE_SECONDS
    assert lines.line("disk_full") == {"kept_back": 3}
    assert lines.line("disk_full") is None
