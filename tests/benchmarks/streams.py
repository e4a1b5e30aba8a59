"""How long an adjust takes while event streams of its store are open, against none in the same run.

    uv run python -m tests.benchmarks.streams

One caller adjusts the stock of one store, one adjust after the other, on PostgreSQL and NATS. The streams of that store
are held by a process of their own (`stream_client.py`), which counts what arrives: each must have had every event.
Rounds with different numbers of streams alternate, so that a noisy neighbour meets all. The middle round counts; the
ratio is the middle one of the rounds (least-greatest), each compared with its own round without streams.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

import psutil
import structlog
import uvicorn
from msgspec import Struct, json
from rich.console import Console
from rich.table import Table

from backend.auth.keys import load_signing_key
from backend.auth.tokens import Tokens
from backend.server import serve
from backend.settings import Settings
from tests.eventually import eventually
from tests.servers import HOST, nats_server, postgres_server

from .ledger import shop
from .stream_client import more_files

NUMBERS = (0, 300, 1_000)
CALLERS = 50
"""Who hold the streams: a caller may have 20."""
PRODUCTS = 200
CLIENT = Path(__file__).with_name("stream_client.py")


class Opened(Struct, frozen=True):
    """What the streams' process is told: how many streams to open, at which port, with whose tokens."""

    streams: int
    port: int
    tokens: list[str]


class Heard(Struct, frozen=True):
    """What it answers: the fewest and the most events on a stream, and the CPU seconds that reading took."""

    fewest: int
    most: int
    cpu: float


class Streams:
    """The process that holds the streams, as the one who measures sees it."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def heard(self) -> Heard:
        """What all heard until now; they are closed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        return json.decode(await self._process.stdout.readline(), type=Heard)


@asynccontextmanager
async def streams(job: Opened) -> AsyncIterator[Streams]:
    """The streams, open until the end of the block."""
    process = await create_subprocess_exec(sys.executable, "-S", str(CLIENT), stdin=PIPE, stdout=PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.encode(job) + b"\n")
        assert await process.stdout.readline() == b"ready\n"
        yield Streams(process)
    finally:
        if process.returncode is None:
            await process.communicate(b"")


async def adjusts(port: int, token: str, seconds: float) -> list[float]:
    """Milliseconds of each adjust of a lone caller for so long."""
    reader, writer = await asyncio.open_connection(HOST, port)
    body, waits, number = b'{"adjustment":1,"reason":"counted"}', [], 0
    end = perf_counter() + seconds
    while (begun := perf_counter()) < end:
        number += 1
        writer.write(
            f"POST /api/v1/stock/P{number % PRODUCTS + 1}/S1/adjust HTTP/1.1\r\nHost: {HOST}\r\n"
            f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head.decode()
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        waits.append((perf_counter() - begun) * 1000)
    writer.close()
    return waits


async def serve_for(database_url: str, nats_url: str, key: Path) -> None:
    """The server's process, until its input ends."""
    more_files()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    settings = Settings.load(
        _env_file=None,
        database_url=database_url,
        nats_url=nats_url,
        signing_key_file=key,
        server_port=0,
        rate_limit_requests=0,
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, stop.set)
    await serve(settings, stop, lambda url: print(url.rpartition(":")[2], flush=True))


@asynccontextmanager
async def server(database_url: str, nats_url: str, key: Path) -> AsyncIterator[tuple[int, int]]:
    """A server process until the end of the block: its port and its process id."""
    command = (sys.executable, "-m", __spec__.name, "--serve", database_url, nats_url, str(key))
    process = await create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    assert process.stdout is not None
    try:
        while not (line := await process.stdout.readline()).strip().isdigit():
            assert line, "the server did not start"
        yield int(line), process.pid
    finally:
        await process.communicate(b"")


class Round(Struct, frozen=True):
    """One round: an adjust in milliseconds, events a second, CPU in percent of a core of the server and the reader."""

    p50: float
    p99: float
    rate: float
    server: float
    reader: float


async def one_round(port: int, pid: int, tokens: list[str], number: int, seconds: float) -> Round:
    """Adjust with so many streams open. Fails when a stream missed an event or had one twice."""
    async with streams(Opened(number, port, tokens[1:])) as held:
        process = psutil.Process(pid)
        before = process.cpu_times()
        waits = await adjusts(port, tokens[0], seconds)
        after = process.cpu_times()
        heard = await held.heard()
    if number:
        assert heard.fewest == heard.most == len(waits), (heard, len(waits))
    waits.sort()
    cpu = after.user + after.system - before.user - before.system
    share = 100 / seconds
    return Round(
        waits[len(waits) // 2], waits[int(len(waits) * 0.99)], len(waits) / seconds, cpu * share, heard.cpu * share
    )


async def measure(rounds: int, seconds: float) -> None:
    """Print the table."""
    found: dict[int, list[Round]] = defaultdict(list)
    with postgres_server() as postgres, nats_server() as nats, tempfile.TemporaryDirectory() as directory:
        key = Path(directory) / "key.pem"
        issue = Tokens(load_signing_key(key)).issue
        tokens = [
            issue(user=f"u{n}", role="admin", stores=["*"], store_id="S1", terminal_id=f"T{n}", session_id=f"s{n}")[0]
            for n in range(CALLERS + 1)
        ]
        url = postgres.url(postgres.create_database())
        async with shop(url), server(url, nats.url, key) as (port, pid):

            async def there() -> bool:
                reader, writer = await asyncio.open_connection(HOST, port)
                writer.write(
                    f"GET /api/v1/events HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n"
                    f"Authorization: Bearer {tokens[0]}\r\n\r\n".encode()
                )
                answer = await reader.read()
                writer.close()
                return answer.startswith(b"HTTP/1.1 200")

            await eventually(there)
            await adjusts(port, tokens[0], 1)  # to warm up
            for number in range(1, rounds + 1):
                for count in NUMBERS:
                    print(f"… round {number} of {rounds}, {count:,} streams", file=sys.stderr, flush=True)
                    found[count].append(await one_round(port, pid, tokens, count, seconds))
    Console(width=110).print(_table(found))


def _table(found: dict[int, list[Round]]) -> Table:
    table = Table(title="An adjust beside streams of its store (PostgreSQL, fsync on)", title_justify="left")
    for column in ("streams", "p50 ms", "ratio", "p99 ms", "adjusts/s", "server CPU %", "reader CPU %", "target"):
        table.add_column(column, justify="right")
    middle = {
        number: Round(*(median(getattr(one, name) for one in results) for name in Round.__struct_fields__))
        for number, results in found.items()
    }
    for number, one in middle.items():
        # Each round is compared with its own round without streams: from one to the next the machine may change.
        ratios = sorted(own.p50 / none.p50 for own, none in zip(found[number], found[0], strict=True))
        ratio = f"{median(ratios):.2f} × ({ratios[0]:.2f}-{ratios[-1]:.2f})"
        target = "< 1.20 ×" if number == max(NUMBERS) else ""
        numbers = [f"{x:.0f}" for x in (one.rate, one.server, one.reader)]
        table.add_row(f"{number:,}", f"{one.p50:.1f}", ratio, f"{one.p99:.1f}", *numbers, target)
    return table


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5, help="length of a round with one number of streams")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", nargs=3, metavar=("DATABASE", "NATS", "KEY"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvicorn.Config("", log_config=None).get_loop_factory()) as runner:
        if options.serve:
            database_url, nats_url, key = options.serve
            runner.run(serve_for(database_url, nats_url, Path(key)))
        else:
            runner.run(measure(options.rounds, options.seconds))


if __name__ == "__main__":
    main()
