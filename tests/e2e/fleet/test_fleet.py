"""A whole fleet as processes: three servers, PostgreSQL, a NATS cluster and Redis, and everything dies once.

Eight terminals sell the real baskets on stock that does not suffice for all of them, through a load balancer.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from backend.database.engine import Database, migrate, open_database
from backend.demo.source import BASKETS
from backend.replay.baskets import read_baskets
from backend.replay.run import Plan, replay
from backend.replay.sender import Credentials
from tests.chaos.processes import ServerProcess
from tests.chaos.scene import Picture, picture_in
from tests.e2e.conftest import furnish
from tests.e2e.test_replay import check
from tests.events.cluster import SERVER, nats_cluster
from tests.events.messages import holds
from tests.eventually import eventually
from tests.servers import NatsServer, PostgresServer, RedisServer, postgres_server, redis_server

from .balancer import Balancer, balancing
from .listener import listening

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SERVERS, TERMINALS = 3, 8
STORES = ("292", "381", "406")
BASKETS_SOLD = [x for x in read_baskets(BASKETS).baskets if x.store_id in STORES][:800]
LUIS = Credentials("luis", "9876", STORES[0])


class Progress:
    """How much of the baskets is sold; what is to happen waits for its share."""

    def __init__(self) -> None:
        self._share = 0.0

    def watch(self, step: str, done: int, total: int) -> None:
        """To be called by the replay."""
        if step == "Selling":
            self._share = done / total

    async def reaches(self, share: float) -> None:
        """Return when so much is sold."""
        await eventually(lambda: self._share >= share, 120)


class Fleet:
    """All processes of the chain's data centre."""

    def __init__(self, postgres: PostgresServer, nats: list[NatsServer], redis: RedisServer, directory: Path) -> None:
        self.postgres, self.nats, self.redis = postgres, nats, redis
        self.nats_urls = [member.url for member in nats]
        settings = {
            "NATS_USER": SERVER["user"],
            "NATS_PASSWORD": SERVER["password"],
            "REDIS_URL": redis.url,
            "RATE_LIMIT_REQUESTS": "1000000",
        }
        self.servers = [
            ServerProcess(directory, postgres.url(), ",".join(self.nats_urls), **settings) for _ in range(SERVERS)
        ]


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """PostgreSQL with a furnished chain, the cluster and Redis run; the servers do not yet."""
    with postgres_server() as postgres, nats_cluster(tmp_path) as members, redis_server() as redis:
        asyncio.run(migrate(postgres.url()))
        asyncio.run(_furnish(postgres.url()))
        yield Fleet(postgres, members, redis, tmp_path)


async def _furnish(url: str) -> None:
    database = open_database(url)
    await furnish(database, BASKETS_SOLD)
    await database.close()


@asynccontextmanager
async def serving(fleet: Fleet) -> AsyncIterator[Balancer]:
    """All servers, behind a balancer."""
    try:
        await asyncio.gather(*(server.start() for server in fleet.servers))
        async with balancing([server.port for server in fleet.servers]) as balancer:
            assert len(balancer.up) == SERVERS
            yield balancer
    finally:
        await asyncio.gather(*(server.kill() for server in fleet.servers))


async def misfortunes(fleet: Fleet, progress: Progress) -> None:
    """One after the other, while selling goes on."""
    first, second, _ = fleet.servers
    await progress.reaches(0.1)
    await first.kill()
    await progress.reaches(0.2)
    await first.start()
    fleet.nats[0].kill()
    await progress.reaches(0.35)
    assert await second.stop() == 0
    await second.start()
    await progress.reaches(0.45)
    fleet.redis.stop()
    await progress.reaches(0.55)
    fleet.nats[0].start()
    await asyncio.to_thread(_restart, fleet.postgres)
    await progress.reaches(0.8)
    fleet.redis.start()


def _restart(postgres: PostgresServer) -> None:
    postgres.stop()
    postgres.start()


async def test_everything_dies_once_and_nothing_is_lost_or_doubled(fleet: Fleet) -> None:
    plan, progress = Plan(BASKETS_SOLD, "tight", TERMINALS, speed=None), Progress()
    database: Database = open_database(fleet.postgres.url())
    turned: Callable[[list[str]], list[str]] = lambda urls: urls[1:] + urls[:1]  # noqa: E731
    async with AsyncExitStack() as stack:
        balancer = await stack.enter_async_context(serving(fleet))
        urls = fleet.nats_urls
        listeners = []
        for _ in urls:
            listeners.append(await stack.enter_async_context(listening(urls)))
            urls = turned(urls)
        fate = asyncio.create_task(misfortunes(fleet, progress))
        result = await replay(plan, balancer.url, LUIS, progress.watch)
        await fate
        assert result.retries > 0
        await database.close()  # its connections died with PostgreSQL
        await check(database, result, BASKETS_SOLD, "tight")
        await eventually(lambda: holds(database, 0), 60)
        truth = await picture_in(database)
        for listener in listeners:
            await eventually(lambda: not differences(listener.picture, truth), 60)  # noqa: B023
    await database.close()


def differences(heard: Picture, truth: Picture) -> dict[tuple[str, ...], tuple[object, object]]:
    """What a listener has heard that is not so, and the reverse."""
    keys = heard.keys() | truth.keys()
    return {key: (heard.get(key), truth.get(key)) for key in keys if heard.get(key) != truth.get(key)}
