"""Orders over HTTP: allocated, handed over in parts, cancelled, listed."""

from typing import Any

from backend.ids import new_id
from tests.http.shop import Shop, assert_problem


async def ordered(shop: Shop, quantity: int = 3, **more: Any) -> dict[str, Any]:
    lines = [{"product_id": "milk", "quantity": quantity}]
    body = {"store_id": "norte", "lines": lines, "customer_id": "C7", "reference": "W-1", **more}
    answer = await shop.post("orders", body)
    assert answer.status_code == 201, answer.text
    order: dict[str, Any] = answer.json()
    return order


async def test_an_order_keeps_its_units_until_they_are_handed_over(shop: Shop) -> None:
    await shop.receive("milk", 5)
    order = await ordered(shop)
    assert (order["status"], order["reference"], order["lines"][0]["allocated"]) == ("open", "W-1", 3)
    assert await shop.available() == 2
    short = {"store_id": "norte", "lines": [{"product_id": "milk", "quantity": 3}]}
    assert_problem(await shop.post("orders", short), 409, "insufficient_stock")

    path = f"orders/{order['id']}"
    part = {"lines": [{"product_id": "milk", "quantity": 1}], "id": str(new_id())}
    for _ in range(2):
        answer = await shop.post(f"{path}/fulfil", part)
        assert (answer.status_code, answer.json()["status"]) == (200, "part_fulfilled"), answer.text
    done = await shop.post(f"{path}/fulfil", {})
    assert (done.json()["status"], done.json()["lines"][0]["fulfilled"]) == ("fulfilled", 3)
    assert (await shop.get("stock/milk/norte")).json()["quantity"] == 2
    assert_problem(await shop.post(f"{path}/cancel", {}), 409, "wrong_status")
    assert (await shop.get(path)).json() == done.json()


async def test_a_cancelled_order_frees_its_units(shop: Shop) -> None:
    await shop.receive("milk", 5)
    order = await ordered(shop, 5)
    answer = await shop.post(f"orders/{order['id']}/cancel", {"reason": "changed their mind"})
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled"), answer.text
    assert await shop.available() == 5


async def test_a_backorder_shows_what_it_waits_for(shop: Shop) -> None:
    await shop.receive("milk", 2)
    order = await ordered(shop, 5, backorder=True)
    assert order["lines"] == [{"product_id": "milk", "quantity": 5, "allocated": 2, "fulfilled": 0, "backordered": 3}]
    assert_problem(await shop.post(f"orders/{order['id']}/fulfil", {}), 409, "insufficient_stock")
    await shop.receive("milk", 3)
    assert (await shop.post(f"orders/{order['id']}/fulfil", {})).json()["status"] == "fulfilled"


async def test_lists_show_what_is_open_first_and_only_the_callers_stores(shop: Shop) -> None:
    await shop.receive("milk", 9)
    first, second = await ordered(shop, 1), await ordered(shop, 1)
    await shop.post(f"orders/{first['id']}/cancel", {})
    shown = (await shop.get("orders", store_id="norte")).json()["orders"]
    assert [one["id"] for one in shown] == [second["id"]]
    shown = (await shop.get("orders", store_id="norte", status="cancelled")).json()["orders"]
    assert [one["id"] for one in shown] == [first["id"]]
    assert_problem(await shop.get("orders", store_id="norte", status="lost"), 400, "invalid_input")
    stranger = shop.bearer("eva", "clerk", ["este"])
    assert_problem(await shop.get(f"orders/{first['id']}", stranger), 404, "unknown_document")
    assert_problem(await shop.get("orders", stranger, store_id="norte"), 403, "store_not_allowed")
