"""The form in which a verb says everything that the rest of the program has to know about it."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from msgspec import Struct

from backend.model.answers import Refusal
from backend.model.books import Books, Effect, Sale
from backend.model.commands import Command, Line, SaleLine
from backend.model.documents import Document, DocumentKind
from backend.model.scopes import Scope
from backend.model.stock import Key, Who


class Sign(StrEnum):
    """The direction in which a kind of movement may change a balance."""

    MORE = "+"
    LESS = "-"
    EITHER = "±"


class MovementKind(Struct, frozen=True):
    """A kind of movement, and what it does to which balance."""

    name: str
    """At most 16 characters."""
    changes: Mapping[str, Sign]
    """Balance (`on_hand`, `unavailable`, `allocated`, `reserved`, `incoming`) → its direction; the others stay."""
    event: str = ""
    """The kind of event that tells of it beside the stock, see `backend.events.subjects.Kind`; empty: none does."""
    conserved: bool = False
    """Whether the units of one command that leave a store (on hand and incoming) arrive in another one."""


class Rows:
    """The rows that a batch of commands wants to see."""

    __slots__ = ("levels", "moved_since", "reservations", "sales", "stock")

    def __init__(self, sales: Mapping[UUID, Sale] | None = None) -> None:
        self.sales = sales or {}
        """The sales that the commands named and that have been read before; a missing one does not exist."""
        self.stock: set[Key] = set()
        self.reservations: list[tuple[str, UUID]] = []
        """Holds with the store whose they must be; the stock that they hold is read with them."""
        self.levels: list[Key] = []
        self.moved_since: dict[Key, int] = {}
        """Rows of `stock` with a version, whose movements after that version are wanted too."""

    def add_moves(self, key: Key, version: int) -> None:
        """Adds a row of `stock`, and its movements after `version`."""
        self.stock.add(key)
        self.moved_since[key] = min(version, self.moved_since.get(key, version))

    def add_lines(self, store_id: str, lines: Iterable[Line | SaleLine]) -> None:
        """Adds the stock rows of the products in `lines`."""
        for line in lines:
            self.stock.add((store_id, line.product_id))


Documents = Mapping[UUID, Document]


class Verb(Struct, frozen=True, kw_only=True):
    """One verb. `command` is its Struct, whose tag is the name of the verb on the wire and in the database.

    The callables take the command as their own type; `Any` stands for it, since a registry holds verbs of all types.
    """

    command: type[Command]
    decide: Callable[[Books, Any, Who, datetime], Effect]
    """Returns what the command does, or raises `Refused`."""
    rows: Callable[[Any, Documents, Rows], None]
    """Adds the rows that `decide` reads. The documents it named have been read before; a missing one does not exist."""
    documents: Callable[[Any], Iterable[UUID]] = lambda _: ()
    """Returns the ids of the documents that `decide` reads. Each of them is to be stepped by the command."""
    sales: Callable[[Any], Iterable[UUID]] = lambda _: ()
    """Returns the ids of the sales of its store that `decide` reads."""
    more_documents: Callable[[Any, Documents], Iterable[UUID]] = lambda *_: ()
    """Returns the ids of further ones, which only the documents that were read first can name."""
    movements: tuple[MovementKind, ...] = ()
    scope: Scope | None = None
    """The right that a client needs to send it as it is; None: it is made by the server, as what somebody approved."""
    acts_in: Callable[[Any], str] = lambda command: str(command.store_id)
    """Returns the store in which its sender must be allowed to act; it is another one than the command's where a store
    asks something of another one."""
    spans_stores: bool = False
    """Whether it changes rows of a second store. Then its name begins with `transfer`, see `commands` in the schema."""
    ends_dead_holds: bool = True
    """Whether a shortage means that dead holds on the product are to be ended and the command decided again."""
    customer_waits: bool = False
    """Whether a shortage means that terminals which keep the product are asked to give some of it back."""
    measure: Callable[[Any, Books], Mapping[str, int]] | None = None
    """Returns the units of each product by which it changes the stock, given the rows that it names, as far as they
    are known. A verb that has it may wait for approval; None: it never waits."""
    approver: Scope = Scope.APPROVALS_WRITE
    """The right of whoever approves it. `approvals:write`: it waits above a store's limits (`model.limits`). Another
    one, which is then needed too: it waits where its sender has not that right."""
    approved: Callable[[Any, str, str], Command] = lambda command, *_: command
    """Returns the command as it is once somebody has approved it: given who that is, and why it was asked for."""
    refused: Callable[[Any, Who, datetime, Refusal], Iterable[Document]] = lambda *_: ()
    """Returns the new documents that a refusal of it leaves, for somebody to look at; mostly none."""
    opens: tuple[DocumentKind, ...] = ()
    """The kinds of document that it opens."""

    @property
    def name(self) -> str:
        """The tag of its command."""
        tag = self.command.__struct_config__.tag
        assert isinstance(tag, str)
        return tag
