"""Open a transfer of several steps: the source drafts it, or the destination requests it. No stock moves yet."""

from datetime import datetime

from backend.model.answers import Answer, Code, Refusal
from backend.model.books import Books, Effect
from backend.model.commands import Command, Lines, StoreId, Text
from backend.model.documents import opened
from backend.model.posting import summed
from backend.model.refusals import Refused, unknown
from backend.model.scopes import Scope
from backend.model.steps import step_of
from backend.model.stock import Who
from backend.model.transfers import TRANSFER, TransferBody, TransferLine, TransferStatus

from .verb import Documents, Rows, Verb


class TransferOpen(Command, frozen=True, tag="transfer_open"):
    """Ask for goods to go from one store to another. `store_id` is the one that asks: either of them."""

    from_store_id: StoreId
    to_store_id: StoreId
    lines: Lines
    reference: Text = ""
    """What people call it, as the number of a delivery note."""
    note: Text = ""


def _rows(command: TransferOpen, _: Documents, rows: Rows) -> None:
    rows.add_lines(command.from_store_id, command.lines)
    rows.add_lines(command.to_store_id, command.lines)


def _decide(books: Books, command: TransferOpen, who: Who, now: datetime) -> Effect:
    here, there = command.from_store_id, command.to_store_id
    if here == there:
        message = f"The goods are in store {here} already; name another store."
        raise Refused(Refusal(Code.SAME_STORE, message, field="to_store_id"))
    if command.store_id not in (here, there):
        message = f"Store {command.store_id} neither sends nor receives these goods; ask as one that does."
        raise Refused(Refusal(Code.STORE_NOT_ALLOWED, message, field="store_id"))
    wanted = summed(command.lines)
    for store_id, field in ((here, "from_store_id"), (there, "to_store_id")):
        for product_id in wanted:
            if (store_id, product_id) not in books.stock:
                raise Refused(unknown(books, store_id, product_id, field))
    status = TransferStatus.DRAFT if command.store_id == here else TransferStatus.REQUESTED
    lines = tuple([TransferLine(product_id, n) for product_id, n in wanted.items()])
    body = TransferBody(lines, (step_of(VERB.name, who, now),), command.note)
    transfer = opened(
        command.id,
        here,
        TRANSFER.name,
        status,
        body,
        who,
        now,
        other_store_id=there,
        reference=command.reference,
    )
    return Effect(Answer(command.id, at=now, documents=(transfer,)))


VERB = Verb(command=TransferOpen, decide=_decide, rows=_rows, scope=Scope.TRANSFERS_WRITE, opens=(TRANSFER,))
