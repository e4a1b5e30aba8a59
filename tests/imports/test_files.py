"""Files brought in and written out: each kind, again, with errors, and back into an empty database."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from backend.auth.pins import Pins
from backend.catalogue.price_lists import list_prices_of
from backend.catalogue.prices import former_prices_of
from backend.catalogue.word_search import search_products
from backend.database import tables
from backend.database.engine import Database, migrate, open_database
from backend.database.reads import reading
from backend.ids import new_id
from backend.imports import counts
from backend.imports.reading import RowError
from backend.imports.service import ORDER, Imported, import_file
from backend.imports.writing import export_files
from backend.ledger.lanes import Ledger, open_ledger
from backend.model.answers import Answer
from backend.model.books import Request
from backend.model.commands import Line, SaleLine
from backend.model.errors import InvalidInput, MostradorError
from backend.model.stock import Who
from backend.model.unit_price import UnitPrice
from backend.model.verbs.reserve import Reserve
from backend.model.verbs.sell import Sell
from backend.people.queries import find_user
from backend.people.service import LastAdmin
from backend.proof.books import prove

STORES = "id,name\n1,Centro\n2,Norte\n"
PRODUCTS = "sku,name,price,category\nMILK,Leche entera,1.29,Lácteos\nRICE,Arroz redondo,0.99,Despensa\nA/B,x,1,\n"
BARCODES = "barcode,sku,quantity\n8400000000017,MILK,\n18400000000014,MILK,6\n"
CODES = "barcode,sku\n042100005264,MILK\nAB-1234,MILK\n(01)08400000000017,RICE\n"
PRICES = (
    "store_id,sku,valid_from,price,price_per\n*,MILK,2020-01-01T00:00:00+01:00,1.19,\n"
    "1,MILK,2999-01-01T00:00:00Z,none,\n2,MILK,2999-01-01T00:00:00Z,2.49,1000\n"
)
STOCK = "store_id,sku,on_hand,reorder_point\n1,MILK,10,3\n1,RICE,7,\n2,MILK,0,\n"
USERS = "name,role,stores,pin\neva,admin,,open sesame\nana,clerk,1 2,4071\n"


def quiet(_step: str, _done: int, _total: int) -> None:
    pass


class Files:
    """A directory of files, and a database that they are brought into."""

    def __init__(self, db: Database, directory: Path) -> None:
        self.db, self._directory = db, directory

    async def bring(self, kind: str, text: str, *, dry_run: bool = False, again: bool = False) -> Imported:
        path = self._directory / f"{kind}.csv"
        path.write_text(text, "utf-8", newline="")
        return await import_file(self.db, kind, path, quiet, dry_run=dry_run, again=again)

    async def furnish(self) -> None:
        for kind, text in (("stores", STORES), ("products", PRODUCTS.replace("A/B,x,1,\n", "")), ("stock", STOCK)):
            assert (await self.bring(kind, text)).errors == []

    async def all(self, *names: str) -> list[Sequence[Any]]:
        """Everything in these tables, to compare."""
        found: list[Sequence[Any]] = []
        async with reading(self.db) as connection:
            for name in names:
                table = tables.metadata.tables[name]
                found.append((await connection.execute(select(table).order_by(*table.primary_key))).all())
        return found

    async def on_hand(self) -> dict[tuple[str, str], int]:
        async with reading(self.db) as connection:
            rows = await connection.execute(select(tables.stock))
            return {(row.store_id, row.product_id): row.on_hand for row in rows}


@pytest.fixture
def files(database: Database, tmp_path: Path) -> Files:
    return Files(database, tmp_path)


def counted(done: Imported) -> tuple[int, int, int]:
    assert done.errors == []
    assert done.written
    return done.created, done.changed, done.unchanged


async def sell(db: Database, product_id: str, quantity: int) -> None:
    sale = Sell(id=new_id(), store_id="1", lines=(SaleLine(product_id, quantity, 129),), receipt_number="")
    await submit(db, sale)


async def submit(db: Database, command: Any) -> None:
    ledger = open_ledger(db, lambda _: None)
    await ledger.start()
    answer = await ledger.submit(Request(command, Who("ana")))
    await ledger.close()
    assert answer.accepted, answer.refusal


async def test_a_shop_of_files_and_the_same_files_again_change_nothing(files: Files) -> None:
    products = PRODUCTS.replace("A/B,x,1,\n", "")
    everything = (
        ("stores", STORES, (2, 0, 0)),
        ("users", USERS, (2, 0, 0)),
        ("products", products, (2, 0, 0)),
        ("barcodes", BARCODES, (2, 0, 0)),
        ("stock", STOCK, (0, 3, 0)),
    )
    for kind, text, expected in everything:
        assert counted(await files.bring(kind, text)) == expected
    names = ("stores", "users", "user_stores", "products", "barcodes", "stock", "levels", "movements", "audit")
    before = await files.all(*names)
    for kind, text, expected in everything:
        assert counted(await files.bring(kind, text)) == (0, 0, sum(expected))
    assert await files.all(*names) == before
    assert await files.on_hand() == {("1", "MILK"): 10, ("1", "RICE"): 7, ("2", "MILK"): 0}
    async with reading(files.db) as connection:
        found = await search_products(connection, "lacteos", limit=5, offset=0)
        eva = await find_user(connection, "eva")
    assert [(product.sku, product.barcode, product.price_cents) for product in found.products] == [
        ("MILK", "8400000000017", 129)
    ]
    assert eva is not None
    assert await Pins().verify(eva.pin_hash, "open sesame")
    assert (await prove(files.db)).drifts == ()


async def test_what_is_exported_comes_back_identical(
    files: Files, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    await files.furnish()
    odd = 'sku,name,price,description\n"Q, ""7""",Línea ñ,3.05,"two\r\nlines; and, commas"\n'
    assert counted(await files.bring("products", odd)) == (1, 0, 0)
    assert counted(await files.bring("barcodes", BARCODES)) == (2, 0, 0)
    assert counted(await files.bring("users", USERS)) == (2, 0, 0)
    assert counted(await files.bring("prices", PRICES)) == (3, 0, 0)
    await sell(files.db, "MILK", 4)
    first = {kind: tmp_path / "first" / f"{kind}.csv" for kind in ORDER}
    (tmp_path / "first").mkdir()
    written = await export_files(files.db, first, quiet)
    assert written == {"stores": 2, "users": 2, "products": 3, "barcodes": 2, "prices": 3, "stock": 3}
    assert all(path.stat().st_mode & 0o077 == 0 for path in first.values())

    if files.db.dialect == "sqlite":
        url = f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        postgres = request.getfixturevalue("postgres")
        url = postgres.url(postgres.create_database())
    await migrate(url)
    copy = open_database(url)
    second = {kind: tmp_path / f"{kind}-2.csv" for kind in ORDER}
    try:
        for kind in ORDER:
            assert (await import_file(copy, kind, first[kind], quiet)).errors == []
        assert await export_files(copy, second, quiet) == written
        for name in ("barcodes", "user_stores", "levels", "prices"):
            assert await Files(copy, tmp_path).all(name) == await files.all(name)
        assert await Files(copy, tmp_path).on_hand() == await files.on_hand()
        assert (await prove(copy)).drifts == ()
    finally:
        await copy.close()
    for kind in ORDER:
        assert second[kind].read_bytes() == first[kind].read_bytes()


