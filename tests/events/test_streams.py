"""The declared streams on a real server, whatever was there before."""

from collections.abc import AsyncIterator, Callable

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StorageType, StreamConfig

from backend.events.streams import INVENTORY, declare_streams
from tests.servers import NatsServer


@pytest.fixture
async def jetstream(start_nats: Callable[[], NatsServer]) -> AsyncIterator[JetStreamContext]:
    client = Client()
    await client.connect(start_nats().url)
    yield client.jetstream()
    await client.close()


async def test_a_new_server_gets_the_stream(jetstream: JetStreamContext) -> None:
    await declare_streams(jetstream)

    config = (await jetstream.stream_info(INVENTORY)).config
    assert config.subjects == ["inventory.>"]
    assert config.storage == StorageType.FILE
    assert config.duplicate_window == 120


async def test_an_older_declaration_is_corrected_and_the_operators_choices_are_kept(
    jetstream: JetStreamContext,
) -> None:
    await jetstream.add_stream(StreamConfig(INVENTORY, subjects=["inventory.*.old"], max_age=60, max_msg_size=12_345))

    await declare_streams(jetstream)

    config = (await jetstream.stream_info(INVENTORY)).config
    assert config.subjects == ["inventory.>"]
    assert config.max_age == 3 * 24 * 3600
    assert config.max_msg_size == 12_345


async def test_what_is_right_is_left_alone(jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch) -> None:
    await declare_streams(jetstream)
    changes: list[StreamConfig] = []
    monkeypatch.setattr(jetstream, "update_stream", changes.append)

    await declare_streams(jetstream)

    assert changes == []
