"""The JetStream streams, declared here and nowhere else; every server brings them about when it connects."""

from typing import Any

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig, StreamSource
from nats.js.errors import APIError, NotFoundError

from . import subjects

HISTORY = "INVENTORY"
"""All changes in all stores, for days."""
LAST = "INVENTORY_LAST"
"""The last state of every stock row: one message per subject, which nats-server takes from the history."""

_SHARED: dict[str, Any] = {
    "storage": StorageType.FILE,
    "retention": RetentionPolicy.LIMITS,
    "discard": DiscardPolicy.OLD,
}
_STREAMS: dict[str, dict[str, Any]] = {
    HISTORY: {
        "description": "Every change of stock, holds and sales: whole new states with their versions",
        "subjects": [subjects.ALL],
        "max_age": 3 * 24 * 3600.0,
        # How long a message published twice is one message; a later copy is harmless by its versions.
        "duplicate_window": 120.0,
        "allow_direct": True,
    },
    LAST: {
        "description": "The last state of every stock row that changed",
        "sources": [StreamSource(name=HISTORY, filter_subject=subjects.LAST_VALUES)],
        "max_msgs_per_subject": 1,
        "allow_direct": True,
    },
}
_CLUSTER_REPLICAS = 3
_NOT_CLUSTERED = 10074
"""nats-server's error code: a single server keeps one copy and takes no other number."""


async def declare_streams(jetstream: JetStreamContext, *, replicas: int = 0, max_bytes: int = 512 << 20) -> None:
    """Create or correct the streams. What is not declared here (placement, for one) is the operator's and is kept.

    `replicas` 0 means three on a cluster and one on a single server. `max_bytes` limits each stream.
    """
    for name, shape in _STREAMS.items():
        declared = {**_SHARED, **shape, "max_bytes": max_bytes}
        try:
            info = await jetstream.stream_info(name)
        except NotFoundError:
            await _add(jetstream, name, declared, replicas)
            continue
        number = replicas or (_CLUSTER_REPLICAS if info.cluster and info.cluster.name else 1)
        wanted = info.config.evolve(**declared, num_replicas=number)
        if wanted != info.config:
            await jetstream.update_stream(wanted)


async def _add(jetstream: JetStreamContext, name: str, declared: dict[str, Any], replicas: int) -> None:
    config = StreamConfig(name=name, **declared, num_replicas=replicas or _CLUSTER_REPLICAS)
    try:
        await jetstream.add_stream(config)
    except APIError as error:
        if replicas or error.err_code != _NOT_CLUSTERED:
            raise
        await jetstream.add_stream(config.evolve(num_replicas=1))
