from typing import Any

from backend.ids import new_id
from tests.http.shop import Shop, assert_problem


def basket(*lines: tuple[str, int, float], **more: Any) -> dict[str, Any]:
    sold = [{"product_id": product, "quantity": quantity, "unit_price": price} for product, quantity, price in lines]
    return {"store_id": "norte", "lines": sold, **more}


async def test_a_basket_is_sold(shop: Shop) -> None:
    await shop.receive("milk", 10)
    await shop.receive("bread", 10)
    key = str(new_id())
    sold = basket(("milk", 2, 1.29), ("bread", 1, 1.8), ("milk", 1, 1.29), id=key, receipt_number="T1-000001")
    answer = await shop.post("sales", sold)

    assert answer.status_code == 201, answer.text
    sale = answer.json()
    assert (sale["id"], sale["store_id"], sale["receipt_number"], sale["total"]) == (key, "norte", "T1-000001", 5.67)
    assert sale["lines"] == sold["lines"]
    left = {row["product_id"]: row["quantity"] for row in sale["stock"]}
    assert left == {"milk": 7, "bread": 9}
    assert (await shop.post("sales", sold)).json() == sale
    assert await shop.available("milk") == 7


async def test_a_sale_takes_the_units_of_its_holds(shop: Shop) -> None:
    await shop.receive("milk", 2)
    hold = await shop.reserve("milk", 2)
    assert_problem(await shop.post("sales", basket(("milk", 2, 1.29))), 409, "insufficient_stock")
    sold = await shop.post("sales", basket(("milk", 2, 1.29), holds=[hold["id"]]))
    assert sold.status_code == 201
    assert (await shop.get(f"reservations/{hold['id']}")).json()["status"] == "CONFIRMED"


async def test_a_receipt_number_is_used_once(shop: Shop) -> None:
    await shop.receive("milk", 2)
    assert (await shop.post("sales", basket(("milk", 1, 1.29), receipt_number="T1-1"))).status_code == 201
    assert_problem(await shop.post("sales", basket(("milk", 1, 1.29), receipt_number="T1-1")), 409, "receipt_taken")
    assert await shop.available() == 1


async def test_a_price_no_till_can_charge_names_its_line(shop: Shop) -> None:
    for price in (-0.01, 1.005, 1e9, 1e-30, "NaN", "Infinity", "0.9999999999999999999999999999999999999999"):
        answer = await shop.post("sales", basket(("milk", 1, 1), ("milk", 1, price)))  # type: ignore[arg-type]
        assert assert_problem(answer, 400, "invalid_input")["field"] == "lines[1].unit_price"
