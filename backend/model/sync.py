"""What a server tells the terminals that keep a copy: the lines of its streams, and how copies are compared.

A stream is a JSON value a line: a Head, any number of Parts, and a Part that says it is the last. Lines of products and
of stock are arrays, of which a newer server may send longer ones.
"""

from datetime import datetime

from msgspec import Struct

from .price_lists import ListPrice
from .stock import StockRow
from .units import Unit


class Code(Struct, frozen=True, array_like=True):
    """A barcode, and how many units one scan of it means."""

    barcode: str
    quantity: int = 1


class CopiedPrice(Struct, frozen=True, array_like=True):
    """A list price of the store or of the chain."""

    store_id: str
    valid_from: datetime
    price_cents: int | None
    price_per: int = 1

    @property
    def of_list(self) -> ListPrice:
        """The same as the rule book has it."""
        return ListPrice(self.store_id, self.valid_from, self.price_cents, self.price_per)


class CopiedProduct(Struct, frozen=True, array_like=True):
    """A product as a counter needs it."""

    number: int
    """The server's own; no two products have one at the same time."""
    mark: int
    """Another one after each change of the product, its barcodes or its prices."""
    id: str
    sku: str
    name: str
    price_cents: int
    package_size: str = ""
    category: str = ""
    department: str = ""
    brand: str = ""
    active: bool = True
    unit: Unit = "piece"
    tax_basis_points: int = 0
    tax_included: bool = True
    barcodes: tuple[Code, ...] = ()
    prices: tuple[CopiedPrice, ...] = ()
    price_per: int = 1
    """Units that `price_cents` is for."""


class CopiedStock(Struct, frozen=True, array_like=True):
    """A stock row of the store that is copied."""

    product_id: str
    on_hand: int
    unavailable: int
    allocated: int
    reserved: int
    incoming: int
    version: int

    def row(self, store_id: str) -> StockRow:
        """Returns the same as the rule book has it."""
        return StockRow(
            store_id,
            self.product_id,
            self.on_hand,
            self.unavailable,
            self.allocated,
            self.reserved,
            self.incoming,
            self.version,
        )


class Head(Struct, frozen=True, omit_defaults=True):
    """The first line of a stream. Whatever changed after its positions may be missing in the lines behind it."""

    store_id: str
    at: datetime
    catalogue: str
    """The position in the changes of the catalogue."""
    events: str = ""
    """The position in the events of the store; empty while they cannot be read."""
    products: int = 0
    """How many products there are; only told by a snapshot, as is the next."""
    stock: int = 0
    in_store_codes: tuple[str, ...] = ()
    """How codes with a weight or a price in them are made, see `backend.model.scans.Mask`."""


class Part(Struct, frozen=True, omit_defaults=True):
    """A further line: some products, ids of products that are gone, some stock; `end` with the last one."""

    products: tuple[CopiedProduct, ...] = ()
    removed: tuple[str, ...] = ()
    stock: tuple[CopiedStock, ...] = ()
    end: bool = False


class BucketSum(Struct, frozen=True):
    """How many rows of a bucket there are, and their sum."""

    bucket: int
    rows: int
    sum: int


class Digest(Struct, frozen=True):
    """What a copy of a store is compared by. A copy with the same sums has the same rows."""

    store_id: str
    catalogue_position: str
    events_position: str
    catalogue: tuple[BucketSum, ...]
    stock: tuple[BucketSum, ...]


BUCKETS = 1024
"""A product belongs to the bucket of its number modulo this."""
_PRIME = 2**31 - 1
STOCK_MARK = (
    "(version * 1000003 + on_hand * 8191 + unavailable * 131071 + allocated * 524287"
    " + reserved * 65537 + incoming * 33391)"
)
"""A stock row as one number, in SQL that a terminal and both databases of servers read alike."""
CATALOGUE_MARK = "(mark * 69621 + price_cents)"
"""The same of a product."""


def bucket_sums(mark: str, rows: str) -> str:
    """Returns the SQL statement that sums up `rows`, which have a `number`, by their `mark`: bucket, rows, sum.

    Each row's mark is multiplied by what its number makes, so rows that have exchanged their marks are noticed.
    """
    one = f"((number * 48271 + 1) % {_PRIME}) * ({mark} % {_PRIME}) % {_PRIME}"
    return (
        f"SELECT number % {BUCKETS} AS bucket, count(*) AS rows, CAST(sum({one}) AS BIGINT) AS sum"
        f" FROM ({rows}) AS copied GROUP BY 1 ORDER BY 1"
    )
