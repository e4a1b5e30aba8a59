"""Reading a file of baskets: every row that cannot be sold is named with its number and what is wrong with it."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path

import msgspec
from msgspec import Struct

from backend.model.commands import MAX_LINES, MAX_QUANTITY, ProductId, SaleLine, StoreId
from backend.model.errors import InvalidInput

COLUMNS = ("basket_id", "store_id", "transaction_timestamp", "product_id", "quantity", "sales_value")
MAX_CENTS = 100_000_000
"""A unit that costs more is a misplaced decimal point."""

MAX_SHOWN = 40
"""Characters of a wrong value that a sentence repeats."""

_GZIP_MAGIC = b"\x1f\x8b"


class Basket(Struct, frozen=True):
    """What one customer took to the counter, and when."""

    id: str
    store_id: str
    at: datetime
    lines: tuple[SaleLine, ...]


class BadRow(Struct, frozen=True):
    """A row that cannot be sold; `row` is the number of its last line in the file, the header being 1."""

    row: int
    problem: str


class Baskets(Struct, frozen=True):
    """The content of a file: its baskets in order of time, and the rows that are in none of them."""

    baskets: tuple[Basket, ...]
    bad_rows: tuple[BadRow, ...]


def read_baskets(path: Path) -> Baskets:
    """Read a CSV file, compressed with gzip or not.

    Raises InvalidInput when it is no such file at all; what is wrong with single rows is part of the result.
    """
    text = _text(path)
    if not text.strip():
        raise InvalidInput("file", f"{path} is empty; give a file with the columns {', '.join(COLUMNS)}.")
    rows = _rows(text)
    _, first = next(rows)
    header = [name.strip().lower() for name in first] if isinstance(first, list) else []
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise InvalidInput("file", f"{path} lacks the columns {', '.join(missing)}; its first row must name them.")
    builder = _Builder()
    for number, fields in rows:
        if isinstance(fields, csv.Error):
            builder.bad_rows.append(BadRow(number, f"is not CSV: {fields}"))
        elif len(fields) != len(header):
            builder.bad_rows.append(BadRow(number, f"has {len(fields)} fields instead of {len(header)}"))
        else:
            builder.add(number, dict(zip(header, (x.strip() for x in fields), strict=True)))
    if not builder.lines and not builder.bad_rows:
        raise InvalidInput("file", f"{path} has a header and no rows; there is nothing to sell.")
    return builder.result()


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        if path.suffix == ".gz" or content.startswith(_GZIP_MAGIC):
            content = gzip.decompress(content)
        return content.decode("utf-8-sig")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InvalidInput("file", f"{path} is a damaged or incomplete gzip file; get it again.") from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidInput("file", f"{path} is not UTF-8 text (line {line}); save it as UTF-8.") from error


def _rows(text: str) -> Iterator[tuple[int, list[str] | csv.Error]]:
    """Yields each row that is not empty, with the number of its last line."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.line_num, error
        else:
            if fields:
                yield reader.line_num, fields


class _Builder:
    """Gathers lines into baskets: a basket is in one store at one time."""

    def __init__(self) -> None:
        self.places: dict[str, tuple[str, datetime, int]] = {}
        self.lines: dict[str, list[SaleLine]] = {}
        self.bad_rows: list[BadRow] = []

    def add(self, number: int, row: dict[str, str]) -> None:
        """Put the row into its basket, or among the bad ones."""
        try:
            self._add(number, row)
        except ValueError as problem:
            self.bad_rows.append(BadRow(number, str(problem)))

    def _add(self, number: int, row: dict[str, str]) -> None:
        basket_id = row["basket_id"]
        if not basket_id:
            raise ValueError("basket_id is empty")
        store_id = _code("store_id", row["store_id"], StoreId)
        at = _moment(row["transaction_timestamp"])
        line = _line(row)
        first_store, first_at, first_row = self.places.setdefault(basket_id, (store_id, at, number))
        if (first_store, first_at) != (store_id, at):
            raise ValueError(f"basket {basket_id} has another store or time here than in row {first_row}")
        lines = self.lines.setdefault(basket_id, [])
        if len(lines) == MAX_LINES:
            raise ValueError(f"basket {basket_id} has more than {MAX_LINES} lines")
        lines.append(line)

    def result(self) -> Baskets:
        """Returns everything so far."""
        baskets = [Basket(x, *self.places[x][:2], tuple(lines)) for x, lines in self.lines.items()]
        return Baskets(
            tuple(sorted(baskets, key=lambda basket: basket.at)),
            tuple(sorted(self.bad_rows, key=lambda bad: bad.row)),
        )


def _line(row: dict[str, str]) -> SaleLine:
    product_id = _code("product_id", row["product_id"], ProductId)
    quantity = _number("quantity", row["quantity"])
    if quantity != quantity.to_integral_value() or not 1 <= quantity <= MAX_QUANTITY:
        raise ValueError(f"quantity must be a whole number from 1 to {MAX_QUANTITY}, not {_cut(row['quantity'])!r}")
    value = _number("sales_value", row["sales_value"])
    if not 0 <= value <= MAX_CENTS // 100 * quantity:
        raise ValueError(
            f"sales_value must be an amount from 0 to {MAX_CENTS // 100} a unit, not {_cut(row['sales_value'])!r}"
        )
    cents = (value * 100 / quantity).to_integral_value(ROUND_HALF_UP)
    return SaleLine(product_id, int(quantity), int(cents))


def _number(name: str, text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ValueError(f"{name} must be a number, not {_cut(text)!r}")
    return number


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"transaction_timestamp must look like 2017-01-31T18:05:00, not {_cut(text)!r}") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _code(name: str, text: str, kind: object) -> str:
    try:
        return str(msgspec.convert(text, kind))
    except msgspec.ValidationError:
        raise ValueError(f"{name} must be letters, digits, '-' or '_', not {_cut(text)!r}") from None


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
