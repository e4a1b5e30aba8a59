"""The receipts that were given, newest ones, to be printed again or returned to without a server."""

from uuid import UUID

import msgspec
from msgspec import Struct

from backend.terminal.receipts.paper import Paper

from .file import File

KEPT = 5_000
"""Receipts of a terminal that are kept; the oldest are forgotten first."""


class KeptReceipt(Struct, frozen=True):
    """A receipt, its text, its bytes for a printer if it was printed, and how often that was."""

    paper: Paper
    text: str
    printed: int
    escpos: bytes | None


class Receipts(File):
    """The receipts in the terminal's file."""

    def keep_receipt(self, paper: Paper, text: str) -> None:
        """Keep a receipt, in one step with its sale where both are written `together`."""
        with self.together():
            self._db.execute(
                "INSERT OR REPLACE INTO receipts (number, sale_id, paper, text, printed) VALUES (?, ?, ?, ?, 0)",
                (paper.number, str(paper.sale_id), msgspec.json.encode(paper), text),
            )
            self._db.execute("DELETE FROM receipts WHERE rowid <= (SELECT max(rowid) FROM receipts) - ?", (KEPT,))

    def receipt(self, number: str) -> KeptReceipt | None:
        """Returns the receipt with this number, or None."""
        return next(iter(self._receipts("WHERE number = ?", number)), None)

    def receipts(self, limit: int = 50) -> list[KeptReceipt]:
        """Returns the newest receipts, newest first."""
        return self._receipts("ORDER BY rowid DESC LIMIT ?", limit)

    def printed(self, number: str, escpos: bytes) -> None:
        """A receipt was printed; keep its bytes, those of the first time."""
        with self.together():
            self._db.execute(
                "UPDATE receipts SET printed = printed + 1, escpos = coalesce(escpos, ?) WHERE number = ?",
                (escpos, number),
            )

    def renumber_receipt(self, before: str, paper: Paper, text: str) -> None:
        """A receipt has another number now, see `Sales.renumber`."""
        with self.together():
            self._db.execute("DELETE FROM receipts WHERE number = ?", (before,))
            self.keep_receipt(paper, text)

    def forget_receipt(self, sale_id: UUID) -> None:
        """The sale was taken back before its receipt was given."""
        with self.together():
            self._db.execute("DELETE FROM receipts WHERE sale_id = ?", (str(sale_id),))

    def _receipts(self, where: str, *values: str | int) -> list[KeptReceipt]:
        rows = self._db.execute(f"SELECT paper, text, printed, escpos FROM receipts {where}", values)
        return [
            KeptReceipt(msgspec.json.decode(paper, type=Paper), text, printed, escpos)
            for paper, text, printed, escpos in rows.fetchall()
        ]
