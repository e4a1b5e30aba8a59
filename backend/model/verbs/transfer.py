"""Transfer in one step: goods leave this store and arrive in the other one at the same moment."""

from datetime import datetime

from backend.model.answers import Answer, Code, Refusal
from backend.model.books import Books, Effect
from backend.model.commands import Command, Lines, StoreId, Text
from backend.model.posting import Cause, post, summed
from backend.model.refusals import Refused, unknown
from backend.model.scopes import Scope
from backend.model.stock import Change, Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class Transfer(Command, frozen=True, tag="transfer"):
    """Goods leave this store for another one: both sides at once, or neither."""

    to_store_id: StoreId
    lines: Lines
    reason: Text = ""


def _rows(command: Transfer, _: Documents, rows: Rows) -> None:
    rows.add_lines(command.store_id, command.lines)
    rows.add_lines(command.to_store_id, command.lines)


def _decide(books: Books, command: Transfer, who: Who, now: datetime) -> Effect:
    """Returns one movement on each side; each has the other store as its document."""
    here, there = command.store_id, command.to_store_id
    if here == there:
        message = f"The goods are in store {here} already; name another store."
        raise Refused(Refusal(Code.SAME_STORE, message, field="to_store_id"))
    wanted = summed(command.lines)
    for store_id, field in ((here, "store_id"), (there, "to_store_id")):
        for product_id in wanted:
            if (store_id, product_id) not in books.stock:
                raise Refused(unknown(books, store_id, product_id, field))
    away = {p: Change(on_hand=-n) for p, n in wanted.items()}
    arriving = {p: Change(on_hand=n) for p, n in wanted.items()}
    cause = Cause(OUT.name, command.id, who, now, document_id=there, reason=command.reason)
    out = post(books, here, away, cause, wanted)
    come = post(books, there, arriving, cause._replace(kind=IN.name, document_id=here))
    answer = Answer(command.id, stock=(*out.rows, *come.rows), at=now)
    return Effect(answer, (*out.movements, *come.movements))


OUT = MovementKind("transfer_out", {"on_hand": Sign.LESS}, event="transfer", conserved=True)
IN = MovementKind("transfer_in", {"on_hand": Sign.MORE}, event="transfer", conserved=True)
VERB = Verb(
    command=Transfer,
    decide=_decide,
    rows=_rows,
    movements=(OUT, IN),
    scope=Scope.TRANSFERS_WRITE,
    spans_stores=True,
)
