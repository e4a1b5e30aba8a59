"""A client that costs little, in a process of its own: so that what is measured beside it is the server.

It keeps connections open, sends the next request of each as soon as the last one is answered, and reads of an answer
only what tells where it ends and whether it is a good one.
"""

import asyncio
import random
import sys
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from time import perf_counter, time
from typing import cast

import uvicorn
from msgspec import Struct, json

from tests.servers import HOST

from .ledger import ROWS, Measured, measured

BATCH = 200
"""Commands in a request to the batch route."""


class Job(Struct, frozen=True):
    """A round: which requests, over how many connections, for how long."""

    kind: str
    port: int
    token: str
    connections: int
    seconds: float


def requests(job: Job) -> Iterator[bytes]:
    """Requests without end, for rows taken at random."""
    lines = f"HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {job.token}\r\n"
    ids = new_ids()

    def post(path: str, body: str) -> bytes:
        head = f"POST /api/v1{path} {lines}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        return (head + body).encode()

    def reserve(path: str) -> bytes:
        store, product = random.choice(ROWS)
        body = f'{{"store_id":"{store}","product_id":"{product}","quantity":1,"customer_id":"c1","ttl_seconds":900}}'
        return post(path, body)

    def command() -> str:
        store, product = random.choice(ROWS)
        what = f'"store_id":"{store}","lines":[{{"product_id":"{product}","quantity":1}}],"ttl_seconds":900'
        return f'{{"type":"reserve","id":"{next(ids)}",{what}}}'

    def read(path: str) -> bytes:
        store, product = random.choice(ROWS)
        return f"GET /api/v1{path}/{product}/{store} {lines}\r\n".encode()

    kinds: dict[str, Callable[[], bytes]] = {
        "no-op": lambda: reserve("/no-op"),
        "reserve": lambda: reserve("/reservations"),
        "batch": lambda: post("/commands", f'{{"commands":[{",".join([command() for _ in range(BATCH)])}]}}'),
        "read": lambda: read("/stock"),
        "lone read": lambda: read("/lone-stock"),
    }
    make = kinds[job.kind]
    while True:
        yield make()


def new_ids() -> Iterator[str]:
    """UUIDv7s of now, cheaper than those of a library."""
    moment, part = f"{int(time() * 1000):012x}", f"{random.getrandbits(12):03x}-8{random.getrandbits(12):03x}"
    for number in count():
        yield f"{moment[:8]}-{moment[8:]}-7{part}-{number:012x}"


class _Connection(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, source: Iterator[bytes], waits: list[float], end: float) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self._source, self._waits, self._end = source, waits, end
        self._answer = b""
        self._expected = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass
        self._send()

    def _send(self) -> None:
        request = next(self._source)
        self._began = perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if not self._expected:
            head, found, _ = self._answer.partition(b"\r\n\r\n")
            if not found:
                return
            self._expected = len(head) + 4 + int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(self._answer) >= self._expected:
            now = perf_counter()
            self._waits.append(now - self._began)
            if not self._answer.startswith(b"HTTP/1.1 20") or b'"refusal"' in self._answer:
                self.done.set_exception(AssertionError(self._answer.decode()))
            elif now < self._end:
                self._answer, self._expected = b"", 0
                self._send()
                return
            else:
                self.done.set_result(None)
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionResetError("the server closed the connection"))


async def run(job: Job) -> Measured:
    """Do the round. Raises AssertionError for an answer that is none or refuses."""
    loop, source = asyncio.get_running_loop(), requests(job)
    waits: list[float] = []
    begun = perf_counter()
    made = [
        await loop.create_connection(lambda: _Connection(source, waits, begun + job.seconds), HOST, job.port)
        for _ in range(job.connections)
    ]
    await asyncio.gather(*(connection.done for _, connection in made))
    return measured(waits, perf_counter() - begun)


class Client:
    """The client process, as the one who measures sees it."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def run(self, job: Job) -> Measured:
        """What comes of `job`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.encode(job) + b"\n")
        return json.decode(await self._process.stdout.readline(), type=Measured)


@asynccontextmanager
async def load_client() -> AsyncIterator[Client]:
    """A client process until the end of the block."""
    process = await create_subprocess_exec(sys.executable, "-m", __name__, stdin=PIPE, stdout=PIPE)
    try:
        yield Client(process)
    finally:
        await process.communicate(b"")  # its input ends, and so does it


def main() -> None:
    """Each line that comes is a job; its numbers go back."""
    with asyncio.Runner(loop_factory=uvicorn.Config("").get_loop_factory()) as runner:
        for line in sys.stdin:
            print(json.encode(runner.run(run(json.decode(line, type=Job)))).decode(), flush=True)


if __name__ == "__main__":
    main()
