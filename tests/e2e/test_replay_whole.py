"""The whole file of baskets, sold on the demo shop through the command line."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.cli.errors import run
from backend.database.engine import Database
from backend.demo.shop import build_demo
from backend.demo.source import BASKETS
from backend.main import mostrador
from backend.replay.baskets import read_baskets
from backend.replay.opening import OpeningStock
from backend.replay.run import Plan, replay
from backend.replay.sender import Credentials

from .server import Server
from .test_replay import check, sellable

pytestmark = pytest.mark.slow


@pytest.fixture
def demo_server(database_url: str, tmp_path: Path) -> Iterator[Server]:
    """A server on the demo shop, running."""
    build_demo(database_url, lambda step, done, total: None)
    server = Server(database_url, tmp_path)
    server.start()
    server.wait_until_ready()
    yield server
    server.stop()


@pytest.mark.parametrize("opening", ["ample", "tight"])
def test_every_basket_of_the_file(
    demo_server: Server, database_url: str, opening: OpeningStock, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        "replay",
        "--server",
        demo_server.url,
        "--database-url",
        database_url,
        "--opening-stock",
        opening,
        "--json",
    ]
    assert run(mostrador, command) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert outcome["proof"]["drifts"] == []
    assert outcome["replay"]["errors"] == []
    sold = outcome["replay"]["units_sold"]
    assert outcome["units_in_movements"] == sold
    assert sold == sellable(read_baskets(BASKETS).baskets, opening)


async def test_every_basket_though_the_server_is_killed_again_and_again(
    demo_server: Server, database: Database
) -> None:
    baskets = read_baskets(BASKETS).baskets
    killed_at = []

    def kill(step: str, done: int, total: int) -> None:
        if step == "Selling" and done % 500 == 499:
            killed_at.append(done)
            demo_server.kill()
            demo_server.start()

    plan = Plan(baskets, "tight", terminals=8, speed=None)
    result = await replay(plan, demo_server.url, Credentials("luis", "9876", "292"), kill)
    assert len(killed_at) == 5
    assert result.retries >= len(killed_at)
    await check(database, result, baskets, "tight")
