"""The terminal's own file: receipt numbers, the open sale, sales the server has not answered, who was here last.

A sale is committed here, with its receipt number, before it is sent and before a receipt is shown; it is deleted only
when the server has answered it. Whatever dies in between, the sale is sent again under the same command id, so it is
neither lost nor counted twice. A sale that the server refused after the customer left stays as a conflict until a
person has settled it and the server has recorded that. The lines of the open sale are here before they are shown, and
the holds that they ask for before they are asked for, so a terminal that died takes both up again or gives them back.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import Struct, structs

from backend.ids import new_id
from backend.model.answers import Refusal
from backend.model.commands import Command
from backend.model.conflicts import Settlement
from backend.model.errors import MostradorError
from backend.model.verbs import list_of_commands
from backend.model.verbs.sell import Sell
from backend.private_files import make_private_directory, make_private_file

from .lines import KeptLine

_COMMANDS: msgspec.json.Decoder[list[Command]] = msgspec.json.Decoder(list_of_commands())
SCHEMA_VERSION = 1
LONGEST_RECEIPT_NUMBER = 40
"""Characters that the server takes; terminals of older versions made longer ones."""
LONGEST_STORE_SHOWN = 12
"""Longer ids of stores are left out of receipt numbers, which are read out and typed."""

_SCHEMA = """
CREATE TABLE series (store_id TEXT PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE remembered (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE sales (
    id TEXT PRIMARY KEY,
    receipt_number TEXT NOT NULL,
    store_id TEXT NOT NULL,
    made_at TEXT NOT NULL,
    total_cents INTEGER NOT NULL,
    commands BLOB NOT NULL,
    refusal BLOB
);
"""

_ADDED = """
CREATE TABLE IF NOT EXISTS open_lines (
    store_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    line BLOB NOT NULL,
    clerk TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (store_id, product_id)
);
CREATE TABLE IF NOT EXISTS product_names (id TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS settlements (sale_id TEXT PRIMARY KEY, settlement BLOB NOT NULL);
"""
"""Tables that came later. A program that does not know them leaves them alone, so the version stays."""


class JournalUnusable(MostradorError):
    """The terminal's file cannot be used; the message says what to do about it."""

    code = "journal_unusable"

    def __init__(self, reason: Literal["damaged", "newer", "not_writable"], path: Path) -> None:
        message = {
            "damaged": f"The terminal's file {path} is damaged: move it away, keep it, and start again.",
            "newer": f"The terminal's file {path} was written by a newer version: update this program.",
            "not_writable": f"The terminal's file {path} cannot be written: check the disk and the folder's rights.",
        }[reason]
        super().__init__(message, reason=reason, path=str(path))


class KeptSale(Struct, frozen=True):
    """A sale in the journal. `commands` are sent in order, the last is the Sell; `refusal` makes it a conflict."""

    id: UUID
    receipt_number: str
    store_id: str
    made_at: datetime
    total_cents: int
    commands: list[Command]
    refusal: Refusal | None = None

    @property
    def sell(self) -> Sell:
        """The sale itself."""
        last = self.commands[-1]
        assert isinstance(last, Sell)
        return last


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


class Journal:
    """The file at `path`, made if missing. Calls block for one disk write at most and may come from any thread."""

    def __init__(self, path: Path, terminal_id: str) -> None:
        self._path, self._series, self._lock = path, terminal_id, Lock()
        try:
            make_private_directory(path.parent)
            make_private_file(path)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=2)
        except (OSError, sqlite3.Error) as error:
            raise JournalUnusable("not_writable", path) from error
        try:
            self._prepare()
        except JournalUnusable:
            self._db.close()
            raise

    def _prepare(self) -> None:
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
            elif version == SCHEMA_VERSION:
                self._db.execute("SELECT count(id), count(refusal) FROM sales").fetchone()
            if version <= SCHEMA_VERSION:
                self._db.executescript(_ADDED)
        except sqlite3.OperationalError as error:
            raise JournalUnusable("not_writable", self._path) from error
        except sqlite3.DatabaseError as error:
            raise JournalUnusable("damaged", self._path) from error
        if version > SCHEMA_VERSION:
            raise JournalUnusable("newer", self._path)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def keep(
        self,
        store_id: str,
        total_cents: int,
        make: Callable[[str], list[Command]],
        names: Mapping[str, str] | None = None,
    ) -> KeptSale:
        """Take the store's next receipt number, let `make` turn it into commands, and commit both. Returns the sale.

        The store's open sale ends with it. `names` are what people call its products.
        Raises JournalUnusable when the disk refuses: then there is no sale and the number was not taken.
        """
        with self._transaction():
            receipt_number = self._next_number(store_id)
            commands = make(receipt_number)
            sale = KeptSale(commands[-1].id, receipt_number, store_id, datetime.now(UTC), total_cents, commands)
            self._insert(sale)
            self._db.execute("DELETE FROM open_lines WHERE store_id = ?", (store_id,))
            self._db.executemany("INSERT OR REPLACE INTO product_names VALUES (?, ?)", (names or {}).items())
        return sale

    def keep_lines(self, store_id: str, clerk: str, changed: Mapping[str, bytes], gone: Iterable[str]) -> None:
        """Commit what changed in the store's open sale: product id → its encoded KeptLine, and the ids that left."""
        at = datetime.now(UTC).isoformat()
        with self._transaction():
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

    def learn(self, names: Mapping[str, str]) -> None:
        """Remember what people call products, for the time when only their ids are there."""
        with self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO product_names VALUES (?, ?)", names.items())

    def name_of(self, product_id: str) -> str | None:
        """Returns what people call a product, if it was ever sold here."""
        found = self._db.execute("SELECT name FROM product_names WHERE id = ?", (product_id,)).fetchone()
        return str(found[0]) if found else None

    def settle(self, settlement: Settlement) -> None:
        """A person has settled a conflict; the server is still to be told."""
        with self._transaction():
            content = msgspec.json.encode(settlement)
            self._db.execute("INSERT OR REPLACE INTO settlements VALUES (?, ?)", (str(settlement.sale_id), content))

    def settlements(self) -> dict[UUID, Settlement]:
        """Conflict's id → how it was settled, of those the server has not recorded yet."""
        rows = self._db.execute("SELECT sale_id, settlement FROM settlements ORDER BY rowid")
        return {UUID(sale_id): msgspec.json.decode(content, type=Settlement) for sale_id, content in rows}

    def unsettle(self, sale_id: UUID) -> None:
        """The server did not take the settlement: the conflict is open again."""
        with self._transaction():
            self._db.execute("DELETE FROM settlements WHERE sale_id = ?", (str(sale_id),))

    def settled(self, sale_id: UUID) -> None:
        """The server has recorded how the conflict was settled: forget both."""
        with self._transaction():
            self._db.execute("DELETE FROM settlements WHERE sale_id = ?", (str(sale_id),))
            self._db.execute("DELETE FROM sales WHERE id = ?", (str(sale_id),))

    def answered(self, sale_id: UUID) -> None:
        """The server has the sale: the journal need not keep it any more."""
        with self._transaction():
            self._db.execute("DELETE FROM sales WHERE id = ?", (str(sale_id),))

    def take_back(self, sale: KeptSale) -> None:
        """The server refused the sale and the customer is still here: forget it and reuse its number if it is the last.

        A number the server says is taken (`receipt_taken`) must not be reused; use `answered` for that.
        """
        number = int(sale.receipt_number.rpartition("-")[2])
        with self._transaction():
            self._db.execute("DELETE FROM sales WHERE id = ?", (str(sale.id),))
            self._db.execute(
                "UPDATE series SET last = last - 1 WHERE store_id = ? AND last = ?", (sale.store_id, number)
            )

    def number_with(self, series: str) -> None:
        """Number receipts in this series from now on, which no other terminal does."""
        self._series = series

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

    def renumber(self, sale_id: UUID, leave_out: int = 0) -> KeptSale:
        """Give a sale whose number the server cannot take the next one, under a new id: the goods have left the shop.

        Returns the sale as it waits now.
        """
        [old] = self._read("WHERE id = ?", str(sale_id))
        with self._transaction():
            number = self._next_number(old.store_id, leave_out)
            sell = structs.replace(old.sell, id=new_id(), receipt_number=number)
            commands = [*old.commands[:-1], sell]
            new = KeptSale(sell.id, number, old.store_id, old.made_at, old.total_cents, commands)
            self._db.execute("DELETE FROM sales WHERE id = ?", (str(sale_id),))
            self._insert(new)
        return new

    def take_over(self, other: "Journal") -> None:
        """Take in what another terminal's file keeps: its sales, also those taken in before, and what it remembers."""
        sales = [*other.waiting(), *other.conflicts()]
        remembered = other._db.execute("SELECT name, value FROM remembered").fetchall()
        with self._transaction():
            known = {row[0] for row in self._db.execute("SELECT id FROM sales")}
            for sale in sales:
                if str(sale.id) not in known:
                    self._insert(sale)
                    refusal = sale.refusal and msgspec.json.encode(sale.refusal)
                    self._db.execute("UPDATE sales SET refusal = ? WHERE id = ?", (refusal, str(sale.id)))
            self._db.executemany("INSERT OR IGNORE INTO remembered VALUES (?, ?)", remembered)

    def skip(self, store_id: str, numbers: int) -> None:
        """Leave out the store's next receipt `numbers`: another file has used them already."""
        with self._transaction():
            self._db.execute("UPDATE series SET last = last + ? WHERE store_id = ?", (numbers, store_id))

    def refused(self, sale_id: UUID, refusal: Refusal) -> None:
        """The server refused the sale after its receipt was given: it is a conflict now."""
        with self._transaction():
            self._db.execute("UPDATE sales SET refusal = ? WHERE id = ?", (msgspec.json.encode(refusal), str(sale_id)))

    def replace(self, sale_id: UUID, commands: list[Command]) -> KeptSale:
        """Try a conflict again under a new id; returns the sale as it waits now."""
        old = next(x for x in self._read("WHERE id = ?", str(sale_id)))
        new = KeptSale(commands[-1].id, old.receipt_number, old.store_id, old.made_at, old.total_cents, commands)
        with self._transaction():
            self._db.execute("DELETE FROM sales WHERE id = ?", (str(sale_id),))
            self._insert(new)
        return new

    def waiting(self) -> list[KeptSale]:
        """Sales without an answer, oldest first."""
        return self._read("WHERE refusal IS NULL")

    def conflicts(self) -> list[KeptSale]:
        """Sales that were refused and that nobody has settled yet, oldest first."""
        return self._read("WHERE refusal IS NOT NULL")

    def remember(self, **values: str) -> None:
        """Keep small things from one start to the next: the store and the user who signed in last."""
        with self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO remembered VALUES (?, ?)", values.items())

    def recall(self, name: str) -> str:
        """Returns what was remembered under `name`, or nothing."""
        found = self._db.execute("SELECT value FROM remembered WHERE name = ?", (name,)).fetchone()
        return str(found[0]) if found else ""

    def _insert(self, sale: KeptSale) -> None:
        self._db.execute(
            "INSERT INTO sales VALUES (?, ?, ?, ?, ?, ?, NULL)",
            (
                str(sale.id),
                sale.receipt_number,
                sale.store_id,
                sale.made_at.isoformat(),
                sale.total_cents,
                msgspec.json.encode(sale.commands),
            ),
        )

    def _read(self, where: str, *values: str) -> list[KeptSale]:
        query = "SELECT id, receipt_number, store_id, made_at, total_cents, commands, refusal FROM sales"
        return [
            KeptSale(
                UUID(sale_id),
                receipt_number,
                store_id,
                datetime.fromisoformat(made_at),
                total_cents,
                _commands_of(commands),
                refusal and msgspec.json.decode(refusal, type=Refusal),
            )
            for sale_id, receipt_number, store_id, made_at, total_cents, commands, refusal in self._db.execute(
                f"{query} {where} ORDER BY made_at, receipt_number", values
            )
        ]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                raise JournalUnusable("not_writable", self._path) from error
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")


def _commands_of(kept: bytes) -> list[Command]:
    """Returns the commands of a sale. A receipt number that is too long is cut here; its sale gets another one."""
    try:
        return _COMMANDS.decode(kept)
    except msgspec.ValidationError:
        commands = msgspec.json.decode(kept)
        for command in commands:
            if "receipt_number" in command:
                command["receipt_number"] = command["receipt_number"][-LONGEST_RECEIPT_NUMBER:]
        return list(msgspec.convert(commands, type=list_of_commands()))
