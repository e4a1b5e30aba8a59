"""A subscriber that only knows what it is told, and applies only what is newer than what it has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats
from msgspec import json
from nats.aio.msg import Msg

from backend.events.streams import HISTORY
from backend.model.events import Message
from tests.chaos.scene import Picture, picture_of
from tests.events.cluster import SERVER


class Listener:
    """What one subscriber has heard."""

    def __init__(self) -> None:
        self.heard: list[Message] = []

    async def hear(self, message: Msg) -> None:
        self.heard.append(json.decode(message.data, type=Message))

    @property
    def picture(self) -> Picture:
        return picture_of(self.heard)


@asynccontextmanager
async def listening(urls: list[str]) -> AsyncIterator[Listener]:
    """A subscriber of everything from now on, that takes up where it was when its nats-server dies."""
    listener = Listener()
    client = await nats.connect(urls, max_reconnect_attempts=-1, reconnect_time_wait=0.2, **SERVER)
    try:
        await client.jetstream().subscribe("inventory.>", stream=HISTORY, ordered_consumer=True, cb=listener.hear)
        yield listener
    finally:
        await client.close()
