"""Sales in the queue: each with a receipt number, and with what a person did about it if it was refused."""

from collections.abc import Callable, Mapping
from uuid import UUID

import msgspec
from msgspec import structs

from backend.ids import new_id
from backend.model.commands import Command
from backend.model.conflicts import Settlement
from backend.terminal.receipts.paper import Paper
from backend.terminal.receipts.text import text_of

from .acts import LONGEST_RECEIPT_NUMBER, Acts, KeptAct, KeptSale
from .open_sale import OpenSales
from .receipts import Receipts
from .series import Series


class Sales(Acts, OpenSales, Receipts, Series):
    """The sales among the acts of the terminal's file."""

    def keep(
        self,
        store_id: str,
        total_cents: int,
        make: Callable[[str], list[Command]],
        names: Mapping[str, str] | None = None,
        actor: str = "",
        paper: Callable[[KeptSale], Paper] | None = None,
    ) -> KeptSale:
        """Take the store's next receipt number, let `make` turn it into commands, and commit both. Returns the sale.

        The store's open sale ends with it. `names` are what people call its products, `actor` is who sold,
        `paper` makes the receipt that is kept with it.
        Raises JournalUnusable when the disk refuses: then there is no sale and the number was not taken.
        """
        with self.together():
            receipt_number = self._next_number(store_id)
            commands = make(receipt_number)
            sale = KeptSale(
                id=commands[-1].id,
                sequence=0,
                store_id=store_id,
                actor=actor,
                made_at=self.now(),
                commands=commands,
                receipt_number=receipt_number,
                total_cents=total_cents,
            )
            sale = _sale(self._insert(sale))
            if paper is not None:
                given = paper(sale)
                self.keep_receipt(given, text_of(given))
            self._end_open_sale(store_id)
            self._db.executemany("INSERT OR REPLACE INTO product_names VALUES (?, ?)", (names or {}).items())
        return sale

    def waiting(self) -> list[KeptSale]:
        """Returns the sales without an answer, in order."""
        return [x for x in self.acts() if isinstance(x, KeptSale)]

    def conflicts(self) -> list[KeptSale]:
        """Returns the sales that were refused and that nobody has settled yet, in order."""
        return [x for x in self.refused_acts() if isinstance(x, KeptSale)]

    def take_back(self, sale: KeptSale) -> None:
        """The server refused the sale and the customer is still here: forget it and reuse its number if it is the last.

        A number the server says is taken (`receipt_taken`) must not be reused; use `answered` for that.
        """
        with self.together():
            self.answered(sale.id)
            self.forget_receipt(sale.id)
            self._give_back_number(sale.store_id, sale.receipt_number)

    def renumber(self, sale_id: UUID, leave_out: int = 0) -> KeptSale:
        """Give a sale whose number the server cannot take the next one, under a new id: the goods have left the shop.

        Returns the sale as it waits now.
        """
        [old] = self._read("WHERE id = ?", str(sale_id))
        assert isinstance(old, KeptSale)
        was_told = len(old.receipt_number) <= LONGEST_RECEIPT_NUMBER  # no server took a longer one
        with self.together():
            number = self._next_number(old.store_id, leave_out)
            sell = structs.replace(old.sell, id=new_id(), receipt_number=number)
            commands = [*old.commands[:-1], sell]
            new = structs.replace(old, id=sell.id, receipt_number=number, commands=commands, refusal=None)
            if (given := self.receipt(old.receipt_number)) is not None:
                paper = structs.replace(given.paper, number=number, sale_id=sell.id)
                self.renumber_receipt(old.receipt_number, paper, text_of(paper))
            self.answered(sale_id)
            return _sale(self._insert(new, None if was_told else old.sequence))

    def replace(self, sale_id: UUID, commands: list[Command]) -> KeptSale:
        """Try a conflict again under a new id; returns the sale as it waits now."""
        [old] = self._read("WHERE id = ?", str(sale_id))
        with self.together():
            self.answered(sale_id)
            return _sale(self._insert(structs.replace(old, id=commands[-1].id, commands=commands, refusal=None)))

    # How refused sales were settled.

    def settle(self, settlement: Settlement) -> None:
        """A person has settled a conflict; the server is still to be told."""
        with self.together():
            content = msgspec.json.encode(settlement)
            self._db.execute("INSERT OR REPLACE INTO settlements VALUES (?, ?)", (str(settlement.sale_id), content))

    def settlements(self) -> dict[UUID, Settlement]:
        """Returns conflict's id → how it was settled, of those the server has not recorded yet."""
        rows = self._db.execute("SELECT sale_id, settlement FROM settlements ORDER BY rowid")
        return {UUID(sale_id): msgspec.json.decode(content, type=Settlement) for sale_id, content in rows.fetchall()}

    def unsettle(self, sale_id: UUID) -> None:
        """The server did not take the settlement: the conflict is open again."""
        with self.together():
            self._db.execute("DELETE FROM settlements WHERE sale_id = ?", (str(sale_id),))

    def settled(self, sale_id: UUID) -> None:
        """The server has recorded how the conflict was settled: forget both."""
        with self.together():
            self.unsettle(sale_id)
            self.answered(sale_id)


def _sale(act: KeptAct) -> KeptSale:
    assert isinstance(act, KeptSale)
    return act
