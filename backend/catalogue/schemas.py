"""How answers show products. Money is a JSON number."""

from datetime import date, datetime

from msgspec import Struct

from backend.model.scans import CodeKind, Scan
from backend.model.unit_price import UnitPrice
from backend.model.units import Unit
from backend.stock.schemas import StockShape

from .search_queries import Product


class ScanShape(Struct, frozen=True, omit_defaults=True):
    """What a code says beside which product it is of: `quantity` in units, or `grams`, and the whole `price`."""

    kind: CodeKind
    quantity: int | None = None
    grams: int | None = None
    price: float | None = None
    lot: str | None = None
    expiry: date | None = None

    @classmethod
    def of(cls, scan: Scan) -> "ScanShape":
        """Returns `scan` as the wire shows it."""
        price = None if scan.price_cents is None else scan.price_cents / 100
        return cls(scan.kind, scan.units, scan.grams, price, scan.lot, scan.expiry)


class ProductShape(Struct, frozen=True, omit_defaults=True):
    """A product of the catalogue; with `stock` when a store was named, with `pack_quantity` when a barcode was."""

    id: str
    sku: str
    barcode: str | None
    name: str
    description: str
    department: str
    category: str
    brand: str
    package_size: str
    price: float
    active: bool
    unit: Unit
    category_path: str
    tax_rate: float
    """In percent."""
    tax_included: bool
    created_at: datetime
    updated_at: datetime
    version: int
    stock: StockShape | None = None
    store_price: float | None = None
    pack_quantity: int | None = None
    scan: ScanShape | None = None
    price_per: int = 1
    """Units that `price` is for."""
    store_price_per: int = 1

    @classmethod
    def of(
        cls,
        product: Product,
        stock: StockShape | None = None,
        pack_quantity: int | None = None,
        scan: ScanShape | None = None,
        store_price: UnitPrice | None = None,
    ) -> "ProductShape":
        """Returns `product` as the wire shows it."""
        return cls(
            product.id,
            product.sku,
            product.barcode,
            product.name,
            product.description,
            product.department,
            product.category,
            product.brand,
            product.package_size,
            product.price_cents / 100,
            product.active,
            product.unit,
            product.category_path,
            product.tax_basis_points / 100,
            product.tax_included,
            product.created_at,
            product.updated_at,
            product.version,
            stock,
            None if store_price is None else store_price.cents / 100,
            pack_quantity,
            scan,
            product.price_per,
            1 if store_price is None else store_price.per,
        )
