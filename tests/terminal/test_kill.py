"""kill -9 at random moments while a terminal sells offline and syncs: receipts on paper are the sales of the ledger.

MOSTRADOR_KILLS says how often it is killed; the seed is printed.
"""

import asyncio
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from backend.ids import new_id
from backend.model.commands import Line
from backend.model.verbs.receive import Receive
from backend.terminal.api import Api
from backend.terminal.journal import Journal
from tests.e2e.server import Server
from tests.http.shop import PIN, furnish

KILLS = int(os.environ.get("MOSTRADOR_KILLS", "12"))
UNITS = 1_000_000

TERMINAL = """
import asyncio, os, sys
from decimal import Decimal
from pathlib import Path
from backend.terminal.api import Api, ServerAway
from backend.terminal.desk import Desk
from backend.terminal.journal import Journal
from backend.terminal.values import Product
from tests.eventually import eventually

url, path, paper, pin, last = sys.argv[1:]
printer = os.open(paper, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

class Flaky(Api):
    # Every third request finds no server, every fifth loses its answer after the server has settled it.
    asked = 0

    async def send(self, commands, acts=()):
        Flaky.asked += 1
        if Flaky.asked % 3 == 0 and last == "no":
            raise ServerAway("away")
        answers = await super().send(commands, acts)
        if Flaky.asked % 5 == 0 and last == "no":
            raise ServerAway("lost")
        return answers

async def main():
    api = Flaky(url)
    session = await api.sign_in("ana", pin, "norte", "T1")
    journal = Journal(Path(path), "T1")
    desk = Desk(api, journal, session, "T1", lambda notice: None)
    # The printer died before it printed these: the clerk prints them again.
    for kept in reversed(journal.receipts(5)):
        if not kept.printed:
            os.write(printer, f"{kept.paper.number} {kept.paper.sale_id}\\n".encode())
            journal.printed(kept.paper.number, b"")
    running = asyncio.create_task(desk.run())
    print("selling", flush=True)
    milk = Product("milk", "S-milk", "Milk", Decimal("1.29"))
    if last == "no":
        while True:
            desk.cart.add(milk)
            await desk.finish()
            receipt = desk.checkout.receipt
            kept = journal.receipt(receipt.number)
            os.write(printer, f"{receipt.number} {kept.paper.sale_id}\\n".encode())
            journal.printed(receipt.number, b"")
    await eventually(lambda: not journal.acts(), 60)

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_receipts_on_paper_are_the_sales_of_the_ledger(sqlite_url: str, tmp_path: Path) -> None:
    seed = int(os.environ.get("MOSTRADOR_SEED", str(random.randrange(10_000))))
    print(f"seed {seed}")
    await furnish(sqlite_url)
    server = Server(sqlite_url, tmp_path)
    server.start()
    await asyncio.to_thread(server.wait_until_ready)
    api = Api(server.url)
    await api.sign_in("luis", PIN, "norte", "T9")
    await api.send([Receive(id=new_id(), store_id="norte", lines=(Line("milk", UNITS),))])
    try:
        await asyncio.to_thread(_kill_again_and_again, server, tmp_path, random.Random(seed))
        sales = _sales(sqlite_url)
        on_hand = {row.store_id: row.quantity for row in await api.stock_everywhere("milk")}["norte"]
        acts = await api.call("GET", "/terminals/norte/T1/acts")
    finally:
        await api.close()
        server.stop()
    paper = [line.split() for line in (tmp_path / "paper").read_text().splitlines()]
    assert {(number, sale_id) for number, sale_id in paper} == set(sales)
    on_paper = {number for number, _ in paper}
    assert len(on_paper) == len(sales)
    numbers = sorted(int(re.sub(r"^norte-T1-", "", number)) for number in on_paper)
    assert numbers == list(range(1, len(numbers) + 1)), "a gap, or a number that was given twice"
    assert on_hand == UNITS - len(sales)
    assert (acts["last_sequence"], acts["missing"]) == (len(sales), 0)
    journal = Journal(tmp_path / "T1.db", "T1")
    assert (journal.acts(), journal.refused_acts()) == ([], [])
    journal.close()
    print(f"{KILLS} kills, {len(sales)} sales, {len(paper) - len(on_paper)} receipts printed again")


def _kill_again_and_again(server: Server, tmp_path: Path, chance: random.Random) -> None:
    command = [sys.executable, "-c", TERMINAL, server.url, str(tmp_path / "T1.db"), str(tmp_path / "paper"), PIN]
    for number in range(KILLS):
        with subprocess.Popen([*command, "no"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as terminal:
            assert terminal.stdout is not None
            assert terminal.stderr is not None
            assert terminal.stdout.readline() == "selling\n", terminal.stderr.read()
            try:
                terminal.wait(chance.uniform(0.0, 0.6))
            except subprocess.TimeoutExpired:
                terminal.kill()
            assert terminal.wait() == -signal.SIGKILL, f"kill {number}: {terminal.stderr.read()}"
    run = subprocess.run([*command, "yes"], check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def _sales(url: str) -> list[tuple[str, str]]:
    """Receipt number and id of every sale in the ledger."""
    db = sqlite3.connect(url.partition(":///")[2])
    rows = db.execute("SELECT receipt_number, id FROM sales").fetchall()
    db.close()
    return [(number, str(UUID(sale_id))) for number, sale_id in rows]
