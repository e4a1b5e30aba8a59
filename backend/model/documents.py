"""Documents: what takes several steps, as a transfer, a count or an approval. Each step is a command of the ledger.

A document has an owner store, a kind, a status and a version; what else it says is its `body`, which only the verbs of
its kind read. It changes together with the movements that name it, under its version, as stock rows do.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple, TypeVar
from uuid import UUID

from msgspec import Raw, Struct, json, structs

from .stock import Change, Who

Body = TypeVar("Body", bound=Struct)


class Document(Struct, frozen=True):
    """A document as it is after a step; its id is that of the command that opened it, or made from what it is about."""

    id: UUID
    store_id: str
    kind: str
    status: str
    other_store_id: str
    """The second store that has to do with it, as the one that a transfer goes to; empty if there is none."""
    reference: str
    """What people call it: the number of a delivery note, an order or a receipt; may be empty."""
    actor: str
    """Who opened it, at `terminal_id`."""
    terminal_id: str
    created_at: datetime
    updated_at: datetime
    version: int
    """1 when it is opened; every step adds one. A writer that saw another version lost the race."""
    body: Raw
    """JSON of the struct that its kind declares."""

    def read(self, body: type[Body]) -> Body:
        """Returns the body as the struct of the document's kind."""
        return json.decode(self.body, type=body)

    def concerns(self, store_id: str) -> bool:
        """Returns whether the document is the store's own or names it as the other one."""
        return store_id in (self.store_id, self.other_store_id)


class Promise(NamedTuple):
    """Units that an open document accounts for in a stock row: `allocated` to it, or `incoming` by it."""

    store_id: str
    product_id: str
    allocated: int = 0
    incoming: int = 0


class Moved(NamedTuple):
    """The sum of the movements of one kind that name a document, in one stock row, as the document has it."""

    kind: str
    store_id: str
    product_id: str
    change: Change


class DocumentKind(Struct, frozen=True):
    """What the rest of the program has to know about one kind of document."""

    name: str
    body: type[Struct]
    promises: Callable[[Document], Iterable[Promise]] = lambda _: ()
    """Returns what a document in its present state accounts for; the proof compares the sums with the stock rows."""
    moved: Callable[[Document], Iterable[Moved]] = lambda _: ()
    """Returns what its movements must sum up to; the proof compares it with the movements that name its id."""
    movements: tuple[str, ...] = ()
    """The kinds of movement of which `moved` tells; each movement of them names a document of this kind."""


def opened(
    document_id: UUID,
    store_id: str,
    kind: str,
    status: str,
    body: Struct,
    who: Who,
    now: datetime,
    *,
    other_store_id: str = "",
    reference: str = "",
) -> Document:
    """Returns a new document at version 1."""
    return Document(
        id=document_id,
        store_id=store_id,
        kind=kind,
        status=status,
        other_store_id=other_store_id,
        reference=reference,
        actor=who.actor,
        terminal_id=who.terminal_id,
        created_at=now,
        updated_at=now,
        version=1,
        body=Raw(json.encode(body)),
    )


def stepped(document: Document, now: datetime, *, status: str | None = None, body: Struct | None = None) -> Document:
    """Returns the document after one step; what is not given stays as it was."""
    return structs.replace(
        document,
        status=document.status if status is None else status,
        body=document.body if body is None else Raw(json.encode(body)),
        updated_at=now,
        version=document.version + 1,
    )
