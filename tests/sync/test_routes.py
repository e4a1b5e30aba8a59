"""Copies over HTTP: a whole one, what changed since, and sums that tell whether a copy is right. On both databases."""

import gzip
import sqlite3
import zlib
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec import json
from prometheus_client import REGISTRY
from sqlalchemy import text

from backend.database.engine import open_database
from backend.model.sync import BUCKETS, CATALOGUE_MARK, STOCK_MARK, CopiedProduct, Digest, Head, Part, bucket_sums
from backend.sync import service
from tests.http.shop import PACK, PRODUCTS, Shop, assert_problem


@pytest.fixture
def two_rows_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "PAGE", 2)


async def stream(shop: Shop, what: str, **query: Any) -> tuple[Head, Part]:
    """The head and all parts of a stream as one."""
    answer = await shop.get(f"sync/{what}", None, store_id="norte", **query)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson"), answer.text
    assert answer.headers["content-encoding"] == "gzip"
    first, *rest = answer.content.splitlines()
    parts = [json.decode(line, type=Part) for line in rest]
    assert [part.end for part in parts] == [False] * (len(parts) - 1) + [True]
    whole = Part(
        tuple(x for part in parts for x in part.products),
        tuple(x for part in parts for x in part.removed),
        tuple(x for part in parts for x in part.stock),
    )
    return json.decode(first, type=Head), whole


async def digest(shop: Shop, **headers: str) -> Digest:
    answer = await shop.get("sync/digest", shop.auth | headers, store_id="norte")
    assert answer.status_code == 200, answer.text
    return json.decode(answer.content, type=Digest)


def sums_of(rows: Sequence[tuple[int, ...]], columns: str, mark: str) -> list[tuple[int, int, int]]:
    """The sums as the terminal's SQLite makes them of its copy."""
    with sqlite3.connect(":memory:") as db:
        db.execute(f"CREATE TABLE copied ({columns})")
        db.executemany(f"INSERT INTO copied VALUES ({','.join('?' * len(columns.split(',')))})", rows)
        found: list[tuple[int, int, int]] = db.execute(bucket_sums(mark, "SELECT * FROM copied")).fetchall()
        return found


def sums_of_products(products: tuple[CopiedProduct, ...]) -> list[tuple[int, int, int]]:
    rows = [(x.number, x.mark, x.price_cents) for x in products]
    return sums_of(rows, "number, mark, price_cents", CATALOGUE_MARK)


def told(sums: tuple[Any, ...]) -> list[tuple[int, int, int]]:
    return [(x.bucket, x.rows, x.sum) for x in sums]


@pytest.mark.usefixtures("two_rows_a_page")
async def test_a_snapshot_is_the_catalogue_and_the_stock_of_one_store(shop: Shop) -> None:
    await shop.receive("milk", 9)
    await shop.receive("rice", 4, "sur")
    await shop.receive("rice", 3)
    await shop.reserve("milk", 2)
    head, whole = await stream(shop, "snapshot")
    assert (head.store_id, head.products, head.stock, head.events) == ("norte", len(PRODUCTS), 2, "")
    assert [(x.id, x.sku, x.name, x.price_cents) for x in whole.products] == [
        (key, key.upper(), name, cents) for key, (name, _, cents) in PRODUCTS.items()
    ]
    milk = whole.products[0]
    assert sorted((x.barcode, x.quantity) for x in milk.barcodes) == sorted([(PRODUCTS["milk"][1], 1), (PACK, 6)])
    assert [(x.product_id, x.on_hand, x.reserved, x.version) for x in whole.stock] == [
        ("milk", 9, 2, 2),
        ("rice", 3, 0, 1),
    ]


@pytest.mark.usefixtures("two_rows_a_page")
async def test_a_snapshot_goes_on_where_it_broke_off(shop: Shop) -> None:
    for product_id in ("bread", "milk", "rice"):
        await shop.receive(product_id, 1)
    _, whole = await stream(shop, "snapshot")
    _, rest = await stream(shop, "snapshot", products_after=whole.products[1].number, stock_after="milk")
    assert (rest.products, rest.stock) == (whole.products[2:], whole.stock[2:])


