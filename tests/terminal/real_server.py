"""The real server in the world of the fake one: its stores, people, products and stock, on SQLite, without a socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Table, insert

from backend.auth.pins import hash_pin
from backend.database import tables
from backend.database.engine import open_database
from backend.ids import new_id
from backend.model.commands import Line
from backend.model.search import search_text
from backend.model.verbs.receive import Receive
from backend.server import running
from backend.settings import Settings
from backend.terminal.api import Api

from .fake_server import IN_STOCK, NATS_URL, PEOPLE, PIN, PRODUCTS, SKUS, STORES, price_cents


@asynccontextmanager
async def real_server(database_url: str, directory: Path) -> AsyncIterator[httpx.AsyncBaseTransport]:
    """The transport of a server whose shop is furnished as FakeServer's is."""
    await _furnish(database_url)
    settings = Settings.load(
        _env_file=None,
        database_url=database_url,
        nats_url="",
        nats_client_url=NATS_URL,
        signing_key_file=directory / "key.pem",
    )
    async with running(settings) as app:
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))  # type: ignore[arg-type]  # Litestar's own types
        await _stock_up(transport)
        yield transport


async def _furnish(url: str) -> None:
    now = datetime.now(UTC)
    rows: list[tuple[Table, list[dict[str, Any]]]] = [
        (tables.stores, [{"id": store.id, "name": store.name, "created_at": now} for store in STORES]),
        (
            tables.products,
            [
                {
                    "id": key,
                    "sku": SKUS.get(key, f"S{key}"),
                    "name": value["name"],
                    "package_size": value.get("package_size", ""),
                    "price_cents": price_cents(key),
                    "price_per": value.get("price_per", 1),
                    "unit": value.get("unit", "piece"),
                    "search_text": search_text(value["name"]),
                    "created_at": now,
                    "updated_at": now,
                }
                for key, value in PRODUCTS.items()
            ],
        ),
        (
            tables.barcodes,
            [{"barcode": value["barcode"], "product_id": key, "quantity": 1} for key, value in PRODUCTS.items()],
        ),
        (
            tables.users,
            [
                {"name": who, "display_name": who.title(), "role": role, "pin_hash": hash_pin(PIN), "created_at": now}
                for who, (role, _) in PEOPLE.items()
            ],
        ),
        (
            tables.user_stores,
            [{"user_name": who, "store_id": store} for who, (_, stores) in PEOPLE.items() for store in stores],
        ),
    ]
    db = open_database(url)
    try:
        async with db.writer.begin() as connection:
            for table, values in rows:
                await connection.execute(insert(table), values)
    finally:
        await db.close()


async def _stock_up(transport: httpx.AsyncBaseTransport) -> None:
    api = Api("http://server", transport=transport)
    await api.sign_in("luis", PIN, STORES[0].id, "T9")
    lines = tuple(Line(key, IN_STOCK) for key in PRODUCTS)
    answers = await api.send([Receive(id=new_id(), store_id=store.id, lines=lines) for store in STORES])
    assert all(answer.accepted for answer in answers)
