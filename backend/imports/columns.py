"""The columns of the files, as data: one line each. Reading, checking, writing and the help of the commands read them.

A column's `kind` says what its values may be, in the same words as the API's; `rule` says it to people.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from msgspec import UNSET, Struct, UnsetType, defstruct

from backend.catalogue.price_routes import StoreOrChain
from backend.catalogue.routes import Description, Name, PackageSize, Sku
from backend.http.money import MAX_PRICE
from backend.model.barcode import DamagedBarcode
from backend.model.commands import Cents, Count, ProductId, Quantity, StoreId, Text
from backend.model.scans import stored_code
from backend.model.unit_price import MAX_PER, PricePer
from backend.model.units import BasisPoints, CategoryPath, Unit
from backend.people.service import DisplayName, Role, Secret
from backend.people.service import Name as UserName
from backend.stores.schemas import StoreName


class Column(NamedTuple):
    """One column: its name in the file, what its values may be, and how they are read and written."""

    name: str
    kind: Any
    rule: str
    required: bool = False
    field: str = ""
    """The name of the value in the program, where it differs."""
    parse: Callable[[str], object] = str
    """Reads a cell that is not empty, or any cell of text. Raises ValueError."""
    show: Callable[[Any], str] = str
    empty: object = ""
    """What an empty cell says."""
    tells_none: bool = False
    """Whether a value that is not there has a word of its own; else its cell is empty."""

    @property
    def value(self) -> str:
        """The name of the value in the program."""
        return self.field or self.name


def _whole(cell: str) -> int:
    if not (cell.isascii() and cell.removeprefix("-").isdigit()):
        raise ValueError(cell)
    return int(cell)


def _cents(cell: str) -> int:
    """2.49, 2,49 and 2 are prices; what has more decimals than two is none."""
    try:
        exact = Decimal(cell.replace(",", ".")) * 100
        whole = int(exact)
    except (InvalidOperation, OverflowError, ValueError) as error:
        raise ValueError(cell) from error
    if exact != whole or not 0 <= whole <= MAX_PRICE * 100:
        raise ValueError(cell)
    return whole


def _cents_or_none(cell: str) -> int | None:
    """`none` ends a list price."""
    return None if cell.lower() == NO_PRICE else _cents(cell)


def _price_or_none(cents: int | None) -> str:
    return NO_PRICE if cents is None else _price(cents)


def _moment(cell: str) -> datetime:
    """2027-01-01T00:00:00+01:00 is a moment; without its offset from UTC it would be one of 26."""
    moment = datetime.fromisoformat(cell)
    if moment.tzinfo is None:
        raise ValueError(cell)
    return moment.astimezone(UTC)


def _basis_points(cell: str) -> int:
    """21 and 5.5 are rates; they have as many decimals as a price."""
    return _cents(cell.removesuffix("%").rstrip())


def _yes_or_no(cell: str) -> bool:
    try:
        return {"yes": True, "no": False}[cell.strip().lower()]
    except KeyError as error:
        raise ValueError(cell) from error


def _said(value: bool) -> str:
    return "yes" if value else "no"


def _price(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _barcode(cell: str) -> str:
    """Returns the code as it is looked up."""
    try:
        return stored_code(cell)[0]
    except DamagedBarcode as damaged:
        raise ValueError(cell) from damaged


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _words(cell: str) -> tuple[str, ...]:
    return tuple(sorted(set(cell.replace(";", " ").replace(",", " ").split())))


NO_PRICE = "none"
_UNITS = "a whole number from 0 to 1,000,000"
_TEXT = "at most 200 characters and no line breaks"

PRODUCTS = (
    Column("sku", Sku, "1 to 64 characters, no slash, no space at an end", required=True),
    Column("name", Name, "1 to 200 characters and no line breaks", required=True),
    Column("price", Cents, "a number with at most two decimals, such as 2.49", True, "price_cents", _cents, _price),
    Column("id", ProductId, "at most 64 letters, digits and _ . -; leave it empty for a new product", empty=UNSET),
    Column("description", Description, "at most 2,000 characters"),
    Column("category", Text, _TEXT),
    Column("department", Text, _TEXT),
    Column("brand", Text, _TEXT),
    Column("package_size", PackageSize, "at most 100 characters and no line breaks"),
    Column("active", bool, "yes, or no for what is no longer sold", parse=_yes_or_no, show=_said, empty=True),
    Column("unit", Unit, "what a quantity counts: piece, gram, millilitre or millimetre", empty="piece"),
    Column("category_path", CategoryPath, "names from the root with / between them, at most 500 characters"),
    Column("tax_rate", BasisPoints, "percent, such as 21", False, "tax_basis_points", _basis_points, _price, 0),
    Column("tax_included", bool, "yes if the tax is in the price, else no", parse=_yes_or_no, show=_said, empty=True),
    Column("price_per", PricePer, f"the units that the price is for, from 1 to {MAX_PER:,}", parse=_whole, empty=1),
)
BARCODES = (
    Column(
        "barcode",
        str,
        "8, 12, 13 or 14 digits with a right check digit, or another code of at most 48 characters without slash",
        True,
        parse=_barcode,
    ),
    Column("sku", Sku, "the SKU of a product of the catalogue", required=True),
    Column("quantity", Quantity, "the units that one scan means, from 1 to 1,000,000", parse=_whole, empty=1),
)
PRICES = (
    Column("store_id", StoreOrChain, "the id of a store, or * for all stores", required=True),
    Column("sku", Sku, "the SKU of a product of the catalogue", required=True),
    Column("valid_from", datetime, "a moment such as 2027-01-01T00:00:00+01:00", True, parse=_moment, show=_iso),
    Column(
        "price",
        Cents | None,
        f"a number with at most two decimals, or {NO_PRICE} to end the list price",
        True,
        "price_cents",
        _cents_or_none,
        _price_or_none,
        tells_none=True,
    ),
    Column(
        "price_per",
        PricePer,
        f"the units that the price is for, from 1 to {MAX_PER:,}; leave it empty for as many as the product's is for",
        parse=_whole,
        empty=UNSET,
    ),
)
STOCK = (
    Column("store_id", StoreId, "the id of a store", required=True),
    Column("sku", Sku, "the SKU of a product of the catalogue", required=True),
    Column("on_hand", Count, _UNITS, required=True, parse=_whole),
    *(
        Column(name, Count, f"{_UNITS}; leave it empty to change nothing", parse=_whole, empty=UNSET)
        for name in ("safety_stock", "reorder_point", "reorder_quantity", "min_level", "max_level")
    ),
)
STORES = (
    Column("id", StoreId, "1 to 32 letters, digits, _ and -", required=True),
    Column("name", StoreName, "1 to 200 characters and no line breaks", required=True),
)
USERS = (
    Column("name", UserName, "1 to 64 characters without space, slash or colon", required=True),
    Column("role", Role, "clerk, supervisor or admin", required=True),
    Column("display_name", DisplayName, "1 to 200 characters and no line breaks", empty=UNSET),
    Column(
        "stores",
        tuple[StoreId, ...],
        "ids of stores with spaces between; none for an admin",
        parse=_words,
        show=" ".join,
        empty=(),
    ),
    Column("pin", Secret, "at least 4 characters, 8 of an admin, and none that people guess first", empty=UNSET),
    Column("pin_hash", str, "as an export wrote it; leave it empty otherwise", empty=UNSET),
)

COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "products": PRODUCTS,
    "barcodes": BARCODES,
    "prices": PRICES,
    "stock": STOCK,
    "stores": STORES,
    "users": USERS,
}
"""The kinds of file, in no order that matters; see `service.ORDER` for which needs which."""


def struct_of(kind: str) -> type[Struct]:
    """Returns the type of a checked row: a field a column, UNSET where the file has no such column or says nothing."""
    fields: list[tuple[str, Any, Any]] = []
    for column in COLUMNS[kind]:
        fields.append((column.value, column.kind | UnsetType if not column.required else column.kind, UNSET))
    return defstruct(f"{kind.title()}Row", fields, frozen=True)
