"""A NATS cluster of three keeps three copies of each stream, and loses nothing with one of its members."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import nats
import pytest
from nats.errors import Error as NatsError

from backend.database import open_database
from backend.events.nats_config import Cluster, new_issuer_seed, public_key, render_config
from backend.events.relay import Relay
from backend.events.streams import HISTORY, LAST
from tests.eventually import eventually
from tests.servers import HOST, NatsServer, free_port, nats_server

from .messages import commit, holds, some

pytestmark = pytest.mark.slow

SERVER = {"user": "server", "password": "p@ss/word"}


@pytest.fixture
def members(tmp_path: Path) -> Iterator[list[NatsServer]]:
    issuer = public_key(new_issuer_seed())
    ports = [(free_port(), free_port()) for _ in range(3)]
    with ExitStack() as running:
        servers = []
        for number, (port, route) in enumerate(ports):
            cluster = Cluster("chain", f"n{number}", route, [f"{HOST}:{one}" for _, one in ports])
            text = render_config(
                host=HOST,
                port=port,
                store=tmp_path / f"n{number}",
                user=SERVER["user"],
                password=SERVER["password"],
                issuer=issuer,
                cluster=cluster,
            )
            config = tmp_path / f"n{number}.conf"
            config.write_text(text)
            servers.append(running.enter_context(nats_server(config, port)))
        yield servers


async def test_three_copies_and_one_may_be_lost(sqlite_url: str, members: list[NatsServer]) -> None:
    database = open_database(sqlite_url)
    urls = [member.url for member in members]
    sent = some(20)
    await commit(database, sent[:10])
    relay = Relay(database, {"servers": urls, **SERVER})
    await relay.start()
    await eventually(lambda: relay.connected)
    relay.publish(sent[:10])
    await eventually(lambda: relay.published == 10)
    async with await nats.connect(urls[1:], **SERVER) as client:
        jetstream = client.jetstream(timeout=1)
        for stream in (HISTORY, LAST):
            assert (await jetstream.stream_info(stream)).config.num_replicas == 3

        members[0].kill()
        await eventually(lambda: relay.connected)
        await commit(database, sent[10:])
        relay.publish(sent[10:])
        await eventually(lambda: holds(database, 0), 60)

        async def complete() -> bool:
            with suppress(TimeoutError, NatsError):  # while another member takes the lead
                states = [(await jetstream.stream_info(stream)).state.messages for stream in (HISTORY, LAST)]
                return states == [20, 20]
            return False

        await eventually(complete, 60)
    await relay.close()
    await database.close()
