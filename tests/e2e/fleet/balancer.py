"""A load balancer for tests: connections go in turn to the servers whose readiness route answers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import httpx

from tests.servers import HOST, free_port

LOOK_SECONDS = 0.2
"""Between two looks at every server's readiness."""


class Balancer:
    """Passes bytes between its port and the servers behind it. `up` are the ports that are ready."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.port = free_port()
        self.up: list[int] = []
        self._ports = list(ports)
        self._turn = 0

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def look(self, client: httpx.AsyncClient) -> None:
        """Ask every server whether it may be sent requests."""
        ready = await asyncio.gather(*(_ready(client, port) for port in self._ports))
        self.up = [port for port, answer in zip(self._ports, ready, strict=True) if answer]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: to the next ready server that takes it, or to any if none is; closed at once if none does."""
        for _ in self._ports:
            self._turn += 1
            candidates = self.up or self._ports
            port = candidates[self._turn % len(candidates)]
            try:
                back_reader, back_writer = await asyncio.open_connection(HOST, port)
            except OSError:
                continue  # it died since the last look
            await asyncio.gather(_pass(reader, back_writer), _pass(back_reader, writer))
            return
        writer.close()


@asynccontextmanager
async def balancing(ports: Sequence[int]) -> AsyncIterator[Balancer]:
    """A balancer that has seen who is ready, until the end of the block."""
    balancer = Balancer(ports)
    async with httpx.AsyncClient(timeout=10) as client:

        async def keep_looking() -> None:
            while True:
                await balancer.look(client)
                await asyncio.sleep(LOOK_SECONDS)

        await balancer.look(client)
        looking = asyncio.create_task(keep_looking())
        server = await asyncio.start_server(balancer.serve, HOST, balancer.port)
        try:
            yield balancer
        finally:
            looking.cancel()
            server.close()
            await asyncio.gather(looking, return_exceptions=True)


async def _ready(client: httpx.AsyncClient, port: int) -> bool:
    try:
        return (await client.get(f"http://{HOST}:{port}/health/ready")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes from one side to the other until either ends."""
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.close()
