"""Sales that are not finished: the open one, kept line by line, and those that were parked for later."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from backend.ids import new_id
from backend.terminal.lines import KeptLine

from .file import File


class OpenSale(Struct, frozen=True):
    """The sale that was open when the terminal stopped, in `clerk`'s hands, changed last at `at`."""

    lines: list[KeptLine]
    clerk: str
    at: datetime

    @property
    def wanted(self) -> list[KeptLine]:
        """The lines that a customer wants; the others were voided, and only their holds are left."""
        return [line for line in self.lines if line.quantity]

    @property
    def total_cents(self) -> int:
        """What the customer would pay."""
        return sum(line.product.unit_price.of(line.quantity) for line in self.lines)


class ParkedSale(OpenSale, frozen=True, kw_only=True):
    """A sale that was put aside under a name, for the customer who comes back."""

    id: UUID
    name: str


class OpenSales(File):
    """The unfinished sales in the terminal's file."""

    def keep_lines(self, store_id: str, clerk: str, changed: Mapping[str, bytes], gone: Iterable[str]) -> None:
        """Commit what changed in the store's open sale: product id → its encoded KeptLine, and the ids that left."""
        at = datetime.now(UTC).isoformat()
        with self.together():
            self._db.executemany(
                "INSERT OR REPLACE INTO open_lines VALUES (?, ?, ?, ?, ?)",
                [(store_id, product_id, line, clerk, at) for product_id, line in changed.items()],
            )
            self._db.executemany(
                "DELETE FROM open_lines WHERE store_id = ? AND product_id = ?", [(store_id, x) for x in gone]
            )

    def open_sale(self, store_id: str) -> OpenSale | None:
        """Returns the sale that the terminal's last run left open in this store."""
        rows = self._db.execute("SELECT line, clerk, at FROM open_lines WHERE store_id = ? ORDER BY at", (store_id,))
        found = rows.fetchall()
        if not found:
            return None
        lines = [msgspec.json.decode(line, type=KeptLine) for line, _, _ in found]
        _, clerk, at = found[-1]
        return OpenSale(sorted(lines, key=lambda line: line.place), clerk, datetime.fromisoformat(at))

    def park(self, store_id: str, name: str, clerk: str, lines: Iterable[KeptLine]) -> ParkedSale:
        """Put the store's open sale aside under a name, in one step with ending it. Returns it as it is parked."""
        sale = ParkedSale(list(lines), clerk, datetime.now(UTC), id=new_id(), name=name)
        with self.together():
            self._db.execute(
                "INSERT INTO parked VALUES (?, ?, ?, ?, ?, ?)",
                (str(sale.id), store_id, name, clerk, sale.at.isoformat(), msgspec.json.encode(sale.lines)),
            )
            self._end_open_sale(store_id)
        return sale

    def parked(self, store_id: str) -> list[ParkedSale]:
        """Returns the store's parked sales, oldest first."""
        rows = self._db.execute(
            "SELECT lines, clerk, at, id, name FROM parked WHERE store_id = ? ORDER BY at", (store_id,)
        )
        return [
            ParkedSale(
                msgspec.json.decode(lines, type=list[KeptLine]),
                clerk,
                datetime.fromisoformat(at),
                id=UUID(sale_id),
                name=name,
            )
            for lines, clerk, at, sale_id, name in rows.fetchall()
        ]

    def recall_sale(self, store_id: str, sale_id: UUID, clerk: str) -> OpenSale | None:
        """Make a parked sale the store's open one, in one step. Returns it.

        None is returned, and nothing is changed, when it is not parked any more or another sale is open.
        """
        with self.together():
            found = next((x for x in self.parked(store_id) if x.id == sale_id), None)
            if found is None or self.open_sale(store_id) is not None:
                return None
            self._db.execute("DELETE FROM parked WHERE id = ?", (str(sale_id),))
            lines = {line.product.id: msgspec.json.encode(line) for line in found.lines}
            self.keep_lines(store_id, clerk, lines, ())
            return self.open_sale(store_id)

    def _end_open_sale(self, store_id: str) -> None:
        self._db.execute("DELETE FROM open_lines WHERE store_id = ?", (store_id,))
