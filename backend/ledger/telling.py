"""What is told of a batch: one message per store, in as many parts as NATS takes."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct, json, structs

from backend.ids import new_id
from backend.model.answers import SaleRecord
from backend.model.books import Effect
from backend.model.documents import Document
from backend.model.events import Message, Outgoing
from backend.model.recalls import Recall
from backend.model.reservations import Reservation
from backend.model.stock import Movement, StockRow
from backend.model.verbs import MOVEMENT_KINDS

MAX_PAYLOAD = 512 * 1024
"""Bytes of a message; a NATS server takes 1 MB unless it is told otherwise."""


class _Changes(Struct):
    """What a batch changed in one store: the fields of its `Message`."""

    stock: dict[str, StockRow] = {}
    reservations: dict[UUID, Reservation] = {}
    sales: list[SaleRecord] = []
    transfers: list[Movement] = []
    counts: list[Movement] = []
    movements: list[Movement] = []
    documents: dict[UUID, Document] = {}
    recalls: list[Recall] = []


_TOLD_IN = {"transfer": "transfers", "count": "counts", "movement": "movements"}
"""Kind of event that tells of movements → the field of a message that holds them."""


def messages_of(effects: Sequence[Effect], now: datetime, recalls: Sequence[Recall] = ()) -> list[Outgoing]:
    """Returns one message per store, with the last state of each row and hold that the batch changed."""
    stores: defaultdict[str, _Changes] = defaultdict(_Changes)
    for effect in effects:
        for row in effect.answer.stock:
            stores[row.store_id].stock[row.product_id] = row
        for hold in effect.reservations:
            stores[hold.store_id].reservations[hold.id] = hold
        if effect.sale:
            stores[effect.sale.record.store_id].sales.append(effect.sale.record)
        for movement in effect.movements:
            if event := MOVEMENT_KINDS[movement.kind].event:
                getattr(stores[movement.store_id], _TOLD_IN[event]).append(movement)
        for document in effect.documents:
            for store_id in filter(None, (document.store_id, document.other_store_id)):
                stores[store_id].documents[document.id] = document
    for recall in recalls:
        stores[recall.store_id].recalls.append(recall)
    messages = []
    for store_id, told in stores.items():
        message = Message(
            store_id,
            now,
            tuple(told.stock.values()),
            tuple(told.reservations.values()),
            tuple(told.sales),
            tuple(told.transfers),
            tuple(told.counts),
            movements=tuple(told.movements),
            documents=tuple(told.documents.values()),
            recalls=tuple(told.recalls),
        )
        messages.extend(_fitting(message))
    return messages


def _fitting(message: Message) -> list[Outgoing]:
    """Returns `message` in as many parts as NATS takes; the parts are independent, like all messages."""
    payload = json.encode(message)
    store_id, at, *lists = structs.astuple(message)
    if len(payload) <= MAX_PAYLOAD or max(map(len, lists)) == 1:
        return [Outgoing(new_id(), message, payload)]
    cuts = slice(0, None, 2), slice(1, None, 2)
    return [out for cut in cuts for out in _fitting(Message(store_id, at, *[x[cut] for x in lists]))]
