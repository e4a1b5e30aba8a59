"""Servers restart one after another behind a load balancer, and no request fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from backend.auth.keys import load_signing_key
from backend.auth.tokens import Tokens
from backend.database.engine import open_database
from backend.database.tables import outbox, reservations
from backend.server import serve
from backend.settings import Settings
from tests.eventually import eventually
from tests.servers import HOST, NatsServer, free_port

from .shop import Shop, furnish

CHECK_SECONDS = 0.05
DRAIN_SECONDS = 0.5


class Balancer:
    """Passes connections on to servers in turn, those that say they are ready: what any TCP load balancer does."""

    def __init__(self, ports: list[int]) -> None:
        self.port = 0
        self.ready = dict.fromkeys(ports, False)
        self._turn = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with await asyncio.start_server(self._connected, HOST, 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            checks = [asyncio.create_task(self._check(port)) for port in self.ready]
            yield
            for check in checks:
                check.cancel()
            await asyncio.gather(*checks, return_exceptions=True)

    async def _check(self, port: int) -> None:
        async with httpx.AsyncClient(timeout=1) as client:
            while True:
                self.ready[port] = False
                with suppress(httpx.TransportError):
                    while (await client.get(f"http://{HOST}:{port}/health/ready")).status_code == 200:
                        self.ready[port] = True
                        await asyncio.sleep(CHECK_SECONDS)
                self.ready[port] = False
                await asyncio.sleep(CHECK_SECONDS)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ports = [port for port, ready in self.ready.items() if ready]
        self._turn += 1
        server = await asyncio.open_connection(HOST, ports[self._turn % len(ports)])
        await asyncio.gather(_pass_on(reader, server[1]), _pass_on(server[0], writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.mark.slow
async def test_a_rolling_restart_fails_no_request(postgres_url: str, nats: NatsServer, tmp_path: Path) -> None:
    await furnish(postgres_url)
    ports = [free_port() for _ in range(3)]

    def settings_of(port: int) -> Settings:
        return Settings.load(
            _env_file=None,
            database_url=postgres_url,
            nats_url=nats.url,
            server_port=port,
            signing_key_file=tmp_path / "key.pem",
            drain_seconds=DRAIN_SECONDS,
            rate_limit_requests=0,
        )

    class Running:
        def __init__(self, port: int) -> None:
            self.stop = asyncio.Event()
            self.task = asyncio.create_task(serve(settings_of(port), self.stop, lambda _: None))

    servers = {port: Running(port) for port in ports}
    balancer = Balancer(ports)
    held: set[str] = set()
    over = asyncio.Event()
    tokens = Tokens(load_signing_key(tmp_path / "key.pem"))

    async def sell() -> None:
        async with httpx.AsyncClient(base_url=f"http://{HOST}:{balancer.port}/api/v1/") as client:
            shop = Shop(client, tokens, postgres_url)
            while not over.is_set():
                answer = await shop.post("reservations", {"store_id": "norte", "product_id": "milk", "quantity": 1})
                assert answer.status_code == 201, answer.text
                held.add(answer.json()["id"])

    async with balancer.running():
        await eventually(lambda: all(balancer.ready.values()))
        async with httpx.AsyncClient(base_url=f"http://{HOST}:{balancer.port}/api/v1/") as client:
            await Shop(client, tokens, postgres_url).receive("milk", 1_000_000)
        clients = [asyncio.create_task(sell()) for _ in range(8)]
        for port in ports:
            before = len(held)
            servers[port].stop.set()
            await servers[port].task
            servers[port] = Running(port)
            await eventually(lambda now=port: balancer.ready[now])  # type: ignore[misc]
            assert len(held) > before
        over.set()
        await asyncio.gather(*clients)
    for server in servers.values():
        server.stop.set()
    await asyncio.gather(*(server.task for server in servers.values()))

    db = open_database(postgres_url)
    async with db.engine.connect() as connection:
        stored = {str(identity) for identity in await connection.scalars(select(reservations.c.id))}
        waiting = await connection.scalar(select(func.count()).select_from(outbox))
    await db.close()
    assert stored == held
    assert waiting == 0, "every message was published before its server was gone"
