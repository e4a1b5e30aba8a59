"""Advance notices as CSV files: what a supplier says that it is sending.

The columns are `code` (a barcode, which may be a pack's, a SKU or a product's id), `quantity` (pieces of that code)
and, if known, `cost` (of one unit). A file with a wrong line opens nothing; every wrong line is told with its number.
"""

import csv
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TextIO

from msgspec import Struct

from backend.ids import new_id
from backend.model.commands import MAX_LINES, MAX_QUANTITY
from backend.model.documents import Document
from backend.model.errors import InvalidInput
from backend.model.purchases import ExpectedLine
from backend.model.stock import Who
from backend.model.verbs.purchase_open import PurchaseOpen

from .queries import Meant
from .service import Receiving

COLUMNS = {"code", "quantity", "cost"}
_MAX_COST = 100_000_000


class LineError(Struct, frozen=True):
    """What is wrong with a line of a file, and how to mend it."""

    line: int
    message: str


class Noticed(Struct, frozen=True):
    """A line of a notice: pieces of a code."""

    line: int
    code: str
    quantity: int
    cost_cents: int | None


class Imported(Struct, frozen=True):
    """What became of a file: the purchases that it opened, or had opened before, or why it opened none."""

    purchases: tuple[Document, ...]
    errors: tuple[LineError, ...] = ()
    lines: int = 0
    units: int = 0
    again: bool = False
    """Whether the notice had been imported before."""


def read_notice(file: TextIO) -> tuple[list[Noticed], list[LineError]]:
    """Returns the lines of a CSV file, and what is wrong with others. Raises InvalidInput without the columns."""
    rows = csv.DictReader(file, skipinitialspace=True)
    columns = set(rows.fieldnames or ())
    if not {"code", "quantity"} <= columns or columns - COLUMNS:
        raise InvalidInput("FILE", "The first line must name the columns: code,quantity or code,quantity,cost.")
    lines: list[Noticed] = []
    errors: list[LineError] = []
    for row in rows:
        code = (row["code"] or "").strip()
        quantity, cost = (row["quantity"] or "").strip(), (row.get("cost") or "").strip()
        cents = _cents(cost)
        if row.get(None):  # where DictReader puts the values of no column
            errors.append(LineError(rows.line_num, "It has more values than columns; quote those with commas."))
        elif not code:
            errors.append(LineError(rows.line_num, "code is empty; write a barcode, a SKU or a product's id."))
        elif not (quantity.isascii() and quantity.isdecimal() and 1 <= int(quantity) <= MAX_QUANTITY):
            message = f"quantity is {quantity or 'empty'}; write a whole number from 1 to {MAX_QUANTITY}."
            errors.append(LineError(rows.line_num, message))
        elif cost and cents is None:
            errors.append(LineError(rows.line_num, f"cost is {cost}; write an amount such as 1.10, or leave it empty."))
        else:
            lines.append(Noticed(rows.line_num, code, int(quantity), cents))
    return lines, errors


def expected_of(lines: Iterable[Noticed], meant: Mapping[str, Meant]) -> tuple[list[ExpectedLine], list[LineError]]:
    """Returns one line per product, and what is wrong with the others: codes that mean nothing, two costs of one."""
    by_product: dict[str, ExpectedLine] = {}
    errors = []
    for line in lines:
        product = meant.get(line.code)
        if product is None:
            message = f"{line.code} is not in the catalogue; check the code, or add the product first."
            errors.append(LineError(line.line, message))
            continue
        before = by_product.get(product.product_id)
        units = line.quantity * product.units + (before.quantity if before else 0)
        if before is not None and before.cost_cents != line.cost_cents:
            message = f"{line.code} is the product of an earlier line at another cost; give both the same."
            errors.append(LineError(line.line, message))
        elif units > MAX_QUANTITY:
            errors.append(LineError(line.line, f"These are {units} units; at most {MAX_QUANTITY} can be expected."))
        else:
            by_product[product.product_id] = ExpectedLine(product.product_id, units, line.cost_cents)
    return list(by_product.values()), errors


async def import_notice(
    receiving: Receiving,
    file: TextIO,
    *,
    store_id: str,
    supplier: str,
    reference: str,
    who: Who,
    expected_on: date | None = None,
    dry_run: bool = False,
) -> Imported:
    """Opens a purchase for a file, and one more for every 500 products beyond the first 500.

    A notice of this supplier with this reference that the store has already is left as it is. Raises InvalidInput, and
    what the ledger raises.
    """
    lines, errors = read_notice(file)
    found, more = expected_of(lines, await receiving.meant([line.code for line in lines]))
    errors = sorted([*errors, *more], key=lambda error: error.line)
    if not found and not errors:
        raise InvalidInput("FILE", "The file has no line; add at least one product.")
    units = sum(line.quantity for line in found)
    if errors or dry_run:
        return Imported((), tuple(errors), len(found), units)
    if before := await receiving.announced(store_id, supplier, reference):
        return Imported(tuple(before), (), len(found), units, again=True)
    purchases: list[Document] = []
    for start in range(0, len(found), MAX_LINES):
        command = PurchaseOpen(
            id=new_id(),
            store_id=store_id,
            supplier=supplier,
            lines=tuple(found[start : start + MAX_LINES]),
            reference=reference,
            expected_on=expected_on,
        )
        purchases.extend(await receiving.send(command, who))
    return Imported(tuple(purchases), (), len(found), units)


def _cents(cost: str) -> int | None:
    """Returns an amount in cents, None for what is no amount."""
    try:
        exact = Decimal(cost) * 100
    except InvalidOperation:
        return None
    if not exact.is_finite() or exact != int(exact) or not 0 <= exact <= _MAX_COST:
        return None
    return int(exact)
