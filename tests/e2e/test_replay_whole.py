"""The whole file of baskets, sold on the demo shop through the command line."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.cli.errors import run
from backend.demo.shop import build_demo
from backend.demo.source import BASKETS
from backend.main import mostrador
from backend.replay.baskets import read_baskets
from backend.replay.opening import demand_of, opening_stock

from .server import Server

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
    demo_server: Server, database_url: str, opening: str, capsys: pytest.CaptureFixture[str]
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
    demand = demand_of(read_baskets(BASKETS).baskets)
    there = opening_stock(demand, "tight" if opening == "tight" else "ample")
    assert sold == sum(min(units, there[key]) for key, units in demand.items())
