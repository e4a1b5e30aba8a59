"""The screens against the real thing: nats-server and our server, as the program starts them for itself."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.widgets import Select

from backend.database.engine import open_database
from backend.embedded.client import Lease, join_or_start
from backend.embedded.files import ShopFiles
from backend.ids import new_id
from backend.model.commands import Line
from backend.model.verbs.receive import Receive
from backend.proof.books import prove
from backend.terminal.api import Api
from backend.terminal.desk import Desk
from backend.terminal.journal import Journal
from backend.terminal.live import Link
from tests.embedded.shop import NOTHING_RUNS, counts, wait_until
from tests.eventually import eventually
from tests.http.shop import PIN, PRODUCTS, furnish
from tests.terminal.fake_nats import FakeNats
from tui.app import Report, TerminalApp
from tui.words import Words

from .conftest import SMALL, Counter

MILK = PRODUCTS["milk"][1]


@pytest.fixture
def files(sqlite_template: Path, tmp_path: Path) -> ShopFiles:
    """The data directory of a furnished shop."""
    files = ShopFiles(tmp_path / "shop")
    files.prepare()
    shutil.copyfile(sqlite_template, files.database)
    asyncio.run(furnish(files.database_url))
    return files


@pytest.fixture
def lease(files: ShopFiles) -> Iterator[Lease]:
    """Its servers, running until the test is over."""
    with join_or_start(files, lambda *_: None) as lease:
        yield lease
    wait_until(lambda: counts(files) == NOTHING_RUNS, "the servers have stopped")


@asynccontextmanager
async def other_terminal(url: str, path: Path) -> AsyncIterator[Desk]:
    """Another terminal of the same store, where luis works."""
    api, journal = Api(url), Journal(path, "T2")
    desk = Desk(api, journal, await api.sign_in("luis", PIN, "norte", "T2"), "T2", lambda _: None)
    running = asyncio.create_task(desk.run())
    [answer] = await api.send([Receive(id=new_id(), store_id="norte", lines=(Line("milk", 12),))])
    assert answer.accepted
    yield desk
    running.cancel()
    await asyncio.wait([running])
    journal.close()
    await api.close()


@pytest.mark.slow
async def test_a_sale_on_one_terminal_moves_the_number_on_the_other(
    lease: Lease, files: ShopFiles, tmp_path: Path
) -> None:
    async def connect(_: Report) -> str:
        return lease.server_url

    c = Counter(tmp_path, FakeNats())
    c.app = TerminalApp(connect, data_dir=tmp_path, terminal_id="T1", words=Words("en"), store="norte")
    async with other_terminal(lease.server_url, tmp_path / "T2.db") as luis, c.app.run_test(size=SMALL) as c.pilot:
        await c.on("SignInScreen")
        assert c.app.screen.query_one("#store", Select).value == "norte"
        await c.press(*"ana", "enter")
        await c.press(*PIN, "enter")
        await c.on("SellScreen")
        await c.until(lambda: c.desk.live.link is Link.ONLINE)
        await c.press(*"leche entera")
        await c.shows("Leche entera 1 l", "12 available here", "● LIVE")

        await luis.live.watch(["milk"])
        await luis.scan(MILK, 5)
        await c.shows("7 available here", "12 on hand · 5 reserved")
        await luis.finish()
        await c.shows("7 available here", "7 on hand · 0 reserved")

        await c.press("enter")
        await c.shows("HOLD", "6 available here")
        await c.press("f9")
        await c.shows("✓ SOLD", "norte-T1-000001")
        await eventually(lambda: (row := luis.live.view.row("norte", "milk")) is not None and row.on_hand == 6)
    db = open_database(files.database_url)
    try:
        proof = await prove(db)
    finally:
        await db.close()
    assert (proof.drifts, proof.sales, proof.units_reserved) == ((), 2, 0)