@pytest.mark.usefixtures("two_rows_a_page")
async def test_changes_name_what_was_added_changed_and_removed_and_nothing_else(shop: Shop) -> None:
    head, whole = await stream(shop, "snapshot")
    assert (await stream(shop, "changes", after=head.catalogue))[1] == Part()

    async def put(method: str, path: str, **given: Any) -> Any:
        answer = await shop.client.request(method, path, headers=shop.admin, **given)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    made = [await put("POST", "products", json={"sku": f"NEW-{n}", "name": f"Té {n}", "price": 2}) for n in range(3)]
    first, gone, dear = (x["id"] for x in made)
    await put("DELETE", f"products/{gone}")
    await put("PUT", f"products/{first}/prices", json={"price": 1.5, "store_id": "norte"})
    await put("PUT", f"products/{first}/prices", json={"price": 9, "store_id": "sur"})
    await put("PUT", f"products/{dear}/prices", json={"price": 3, "valid_from": "2099-01-01T00:00:00Z"})
    await put("POST", f"products/{dear}/barcodes", json={"barcode": "8400000000116", "quantity": 6})
    later, changed = await stream(shop, "changes", after=head.catalogue)
    found = {product.id: product for product in changed.products}
    assert found.keys() == {first, dear}
    assert changed.removed == (gone,)
    assert [(x.store_id, x.price_cents) for x in found[first].prices] == [("norte", 150)]
    assert [(x.store_id, x.price_cents, x.valid_from.year) for x in found[dear].prices] == [("*", 300, 2099)]
    assert [(x.barcode, x.quantity) for x in found[dear].barcodes] == [("8400000000116", 6)]
    assert (await stream(shop, "changes", after=later.catalogue))[1] == Part()

    before = found[dear].mark
    for change in (
        ("PUT", f"products/{dear}", {"json": {"name": "Té verde"}}),
        ("DELETE", f"products/{dear}/barcodes/8400000000116", {}),
        (
            "DELETE",
            f"products/{dear}/prices",
            {"params": {"store_id": "*", "valid_from": "2099-01-01T00:00:00Z"}},
        ),
    ):
        position = (await stream(shop, "changes", after=later.catalogue))[0].catalogue
        await put(change[0], change[1], **change[2])
        [product] = (await stream(shop, "changes", after=position))[1].products
        assert (product.id, product.mark > before) == (dear, True)
        before = product.mark
    assert sums_of_products((await stream(shop, "snapshot"))[1].products) == told((await digest(shop)).catalogue)
    for product_id in (first, dear):
        await put("DELETE", f"products/{product_id}")
    assert (await stream(shop, "snapshot"))[1] == whole


async def test_a_change_that_commits_late_is_told_behind_the_position_of_before(shop: Shop) -> None:
    """Two transactions write, and the one that began first ends last; on SQLite one waits for the other."""
    db = open_database(shop.database_url)
    if db.dialect == "sqlite":
        await db.close()
        return
    change = text("UPDATE products SET brand = :brand WHERE id = :id")
    try:
        async with db.engine.connect() as slow, db.engine.connect() as quick:
            await slow.execute(change, {"brand": "slow", "id": "milk"})
            await quick.execute(change, {"brand": "quick", "id": "rice"})
            await quick.commit()
            head, _ = await stream(shop, "snapshot")
            await slow.commit()
            _, changed = await stream(shop, "changes", after=head.catalogue)
            assert ("milk", "slow") in [(x.id, x.brand) for x in changed.products]
            for product_id in ("milk", "rice"):
                await slow.execute(change, {"brand": "", "id": product_id})
            await slow.commit()
    finally:
        await db.close()


