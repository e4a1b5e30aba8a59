"""Makes the compressed copies in `backend/demo/data` from a directory with `products.csv` and `baskets.csv.gz`.

    python -m backend.demo.pack DIRECTORY

The same source gives the same bytes. Only this script knows the source's own shape; see data/README.md for the source.
"""

import csv
import gzip
import io
import sys
from collections.abc import Iterable
from pathlib import Path

from .source import BASKETS, PRODUCT_COLUMNS, PRODUCTS

UNLISTED = {"department": "MISCELLANEOUS", "product_category": "", "product_type": "UNLISTED ITEM", "brand": "National"}
"""What is known of a product that was sold but is not in the source's list of products."""


def pack(source: Path) -> tuple[int, int]:
    """Write both files and return how many products and basket lines they have."""
    with (source / "products.csv").open(encoding="utf-8", newline="") as file:
        products = {row["product_id"]: row for row in csv.DictReader(file)}
    with gzip.open(source / "baskets.csv.gz", "rt", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        columns, baskets = list(reader.fieldnames or ()), list(reader)
    for line in baskets:
        if line["product_id"] not in products:
            price = float(line["sales_value"]) / int(line["quantity"])
            products[line["product_id"]] = UNLISTED | {
                "product_id": line["product_id"],
                "package_size": "",
                "unit_price": f"{price:.2f}",
            }
    _write(PRODUCTS, PRODUCT_COLUMNS, sorted(products.values(), key=lambda row: int(row["product_id"])))
    _write(BASKETS, columns, baskets)
    return len(products), len(baskets)


def _write(path: Path, columns: Iterable[str], rows: Iterable[dict[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


if __name__ == "__main__":
    sys.stdout.write("{} products, {} basket lines\n".format(*pack(Path(sys.argv[1]))))
