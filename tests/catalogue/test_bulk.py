"""Many products at once: every field as it was said, and one statement however many they are."""

from msgspec import structs
from sqlalchemy import event

from backend.catalogue.queries import Draft, add_products
from backend.catalogue.search_queries import product_by_id
from backend.catalogue.word_search import search_products
from backend.database.engine import Database
from backend.database.reads import reading

DRAFT = Draft(
    sku="",
    name="Jamón \"7\" 'x'",
    price_cents=249,
    description="two\nlines; and, commas",
    category="Carnes",
    department="Fresco",
    brand="Ñ",
    package_size="1 kg",
    barcode=None,
    active=False,
    unit="gram",
    category_path="Grocery/Meat",
    tax_basis_points=2100,
    tax_included=False,
    price_per=1000,
)


async def test_many_products_are_one_statement_and_as_they_were_said(database: Database) -> None:
    drafts = {f"H{n}": structs.replace(DRAFT, sku=f"SKU-{n}", active=n > 0) for n in range(300)}
    statements: list[tuple[str, bool]] = []

    @event.listens_for(database.engine.sync_engine, "before_cursor_execute")
    def note(_c: object, _u: object, statement: str, _p: object, _x: object, many: bool) -> None:
        statements.append((statement, many))

    async with database.writer.begin() as connection:
        await add_products(connection, drafts)
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    assert [many for statement, many in statements if "INSERT INTO products" in statement] == [False]
    async with reading(database) as connection:
        for key in ("H0", "H299"):
            product = await product_by_id(connection, key)
            assert product is not None
            assert Draft.of(product) == drafts[key]
            assert product.created_at == product.updated_at
        assert (await search_products(connection, "jamon carnes", limit=5)).total == 299