async def test_a_position_from_the_future_is_gone(shop: Shop) -> None:
    head, _ = await stream(shop, "snapshot")
    answer = await shop.get("sync/changes", after=str(int(head.catalogue) + 1000))
    assert_problem(answer, 410, "position_gone")


@pytest.mark.usefixtures("two_rows_a_page")
async def test_a_copy_has_the_sums_of_the_digest_and_a_wrong_one_has_others(shop: Shop) -> None:
    for product_id in ("bread", "milk", "rice"):
        await shop.receive(product_id, 2)
    await shop.receive("choc", 1, "sur")
    _, whole = await stream(shop, "snapshot")
    sums = await digest(shop)
    assert sums_of_products(whole.products) == told(sums.catalogue)
    numbers = {product.id: product.number for product in whole.products}
    columns = "number, on_hand, unavailable, allocated, reserved, incoming, version"
    rows = [
        (numbers[x.product_id], x.on_hand, x.unavailable, x.allocated, x.reserved, x.incoming, x.version)
        for x in whole.stock
    ]
    assert sums_of(rows, columns, STOCK_MARK) == told(sums.stock)
    for column in range(1, 7):
        wrong = [tuple(value + (i == column) for i, value in enumerate(rows[0])), *rows[1:]]
        assert sums_of(wrong, columns, STOCK_MARK) != told(sums.stock)

    await shop.receive("milk", 1)
    after = await digest(shop)
    assert after.catalogue == sums.catalogue
    [differs] = {x.bucket for x in set(after.stock) ^ set(sums.stock)}
    assert differs == numbers["milk"] % BUCKETS
    _, some = await stream(shop, "buckets", stock=str(differs), catalogue=f"{numbers['rice']},{numbers['choc']}")
    assert [(x.product_id, x.on_hand) for x in some.stock] == [("milk", 3)]
    assert [x.id for x in some.products] == ["choc", "rice"]


async def test_who_takes_no_gzip_gets_plain_lines(shop: Shop) -> None:
    answer = await shop.get("sync/snapshot", shop.auth | {"Accept-Encoding": "identity"})
    assert "content-encoding" not in answer.headers
    assert json.decode(answer.content.splitlines()[-1], type=Part).end


async def test_every_line_can_be_read_before_the_next_one_is_made() -> None:
    async def lines() -> Any:
        for number in range(3):
            yield b"%d\n" % number

    reader, seen = zlib.decompressobj(wbits=31), list[bytes]()
    chunks = [chunk async for chunk in service.zipped(lines())]
    seen = [reader.decompress(chunk) for chunk in chunks]
    assert seen[:3] == [b"0\n", b"1\n", b"2\n"]
    assert gzip.decompress(b"".join(chunks)) == b"0\n1\n2\n"


async def test_what_is_wrong_is_a_problem_before_the_first_line(shop: Shop) -> None:
    for what in ("snapshot", "digest", "buckets"):
        assert_problem(await shop.get(f"sync/{what}", shop.admin, store_id="oeste"), 404, "unknown_store")
        assert_problem(await shop.get(f"sync/{what}", store_id="sur"), 403, "store_not_allowed")
    problem = assert_problem(await shop.get("sync/buckets", stock="5,1024"), 400, "invalid_input")
    assert problem["field"] == "stock"
    assert_problem(await shop.get("sync/changes", after="x"), 400, "invalid_input")


async def test_what_a_terminal_put_right_is_counted(shop: Shop) -> None:
    name = "mostrador_terminal_healed_rows_total"

    def counted() -> list[float]:
        return [REGISTRY.get_sample_value(name, {"copy": copy}) or 0 for copy in ("catalogue", "stock")]

    before = counted()
    await digest(shop, **{"X-Terminal-Healed": "catalogue=1 stock=3"})
    await digest(shop, **{"X-Terminal-Healed": "nonsense"})
    await digest(shop)
    assert counted() == [before[0] + 1, before[1] + 3]
