import asyncio
from datetime import UTC, datetime, timedelta

import httpx
from sqlalchemy import insert

from backend.database import tables
from backend.database.engine import Database
from backend.database.reads import reading
from backend.ids import new_id
from backend.reservations.queries import find_reservation
from backend.stock.queries import stock_at, stock_everywhere
from tests.http.shop import Shop, assert_problem, furnish


async def test_stock_of_a_store(shop: Shop) -> None:
    await shop.receive("milk", 10)
    await shop.reserve("milk", 3)

    stock = (await shop.get("stock/milk/norte")).json()
    assert datetime.fromisoformat(stock.pop("last_updated")).tzinfo is not None
    assert stock == {
        "product_id": "milk",
        "store_id": "norte",
        "quantity": 10,
        "reserved_qty": 3,
        "available_qty": 7,
        "unavailable_qty": 0,
        "allocated_qty": 0,
        "version": 2,
        "incoming_qty": 0,
        "product_name": "Leche entera 1 l",
        "product_sku": "MILK",
        "store_name": "Norte",
        **dict.fromkeys(("min_stock", "max_stock", "reorder_point", "reorder_qty", "safety_stock"), 0),
    }


async def test_a_product_that_never_moved_has_zeros(shop: Shop) -> None:
    stock = (await shop.get("stock/milk/norte")).json()
    assert (stock["quantity"], stock["available_qty"], stock["version"], stock["last_updated"]) == (0, 0, 0, None)


async def test_what_has_not_changed_is_not_sent_again(shop: Shop) -> None:
    await shop.receive("milk", 10)
    first = await shop.get("stock/milk/norte")
    assert first.headers["cache-control"] == "private, no-cache"
    seen = shop.auth | {"If-None-Match": first.headers["etag"]}
    again = await shop.get("stock/milk/norte", seen)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])

    await shop.reserve("milk", 3)
    changed = await shop.get("stock/milk/norte", seen)
    assert (changed.status_code, changed.json()["available_qty"]) == (200, 7)


async def test_everybody_sees_the_whole_chain(shop: Shop) -> None:
    await shop.receive("milk", 10)
    await shop.receive("milk", 4, "sur")
    await shop.reserve("milk", 3)

    chain = (await shop.get("stock/product/milk")).json()
    assert [(row["store_id"], row["quantity"]) for row in chain["stores"]] == [("este", 0), ("norte", 10), ("sur", 4)]
    assert (chain["total_quantity"], chain["total_reserved"], chain["total_available"]) == (14, 3, 11)
    assert (await shop.get("stock/milk/sur")).json()["quantity"] == 4


async def test_many_who_ask_at_once_are_each_told_the_last_commit(shop: Shop) -> None:
    for units in range(1, 4):
        await shop.receive("milk", 1)
        paths = ["milk/norte", "milk/sur", "milk/norte", "gold/norte", "rice/norte", "milk/oeste"]
        answers = await asyncio.gather(*(shop.get(f"stock/{path}") for path in paths))
        assert [answer.json().get("quantity") for answer in answers] == [units, 0, units, None, 0, None]
        assert [answer.json().get("code") for answer in (answers[3], answers[5])] == [
            "unknown_product",
            "unknown_store",
        ]


async def next_page(shop: Shop, answer: httpx.Response) -> httpx.Response:
    return await shop.client.get(f"http://shop{answer.links['next']['url']}", headers=shop.auth)


async def test_what_a_store_has(shop: Shop) -> None:
    for product in ("milk", "bread", "rice"):
        await shop.receive(product, 4)
    await shop.receive("choc", 4, "sur")
    whole = (await shop.get("stock/store/norte")).json()
    assert [item["product_id"] for item in whole["items"]] == ["bread", "milk", "rice"]
    assert (whole["store_id"], whole["count"]) == ("norte", 3)
    assert whole["items"][1] == (await shop.get("stock/milk/norte")).json()

    first = await shop.get("stock/store/norte", limit=2)
    assert [item["product_id"] for item in first.json()["items"]] == ["bread", "milk"]
    rest = await next_page(shop, first)
    assert [item["product_id"] for item in rest.json()["items"]] == ["rice"]
    assert "next" not in rest.links