@pytest.mark.parametrize(
    ("kind", "text", "errors"),
    [
        (
            "products",
            "sku,name,price\nA,Milk,1.299\nB,,1\n,Milk,1\nC,Milk,-1\nD,Milk,1\nD,Milk,2\n",
            [(2, "price"), (3, "name"), (4, "sku"), (5, "price"), (7, "sku")],
        ),
        ("products", "sku,name,price\nA,Milk\nB,Milk,1,2\n", [(2, ""), (3, "")]),
        ("products", 'sku,name,price\nA,"two\nlines",1\nB,Milk,x\n', [(2, "name"), (4, "price")]),
        ("products", "id,sku,name,price\nRICE,MILK,Milk,1\n a,X,Milk,1\n", [(2, "sku"), (3, "id")]),
        (
            "barcodes",
            "barcode,sku,quantity\n8400000000018,MILK,1\n8400000000017,TEA,1\n8400000000024,MILK,0\n",
            [(2, "barcode"), (3, "sku"), (4, "quantity")],
        ),
        (
            "stock",
            "store_id,sku,on_hand\n9,MILK,1\n1,TEA,1\n1,MILK,1.5\n1,MILK,-1\n1,RICE,2\n1,RICE,3\n",
            [(2, "store_id"), (3, "sku"), (4, "on_hand"), (5, "on_hand"), (7, "sku")],
        ),
        (
            "prices",
            "store_id,sku,valid_from,price,price_per\n9,MILK,2999-01-01T00:00:00Z,1,\n1,TEA,2999-01-01T00:00:00Z,1,\n"
            "1,MILK,2999-01-01T00:00:00,1,\n1,MILK,2999-01-01T00:00:00Z,,\n1,MILK,2999-01-01T00:00:00Z,1,0\n"
            "a b,MILK,2999-01-01T00:00:00Z,1,\n1,RICE,2999-01-01T00:00:00Z,1,\n1,RICE,2999-01-01T01:00:00+01:00,2,\n",
            [
                (2, "store_id"),
                (3, "sku"),
                (4, "valid_from"),
                (5, "price"),
                (6, "price_per"),
                (7, "store_id"),
                (9, "valid_from"),
            ],
        ),
        ("stores", "id,name\na b,Centro\n3,\n", [(2, "id"), (3, "name")]),
        (
            "users",
            "name,role,stores,pin\nana,boss,1,4071\npia,clerk,,4071\nleo,clerk,9,4071\nluz,clerk,1,1234\n"
            "teo,clerk,1,\neva,admin,1,open sesame\n",
            [(2, "role"), (3, "stores"), (4, "stores"), (5, "pin"), (6, "pin"), (7, "stores")],
        ),
        ("users", "name,role,stores,pin_hash\nana,clerk,1,$argon2i$v=19$m=8\n", [(2, "pin_hash")]),
    ],
)
async def test_every_error_has_its_line_and_its_field_and_nothing_is_changed(
    files: Files, kind: str, text: str, errors: list[tuple[int, str]]
) -> None:
    await files.furnish()
    names = ("stores", "users", "products", "barcodes", "stock", "movements", "audit")
    before = await files.all(*names)
    done = await files.bring(kind, text)
    assert [(error.line, error.field) for error in done.errors] == errors
    assert all(error.message.endswith(".") for error in done.errors)
    assert not done.written
    assert await files.all(*names) == before


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("sku,name\nA,Milk\n", "has no column price"),
        ("sku,name,price,prize\n", "a column 'prize'; the columns of products are sku, name, price"),
        ("sku,sku,name,price\n", "the column sku twice"),
        ('sku,name,price\nA,"Milk,1\n', "is not CSV"),
        ("", "has no column sku"),
    ],
)
async def test_what_is_no_such_file_is_said_at_once(files: Files, text: str, sentence: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await files.bring("products", text)
    assert sentence in refused.value.message


async def test_a_file_that_is_no_utf8_names_the_line(files: Files, tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes("sku,name,price\nA,Leña,1\n".encode("latin-1"))
    with pytest.raises(InvalidInput, match="line 2, is not UTF-8"):
        await import_file(files.db, "products", path, quiet)


@pytest.mark.parametrize("text", ["﻿sku;name;price\r\nA;Milk;2,49\r\n", "sku\tname\tprice\nA\tMilk\t2.49\n"])
async def test_what_spreadsheets_write_is_understood(files: Files, text: str) -> None:
    assert counted(await files.bring("products", text)) == (1, 0, 0)
    async with reading(files.db) as connection:
        assert await connection.scalar(select(tables.products.c.price_cents)) == 249


async def test_a_dry_run_says_what_would_change_and_changes_nothing(files: Files) -> None:
    await files.furnish()
    before = await files.all("products", "audit")
    done = await files.bring("products", "sku,name,price\nMILK,Leche entera,1.35\nTEA,Té,2\n", dry_run=True)
    assert (done.created, done.changed, done.unchanged, done.written) == (1, 1, 0, False)
    assert await files.all("products", "audit") == before


async def test_a_change_keeps_what_the_file_does_not_name_and_is_told_in_the_trail(files: Files) -> None:
    await files.furnish()
    assert counted(await files.bring("products", "sku,name,price\nMILK,Bebida,1.35\n")) == (0, 1, 0)
    async with reading(files.db) as connection:
        found = await search_products(connection, "bebida lacteos", limit=5, offset=0)
        gone = await search_products(connection, "leche", limit=5, offset=0)
        acts = await connection.scalars(select(tables.audit.c.subject).where(tables.audit.c.action == "product.update"))
        assert list(acts) == ["product:MILK"]
        assert await former_prices_of(connection, ["MILK"], timedelta(hours=1)) == [("MILK", UnitPrice(129))]
    [product] = found.products
    assert (product.category, product.price_cents, product.version) == ("Lácteos", 135, 2)
    assert gone.products == []


async def test_a_sku_that_can_be_no_id_gets_one_and_an_id_may_get_another_sku(files: Files) -> None:
    assert counted(await files.bring("products", 'sku,name,price\n"Ñ 1",x,1\n')) == (1, 0, 0)
    assert counted(await files.bring("products", 'sku,name,price\n"Ñ 1",x,1\n')) == (0, 0, 1)
    async with reading(files.db) as connection:
        product_id = str(await connection.scalar(select(tables.products.c.id)))
    assert UUID(product_id)
    renamed = f"id,sku,name,price\n{product_id},N-1,x,1\n"
    assert counted(await files.bring("products", renamed)) == (0, 1, 0)


async def test_a_stock_file_is_done_once_even_if_units_were_sold_meanwhile(files: Files) -> None:
    await files.furnish()
    await sell(files.db, "MILK", 4)
    assert counted(await files.bring("stock", STOCK)) == (0, 0, 3)
    assert (await files.on_hand())[("1", "MILK")] == 6
    assert counted(await files.bring("stock", STOCK, again=True)) == (0, 3, 0)
    assert (await files.on_hand())[("1", "MILK")] == 10


async def test_what_the_ledger_refuses_is_an_error_of_its_row_and_the_others_are_in(files: Files) -> None:
    await files.furnish()
    hold = Reserve(id=new_id(), store_id="1", lines=(Line("MILK", 5),), ttl_seconds=600)
    await submit(files.db, hold)
    done = await files.bring("stock", "store_id,sku,on_hand\n1,MILK,3\n1,RICE,2\n")
    assert [error.line for error in done.errors] == [2]
    assert (done.changed, done.written) == (1, True)
    assert await files.on_hand() == {("1", "MILK"): 10, ("1", "RICE"): 2, ("2", "MILK"): 0}


class Away(MostradorError):
    code = "database_away"


async def test_a_stock_import_that_was_broken_off_goes_on_where_it_was(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    await files.furnish()
    text = "store_id,sku,on_hand\n1,MILK,21\n1,RICE,22\n2,MILK,23\n2,RICE,24\n"
    whole, calls = Ledger.submit_many, 0

    async def submit_many(self: Ledger, requests: Sequence[Request]) -> list[Answer]:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Away("The database is away.")
        return await whole(self, requests)

    monkeypatch.setattr(counts, "_AT_ONCE", 2)
    monkeypatch.setattr(Ledger, "submit_many", submit_many)
    with pytest.raises(Away):
        await files.bring("stock", text)
    assert counted(await files.bring("stock", text)) == (0, 2, 2)
    assert sorted((await files.on_hand()).values()) == [21, 22, 23, 24]
    async with reading(files.db) as connection:
        set_once = select(func.count()).select_from(tables.movements).where(tables.movements.c.reason == "import")
        assert await connection.scalar(set_once) == 3 + 4


async def test_a_code_stays_with_its_product(files: Files) -> None:
    await files.furnish()
    assert counted(await files.bring("barcodes", BARCODES)) == (2, 0, 0)
    assert counted(await files.bring("barcodes", "barcode,sku,quantity\n18400000000014,MILK,12\n")) == (0, 1, 0)
    done = await files.bring("barcodes", "barcode,sku\n8400000000017,RICE\n")
    assert done.errors == [
        RowError(2, "barcode", "The barcode 8400000000017 is that of product MILK; take it from that one first.")
    ]


async def test_people_change_by_file_as_they_do_over_http(files: Files) -> None:
    await files.furnish()
    await files.bring("users", USERS)
    assert counted(await files.bring("users", "name,role,stores,pin\nana,supervisor,1,7405\n")) == (0, 1, 0)
    async with reading(files.db) as connection:
        ana = await find_user(connection, "ana")
    assert ana is not None
    assert (ana.role, await Pins().verify(ana.pin_hash, "7405")) == ("supervisor", True)
    with pytest.raises(LastAdmin):
        await files.bring("users", "name,role,stores,pin\neva,clerk,1,7405\n")
    async with reading(files.db) as connection:
        eva = await find_user(connection, "eva")
    assert eva is not None
    assert eva.role == "admin"


async def test_prices_that_have_begun_stay_and_those_to_come_change(files: Files) -> None:
    await files.furnish()
    assert counted(await files.bring("products", "sku,name,price,price_per\nMILK,Leche entera,1.29,1000\n")) == (
        0,
        1,
        0,
    )
    assert counted(await files.bring("prices", PRICES)) == (3, 0, 0)
    assert counted(await files.bring("prices", PRICES)) == (0, 0, 3)
    later = "store_id,sku,valid_from,price\n2,MILK,2999-01-01T00:00:00Z,2.59\n"
    assert counted(await files.bring("prices", later)) == (0, 1, 0)
    async with reading(files.db) as connection:
        lists = (await list_prices_of(connection, ["MILK"]))["MILK"]
    assert {(x.store_id, x.price_cents, x.price_per) for x in lists} == {
        ("*", 119, 1000),
        ("1", None, 1),
        ("2", 259, 1000),
    }
    before = await files.all("prices")
    done = await files.bring("prices", "store_id,sku,valid_from,price\n*,MILK,2020-01-02T00:00:00Z,1\n")
    assert [(error.line, error.field) for error in done.errors] == [(2, "valid_from")]
    assert await files.all("prices") == before


async def test_every_code_that_is_looked_up_comes_in(files: Files) -> None:
    await files.furnish()
    assert counted(await files.bring("barcodes", CODES)) == (3, 0, 0)
    assert counted(await files.bring("barcodes", CODES)) == (0, 0, 3)
    assert [(row.barcode, row.product_id) for row in (await files.all("barcodes"))[0]] == [
        ("0042100005264", "MILK"),
        ("8400000000017", "RICE"),
        ("AB-1234", "MILK"),
    ]
    done = await files.bring("barcodes", "barcode,sku\nA/B,MILK\n8400000000018,MILK\n")
    assert [(error.line, error.field) for error in done.errors] == [(2, "barcode"), (3, "barcode")]
