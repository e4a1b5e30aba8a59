"""The part of the fake server that terminals keep copies of: the real one's streams and sums, of rows in memory."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import httpx
import msgspec
from msgspec import structs

from backend.model.stock import StockRow
from backend.model.sync import (
    BUCKETS,
    CATALOGUE_MARK,
    STOCK_MARK,
    BucketSum,
    Code,
    CopiedProduct,
    CopiedStock,
    Digest,
    Head,
    Part,
    bucket_sums,
)


class FakeSync:
    """The catalogue as products by id, each with the mark of its last change, and what was told of the stock."""

    def __init__(self, products: Mapping[str, CopiedProduct]) -> None:
        self.products = dict(products)
        self.removed: dict[str, int] = {}
        """Id → mark of the removal."""
        self.events: list[bytes] | None = None
        """What happened, as NATS keeps it; None: there is no NATS."""
        self.begun = 1
        """Another number after the history was lost."""
        self.cut_after: int | None = None
        """Bytes after which the streams break off."""
        self.healed: list[str] = []

    @property
    def position(self) -> int:
        """The position in the changes of the catalogue."""
        return max([*(x.mark for x in self.products.values()), *self.removed.values()], default=0) + 1

    def change(self, product: CopiedProduct) -> None:
        """Add a product, or change it."""
        self.removed.pop(product.id, None)
        self.products[product.id] = msgspec.structs.replace(product, mark=self.position)

    def remove(self, product_id: str) -> None:
        """Take a product out of the catalogue."""
        mark = self.position
        del self.products[product_id]
        self.removed[product_id] = mark

    def answer(
        self, path: str, query: dict[str, str], store_id: str, rows: Iterable[StockRow], at: datetime, said: str
    ) -> httpx.Response | str:
        """The answer to a request below /sync, or the code of a problem."""
        stock = {x.product_id: x for x in rows if x.store_id == store_id and x.version}
        head = Head(store_id, at, str(self.position), self._now)
        goods = sorted(self.products.values(), key=lambda x: x.number)
        if path == "/sync/snapshot":
            head = msgspec.structs.replace(head, products=len(goods), stock=len(stock))
            goods = [x for x in goods if x.number > int(query.get("products_after", "-1"))]
            behind = [x for x in sorted(stock) if x > query.get("stock_after", "")]
            return self._stream(head, goods, [stock[x] for x in behind])
        if path == "/sync/changes":
            after = int(query["after"])
            if after > self.position:
                return "position_gone"
            changed = [(x.mark, x.id) for x in goods if x.mark >= after]
            changed += [(mark, x) for x, mark in self.removed.items() if mark >= after]
            ids = [product_id for _, product_id in sorted(changed)]
            parts = [Part(tuple(self.products[x] for x in ids if x in self.products), self._gone(ids))] if ids else []
            return self._lines(head, parts)
        if path == "/sync/buckets":
            asked = {name: {int(x) for x in query.get(name, "").split(",") if x} for name in ("catalogue", "stock")}
            goods = [x for x in goods if x.number % BUCKETS in asked["catalogue"]]
            wanted = [x for x in sorted(stock) if self.products[x].number % BUCKETS in asked["stock"]]
            return self._stream(head, goods, [stock[x] for x in wanted])
        self.healed.append(said)
        digest = Digest(store_id, head.catalogue, head.events, self._catalogue_sums(), self._stock_sums(stock.values()))
        return httpx.Response(200, content=msgspec.json.encode(digest))

    def events_after(self, query: dict[str, str]) -> httpx.Response | str:
        """The answer to a request for events, or the code of a problem."""
        if self.events is None:
            return "events_away"
        after = query.get("after", self._now)
        begun, _, number = after.partition("-")
        if begun != str(self.begun):
            return "position_gone"
        page = self.events[int(number) : int(number) + int(query.get("limit", "100"))]
        shown = [msgspec.Raw(x) for x in page]
        found = {"events": shown, "next": f"{self.begun}-{int(number) + len(page)}"}
        return httpx.Response(200, content=msgspec.json.encode(found))

    @property
    def _now(self) -> str:
        return "" if self.events is None else f"{self.begun}-{len(self.events)}"

    def _gone(self, ids: Iterable[str]) -> tuple[str, ...]:
        return tuple(x for x in ids if x not in self.products)

    def _stream(self, head: Head, goods: list[CopiedProduct], rows: list[StockRow]) -> httpx.Response:
        parts = [Part(products=tuple(goods))] if goods else []
        stock = tuple(
            CopiedStock(x.product_id, x.on_hand, x.unavailable, x.allocated, x.reserved, x.incoming, x.version)
            for x in rows
        )
        return self._lines(head, [*parts, *([Part(stock=stock)] if stock else [])])

    def _lines(self, head: Head, parts: list[Part]) -> httpx.Response:
        content = msgspec.json.Encoder().encode_lines([head, *parts, Part(end=True)])
        headers = {"content-type": "application/x-ndjson"}
        return httpx.Response(200, content=content[: self.cut_after], headers=headers)

    def _catalogue_sums(self) -> tuple[BucketSum, ...]:
        rows = [(x.number, x.mark, x.price_cents) for x in self.products.values()]
        return _sums("number, mark, price_cents", CATALOGUE_MARK, rows)

    def _stock_sums(self, stock: Iterable[StockRow]) -> tuple[BucketSum, ...]:
        rows = [
            (
                self.products[x.product_id].number,
                x.version,
                x.on_hand,
                x.unavailable,
                x.allocated,
                x.reserved,
                x.incoming,
            )
            for x in stock
            if x.product_id in self.products
        ]
        return _sums("number, version, on_hand, unavailable, allocated, reserved, incoming", STOCK_MARK, rows)


def copied(number: int, mark: int, key: str, sku: str, value: Mapping[str, object], cents: int) -> CopiedProduct:
    """A product of the fake server as copies have it."""
    codes = (Code(str(value["barcode"])),) if value["barcode"] else ()
    size = str(value.get("package_size", ""))
    product = CopiedProduct(number, mark, key, sku, str(value["name"]), cents, size, barcodes=codes)
    return structs.replace(product, unit=value.get("unit", "piece"), price_per=value.get("price_per", 1))


def _sums(columns: str, mark: str, rows: Sequence[tuple[int, ...]]) -> tuple[BucketSum, ...]:
    db = sqlite3.connect(":memory:")
    db.execute(f"CREATE TABLE copied ({columns})")
    db.executemany(f"INSERT INTO copied VALUES ({','.join('?' * len(columns.split(',')))})", rows)
    found = tuple(BucketSum(*row) for row in db.execute(bucket_sums(mark, "SELECT * FROM copied")))
    db.close()
    return found
