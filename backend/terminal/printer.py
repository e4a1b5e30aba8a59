"""Printing a receipt, and printing it again: every print but the first says that it is a copy."""

from backend.model.errors import MostradorError

from .journal import Journal
from .receipts.printing import bytes_of


class UnknownReceipt(MostradorError):
    """No receipt with this number was given at this terminal, or so long ago that it is not kept."""

    code = "unknown_receipt"


def printed(journal: Journal, number: str, *, opens_drawer: bool = False) -> bytes:
    """Returns the bytes for the printer, and notes that they were printed. Raises UnknownReceipt, JournalUnusable."""
    kept = journal.receipt(number)
    if kept is None:
        raise UnknownReceipt(f"This till has no receipt {number}; check the number, or look it up at the server.")
    content = bytes_of(kept.paper, copy=kept.printed > 0, opens_drawer=opens_drawer)
    journal.printed(number, content)
    return content
