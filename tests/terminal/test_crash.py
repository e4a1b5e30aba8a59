"""kill -9 with a sale open, and between the journal and the real server's answer: nothing lost, nothing doubled."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from backend.ids import new_id
from backend.model.commands import Line
from backend.model.verbs.receive import Receive
from backend.terminal.api import Api
from backend.terminal.desk import Desk
from backend.terminal.journal import Journal
from backend.terminal.values import Notice
from tests.e2e.server import Server
from tests.eventually import eventually
from tests.http.shop import PIN, PRODUCTS, furnish

MILK = PRODUCTS["milk"][1]

TERMINAL = """
import asyncio, os, signal, sys
from pathlib import Path
from backend.model.verbs.sell import Sell
from backend.model.verbs.reserve import Reserve
from backend.model.verbs.sell import Sell
from backend.terminal.api import Api
from backend.terminal.desk import Desk
from backend.terminal.journal import Journal

url, path, pin, barcode, moment = sys.argv[1:]

class DyingApi(Api):
    async def send(self, commands, acts=()):
        sells = any(isinstance(command, Sell) for command in commands)
        if sells and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answers = await super().send(commands, acts)
        if sells or moment == "held, not answered":
            os.kill(os.getpid(), signal.SIGKILL)
        return answers

async def main():
    api = DyingApi(url)
    session = await api.sign_in("ana", pin, "norte", "T1")
    desk = Desk(api, Journal(Path(path), "T1"), session, "T1", lambda notice: None)
    running = asyncio.create_task(desk.run())
    await desk.scan(barcode, 3)
    await desk.sender.idle.wait()
    if moment == "held":
        os.kill(os.getpid(), signal.SIGKILL)
    await desk.finish()

asyncio.run(main())
"""


@pytest.fixture
async def server(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    """A furnished shop with ten cartons of milk, and its server as a process."""
    await furnish(sqlite_url)
    server = Server(sqlite_url, tmp_path)
    server.start()
    await asyncio.to_thread(server.wait_until_ready)
    api = Api(server.url)
    await api.sign_in("luis", PIN, "norte", "T9")
    [answer] = await api.send([Receive(id=new_id(), store_id="norte", lines=(Line("milk", 10),))])
    assert answer.accepted
    await api.close()
    yield server
    server.stop()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "T1.db"


@asynccontextmanager
async def started_again(server: Server, path: Path) -> AsyncIterator[tuple[Desk, list[str], Api]]:
    """The terminal's next start."""
    api, journal, said = Api(server.url), Journal(path, "T1"), list[str]()

    def say(notice: Notice) -> None:
        said.append(notice.code)

    desk = Desk(api, journal, await api.sign_in("ana", PIN, "norte", "T1"), "T1", say)
    running = asyncio.create_task(desk.run())
    yield desk, said, api
    running.cancel()
    await asyncio.wait([running])
    journal.close()
    await api.close()


async def killed(server: Server, journal: Path, moment: str) -> None:
    """A terminal scans three cartons of milk and is killed."""
    command = [sys.executable, "-c", TERMINAL, server.url, str(journal), PIN, MILK, moment]
    killed = await asyncio.to_thread(subprocess.run, command, check=False, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr


async def norte(api: Api) -> tuple[int, int]:
    """Cartons of milk on hand and reserved."""
    stock = {row.store_id: row for row in await api.stock_everywhere("milk")}
    return stock["norte"].quantity, stock["norte"].reserved_qty


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["held", "held, not answered"])
async def test_the_open_sale_of_a_killed_terminal_is_taken_up_and_sold(
    server: Server, journal: Path, moment: str
) -> None:
    await killed(server, journal, moment)
    async with started_again(server, journal) as (desk, said, api):
        assert await norte(api) == (10, 3)
        assert desk.found is not None
        assert [(line.product.id, line.quantity) for line in desk.found.wanted] == [("milk", 3)]
        await desk.take_up()
        await desk.sender.idle.wait()
        assert await norte(api) == (10, 3)
        await desk.finish()
        assert desk.checkout.receipt is not None
        assert (desk.checkout.receipt.units, await norte(api)) == (3, (7, 0))
        assert "sale_taken_up" in said
    async with started_again(server, journal) as (desk, said, _):
        assert desk.found is None


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["held", "held, not answered"])
async def test_the_units_of_a_killed_terminal_are_given_back_at_once(
    server: Server, journal: Path, moment: str
) -> None:
    await killed(server, journal, moment)
    async with started_again(server, journal) as (desk, _, api):
        await desk.give_back()
        await desk.sender.idle.wait()
        desk.pump()
        await desk.sender.idle.wait()
        assert (desk.cart.lines, await norte(api)) == ([], (10, 0))


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_pain_6_a_killed_terminal_sells_exactly_once(server: Server, journal: Path, moment: str) -> None:
    await killed(server, journal, moment)
    async with started_again(server, journal) as (_, said, api):
        await eventually(lambda: "sale_arrived" in said)
        assert said == ["sales_resumed", "sale_arrived"]
        assert await norte(api) == (7, 0)
    async with started_again(server, journal) as (desk, said, api):
        await desk.scan(MILK)
        await desk.finish()
        assert desk.checkout.receipt is not None
        assert desk.checkout.receipt.number == "norte-T1-000002"
        assert "sales_resumed" not in said
