"""Receive a transfer, in as many receipts as it takes: per line what is good, what is damaged and what is missing."""

from collections import Counter
from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from backend.model.answers import Answer, Code, Refusal
from backend.model.books import Books, Effect
from backend.model.commands import MAX_LINES, MAX_QUANTITY, Command, Count, ProductId, Text
from backend.model.discrepancies import DISCREPANCY, open_case
from backend.model.posting import Cause, post
from backend.model.refusals import Refused, bad_quantity, in_status
from backend.model.scopes import Scope
from backend.model.steps import step_of
from backend.model.stock import Change, Who
from backend.model.transfers import (
    IN_FLIGHT,
    added,
    as_destination,
    find_transfer,
    products_of,
    went_on,
    within,
)

from .verb import Documents, MovementKind, Rows, Sign, Verb


class TransferReceiptLine(Struct, frozen=True, forbid_unknown_fields=True):
    """What arrived of one product, and what did not."""

    product_id: ProductId
    good: Count = 0
    damaged: Count = 0
    """Goes into the store, but not onto the shelf: on hand and unavailable."""
    missing: Count = 0
    """Will not come with this transfer any more: a discrepancy case is opened for it."""


class TransferReceive(Command, frozen=True, tag="transfer_receive"):
    """Goods of a transfer arrive. What no receipt has named yet stays on its way."""

    transfer_id: UUID
    lines: Annotated[tuple[TransferReceiptLine, ...], Meta(min_length=1, max_length=MAX_LINES)]
    reason: Text = ""


def _rows(command: TransferReceive, documents: Documents, rows: Rows) -> None:
    products = products_of(documents.get(command.transfer_id))
    rows.stock.update((command.store_id, product_id) for product_id in products)


def _decide(books: Books, command: TransferReceive, who: Who, now: datetime) -> Effect:
    """Returns the receipt; the case that it may open has the id of the command."""
    transfer, body = find_transfer(books, command.store_id, command.transfer_id)
    as_destination(transfer, command.store_id)
    in_status(transfer, *IN_FLIGHT)
    good, damaged, missing = _summed(command.lines)
    within(good + damaged + missing, {line.product_id: line.open for line in body.lines}, "still on their way")
    arrived = good + damaged
    changes = {p: Change(on_hand=n, unavailable=damaged[p], incoming=-n) for p, n in arrived.items()}
    cause = Cause(RECEIVE.name, command.id, who, now, str(transfer.id), command.reason)
    posted = post(books, command.store_id, changes, cause)
    step = step_of(VERB.name, who, now, command.reason)
    lines = added(body.lines, received=good, damaged=damaged, missing=missing)
    documents = [went_on(transfer, body, lines, step)]
    if missing:
        documents.append(open_case(command.id, transfer, missing, step))
    answer = Answer(command.id, stock=posted.rows, at=now, documents=tuple(documents))
    return Effect(answer, posted.movements)


def _summed(lines: tuple[TransferReceiptLine, ...]) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Returns the units per product that are good, damaged and missing; products without any are left out."""
    sums: tuple[Counter[str], Counter[str], Counter[str]] = (Counter(), Counter(), Counter())
    for line in lines:
        for units, name in zip(sums, ("good", "damaged", "missing"), strict=True):
            n = getattr(line, name)
            if not 0 <= n <= MAX_QUANTITY:
                raise Refused(bad_quantity(name, f"must be from 0 to {MAX_QUANTITY}"))
            if n:
                units[line.product_id] += n
    if not any(sums):
        raise Refused(Refusal(Code.EMPTY_BASKET, "No line says that anything arrived or is missing.", field="lines"))
    return sums


RECEIVE = MovementKind(
    "transfer_receive",
    {"on_hand": Sign.MORE, "unavailable": Sign.MORE, "incoming": Sign.LESS},
    event="transfer",
    conserved=True,
)
VERB = Verb(
    command=TransferReceive,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (command.transfer_id,),
    movements=(RECEIVE,),
    scope=Scope.TRANSFERS_WRITE,
    opens=(DISCREPANCY,),
)
