"""Finding products by what people type, at any size of the answer. The small numbers make few hits count as many."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, insert, text, update

from backend.catalogue import word_search
from backend.catalogue.word_search import Page, SearchKey, search_products
from backend.database.engine import Database
from backend.database.reads import reading
from backend.database.tables import barcodes, products
from backend.model.search import search_text

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = {
    "P100": ("Chocolate con leche", "Dulces"),
    "P101": ("Leche entera", "Lácteos"),
    "P102": ("Café con leche", "Bebidas"),
    "P103": ("Galletas de chocolate", "Dulces"),
    "P104": ("Queso fresco", "Productos de leche"),
    "RICE": ("Arroz 1 kg", "Despensa"),
    "P105": ("Yogur de fresa", "Lácteos"),
}


def row(sku: str, name: str, category: str = "", **more: Any) -> dict[str, Any]:
    found_by = search_text(name, category, "", "", sku)
    of_all = {"price_cents": 1, "created_at": NOW, "updated_at": NOW}
    return of_all | {"id": sku, "sku": sku, "name": name, "category": category, "search_text": found_by} | more


@pytest.fixture
async def catalogue(database: Database) -> Database:
    async with database.writer.begin() as connection:
        await connection.execute(insert(products), [row(sku, *named) for sku, named in NAMES.items()])
        await connection.execute(insert(barcodes), [{"barcode": "8400000000017", "product_id": "P101"}])
    return database


@pytest.fixture(params=["ranked", "staged and sorted", "staged and walked"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs the test in each way that a page is read."""
    if request.param != "ranked":
        monkeypatch.setattr(word_search, "RANKED", 0)
    if request.param == "staged and walked":
        monkeypatch.setattr(word_search, "SORTED", 0)
    return str(request.param)


async def search(db: Database, query: str, **more: Any) -> Page:
    async with reading(db) as connection:
        return await search_products(connection, query, **({"limit": 50} | more))


async def ids(db: Database, query: str, **more: Any) -> list[str]:
    return [product.id for product in (await search(db, query, **more)).products]


@pytest.mark.usefixtures("way")
async def test_the_best_comes_first(catalogue: Database) -> None:
    assert await ids(catalogue, "leche") == ["P101", "P102", "P100", "P104"]
    assert await ids(catalogue, "LÉCHE con") == ["P102", "P100"]
    assert await ids(catalogue, "choco") == ["P100", "P103"]
    assert await ids(catalogue, "c") == ["P102", "P100", "P103"]
    assert await ids(catalogue, "P101") == ["P101"]
    assert await ids(catalogue, "p10") == ["P100", "P101", "P102", "P103", "P104", "P105"]
    assert await ids(catalogue, "8400000000017") == ["P101"]
    assert await ids(catalogue, "rice") == ["RICE"]
    assert await ids(catalogue, "ric") == ["RICE"]
    assert await ids(catalogue, "", category="Dulces") == ["P100", "P103"]
    assert await ids(catalogue, "chocolate", category="Dulces") == ["P100", "P103"]
    assert await ids(catalogue, "leche", category="Dulces") == ["P100"]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("chocolte", ["P100", "P103"]),
        ("hcocolate", ["P100", "P103"]),
        ("galetas", ["P103"]),
        ("yoghur", ["P105"]),
        ("quesoo fersco", ["P104"]),
        ("colate", ["P100", "P103"]),
        ("leche pan", []),
        ("xyzzy", []),
        ("%", []),
        ("'", []),
        ('"* OR "', []),
        ("\\", []),
    ],
)
async def test_what_was_typed_wrongly(catalogue: Database, typed: str, found: list[str]) -> None:
    page = await search(catalogue, typed)
    assert [product.id for product in page.products] == found
    assert page.similar == bool(found)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("query", ["", "e", "leche", "p1", "lehce", "c"])
@pytest.mark.parametrize("size", [1, 2, 3])
async def test_cursors_lead_through_all_of_them_once(catalogue: Database, query: str, size: int) -> None:
    whole = await ids(catalogue, query)
    assert whole
    seen: list[str] = []
    after: SearchKey | None = None
    while True:
        page = await search(catalogue, query, limit=size, after=after)
        seen += [product.id for product in page.products]
        after = page.next
        if after is None:
            break
        assert after.seen == len(seen)
    assert seen == whole
    by_offset = [await ids(catalogue, query, limit=1, offset=n) for n in range(len(whole) + 1)]
    assert by_offset == [[one] for one in whole] + [[]]


async def test_a_page_goes_on_where_the_last_one_ended(catalogue: Database) -> None:
    """What comes or goes meanwhile is neither shown twice nor hides another."""
    first = await search(catalogue, "leche", limit=2)
    assert [product.id for product in first.products] == ["P101", "P102"]
    async with catalogue.writer.begin() as connection:
        await connection.execute(insert(products), [row("P106", "Leche desnatada")])
        await connection.execute(delete(products).where(products.c.id == "P102"))
    rest = await search(catalogue, "leche", after=first.next)
    assert [product.id for product in rest.products] == ["P100", "P104"]


