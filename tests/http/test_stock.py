from datetime import UTC, datetime, timedelta

from sqlalchemy import insert

from backend import tables
from backend.database import Database
from backend.ids import new_id
from backend.repositories.reads import reading
from backend.repositories.reservations import find_reservation
from backend.repositories.stock import stock_at, stock_everywhere, stock_of

from .shop import Shop, assert_problem, furnish


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
        "product_name": "Leche entera 1 l",
        "product_sku": "MILK",
        "store_name": "Norte",
    }


async def test_a_product_that_never_moved_has_zeros(shop: Shop) -> None:
    stock = (await shop.get("stock/milk/norte")).json()
    assert (stock["quantity"], stock["available_qty"], stock["version"], stock["last_updated"]) == (0, 0, 0, None)


async def test_what_has_not_changed_is_not_sent_again(shop: Shop) -> None:
    await shop.receive("milk", 10)
    first = await shop.get("stock/milk/norte")
    assert first.headers["cache-control"] == "no-cache"
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


async def test_what_is_unknown(shop: Shop) -> None:
    assert_problem(await shop.get("stock/gold/norte"), 404, "unknown_product")
    assert_problem(await shop.get("stock/milk/oeste"), 404, "unknown_store")
    assert_problem(await shop.get("stock/product/gold"), 404, "unknown_product")


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
        one = await stock_of(connection, "milk", "norte")
        everywhere = {level.row.store_id: level for level in await stock_everywhere(connection, "milk")}
        some = await stock_at(connection, "norte", ["milk"])
        ended, held = await find_reservation(connection, dead), await find_reservation(connection, live)
    assert one is not None
    assert (one.row.reserved, one.row.available, one.row.version) == (3, 7, 3)
    assert [one] == some == [everywhere["norte"]]
    assert ended is not None
    assert held is not None
    assert (ended.status, held.status) == ("EXPIRED", "PENDING")
