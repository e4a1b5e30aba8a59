"""Changing the catalogue. A test that adds products takes them out again: the shop is shared."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from msgspec import json
from sqlalchemy import delete, select

from backend.database.engine import open_database
from backend.database.tables import audit, barcodes, once, products
from backend.ids import new_id
from tests.http.shop import PRODUCTS, Shop, assert_problem

TEA: dict[str, Any] = {"sku": "TEA-1", "name": "Té verde", "category": "Infusiones", "price": 2.35}


@pytest.fixture
async def admin(shop: Shop) -> AsyncIterator[dict[str, str]]:
    """The header of an administrator; afterwards the catalogue is as it was."""
    yield shop.bearer("root", "admin", ["*"])
    db = open_database(shop.database_url)
    async with db.writer.begin() as connection:
        added = products.c.id.not_in(PRODUCTS)
        await connection.execute(delete(barcodes).where(barcodes.c.product_id.in_(select(products.c.id).where(added))))
        await connection.execute(delete(products).where(added))
        await connection.execute(delete(once))
        await connection.execute(delete(audit))
    await db.close()


async def acts(shop: Shop) -> list[tuple[str, Any, Any]]:
    """Action, before and after of all acts, oldest first."""
    db = open_database(shop.database_url)
    async with db.engine.connect() as connection:
        rows = (await connection.execute(select(audit).order_by(audit.c.at, audit.c.id))).all()
    await db.close()
    return [(row.action, json.decode(row.before or "null"), json.decode(row.after or "null")) for row in rows]


async def add(shop: Shop, admin: dict[str, str], **more: Any) -> dict[str, Any]:
    answer = await shop.post("products", TEA | more, admin)
    assert answer.status_code == 201, answer.text
    product: dict[str, Any] = answer.json()
    return product


async def put(shop: Shop, product_id: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
    return await shop.client.put(f"products/{product_id}", json=body, headers=headers)


async def found(shop: Shop, **query: Any) -> list[str]:
    return [product["id"] for product in (await shop.get("products", **query)).json()["products"]]


async def test_a_new_product_is_found_at_once(shop: Shop, admin: dict[str, str]) -> None:
    answer = await shop.post("products", TEA | {"barcode": "036000291452"}, admin)

    assert answer.status_code == 201, answer.text
    product = answer.json()
    assert answer.headers["location"] == f"/api/v1/products/{product['id']}"
    assert {key: product[key] for key in TEA} == TEA
    assert (product["description"], product["version"]) == ("", 1)
    assert datetime.fromisoformat(product["created_at"]) == datetime.fromisoformat(product["updated_at"])
    assert product["barcode"] == "0036000291452"  # as every scanner's answer is kept
    one = await shop.get(f"products/{product['id']}")
    assert (one.json(), one.headers["etag"]) == (product, answer.headers["etag"])
    assert (await shop.get("products/sku/TEA-1")).json() == product
    assert (await shop.get("products/barcode/0036000291452")).json() == product | {"pack_quantity": 1}
    for words in ("te verde", "infusiones", "tea-1"):
        assert await found(shop, q=words) == [product["id"]]
    assert await found(shop, category="Infusiones") == [product["id"]]
    assert await found(shop, category="Infusiones", q="leche") == []
    assert await acts(shop) == [("product.create", None, product)]


async def test_a_changed_product_is_found_by_what_it_is_now(shop: Shop, admin: dict[str, str]) -> None:
    product = await add(shop, admin, barcode="8400000000055")
    change = {"name": "Manzanilla", "price": 1.1, "barcode": "8400000000062"}
    answer = await put(shop, product["id"], change, admin)

    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert changed == product | change | {"version": 2, "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > product["updated_at"]
    assert await found(shop, q="te verde") == []
    assert await found(shop, q="manzanilla") == [product["id"]]
    assert_problem(await shop.get("products/barcode/8400000000055"), 404, "unknown_barcode")
    assert (await shop.get("products/barcode/8400000000062")).json()["id"] == product["id"]
    assert (await acts(shop))[1] == ("product.update", product, changed)
    assert (await put(shop, product["id"], {"barcode": None}, admin)).json()["barcode"] is None


async def test_a_product_that_never_had_stock_goes_and_another_stays(shop: Shop, admin: dict[str, str]) -> None:
    product = await add(shop, admin, barcode="8400000000055")
    answer = await shop.client.delete(f"products/{product['id']}", headers=admin)
    assert (answer.status_code, answer.content) == (204, b"")
    assert_problem(await shop.get(f"products/{product['id']}"), 404, "unknown_product")
    assert_problem(await shop.get("products/barcode/8400000000055"), 404, "unknown_barcode")
    assert_problem(await shop.client.delete(f"products/{product['id']}", headers=admin), 404, "unknown_product")
    assert (await acts(shop))[-1] == ("product.delete", product, None)

    await shop.receive("milk", 1)
    assert_problem(await shop.client.delete("products/milk", headers=admin), 409, "product_in_use")
    assert (await shop.get("stock/milk/norte")).json()["quantity"] == 1
    assert len(await acts(shop)) == 2


async def test_a_code_means_one_product(shop: Shop, admin: dict[str, str]) -> None:
    tea = await add(shop, admin)
    assert_problem(await shop.post("products", TEA, admin), 409, "sku_taken")
    taken = TEA | {"sku": "TEA-2", "barcode": PRODUCTS["milk"][1]}
    assert_problem(await shop.post("products", taken, admin), 409, "barcode_taken")
    assert_problem(await put(shop, tea["id"], {"sku": "MILK"}, admin), 409, "sku_taken")
    assert_problem(await put(shop, tea["id"], {"barcode": PRODUCTS["milk"][1]}, admin), 409, "barcode_taken")
    assert (await shop.get(f"products/{tea['id']}")).json() == tea
    assert_problem(await put(shop, "gold", {"name": "Gold"}, admin), 404, "unknown_product")


async def test_a_change_to_what_was_not_seen_is_refused(shop: Shop, admin: dict[str, str]) -> None:
    tea = await add(shop, admin)
    seen = (await shop.get(f"products/{tea['id']}")).headers["etag"]
    changed = await put(shop, tea["id"], {"price": 3}, admin | {"If-Match": seen})
    assert (changed.status_code, changed.json()["price"]) == (200, 3)

    problem = assert_problem(await put(shop, tea["id"], {"price": 4}, admin | {"If-Match": seen}), 412, "version_moved")
    assert (problem["current"]["price"], problem["etag"]) == (3, changed.headers["etag"])
    late = await shop.client.delete(f"products/{tea['id']}", headers=admin | {"If-Match": seen})
    assert_problem(late, 412, "version_moved")


async def test_of_changes_at_once_each_counts(shop: Shop, admin: dict[str, str]) -> None:
    tea = await add(shop, admin)
    answers = await asyncio.gather(*(put(shop, tea["id"], {"price": n}, admin) for n in range(5)))
    assert sorted(answer.json()["version"] for answer in answers) == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"price": 1.005}, "price"),
        ({"price": -1}, "price"),
        ({"price": 1e7}, "price"),
        ({"price": "2.35"}, "price"),
        ({"price": None}, "price"),
        ({"sku": ""}, "sku"),
        ({"sku": "a/b"}, "sku"),
        ({"sku": " a"}, "sku"),
        ({"sku": "x" * 65}, "sku"),
        ({"name": "a\nb"}, "name"),
        ({"name": ""}, "name"),
        ({"description": "\0"}, "description"),
        ({"barcode": "8400000000018"}, "barcode"),
        ({"color": "red"}, "color"),
    ],
)
async def test_what_no_product_can_be_names_the_field(
    shop: Shop, admin: dict[str, str], wrong: dict[str, Any], field: str
) -> None:
    if "sqlite" not in shop.database_url:
        return  # no database is asked
    for answer in (await shop.post("products", TEA | wrong, admin), await put(shop, "gold", wrong, admin)):
        assert assert_problem(answer, 400, "invalid_input")["field"] == field
    for missing in ("sku", "name", "price"):
        body = {key: value for key, value in TEA.items() if key != missing}
        assert assert_problem(await shop.post("products", body, admin), 400, "invalid_input")["field"] == missing


@pytest.mark.parametrize("price", [0, 0.01, 0.07, 0.29, 1.1, 19.99, 4.35, 999999.99, 1000000])
async def test_a_price_is_kept_to_the_cent(shop: Shop, admin: dict[str, str], price: float) -> None:
    if "sqlite" not in shop.database_url:
        return  # the same code on both
    assert (await add(shop, admin, price=price))["price"] == price


async def test_a_product_is_added_once_for_a_key(shop: Shop, admin: dict[str, str]) -> None:
    keyed = admin | {"Idempotency-Key": str(new_id())}
    answers = await asyncio.gather(*(shop.post("products", TEA, keyed) for _ in range(3)))
    again = await shop.post("products", TEA, keyed)
    for answer in answers:
        if answer.status_code == 409:
            assert assert_problem(answer, 409, "still_running")["retryable"] is True
            assert answer.headers["retry-after"] == "1"
        else:
            assert (answer.status_code, answer.json()) == (201, again.json())
    assert again.headers["location"].endswith(again.json()["id"])
    assert [action for action, *_ in await acts(shop)] == ["product.create"]
    assert_problem(await shop.post("products", TEA | {"price": 1}, keyed), 422, "key_reused")
    bad = await shop.post("products", TEA, admin | {"Idempotency-Key": "order-1"})
    assert assert_problem(bad, 400, "invalid_input")["field"] == "Idempotency-Key"


async def test_rows_and_pages_say_the_same(shop: Shop) -> None:
    pages = (await shop.get("products", page=2, page_size=2)).json()
    rows = await shop.get("products", limit=2, offset=2)
    assert rows.json() == pages
    assert "link" not in rows.headers
    assert len((await shop.get("products", offset=3)).json()["products"]) == 1
    queries: list[dict[str, Any]] = [{"page_size": 3}, {"limit": 3}, {"limit": 3, "offset": 0}]
    for query in queries:
        first = await shop.get("products", **query)
        rest = await shop.client.get(f"http://shop{first.links['next']['url']}", headers=shop.auth)
        assert {x["id"] for x in first.json()["products"] + rest.json()["products"]} == set(PRODUCTS)
        assert "link" not in rest.headers
