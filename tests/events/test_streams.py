"""The declared streams on a real server, whatever was there before."""

from collections.abc import AsyncIterator, Callable

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StorageType, StreamConfig
from nats.js.errors import APIError

from backend.events.streams import HISTORY, LAST, declare_streams
from tests.eventually import eventually
from tests.servers import NatsServer


@pytest.fixture
async def jetstream(start_nats: Callable[[], NatsServer]) -> AsyncIterator[JetStreamContext]:
    client = Client()
    await client.connect(start_nats().url)
    yield client.jetstream()
    await client.close()


async def test_a_new_server_gets_the_streams(jetstream: JetStreamContext) -> None:
    await declare_streams(jetstream)

    config = (await jetstream.stream_info(HISTORY)).config
    assert config.subjects == ["inventory.>"]
    assert config.storage == StorageType.FILE
    assert config.duplicate_window == 120
    assert config.num_replicas == 1


async def test_the_last_state_of_each_row_is_kept_by_nats_itself(jetstream: JetStreamContext) -> None:
    await declare_streams(jetstream)
    for subject, data in (("stock.P1", b"1"), ("stock.P2", b"2"), ("sale.batch", b"3"), ("stock.P1", b"4")):
        await jetstream.publish(f"inventory.S1.{subject}", data)

    async def complete() -> bool:
        state = (await jetstream.stream_info(LAST)).state
        return (state.messages, state.last_seq) == (2, 3)

    await eventually(complete)
    assert (await jetstream.get_last_msg(LAST, "inventory.S1.stock.P1")).data == b"4"


async def test_a_number_of_replicas_that_nats_cannot_keep_is_refused(jetstream: JetStreamContext) -> None:
    with pytest.raises(APIError):
        await declare_streams(jetstream, replicas=3)


async def test_an_older_declaration_is_corrected_and_the_operators_choices_are_kept(
    jetstream: JetStreamContext,
) -> None:
    await jetstream.add_stream(StreamConfig(HISTORY, subjects=["inventory.*.old"], max_age=60, max_msg_size=12_345))

    await declare_streams(jetstream)

    config = (await jetstream.stream_info(HISTORY)).config
    assert config.subjects == ["inventory.>"]
    assert config.max_age == 3 * 24 * 3600
    assert config.max_msg_size == 12_345


async def test_what_is_right_is_left_alone(jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch) -> None:
    await declare_streams(jetstream)
    changes: list[StreamConfig] = []
    monkeypatch.setattr(jetstream, "update_stream", changes.append)

    await declare_streams(jetstream)

    assert changes == []
