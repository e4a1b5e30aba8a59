"""The sentences of the rule book's refusals, each with its stable code."""

from uuid import UUID

from .answers import Code, Refusal, ShortLine
from .books import Books
from .documents import Document
from .reservations import Reservation
from .stock import StockRow


class Refused(Exception):
    """Ends a decision: the command has no effect but this answer."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


def short(lines: list[ShortLine]) -> Refusal:
    """More was asked of these products than is available."""
    first = lines[0]
    more = f" {len(lines) - 1} more lines are short too." if len(lines) > 1 else ""
    message = f"Only {first.available} of {first.requested} units of {first.product_id} are available.{more}"
    return Refusal(Code.INSUFFICIENT_STOCK, message, tuple(lines))


def ended(hold: Reservation) -> Refusal:
    """Returns the hold is over; `state` says how it ended."""
    message = f"This hold has already ended: it is {hold.status.lower()}."
    return Refusal(Code.RESERVATION_ENDED, message, state=hold.status.value)


def moved_on(row: StockRow) -> Refusal:
    """Returns the stock is not as the sender has seen it."""
    message = f"The stock of {row.product_id} has changed: it is at version {row.version} now."
    return Refusal(Code.VERSION_MOVED, message, stock=row)


def unknown(books: Books, store_id: str, product_id: str, field: str = "store_id") -> Refusal:
    """There is no such store (named in `field`), or no such product."""
    if store_id not in books.stores:
        return Refusal(Code.UNKNOWN_STORE, f"There is no store {store_id}; check the store id.", field=field)
    message = f"There is no product {product_id}; check the code or add it to the catalogue."
    return Refusal(Code.UNKNOWN_PRODUCT, message, field="product_id")


def bad_quantity(field: str, what: str) -> Refusal:
    """Returns `field` holds a number that no command may hold."""
    return Refusal(Code.INVALID_QUANTITY, f"The {field} {what}.", field=field)


def unknown_document(kind: str, document_id: UUID) -> Refusal:
    """There is no such document, or none that the sender's store has to do with."""
    message = f"There is no {kind} {document_id}; it may belong to another store."
    return Refusal(Code.UNKNOWN_DOCUMENT, message, field=f"{kind}_id")


def wrong_status(document: Document, wanted: str) -> Refusal:
    """Returns the document is not at the step that this command continues; `wanted` names the states in which it
    could."""
    message = f"This {document.kind} is {document.status}; only one that is {wanted} can do this."
    return Refusal(Code.WRONG_STATUS, message, state=document.status)


def in_status(document: Document, *statuses: str) -> None:
    """Raises Refused unless the document is in one of these statuses."""
    if document.status not in statuses:
        raise Refused(wrong_status(document, " or ".join(statuses)))


def empty_lines() -> Refusal:
    """Returns the command says nothing of any product."""
    return Refusal(Code.EMPTY_BASKET, "There is no line; add at least one product.", field="lines")


def known_item(code: str) -> Refusal:
    """Something that is in the catalogue was called unknown."""
    return Refusal(Code.ITEM_KNOWN, f"{code} is in the catalogue; receive it as a line of that product.", field="code")
