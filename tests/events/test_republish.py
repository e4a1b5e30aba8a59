"""`mostrador relay republish` and `mostrador events tail`, on real servers."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from backend.cli.errors import run
from backend.cli.events import _listen, lines_of
from backend.database import tables
from backend.database.engine import Database, open_database
from backend.events import republish as republish_module
from backend.events.connection import connected
from backend.events.republish import Extent, Told, republish
from backend.events.streams import LAST, declare_streams
from backend.ids import new_id
from backend.main import mostrador
from backend.model.answers import SaleRecord
from backend.model.events import Message
from backend.model.stock import Movement, StockRow
from tests.eventually import eventually
from tests.servers import NatsServer

from .messages import history, put_stock

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ROWS = [StockRow(store, f"P{n}", on_hand=n, version=n + 1) for store in ("S1", "S2") for n in range(7)]


@pytest.fixture
async def filled(database: Database) -> Database:
    """Fourteen rows, three holds of two products (one has ended), a sale; all but one row are old."""
    await put_stock(database, *ROWS)
    holds = [(new_id(), status) for status in ("PENDING", "PENDING", "CONFIRMED")]
    head = {"store_id": "S1", "quantity": 1, "customer_id": "", "actor": "ana", "terminal_id": "T1", "version": 1}
    moments = dict.fromkeys(("expires_at", "created_at", "updated_at"), LONG_AGO)
    sale = {"id": new_id(), "store_id": "S1", "receipt_number": "R", "terminal_id": "", "actor": "", "total_cents": 5}
    async with database.writer.begin() as connection:
        lines = [
            head | moments | {"id": id_, "status": status, "product_id": product}
            for id_, status in holds
            for product in ("P1", "P2")
        ]
        await connection.execute(insert(tables.reservations), lines)
        await connection.execute(insert(tables.sales), [sale | {"sold_at": datetime.now(UTC)}])
        old = update(tables.stock).where((tables.stock.c.store_id != "S1") | (tables.stock.c.product_id != "P3"))
        await connection.execute(old.values(updated_at=LONG_AGO))
    return database


@pytest.fixture
def server(start_nats: Callable[[], NatsServer]) -> NatsServer:
    return start_nats()


async def told(database: Database, server: NatsServer, extent: Extent) -> tuple[Told, list[Message]]:
    steps: list[int] = []
    async with connected({"servers": server.url}) as client:
        await declare_streams(client.jetstream())
        result = await republish(
            database, client, extent, rate=1_000_000, progress=lambda x: steps.append(x.stock + x.reservations)
        )
    assert steps == sorted(steps)
    return result, [message for _, _, message in await history(server.url)]


async def test_everything_is_told_again_page_by_page(
    filled: Database, server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(republish_module, "PAGE", 3)
    result, messages = await told(filled, server, Extent())

    assert (result.stock, result.reservations, result.sales) == (14, 2, 0)
    assert [row for message in messages for row in message.stock] == ROWS
    holds = [hold for message in messages for hold in message.reservations]
    assert [[line.product_id for line in hold.lines] for hold in holds] == [["P1", "P2"]] * 2

    async def complete() -> bool:
        return len(await history(server.url, LAST)) == len(ROWS)

    await eventually(complete)


async def test_what_changed_since_a_time_in_a_store(filled: Database, server: NatsServer) -> None:
    result, messages = await told(filled, server, Extent(datetime(2021, 1, 1, tzinfo=UTC), "S1"))

    assert (result.stock, result.reservations, result.sales) == (1, 0, 1)
    assert [row.product_id for message in messages for row in message.stock] == ["P3"]
    assert [sale.receipt_number for message in messages for sale in message.sales] == ["R"]


def test_the_command_says_what_it_told(
    sqlite_url: str,
    server: NatsServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    async def fill() -> None:
        database = open_database(sqlite_url)
        await put_stock(database, *ROWS)
        await database.close()

    asyncio.run(fill())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NATS_URL", server.url)
    assert run(mostrador, ["relay", "republish", "--all", "--database-url", sqlite_url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stock"] == len(ROWS)
    assert run(mostrador, ["relay", "republish", "--database-url", sqlite_url]) == 2
    assert "--since" in capsys.readouterr().err
    server.stop()
    assert run(mostrador, ["relay", "republish", "--all", "--database-url", sqlite_url]) == 1
    assert "NATS cannot be reached" in capsys.readouterr().err
    assert run(mostrador, ["events", "tail", "--store", "S1"]) == 1
    assert "NATS cannot be reached" in capsys.readouterr().err


async def test_tail_prints_what_is_told_of_the_store(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = ""

    async def heard(text: str) -> bool:
        nonlocal printed
        async with connected({"servers": server.url}) as client:
            await client.publish("inventory.S2.stock.P1", b'{"not": "mine"}')
            await client.publish("inventory.S1.stock.P1", b'{"store_id": "S1"}')
            await client.flush()
        printed += capsys.readouterr().out
        return text in printed

    tail = asyncio.create_task(_listen({"servers": server.url}, ["inventory.S1.stock.*"], as_json=True))
    await eventually(lambda: heard('{"store_id": "S1"}'))
    assert "mine" not in printed
    server.stop()
    await asyncio.wait_for(tail, 10)


def test_a_line_for_each_thing_that_happens() -> None:
    now = datetime.now(UTC)
    row = StockRow("S1", "P1", on_hand=9, reserved=2, version=4)
    sale = SaleRecord(new_id(), "S1", "T1-7", 1250, now)
    count = Movement("S1", "P1", 4, "set_stock", "", -2, 0, 9, 0, 0, 2, 0, "ana", "T1", "", new_id(), now)
    lines = list(lines_of("inventory.S1.x.y", Message("S1", now, stock=(row,), sales=(sale,), counts=(count,))))

    assert "P1: on hand 9, reserved 2, available 7 (version 4)" in lines[0]
    assert lines[1].endswith("T1-7: 12.50")
    assert lines[2].endswith("P1 set_stock: -2 (version 4)")
