"""From a commit that is acknowledged to the callback in another process, against bare NATS in the same run.

    uv run python -m tests.benchmarks.live

Reservations are sent at a steady rate, whatever the answers take; the clock of a change starts when the ledger has
answered its caller, and stops when a subscriber in another process has its message. The yardstick is the same number of
messages of the same size, published by plain NATS and heard by the same process. Then a till's screen: the clock starts
when another till of the store scans a product, and stops when the number is on the screen.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from time import monotonic

import uvicorn
from msgspec import json
from nats.aio.client import Client
from nats.aio.msg import Msg
from rich.console import Console
from rich.table import Table

from backend.database.engine import migrate
from backend.embedded.client import join_or_start
from backend.embedded.files import ShopFiles
from backend.events.relay import Relay
from backend.ids import new_id
from backend.ledger.lanes import Ledger, open_ledger
from backend.model.books import Request
from backend.model.commands import Line
from backend.model.events import Message
from backend.model.stock import Key
from backend.model.verbs.receive import Receive
from backend.model.verbs.reserve import Reserve
from backend.terminal.api import Api
from backend.terminal.desk import Desk
from backend.terminal.journal import Journal
from backend.terminal.live import Link
from tests.eventually import eventually
from tests.http.shop import PIN, PRODUCTS, furnish
from tests.servers import nats_server, postgres_server
from tests.terminal.fake_nats import FakeNats
from tests.tui.conftest import SMALL, Counter
from tui.app import TerminalApp
from tui.words import Words

from .ledger import ANA, ROWS, shop

RATES = (100, 2_000)
BARE = "bare"
Heard = dict[Key, list[tuple[int, float]]]
"""Row → the versions told of it, and when (monotonic seconds, which all processes of a machine share)."""


async def listen(url: str) -> None:
    """The other process: hears everything, and tells when it is asked to stop."""
    stock: list[tuple[str, str, int, float]] = []
    bare: list[tuple[str, float]] = []
    done = asyncio.Event()

    async def on_stock(message: Msg) -> None:
        now = monotonic()
        stock.extend((x.store_id, x.product_id, x.version, now) for x in json.decode(message.data, type=Message).stock)

    async def on_bare(message: Msg) -> None:
        bare.append((message.data[:36].decode(), monotonic()))

    async def on_stop(_: Msg) -> None:
        done.set()

    client = Client()
    await client.connect(url)
    await client.subscribe("inventory.*.stock.*", cb=on_stock)
    await client.subscribe(BARE, cb=on_bare)
    await client.subscribe("stop", cb=on_stop)
    await client.flush()
    print("ready", flush=True)
    await done.wait()
    await client.close()
    sys.stdout.buffer.write(json.encode([stock, bare]))


@asynccontextmanager
async def listener(url: str, results: list[bytes]) -> AsyncIterator[Client]:
    """A connection of ours while the other process hears; then what it heard is in `results`."""
    command = [sys.executable, "-m", "tests.benchmarks.live", "--listen", url]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, limit=1 << 30)
    assert process.stdout is not None
    await process.stdout.readline()
    client = Client()
    await client.connect(url)
    yield client
    await asyncio.sleep(1)  # the last ones are on their way
    await client.publish("stop")
    await client.flush()
    results.append(await process.stdout.read())
    await process.wait()
    await client.close()


async def steadily(rate: int, seconds: float, work: Callable[[], asyncio.Task[None] | None]) -> None:
    """Call `work` so many times a second, late calls made up for, and wait for the tasks it began."""
    tasks: list[asyncio.Task[None]] = []
    begun, number = monotonic(), 0
    while number < rate * seconds:
        if (wait := begun + number / rate - monotonic()) > 0:
            await asyncio.sleep(wait)
        if task := work():
            tasks.append(task)
        number += 1
    await asyncio.gather(*tasks)


async def ours(url: str, ledger: Ledger, rate: int, seconds: float) -> list[float]:
    """Milliseconds from the ledger's answer to the callback. Changes that a newer one overtook are left out."""
    answered: dict[tuple[str, str, int], float] = {}

    async def hold() -> None:
        store, product = random.choice(ROWS)
        command = Reserve(id=new_id(), store_id=store, lines=(Line(product, 1),), ttl_seconds=900)
        answer = await ledger.submit(Request(command, ANA))
        answered[store, product, answer.stock[0].version] = monotonic()

    results: list[bytes] = []
    async with listener(url, results):
        await steadily(rate, seconds, lambda: asyncio.create_task(hold()))
    stock, _ = json.decode(results[0], type=tuple[list[tuple[str, str, int, float]], list[tuple[str, float]]])
    heard = {(store, product, version): at for store, product, version, at in stock}
    # A message may be heard before the caller has run on: that is no time at all, not less.
    waits = [max(0.0, heard[key] - at) * 1000 for key, at in answered.items() if key in heard]
    assert len(waits) >= 0.9 * len(answered), f"only {len(waits)} of {len(answered)} changes were heard of"
    return waits


