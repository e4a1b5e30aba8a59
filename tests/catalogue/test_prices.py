"""Prices in stores: set for a day to come, shown where they hold, and what a sale may be made at."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert

from backend.database.engine import open_database
from backend.database.tables import audit, once, prices
from backend.ids import new_id
from backend.proof.books import prove
from tests.http.shop import PRODUCTS, Shop, assert_problem

MILK = PRODUCTS["milk"][1]
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
async def lists(shop: Shop) -> AsyncIterator[Shop]:
    """The shop; afterwards it has no price lists."""
    yield shop
    db = open_database(shop.database_url)
    async with db.writer.begin() as connection:
        for table in (prices, once, audit):
            await connection.execute(delete(table))
    await db.close()


async def has_been(shop: Shop, store_id: str, cents: int, days: float) -> None:
    """A price began so many days ago: time passes, and nobody can set it."""
    row = {"store_id": store_id, "product_id": "milk", "valid_from": NOW - timedelta(days=days), "price_cents": cents}
    db = open_database(shop.database_url)
    async with db.writer.begin() as connection:
        await connection.execute(insert(prices), [row | {"actor": "root"}])
    await db.close()


async def put(shop: Shop, **body: Any) -> Any:
    return await shop.put("products/milk/prices", body, shop.admin)


async def test_a_price_holds_in_its_store_from_its_moment_on(lists: Shop) -> None:
    later = NOW + timedelta(days=2)
    now = await put(lists, price=1.19, store_id="norte")
    assert (now.status_code, now.json()["price"]) == (200, 1.19), now.text
    assert (await put(lists, price=1.09, store_id="norte", valid_from=later.isoformat())).status_code == 200
    assert (await put(lists, price=1.25)).json()["store_id"] == "*"

    shown = (await lists.get("products/milk/prices", store_id="norte")).json()
    assert (shown["price"], shown["store_price"], len(shown["prices"])) == (1.29, 1.19, 3)
    then = (await lists.get("products/milk/prices", store_id="norte", at=(later + timedelta(1)).isoformat())).json()
    assert then["store_price"] == 1.09
    assert (await lists.get("products/milk/prices", store_id="sur")).json()["store_price"] == 1.25
    for path in ("products/milk", "products/sku/MILK", f"products/barcode/{MILK}"):
        found = (await lists.get(path, store_id="norte")).json()
        assert (found["price"], found["store_price"]) == (1.29, 1.19)
        assert "store_price" not in (await lists.get(path)).json()
    found = (await lists.get("products", q="leche entera", store_id="norte")).json()["products"]
    assert [product["store_price"] for product in found] == [1.19]

    gone = {"store_id": "norte", "valid_from": later.isoformat()}
    back = await lists.client.delete("products/milk/prices", params=gone, headers=lists.admin)
    assert back.status_code == 204, back.text
    again = await lists.client.delete("products/milk/prices", params=gone, headers=lists.admin)
    assert_problem(again, 404, "unknown_price")
    assert (await put(lists, price=None, store_id="norte")).json()["price"] is None
    assert (await lists.get("products/milk", store_id="norte")).json()["store_price"] == 1.25


async def test_what_has_begun_is_history(lists: Shop) -> None:
    past = (NOW - timedelta(hours=1)).isoformat()
    assert assert_problem(await put(lists, price=1, valid_from=past), 400, "invalid_input")["field"] == "valid_from"
    await has_been(lists, "norte", 119, 1)
    gone = {"store_id": "norte", "valid_from": (NOW - timedelta(days=1)).isoformat()}
    problem = await lists.client.delete("products/milk/prices", params=gone, headers=lists.admin)
    assert assert_problem(problem, 400, "invalid_input")["field"] == "valid_from"
    assert_problem(await put(lists, price=1, store_id="oeste"), 404, "unknown_store")
    assert_problem(await lists.put("products/gold/prices", {"price": 1}, lists.admin), 404, "unknown_product")
    assert_problem(await lists.get("products/gold/prices"), 404, "unknown_product")
    assert_problem(await lists.get("products/milk", store_id="oeste"), 404, "unknown_store")
    assert_problem(await lists.put("products/milk/prices", {"price": 1}), 403, "scope_missing")
    for wrong in ({"price": 1.005}, {"price": -1}, {"price": 1, "valid_from": "2027-01-01T00:00:00"}):
        assert_problem(await put(lists, **wrong), 400, "invalid_input")


async def test_a_sale_is_made_at_its_store_s_price_or_one_it_had_lately(lists: Shop) -> None:
    await lists.receive("milk", 50)
    await has_been(lists, "norte", 139, 400)
    await has_been(lists, "norte", 119, 20)
    await has_been(lists, "norte", 115, 3)
    await has_been(lists, "sur", 77, 3)

    async def sell(price: float) -> Any:
        lines = [{"product_id": "milk", "quantity": 1, "unit_price": price}]
        return await lists.post("sales", {"id": str(new_id()), "store_id": "norte", "lines": lines})

    for good in (1.15, 1.19):  # 1.19 ended three days ago: a till that was offline may come with it
        assert (await sell(good)).status_code == 201
    for other in (1.39, 1.29, 0.77):
        assert_problem(await sell(other), 403, "price_not_allowed")


async def test_a_price_per_kilogram_is_sold_by_the_gram(lists: Shop) -> None:
    """250 g at 2.49 a kilogram are 0.6225, so 0.62; an old client knows nothing of it and is refused, not overpaid."""
    ham = {"sku": f"HAM-{new_id()}", "name": "Jamón", "price": 2.49, "unit": "gram", "price_per": 1000}
    made = (await lists.post("products", ham, lists.admin)).json()
    assert (made["price"], made["price_per"]) == (2.49, 1000)
    await lists.receive(made["id"], 10_000)

    async def sell(**line: Any) -> Any:
        lines = [{"product_id": made["id"], "quantity": 250, "unit_price": 2.49} | line]
        return await lists.post("sales", {"id": str(new_id()), "store_id": "norte", "lines": lines})

    assert_problem(await sell(), 403, "price_not_allowed")
    assert_problem(await sell(price_per=100), 403, "price_not_allowed")
    assert_problem(await sell(price_per=0), 400, "invalid_input")
    sold = await sell(price_per=1000)
    assert (sold.status_code, sold.json()["total"]) == (201, 0.62), sold.text
    shown = (await lists.get(f"sales/{sold.json()['id']}")).json()
    assert [(line["unit_price"], line["price_per"]) for line in shown["lines"]] == [(2.49, 1000)]

    path = f"products/{made['id']}/prices"
    listed = await lists.put(path, {"price": 1.99, "store_id": "norte"}, lists.admin)
    assert (listed.json()["price"], listed.json()["price_per"]) == (1.99, 1000)
    found = (await lists.get(f"products/{made['id']}", store_id="norte")).json()
    assert (found["store_price"], found["store_price_per"]) == (1.99, 1000)
    assert (await sell(unit_price=1.99, price_per=1000)).json()["total"] == 0.5

    cheaper = await lists.put(f"products/{made['id']}", {"price_per": 100, "price": 0.2}, lists.admin)
    assert (cheaper.json()["price"], cheaper.json()["price_per"]) == (0.2, 100)
    assert (await sell(price_per=1000)).status_code == 201  # it was the catalogue's price a moment ago
    back = {"line": 1, "quantity": 100}
    returned = await lists.post(
        "returns", {"sale_id": sold.json()["id"], "lines": [back], "refund_by": "cash"}, lists.supervisor
    )
    assert [tender["amount"] for tender in returned.json()["refund"]] == [0.24], returned.text
    db = open_database(lists.database_url)
    assert (await prove(db)).drifts == ()
    await db.close()
