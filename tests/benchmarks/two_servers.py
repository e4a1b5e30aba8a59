"""Two servers on one hot row of PostgreSQL: what they reach together, of what one of them reaches alone in this run.

    uv run python -m tests.benchmarks.two_servers

Each server is a process with its own ledger and 64 callers. Rounds of one and of both alternate, so that a noisy
neighbour meets both; the middle round counts. Both together are to reach 60 % of one, and the slower of them 20 % of
what both do.
"""

import argparse
import asyncio
import gc
import logging
import sys
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from statistics import median

import structlog
import uvicorn
from msgspec import json
from rich.console import Console
from rich.table import Table

from backend.database.engine import open_database
from backend.ledger.lanes import open_ledger
from tests.servers import postgres_server

from .ledger import HOT, Measured, empty_outbox, reserve, shop

CALLERS = 64


async def serve(url: str) -> None:
    """The server's side: a ledger on `url`. Each line that comes is the length of a round, its numbers go back."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))  # stdout is for numbers
    database = open_database(url)
    ledger = open_ledger(database, lambda _: None)
    await ledger.start()
    gc.collect()
    gc.freeze()
    while line := await asyncio.to_thread(sys.stdin.readline):
        measured = await reserve(ledger, HOT, CALLERS, float(line))
        print(json.encode(measured).decode(), flush=True)
    await ledger.close()
    await database.close()


class Server:
    """A server process, as the one who measures sees it."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def round(self, seconds: float) -> Measured:
        """What it does in a round of `seconds`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{seconds}\n".encode())
        return json.decode(await self._process.stdout.readline(), type=Measured)


@asynccontextmanager
async def servers(url: str, count: int) -> AsyncIterator[list[Server]]:
    """`count` server processes on `url`; they end with the block."""
    command = (sys.executable, "-m", __spec__.name, "--serve", url)
    processes = [await create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE) for _ in range(count)]
    try:
        yield [Server(process) for process in processes]
    finally:
        for process in processes:
            await process.communicate(b"")  # their input ends, and so do they


async def measure(rounds: int, seconds: float) -> None:
    """Print the table."""
    alone: list[Measured] = []
    pairs: list[Sequence[Measured]] = []
    with postgres_server() as postgres:
        url = postgres.url(postgres.create_database())
        async with shop(url) as (database, _), servers(url, 2) as (one, two):
            await asyncio.gather(one.round(1), two.round(1))  # to connect and to warm up
            for number in range(1, rounds + 1):
                print(f"… round {number} of {rounds}", file=sys.stderr, flush=True)
                alone.append(await (one, two)[number % 2].round(seconds))
                await empty_outbox(database)
                pairs.append(await asyncio.gather(one.round(seconds), two.round(seconds)))
                await empty_outbox(database)
    Console(width=110).print(_table(alone, pairs))


def _table(alone: Sequence[Measured], pairs: Sequence[Sequence[Measured]]) -> Table:
    rate = median(one.rate for one in alone)
    together = median(sum(one.rate for one in pair) for pair in pairs)
    slower = median(min(one.rate for one in pair) / sum(one.rate for one in pair) for pair in pairs)
    table = Table(title="PostgreSQL, fsync on, one hot row, 64 callers a server", title_justify="left")
    for column in ("servers", "reservations/s", "p99 ms", "of one server", "the slower's part"):
        table.add_column(column, justify="right")
    table.add_row("1", f"{rate:,.0f}", f"{median(one.p99 for one in alone):.1f}", "", "")
    p99 = median(max(one.p99 for one in pair) for pair in pairs)
    table.add_row("2", f"{together:,.0f}", f"{p99:.1f}", f"{together / rate:.0%}", f"{slower:.0%}")
    return table


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5, help="length of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvicorn.Config("").get_loop_factory()) as runner:
        runner.run(serve(options.serve) if options.serve else measure(options.rounds, options.seconds))


if __name__ == "__main__":
    main()
