"""The search of the copy is held to the server's: the same words find the same products in the same order."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec import structs
from sqlalchemy import insert

from backend.catalogue.word_search import search_products
from backend.database.engine import Database, open_database
from backend.database.reads import reading
from backend.database.tables import barcodes, products
from backend.sync.queries import products_behind
from backend.terminal.cache import search, writing
from backend.terminal.cache.cache import Cache
from tests.catalogue.test_word_search import NAMES, row

TYPED = [
    "",
    "leche",
    "LÉCHE con",
    "choco",
    "c",
    "P101",
    "p10",
    "p",
    "8400000000017",
    "rice",
    "ric",
    "chocolte",
    "hcocolate",
    "galetas",
    "yoghur",
    "quesoo fersco",
    "colate",
    "leche pan",
    "xyzzy",
    "%",
    "'",
    '"* OR "',
    "\\",
    "de",
    "fresa 12",
    "ñandu",
    "straße",
    "leche l",
]


@pytest.fixture(params=[2_000, 3, 0])
def sorted_hits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs the test with few hits sorted, and with few counting as many."""
    monkeypatch.setattr(search, "SORTED", request.param)


async def copied(db: Database, path: Path) -> Cache:
    """A copy of the whole catalogue."""
    async with reading(db) as connection:
        found = await products_behind(connection, "s", -1, 10_000)
    cache = Cache(path, "s")
    await cache.write(lambda db: writing.put_products(db, found), (), {"complete": "1"})
    return cache


@pytest.fixture
async def catalogue(sqlite_url: str) -> AsyncIterator[Database]:
    db = open_database(sqlite_url)
    chance = random.Random(7)
    words = [
        "leche",
        "con",
        "chocolate",
        "de",
        "fresa",
        "Ñandú",
        "12",
        "l",
        "Straße",
        "galletas",
        "pan",
        "P10",
        "yogur",
    ]
    made = [
        row(f"{chance.choice('PQ')}{n:03}", " ".join(chance.choices(words, k=3)), chance.choice(words))
        for n in range(200, 290)
    ]
    made += [row("INACTIVE", "leche vieja", active=False), row("X-1", "Té"), row("lower", "Agua")]
    async with db.writer.begin() as connection:
        await connection.execute(insert(products), [row(sku, *named) for sku, named in NAMES.items()])
        for one in made:
            await connection.execute(insert(products), [one])
        await connection.execute(insert(barcodes), [{"barcode": "8400000000017", "product_id": "P101"}])
    yield db
    await db.close()


@pytest.mark.usefixtures("sorted_hits")
async def test_it_finds_what_the_server_finds(catalogue: Database, tmp_path: Path) -> None:
    cache = await copied(catalogue, tmp_path / "copy.db")
    async with reading(catalogue) as connection:
        for typed in TYPED:
            for limit, offset in ((50, 0), (3, 0), (3, 2), (1, 60)):
                page = await search_products(connection, typed, limit=limit, offset=offset)
                found = await cache.search(typed, limit, offset)
                asked = f"{typed!r} {limit} {offset}"
                assert [x.product.id for x in found.found] == [x.id for x in page.products], asked
                assert found.more == (page.next is not None), asked
                assert found.similar == page.similar, asked
    await cache.close()


async def test_a_product_that_changed_is_found_by_its_new_words_only(catalogue: Database, tmp_path: Path) -> None:
    cache = await copied(catalogue, tmp_path / "copy.db")
    async with reading(catalogue) as connection:
        before = await products_behind(connection, "s", -1, 1)
    renamed = structs.replace(before[0], name="Zanahoria", category="")

    async def ids(words: str) -> list[str]:
        return [x.product.id for x in (await cache.search(words)).found]

    assert before[0].id in await ids(before[0].name)
    await cache.write(lambda db: writing.put_products(db, [renamed]), (), {})
    assert await ids("zanah") == [renamed.id]
    assert renamed.id not in await ids(before[0].name)
    await cache.write(lambda db: writing.remove_products(db, [renamed.id]), (), {})
    assert await ids("zanahoria") == []
    await cache.close()
