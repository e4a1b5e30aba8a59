"""The HTTP API on PostgreSQL: what a request costs beside one that does nothing, and a batch beside the bare ledger.

    uv run python -m tests.benchmarks.http

The yardsticks are on the same server in the same run: a route that checks the token and a body of five fields and
answers with it; the ledger called from inside the server, which makes its commands where the batch route decodes them;
a route that reads its stock alone. The load comes from a process of its own. Rounds of all alternate, so that a noisy
neighbour meets all; the middle round counts. Nothing is published: see the benchmark `live`.
"""

import argparse
import asyncio
import gc
import logging
import random
import sys
import tempfile
from asyncio.subprocess import PIPE, create_subprocess_exec
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated

import structlog
import uvicorn
from litestar import Response, Router, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct, json
from rich.console import Console
from rich.table import Table

from backend.auth.keys import load_signing_key
from backend.auth.roles import Scope
from backend.auth.tokens import Tokens
from backend.cache.counts import Counts
from backend.database.engine import Database, open_database
from backend.database.reads import reading
from backend.http.app import BASE, create_app
from backend.http.envelope import envelope
from backend.http.etags import tagged
from backend.http.listener import listening, serve_until, url_of
from backend.http.rates import Rates
from backend.http.request import ApiRequest
from backend.http.shapes import StockShape
from backend.ids import new_id
from backend.ledger.lanes import Ledger, open_ledger
from backend.model.books import Request
from backend.model.commands import Line, ProductId, Quantity, Reserve, StoreId, Ttl
from backend.stock.queries import stock_at
from tests.servers import HOST, postgres_server

from .ledger import ANA, ROWS, Measured, empty_outbox, measured, shop
from .load import BATCH, Client, Job, load_client

CONNECTIONS = 64
BATCHES = 8
"""Connections that send batches."""
UNREACHED = 10**9
"""A rate limit that counts every request and refuses none."""


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    """As a reservation's."""

    store_id: StoreId
    product_id: ProductId
    quantity: Quantity
    customer_id: Annotated[str, Meta(max_length=200)]
    ttl_seconds: Ttl


def yardsticks(database: Database, ledger: Ledger) -> Router:
    """The routes to compare with."""

    @post("/no-op", scope=Scope.RESERVATIONS_WRITE)
    async def no_op(data: JSONBody[Body]) -> Body:
        return data

    @get("/lone-stock/{product_id:str}/{store_id:str}", scope=Scope.STOCK_READ)
    async def lone_stock(
        request: ApiRequest, product_id: FromPath[str], store_id: FromPath[str]
    ) -> Response[StockShape]:
        async with reading(database) as connection:
            level = (await stock_at(connection, [(store_id, product_id)]))[store_id, product_id]
        return tagged(request, level.row.version, StockShape.at(level))

    @get("/ledger", scope="public")
    async def own(seconds: float) -> Measured:
        return await bare_ledger(ledger, seconds)

    return Router(BASE, route_handlers=[no_op, lone_stock, own])


async def bare_ledger(ledger: Ledger, seconds: float) -> Measured:
    """Batches as the batch route gets them, from as many callers, without HTTP."""
    waits: list[float] = []
    end = perf_counter() + seconds

    async def caller() -> None:
        while (begun := perf_counter()) < end:
            picked = [random.choice(ROWS) for _ in range(BATCH)]
            commands = [Reserve(id=new_id(), store_id=s, lines=(Line(p, 1),), ttl_seconds=900) for s, p in picked]
            answers = await ledger.submit_many([Request(command, ANA) for command in commands])
            assert all(answer.accepted for answer in answers)
            waits.append(perf_counter() - begun)

    begun = perf_counter()
    await asyncio.gather(*(caller() for _ in range(BATCHES)))
    return measured(waits, perf_counter() - begun)


