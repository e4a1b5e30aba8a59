"""Servers are killed and NATS goes away while terminals sell: see `Scene.check` for what must be true all the same."""

from collections.abc import Callable
from pathlib import Path

import pytest

from backend.database.engine import Database, migrate, open_database
from tests.events.messages import holds
from tests.servers import NatsServer, postgres_server

from .scene import selling

pytestmark = pytest.mark.slow


async def test_a_server_is_killed(database: Database, start_nats: Callable[[], NatsServer], tmp_path: Path) -> None:
    async with selling(database, start_nats(), tmp_path) as shop:
        for _ in range(3):
            await shop.servers[0].kill()
            await shop.servers[0].start()
            await shop.more(500)
        assert sum(terminal.failures for terminal in shop.terminals)


async def test_a_server_is_stopped(database: Database, start_nats: Callable[[], NatsServer], tmp_path: Path) -> None:
    async with selling(database, start_nats(), tmp_path) as shop:
        assert await shop.servers[0].stop() == 0
        await shop.servers[0].start()


async def test_nats_is_away(database: Database, start_nats: Callable[[], NatsServer], tmp_path: Path) -> None:
    nats = start_nats()
    async with selling(database, nats, tmp_path) as shop:
        nats.kill()
        await shop.more(1500)
        assert not await holds(database, 0)
        nats.start()


async def test_a_server_is_killed_while_nats_is_away(
    database: Database, start_nats: Callable[[], NatsServer], tmp_path: Path
) -> None:
    nats = start_nats()
    async with selling(database, nats, tmp_path) as shop:
        nats.kill()
        await shop.more(500)
        await shop.servers[0].kill()
        await shop.servers[0].start()
        await shop.more(500)
        nats.start()


async def test_the_servers_of_a_fleet_are_killed_in_turn(
    postgres_url: str, start_nats: Callable[[], NatsServer], tmp_path: Path
) -> None:
    database = open_database(postgres_url)
    async with selling(database, start_nats(), tmp_path, servers=2) as shop:
        for server in (*shop.servers, *shop.servers):
            await server.kill()
            await shop.more(500)
            await server.start()
    await database.close()


async def test_postgresql_crashes(start_nats: Callable[[], NatsServer], tmp_path: Path) -> None:
    with postgres_server() as postgres:
        await migrate(postgres.url())
        database = open_database(postgres.url())
        async with selling(database, start_nats(), tmp_path) as shop:
            for _ in range(2):
                postgres.crash()
                postgres.start()
                await shop.more(500)
            await database.close()  # its connections died too; it opens new ones when it is asked next
        await database.close()
