"""A NATS cluster of three keeps three copies of each stream, and loses nothing with one of its members."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import nats
import pytest
from nats.errors import Error as NatsError

from backend.database.engine import open_database
from backend.events.relay import Relay
from backend.events.streams import HISTORY, LAST
from tests.eventually import eventually
from tests.servers import NatsServer

from .cluster import SERVER, nats_cluster
from .messages import commit, holds, some

pytestmark = pytest.mark.slow


@pytest.fixture
def members(tmp_path: Path) -> Iterator[list[NatsServer]]:
    with nats_cluster(tmp_path) as servers:
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
    await eventually(lambda: relay.published >= 10)  # some twice, if the sweep found them too
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
