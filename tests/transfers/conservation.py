"""What must hold of a book after every step, whatever was accepted and refused before."""

from collections import Counter

from backend.model.discrepancies import CaseBody
from backend.model.stock import BALANCES, Key
from backend.model.transfers import TransferBody
from backend.model.verbs import DOCUMENT_KINDS

from .book import Book


def in_transit(book: Book) -> int:
    """Units that have left one store and are in no other one."""
    bodies = [x.read(TransferBody) for x in book.books.documents.values() if x.kind == "transfer"]
    return sum(line.in_transit for body in bodies for line in body.lines)


def lost(book: Book) -> int:
    """Units that somebody has written off."""
    bodies = [x.read(TransferBody) for x in book.books.documents.values() if x.kind == "transfer"]
    return sum(line.lost for body in bodies for line in body.lines)


def on_hand(book: Book) -> int:
    """Units that are in any store."""
    return sum(row.on_hand for row in book.books.stock.values())


def assert_conserved(book: Book, units: int) -> None:
    """Of `units` all are in a store, in transit or written off; no balance is negative or without its document."""
    assert on_hand(book) + in_transit(book) + lost(book) == units
    for row in book.books.stock.values():
        assert all(getattr(row, name) >= 0 for name in (*BALANCES, "available")), row
    allocated: Counter[Key] = Counter()
    incoming: Counter[Key] = Counter()
    for document in book.books.documents.values():
        for promise in DOCUMENT_KINDS[document.kind].promises(document):
            allocated[promise.store_id, promise.product_id] += promise.allocated
            incoming[promise.store_id, promise.product_id] += promise.incoming
        if document.kind == "transfer":
            for line in document.read(TransferBody).lines:
                arrived = line.received + line.damaged + line.missing + line.returned
                assert arrived <= line.sent
                assert line.open >= 0
                assert line.sent == line.received + line.damaged + line.returned + line.lost + line.in_transit
        if document.kind == "discrepancy":
            assert all(line.open >= 0 for line in document.read(CaseBody).lines)
    for key, row in book.books.stock.items():
        assert (row.allocated, row.incoming) == (allocated[key], incoming[key])