async def serve(url: str, key: Path, limit: int) -> None:
    """The server's process, until its input ends. `limit` is that of requests a minute, 0 for none."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    database = open_database(url)
    ledger = open_ledger(database, lambda _: None)
    await ledger.start()
    app = create_app(
        db=database,
        ledger=ledger,
        tokens=Tokens(load_signing_key(key)),
        stopping=lambda: False,
        instance_id="benchmark",
        default_ttl=900,
        require_if_match=True,
        live_url="",
        rates=Rates(Counts(), limit) if limit else None,
    )
    app.register(yardsticks(database, ledger))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, stop.set)

    with listening(HOST, 0) as listener:

        def started() -> None:
            gc.collect()  # as `mostrador serve` does
            gc.freeze()
            print(url_of(listener).rpartition(":")[2], flush=True)

        await serve_until(stop, envelope(app), listener, on_started=started)
    await ledger.close()
    await database.close()


@asynccontextmanager
async def server(url: str, key: Path, limit: int) -> AsyncIterator[int]:
    """A server process until the end of the block; its port."""
    command = (sys.executable, "-m", __spec__.name, "--serve", url, "--key", str(key), "--limit", str(limit))
    process = await create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        await process.communicate(b"")


async def own_rate(port: int, seconds: float) -> Measured:
    """What the ledger in the server at `port` does when it is called from inside."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(f"GET {BASE}/ledger?seconds={seconds} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return json.decode(answer.partition(b"\r\n\r\n")[2], type=Measured)


Rounds = dict[str, list[Measured]]


async def measure(rounds: int, seconds: float) -> None:
    """Print the tables."""
    with postgres_server() as postgres, tempfile.TemporaryDirectory() as directory:
        key = Path(directory) / "key.pem"
        token, _ = Tokens(load_signing_key(key)).issue(
            user="root", role="admin", stores=["*"], store_id="S1", terminal_id="T1", session_id="s1"
        )
        url = postgres.url(postgres.create_database())
        async with (
            shop(url) as (database, _),
            load_client() as client,
            server(url, key, 0) as free,
            server(url, key, UNREACHED) as limited,
        ):
            found: dict[int, Rounds] = {free: defaultdict(list), limited: defaultdict(list)}
            for number in range(rounds + 1):
                print(f"… round {number} of {rounds}", file=sys.stderr, flush=True)
                for port, results in found.items():
                    done = await one_round(client, port, token, seconds if number else 1)
                    await empty_outbox(database)
                    for kind, result in done.items() if number else ():  # the first is to connect and to warm up
                        results[kind].append(result)
    for title, port in {"Rate limits off": free, "Rate limits on": limited}.items():
        Console(width=110).print(_table(title, found[port]))


async def one_round(client: Client, port: int, token: str, seconds: float) -> dict[str, Measured]:
    """Every kind of load on the server at `port`, one after the other."""
    done = {"ledger": await own_rate(port, seconds)}
    for kind in ("batch", "no-op", "reserve", "lone read", "read"):
        connections = BATCHES if kind == "batch" else CONNECTIONS
        done[kind] = await client.run(Job(kind, port, token, connections, seconds))
    return done


def _table(title: str, found: Rounds) -> Table:
    table = Table(title=f"PostgreSQL, fsync on, {CONNECTIONS} connections. {title}.", title_justify="left")
    table.add_column("requests", no_wrap=True)
    for column in ("a second", "p50 ms", "p99 ms", "ratio", "target"):
        table.add_column(column, justify="right")
    middle = {
        kind: Measured(*(median(getattr(one, name) for one in results) for name in ("rate", "p50", "p99")))
        for kind, results in found.items()
    }

    def add(kind: str, name: str, times: int = 1, than: str = "", target: str = "") -> None:
        one = middle[kind]
        ratio = f"{one.rate / middle[than].rate:.0%}" if than else ""
        table.add_row(name, f"{times * one.rate:,.0f}", f"{one.p50:.1f}", f"{one.p99:.1f}", ratio, target)

    add("no-op", "no-op")
    add("reserve", "reserve, of the no-op", than="no-op", target="≥ 40%")
    add("lone read", "read of a stock alone, of the no-op", than="no-op")
    add("read", "read of a stock, of the no-op", than="no-op")
    add("ledger", f"commands to the ledger ({BATCHES} × {BATCH})", BATCH)
    add("batch", "commands to the batch route, of the ledger's", BATCH, than="ledger", target="≥ 70%")
    return table


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5, help="length of a round of one kind")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--key", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--limit", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvicorn.Config("", log_config=None).get_loop_factory()) as runner:
        if options.serve:
            runner.run(serve(options.serve, options.key, options.limit))
        else:
            runner.run(measure(options.rounds, options.seconds))


if __name__ == "__main__":
    main()
