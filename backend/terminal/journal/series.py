"""The receipt numbers of this terminal: a series of its own in each store, counted in its file."""

from pathlib import Path

from .file import File

LONGEST_STORE_SHOWN = 12
"""Longer ids of stores are left out of receipt numbers, which are read out and typed."""


class Series(File):
    """The last number of each series. A number is taken in the transaction that keeps its sale."""

    def __init__(self, path: Path, terminal_id: str) -> None:
        self._series = terminal_id
        super().__init__(path)

    def number_with(self, series: str) -> None:
        """Number receipts in this series from now on, which no other terminal does."""
        self._series = series

    def skip(self, store_id: str, numbers: int) -> None:
        """Leave out the store's next receipt `numbers`: another file has used them already."""
        with self.together():
            self._db.execute("UPDATE series SET last = last + ? WHERE store_id = ?", (numbers, store_id))

    def _next_number(self, store_id: str, leave_out: int = 0) -> str:
        """Take the next receipt number of a store, after leaving some out, in the transaction that is open."""
        self._db.execute(
            "INSERT INTO series VALUES (?1, 1 + ?2) ON CONFLICT (store_id) DO UPDATE SET last = last + 1 + ?2",
            (store_id, leave_out),
        )
        (number,) = self._db.execute("SELECT last FROM series WHERE store_id = ?", (store_id,)).fetchone()
        # The store is there for people who read it; the series alone tells numbers of one store apart.
        where = f"{store_id}-" if len(store_id) <= LONGEST_STORE_SHOWN else ""
        return f"{where}{self._series}-{number:06d}"

    def _give_back_number(self, store_id: str, receipt_number: str) -> None:
        """Take this number again for the next sale, if it is the last one, in the transaction that is open."""
        number = int(receipt_number.rpartition("-")[2])
        self._db.execute("UPDATE series SET last = last - 1 WHERE store_id = ? AND last = ?", (store_id, number))

    def _is_used(self, store_id: str, receipt_number: str) -> None:
        """Take no number up to this one, in the transaction that is open."""
        number = receipt_number.rpartition("-")[2]
        if number.isdecimal():
            self._db.execute(
                "INSERT INTO series VALUES (?1, ?2) ON CONFLICT (store_id) DO UPDATE SET last = max(last, ?2)",
                (store_id, int(number)),
            )