async def test_whoever_writes_a_product_it_is_found_as_it_is(catalogue: Database) -> None:
    """The previous release writes products too, and an import does not go through `catalogue.queries`."""

    async def change(**values: Any) -> None:
        async with catalogue.writer.begin() as connection:
            await connection.execute(update(products).where(products.c.id == "P101").values(**values))

    await change(name="Horchata", search_text=search_text("Horchata", "P101"))
    assert await ids(catalogue, "horchata") == ["P101"]
    assert "P101" not in await ids(catalogue, "leche")
    assert await ids(catalogue, "horchatta") == ["P101"]
    await change(active=False)
    assert await ids(catalogue, "horchata") == []
    assert await ids(catalogue, "P101") == []
    assert await ids(catalogue, "horchata", inactive=True) == ["P101"]
    await change(search_text=search_text("Horchata de chufa", "P101"))
    await change(active=True, sku="X-9")
    assert await ids(catalogue, "chufa") == ["P101"]
    assert await ids(catalogue, "x-") == ["P101"]
    async with catalogue.writer.begin() as connection:
        await connection.execute(delete(products).where(products.c.id == "P101"))
    assert await ids(catalogue, "chufa") == []
    if catalogue.dialect == "sqlite":
        async with catalogue.writer.begin() as connection:
            await connection.execute(text("INSERT INTO product_words (product_words) VALUES ('integrity-check')"))


async def test_many_hits_are_told_to_be_about_so_many(catalogue: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_search, "RANKED", 0)
    monkeypatch.setattr(word_search, "SORTED", 0)
    monkeypatch.setattr(word_search, "COUNTED", 2)
    page = await search(catalogue, "leche", limit=2)
    assert page.exact is False
    assert page.total >= 3
    assert page.next is not None


async def test_a_search_reads_its_indexes(catalogue: Database) -> None:
    async with catalogue.writer.begin() as connection:
        some = [row(f"N{n:05}", f"Artículo {n % 997} número {n}") for n in range(5_000)]
        await connection.execute(insert(products), some)
        await connection.execute(text("ANALYZE product_search"))
    explain = "EXPLAIN QUERY PLAN" if catalogue.dialect == "sqlite" else "EXPLAIN"
    async with catalogue.engine.connect() as connection:
        if catalogue.dialect == "postgresql":  # whose planner reads a small table whole if it may
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
        if catalogue.dialect == "sqlite":
            hits = "number IN (SELECT rowid FROM product_words WHERE product_words MATCH 'numero*')"
        else:
            hits = "words @@ '''leche'':*'::tsquery"
        found = ""
        for condition in (hits, "code >= 'n00' AND code < 'n01'", "name >= 'leche' AND name < 'lechf'"):
            sql = f"{explain} SELECT number FROM product_search WHERE {condition}"
            found += "\n".join(str(line[-1]) for line in await connection.execute(text(sql)))
    assert "SCAN product_search" not in found
    assert "Seq Scan" not in found


@pytest.mark.usefixtures("way")
async def test_a_place_in_the_tree_of_categories_is_what_is_there_or_below(catalogue: Database) -> None:
    paths = {"P100": "Grocery/Sweets", "P101": "Grocery/Dairy", "P102": "Grocery", "P103": "Grocery Extra"}
    async with catalogue.writer.begin() as connection:
        for sku, path in (paths | {"P104": "Grocery/Dairy/Cheese", "P105": "grocery/Dairy"}).items():
            await connection.execute(update(products).where(products.c.id == sku).values(category_path=path))
    assert await ids(catalogue, "", category_path="Grocery") == ["P102", "P100", "P101", "P104"]
    assert await ids(catalogue, "", category_path="Grocery/Dairy") == ["P101", "P104"]
    assert await ids(catalogue, "leche", category_path="Grocery/Dairy") == ["P101", "P104"]
    assert await ids(catalogue, "chocolate con", category_path="Grocery") == ["P100"]
    assert await ids(catalogue, "lehce", category_path="Grocery/Dairy") == ["P101", "P104"]
    assert await ids(catalogue, "", category_path="Grocery/Dai") == []
    page = await search(catalogue, "", category_path="Grocery", limit=3)
    assert page.total == 4
    rest = await search(catalogue, "", category_path="Grocery", limit=3, after=page.next)
    assert [product.id for product in rest.products] == ["P104"]


@pytest.mark.usefixtures("way")
async def test_several_words_are_each_looked_for_in_every_stage(catalogue: Database) -> None:
    """A stage has no product of the stages before it, and all of the others."""
    assert await ids(catalogue, "leche en") == ["P101"]
    assert await ids(catalogue, "leche en", inactive=True) == ["P101"]
    assert await ids(catalogue, "leche pro", inactive=True) == ["P104"]
    assert await ids(catalogue, "chocolate dulces", inactive=True) == ["P100", "P103"]
