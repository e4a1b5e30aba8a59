"""The JetStream streams, declared here and nowhere else; every server brings them about when it connects."""

from typing import Any

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

INVENTORY = "INVENTORY"
"""The history of all changes in all stores, for days."""

_INVENTORY: dict[str, Any] = {
    "description": "Every change of stock, holds and sales: whole new states with their versions",
    "subjects": ["inventory.>"],
    "storage": StorageType.FILE,
    "retention": RetentionPolicy.LIMITS,
    "discard": DiscardPolicy.OLD,
    "max_age": 3 * 24 * 3600.0,
    "max_bytes": 512 * 1024 * 1024,
    # How long a message published twice is one message; a later copy is harmless by its versions.
    "duplicate_window": 120.0,
}


def changes_subject(store_id: str) -> str:
    """Where the changes of a store are published."""
    return f"inventory.{store_id}.changes.batch"


def store_subjects(store_id: str) -> str:
    """All that is published about a store, to subscribe to."""
    return f"inventory.{store_id}.>"


async def declare_streams(jetstream: JetStreamContext) -> None:
    """Create or correct the streams. What is not declared here (replicas, placement) is the operator's and is kept."""
    try:
        current = (await jetstream.stream_info(INVENTORY)).config
    except NotFoundError:
        await jetstream.add_stream(StreamConfig(name=INVENTORY, **_INVENTORY))
        return
    wanted = current.evolve(**_INVENTORY)
    if wanted != current:
        await jetstream.update_stream(wanted)