async def test_what_is_running_out(shop: Shop) -> None:
    await shop.receive("milk", 10)
    await shop.receive("milk", 3, "sur")
    await shop.receive("bread", 2, "sur")
    await shop.reserve("milk", 6)

    low = (await shop.get("stock/low-stock", threshold=3)).json()
    assert [(item["store_id"], item["product_id"]) for item in low["items"]] == [("sur", "bread"), ("sur", "milk")]
    assert (low["threshold"], low["count"]) == (3, 2)
    assert (await shop.get("stock/low-stock", threshold=4)).json()["count"] == 3
    assert (await shop.get("stock/low-stock", threshold=4, store_id="norte")).json()["count"] == 1
    pages = [await shop.get("stock/low-stock", threshold=4, limit=2)]
    pages.append(await next_page(shop, pages[0]))
    found = [(item["store_id"], item["product_id"]) for one in pages for item in one.json()["items"]]
    assert found == [("norte", "milk"), ("sur", "bread"), ("sur", "milk")]

    assert (await shop.get("stock/low-stock")).json() == {"threshold": None, "items": [], "count": 0}
    seen = shop.supervisor | {"If-Match": "*"}
    await shop.put("stock/milk/norte", {"reorder_point": 4}, seen)
    await shop.put("stock/milk/sur", {"min_stock": 2}, seen)
    await shop.put("stock/bread/sur", {"min_stock": 2}, seen)
    low = (await shop.get("stock/low-stock")).json()
    assert [(item["store_id"], item["product_id"]) for item in low["items"]] == [("norte", "milk"), ("sur", "bread")]


async def test_whether_there_is_enough(shop: Shop) -> None:
    await shop.receive("milk", 10)
    await shop.reserve("milk", 6)
    path = "stock/milk/norte/availability"
    key = {"product_id": "milk", "store_id": "norte", "available": 4}
    assert (await shop.get(path, quantity=4)).json() == key | {"sufficient": True, "requested": 4}
    assert (await shop.get(path, quantity=5)).json() == key | {"sufficient": False, "requested": 5}
    for wrong in ({}, {"quantity": 0}, {"quantity": "many"}):
        assert assert_problem(await shop.get(path, **wrong), 400, "invalid_quantity")["field"] == "quantity"
    assert_problem(await shop.get("stock/gold/norte/availability", quantity=1), 404, "unknown_product")


async def test_what_is_unknown(shop: Shop) -> None:
    assert_problem(await shop.get("stock/gold/norte"), 404, "unknown_product")
    assert_problem(await shop.get("stock/milk/oeste"), 404, "unknown_store")
    assert_problem(await shop.get("stock/product/gold"), 404, "unknown_product")
    assert_problem(await shop.get("stock/store/oeste"), 404, "unknown_store")
    assert_problem(await shop.get("stock/low-stock", store_id="oeste"), 404, "unknown_store")
    assert_problem(await shop.get("stock/low-stock", threshold=-1), 400, "invalid_input")
    for list_, cursor in (("store/norte", "IiI="), ("low-stock", "WyJhIl0="), ("low-stock", "WyJcdTAwMDAiLCJhIl0=")):
        assert_problem(await shop.get(f"stock/{list_}", cursor=cursor), 400, "invalid_input")


async def test_a_hold_past_its_deadline_counts_no_more_whatever_its_status_says(database: Database) -> None:
    await furnish(database.url)
    now = datetime.now(UTC)
    key = {"store_id": "norte", "product_id": "milk"}
    stock = {**key, "on_hand": 10, "reserved": 5, "version": 3, "updated_at": now}
    hold = {**key, "status": "PENDING", "customer_id": "", "actor": "ana", "terminal_id": "T1", "version": 1}
    hold |= {"created_at": now, "updated_at": now}
    dead, live = new_id(), new_id()
    holds = [
        hold | {"id": dead, "quantity": 2, "expires_at": now - timedelta(milliseconds=1)},
        hold | {"id": live, "quantity": 3, "expires_at": now + timedelta(hours=1)},
    ]
    async with database.writer.begin() as connection:
        await connection.execute(insert(tables.stock), [stock])
        await connection.execute(insert(tables.reservations), holds)

    async with reading(database) as connection:
        everywhere = {level.row.store_id: level for level in await stock_everywhere(connection, "milk")}
        some = await stock_at(connection, [("norte", "milk"), ("norte", "gold"), ("oeste", "milk")])
        ended, held = await find_reservation(connection, dead), await find_reservation(connection, live)
    one = some["norte", "milk"]
    assert (one.row.reserved, one.row.available, one.row.version) == (3, 7, 3)
    assert some == {("norte", "milk"): everywhere["norte"]}
    assert ended is not None
    assert held is not None
    assert (ended.status, held.status) == ("EXPIRED", "PENDING")
