"""The packed data as plain values: what the chain sells, and how many units each store sold of it in four weeks."""

import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).with_name("data")
PRODUCTS = DATA / "products.csv.gz"
BASKETS = DATA / "baskets.csv.gz"
PRODUCT_COLUMNS = (
    "product_id",
    "department",
    "product_category",
    "product_type",
    "package_size",
    "brand",
    "unit_price",
)


class SourceProduct(NamedTuple):
    """A product in the source's own words, all of them upper case and cut at 30 characters."""

    id: str
    department: str
    category: str
    type: str
    size: str
    brand: str
    """`National`, or `Private` for the chain's own brand."""
    price_cents: int


def products() -> list[SourceProduct]:
    """Returns every product, by id."""
    return [
        SourceProduct(
            row["product_id"],
            row["department"],
            row["product_category"],
            row["product_type"],
            row["package_size"],
            row["brand"],
            round(float(row["unit_price"]) * 100),
        )
        for row in _rows(PRODUCTS)
    ]


def units_sold() -> dict[str, Counter[str]]:
    """Store id → product id → units sold there in the whole period, for every store."""
    sold: dict[str, Counter[str]] = {}
    for row in _rows(BASKETS):
        sold.setdefault(row["store_id"], Counter())[row["product_id"]] += int(row["quantity"])
    return sold


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
