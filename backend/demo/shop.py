"""Builds the demo shop: the chain's stores, catalogue and people, and the opening stock through the ledger.

Safe to run again after a crash, and on a shop that already trades: what is there stays, what is missing is added. Every
opening delivery has a command id of its own, so it arrives once.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid5

from msgspec import structs
from sqlalchemy import Table, delete, insert, make_url, select

from backend.auth.pins import hash_pin
from backend.database import tables
from backend.database.engine import Database, migrate, open_database
from backend.embedded.building import AlreadyBuilding, building
from backend.ledger.lanes import open_ledger
from backend.model.allotments import EVERY_PRODUCT, AllotmentPolicy, Beyond
from backend.model.barcode import in_store_ean13
from backend.model.books import Request
from backend.model.commands import MAX_LINES, Line
from backend.model.search import search_text
from backend.model.stock import Who
from backend.model.verbs.receive import Receive
from backend.shop.service import AnotherShop

from .names import product_names, readable, readable_size
from .source import SourceProduct, products, units_sold

Progress = Callable[[str, int, int], None]
"""Called with the name of a step, how much of it is done, and how much there is."""

STORE_NAMES = (
    "Centro", "Mercado", "Estación", "Puerto", "Plaza Mayor", "Alameda", "Catedral", "Universidad", "Ribera",
    "Jardines", "San Martín", "La Paz", "Arenal", "Molino", "Fuente Nueva", "Las Flores", "Buenavista", "El Prado",
    "Santa Ana", "Miramar", "Los Olivos", "Campo Alegre", "La Loma", "Tres Cruces",
)  # fmt: skip
PEOPLE = (("ana", "Ana Torres", "clerk", "1234"), ("luis", "Luis Herrera", "supervisor", "9876"))
"""Name, display name, role and PIN. Everybody works in all stores."""
EVERYWHERE = 3_000
"""Products that every store carries: the best sellers of the chain."""
SHELF = 6
"""The least of a product that a store opens with."""

_OPENING = UUID("0a5f4a36-5c7f-4c43-8a3f-2e1f0f2ad9b1")
_WHO = Who("system:demo")

__all__ = ["AlreadyBuilding", "AnotherShop", "add_catalogue", "build_demo", "opening_stock"]


def build_demo(url: str, progress: Progress) -> None:
    """Make the demo shop in the database `url`, which may be absent, empty, half built or complete.

    A SQLite file that is absent appears only when it is whole. Raises AnotherShop, AlreadyBuilding and what
    `database.migrate` raises.
    """
    parsed = make_url(url)
    whole = Path(parsed.database or "")
    if parsed.get_backend_name() != "sqlite" or whole.exists():
        asyncio.run(_fill(url, progress))
        return
    with building(whole) as half:
        asyncio.run(_fill(f"sqlite:///{half}", progress))


def opening_stock(sold: Mapping[str, Counter[str]]) -> dict[str, dict[str, int]]:
    """Store → product → units to open with: what the store sells in the period and half as much again.

    The chain's best sellers stand in every store, also where they did not sell.
    """
    chain = Counter[str]()
    for units in sold.values():
        chain.update(units)
    everywhere = [product_id for product_id, _ in chain.most_common(EVERYWHERE)]
    return {
        store_id: {p: max(SHELF, units[p] + (units[p] + 1) // 2) for p in dict.fromkeys([*units, *everywhere])}
        for store_id, units in sorted(sold.items(), key=lambda item: int(item[0]))
    }


async def _fill(url: str, progress: Progress) -> None:
    await migrate(url)
    db = open_database(url)
    try:
        catalogue, stock = products(), opening_stock(units_sold())
        await add_catalogue(db, catalogue, list(stock), progress)
        await _add_stock(db, stock, progress)
    finally:
        await db.close()


async def add_catalogue(
    db: Database, catalogue: Sequence[SourceProduct], stores: list[str], progress: Progress
) -> None:
    """Everything that is not stock, in one transaction: all of it is there or nothing."""
    async with db.writer.begin() as connection:
        present = set((await connection.scalars(select(tables.stores.c.id))).all())
        if present:
            if not present.issuperset(stores):
                raise AnotherShop("This database has another chain's stores; build the demo in an empty one.")
            return
        rows = list(_catalogue_rows(catalogue, stores))
        total, done = sum(len(values) for _, values in rows), 0
        for table, values in rows:
            for start in range(0, len(values), 2_000):
                await connection.execute(insert(table), values[start : start + 2_000])
                done += len(values[start : start + 2_000])
                progress("catalogue", done, total)


def _catalogue_rows(
    catalogue: Sequence[SourceProduct], stores: list[str]
) -> Iterator[tuple[Table, list[dict[str, object]]]]:
    now, names = datetime.now(UTC), product_names(catalogue)
    signs = zip(stores, STORE_NAMES, strict=True)
    about = {"name": "Demo", "currency": "EUR", "time_zone": "Europe/Madrid"}
    yield tables.shop, [{"number": 1, "founded_at": now, **about}]
    yield tables.stores, [{"id": store_id, "name": name, "created_at": now} for store_id, name in signs]
    yield tables.products, [_product_row(product, names[product.id], now) for product in catalogue]
    yield (
        tables.barcodes,
        [{"barcode": in_store_ean13(product.id), "product_id": product.id, "quantity": 1} for product in catalogue],
    )
    yield (
        tables.users,
        [
            {"name": name, "display_name": display, "role": role, "pin_hash": hash_pin(pin), "created_at": now}
            for name, display, role, pin in PEOPLE
        ],
    )
    yield tables.user_stores, [{"user_name": who[0], "store_id": store_id} for who in PEOPLE for store_id in stores]
    # A new terminal keeps nothing yet and knows no supervisor: it is to sell through an outage all the same, marked.
    policy = structs.asdict(AllotmentPolicy(beyond=Beyond.ALLOW))
    yield (
        tables.allotment_policies,
        [{"store_id": store_id, "product_id": EVERY_PRODUCT, **policy, "updated_at": now} for store_id in stores],
    )


def _product_row(product: SourceProduct, name: str, now: datetime) -> dict[str, object]:
    category, department = readable(product.category), readable(product.department)
    brand = "Store Brand" if product.brand == "Private" else product.brand
    return {
        "id": product.id,
        "sku": product.id,
        "name": name,
        "description": " · ".join(part for part in (category, readable(product.type)) if part),
        "category": category,
        "department": department,
        "brand": brand,
        "package_size": readable_size(product.size),
        "price_cents": product.price_cents,
        "search_text": search_text(name, category, department, brand, product.id),
        "created_at": now,
        "updated_at": now,
    }


async def _add_stock(db: Database, stock: Mapping[str, Mapping[str, int]], progress: Progress) -> None:
    ledger = open_ledger(db, lambda _messages: None)
    await ledger.start()
    try:
        for done, (store_id, units) in enumerate(stock.items(), 1):
            await ledger.submit_many([Request(delivery, _WHO) for delivery in _deliveries(store_id, units)])
            progress("stock", done, len(stock))
    finally:
        await ledger.close()
    if db.dialect == "sqlite":
        # Nobody could listen yet, and a terminal starts from the stock itself, not from its history.
        async with db.writer.begin() as connection:
            await connection.execute(delete(tables.outbox))


def _deliveries(store_id: str, units: Mapping[str, int]) -> Iterator[Receive]:
    lines = [Line(product_id, quantity) for product_id, quantity in units.items()]
    for start in range(0, len(lines), MAX_LINES):
        yield Receive(
            id=uuid5(_OPENING, f"{store_id}/{start}"),
            store_id=store_id,
            lines=tuple(lines[start : start + MAX_LINES]),
            document_id="opening-stock",
        )