async def bare(url: str, rate: int, seconds: float) -> list[float]:
    """Milliseconds from a plain publish to the callback."""
    sent: dict[str, float] = {}
    results: list[bytes] = []
    async with listener(url, results) as client:

        async def publish() -> None:
            key = str(new_id())
            sent[key] = monotonic()
            await client.publish(BARE, key.encode().ljust(180))

        await steadily(rate, seconds, lambda: asyncio.create_task(publish()))
        await client.flush()
    _, told = json.decode(results[0], type=tuple[list[tuple[str, str, int, float]], list[tuple[str, float]]])
    assert len(told) == len(sent)
    return [(at - sent[key]) * 1000 for key, at in told]


async def callbacks(seconds: float, rounds: int) -> None:
    """The table of both, at each rate."""
    table = Table(title="commit acknowledged → callback in another process", title_justify="left")
    table.add_column("events/s", justify="right")
    for column in ("bare p50 ms", "p99 ms", "ours p50 ms", "p99 ms", "p50 ratio"):
        table.add_column(column, justify="right")
    with postgres_server() as postgres, nats_server() as nats:
        async with shop(postgres.url(postgres.create_database())) as (database, _):
            relay = Relay(database, {"servers": nats.url})
            await relay.start()
            await eventually(lambda: relay.connected)
            ledger = open_ledger(database, relay.publish)
            await ledger.start()
            for rate in RATES:
                pairs = []
                for _ in range(rounds):
                    theirs = _percentiles(await bare(nats.url, rate, seconds))
                    pairs.append((*theirs, *_percentiles(await ours(nats.url, ledger, rate, seconds))))
                numbers = [median(column) for column in zip(*pairs, strict=True)]
                table.add_row(f"{rate:,}", *[f"{x:.2f}" for x in numbers], f"{numbers[2] / numbers[0]:.1f} ×")
            await ledger.close()
            await relay.close()
    Console(width=110).print(table)


async def screen(directory: Path, times: int) -> None:
    """A key on one till → the number on another till's screen, on the servers that the program starts for itself."""
    files = ShopFiles(directory / "shop")
    files.prepare()
    await migrate(files.database_url)
    await furnish(files.database_url)
    lease = await asyncio.to_thread(join_or_start, files, lambda *_: None)
    with lease:
        api, journal = Api(lease.server_url), Journal(directory / "T2.db", "T2")
        luis = Desk(api, journal, await api.sign_in("luis", PIN, "norte", "T2"), "T2", lambda _: None)
        running = asyncio.create_task(luis.run())
        [answer] = await api.send([Receive(id=new_id(), store_id="norte", lines=(Line("milk", 10_000),))])
        assert answer.accepted

        async def connect(_: object) -> str:
            return lease.server_url

        till = Counter(directory, FakeNats())
        till.app = TerminalApp(connect, data_dir=directory, terminal_id="T1", words=Words("en"), store="norte")
        waits = []
        async with till.app.run_test(size=SMALL) as till.pilot:
            await till.on("SignInScreen")
            await till.press(*"ana", "enter")
            await till.press(*PIN, "enter")
            await till.on("SellScreen")
            await till.until(lambda: till.desk.live.link is luis.live.link is Link.ONLINE)
            await till.press(*"leche entera")
            await till.shows("10,000 available here")
            for number in range(1, times + 1):
                begun = monotonic()
                scanning = asyncio.create_task(luis.scan(PRODUCTS["milk"][1], 1))
                while f"{10_000 - number:,} available here" not in till.text:
                    assert monotonic() - begun < 10, till.text
                    await asyncio.sleep(0.001)
                waits.append((monotonic() - begun) * 1000)
                await scanning
                await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.wait([running])
        journal.close()
        await api.close()
    p50, p99 = _percentiles(waits)
    print(f"key on one till → number on another till's screen: p50 {p50:.1f} ms, p99 {p99:.1f} ms ({times} times)")


def _percentiles(waits: list[float]) -> tuple[float, float]:
    waits.sort()
    return waits[len(waits) // 2], waits[int(len(waits) * 0.99)]


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5, help="length of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--listen", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvicorn.Config("").get_loop_factory()) as runner:
        if options.listen:
            runner.run(listen(options.listen))
            return
        runner.run(callbacks(options.seconds, options.rounds))
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(screen(Path(directory), 100))


if __name__ == "__main__":
    main()
