"""What is published where: `inventory.<store>.<kind>.<key>`. Every message has the same shape, a `Message`.

Stock and alerts are published row by row, so that a consumer may listen to one product, and JetStream can keep the last
state of each row. What has no last state worth keeping (holds, sales, movements, documents) is one message per batch,
store and kind, with the key `batch`.
"""

from collections.abc import Collection, Iterator
from enum import StrEnum

from backend.model.events import Message

ALL = "inventory.>"
LAST_VALUES = "inventory.*.stock.*"
"""Subjects whose last message is worth keeping."""
BATCH = "batch"


class Kind(StrEnum):
    """What a message tells of: the third part of its subject."""

    STOCK = "stock"
    RESERVATION = "reservation"
    SALE = "sale"
    TRANSFER = "transfer"
    COUNT = "count"
    ALERT = "alert"
    MOVEMENT = "movement"
    DOCUMENT = "document"
    RECALL = "recall"


_BATCHED = {
    Kind.RESERVATION: "reservations",
    Kind.SALE: "sales",
    Kind.TRANSFER: "transfers",
    Kind.COUNT: "counts",
    Kind.MOVEMENT: "movements",
    Kind.DOCUMENT: "documents",
    Kind.RECALL: "recalls",
}
"""Kind → the field of a message that tells of it."""
_FIELDS = {Kind.STOCK: "stock", Kind.ALERT: "alerts", **_BATCHED}


def of_store(store_id: str, kind: Kind | None = None, key: str | None = None) -> str:
    """Returns what to subscribe to for all about a store, for one kind, or for one product's stock or alerts."""
    if kind is None:
        return f"inventory.{store_id}.>"
    return f"inventory.{store_id}.{kind}.{'*' if key is None else _token(key)}"


def parts(message: Message) -> Iterator[tuple[str, Message]]:
    """Yields the changes of a batch in a store as they are published: (subject, content)."""
    store_id, at = message.store_id, message.at
    for row in message.stock:
        yield f"inventory.{store_id}.stock.{_token(row.product_id)}", Message(store_id, at, stock=(row,))
    for alert in message.alerts:
        yield f"inventory.{store_id}.alert.{_token(alert.product_id)}", Message(store_id, at, alerts=(alert,))
    for kind, field in _BATCHED.items():
        if told := getattr(message, field):
            yield of_store(store_id, kind, BATCH), Message(store_id, at, **{field: told})


def only(message: Message, kinds: Collection[str]) -> Message | None:
    """Returns what of a message is of these kinds; None if nothing is."""
    told = {field: getattr(message, field) for kind, field in _FIELDS.items() if kind in kinds}
    return Message(message.store_id, message.at, **told) if any(told.values()) else None


def _token(product_id: str) -> str:
    """Returns a product id as one part of a subject: a dot would begin the next part."""
    return product_id.replace(".", "%2E")
