"""Receiving over HTTP: purchases, deliveries in parts, unknown items, goods that nobody announced."""

from typing import Any

from backend.ids import new_id
from tests.http.shop import PACK, Shop, assert_problem

ORDER = {
    "store_id": "norte",
    "supplier": "Hermanos Gil",
    "reference": "P-2041",
    "expected_on": "2026-11-27",
    "lines": [{"product_id": "milk", "quantity": 24, "unit_cost": 0.81}, {"product_id": "rice", "quantity": 2}],
}


async def post(shop: Shop, path: str, body: Any = None) -> dict[str, Any]:
    """POST by a supervisor that must succeed."""
    answer = await shop.post(path, body, shop.supervisor)
    assert answer.is_success, answer.text
    shape: dict[str, Any] = answer.json()
    return shape


async def stock(shop: Shop, product: str = "milk") -> tuple[int, int, int]:
    """(on hand, unavailable, incoming) in norte."""
    row = (await shop.get(f"stock/{product}/norte")).json()
    return row["quantity"], row["unavailable_qty"], row["incoming_qty"]


async def test_from_an_order_to_the_last_box(shop: Shop) -> None:
    made = await post(shop, "purchases", ORDER)
    assert (made["status"], made["supplier"], made["expected_on"]) == ("open", "Hermanos Gil", "2026-11-27")
    assert await stock(shop) == (0, 0, 24)

    path = f"purchases/{made['id']}"
    lines = [
        {"code": PACK, "good": 2},
        {"product_id": "milk", "damaged": 1},
        {"code": "BREAD", "good": 1, "unit_cost": 1.2},
        {"code": "9999999999994", "good": 3},
    ]
    part = await post(shop, f"{path}/receive", {"lines": lines, "reference": "A-77"})
    assert (part["purchase"]["status"], part["receipt"]["reference"]) == ("partly_received", "A-77")
    milk = next(x for x in part["purchase"]["lines"] if x["product_id"] == "milk")
    assert milk == {
        "product_id": "milk", "expected": 24, "received": 12, "damaged": 1, "short": 11, "over": 0, "unit_cost": 0.81,
    }  # fmt: skip
    assert part["purchase"]["unknown"] == [{"code": "9999999999994", "quantity": 3, "note": ""}]
    assert await stock(shop) == (13, 1, 11)
    assert (await stock(shop, "bread"))[0] == 1

    ended = await post(shop, f"{path}/end", {"reason": "the rest is not made any more"})
    assert (ended["status"], [step["what"] for step in ended["steps"]][-1]) == ("closed", "purchase_end")
    assert await stock(shop) == (13, 1, 0)
    again = await shop.post(f"{path}/receive", {"lines": lines}, shop.supervisor)
    assert assert_problem(again, 409, "wrong_status")["state"] == "closed"

    listed = (await shop.get("purchases", shop.supervisor, store_id="norte", status="closed")).json()
    assert [x["id"] for x in listed["purchases"]] == [made["id"]]
    (receipt,) = (await shop.get("receipts", shop.supervisor, store_id="norte")).json()["receipts"]
    assert (receipt["purchase_id"], receipt["actor"]) == (made["id"], "luis")
    assert (await shop.get(f"receipts/{receipt['id']}", shop.supervisor)).json() == receipt


async def test_a_retry_has_no_second_effect(shop: Shop) -> None:
    made = await post(shop, "purchases", ORDER)
    delivery = {"id": str(new_id()), "lines": [{"product_id": "milk", "good": 24}]}
    first = await post(shop, f"purchases/{made['id']}/receive", delivery)
    assert await post(shop, f"purchases/{made['id']}/receive", delivery) == first
    assert (await stock(shop))[0] == 24


async def test_goods_that_nobody_announced(shop: Shop) -> None:
    body = {"store_id": "norte", "supplier": "Gil", "lines": [{"code": "MILK", "good": 5, "unit_cost": 0.8}]}
    made = await post(shop, "receipts", body)
    assert (made["purchase_id"], made["lines"][0]["unit_cost"]) == (None, 0.8)
    assert await stock(shop) == (5, 0, 0)


async def test_what_cannot_be_received_is_refused_by_name(shop: Shop) -> None:
    made = await post(shop, "purchases", ORDER)
    path = f"purchases/{made['id']}/receive"
    sent = [
        ({"lines": [{"product_id": "gold", "good": 1}]}, 404, "unknown_product", "gold"),
        ({"unknown": [{"code": "milk", "quantity": 1}]}, 409, "item_known", "milk"),
        ({"lines": []}, 400, "empty_basket", "line"),
        ({"lines": [{"good": 1}]}, 400, "invalid_input", "lines[0].product_id"),
        ({"lines": [{"product_id": "milk", "good": 1, "unit_cost": 0.001}]}, 400, "invalid_input", "unit_cost"),
    ]
    for body, status, code, named in sent:
        problem = assert_problem(await shop.post(path, body, shop.supervisor), status, code)
        assert named in problem["detail"]


async def test_only_the_store_itself_and_only_who_may(shop: Shop) -> None:
    made = await post(shop, "purchases", ORDER)
    elsewhere = shop.bearer("sara", "supervisor", ["sur"])
    assert_problem(await shop.get(f"purchases/{made['id']}", elsewhere), 404, "unknown_document")
    assert_problem(await shop.post("purchases", ORDER, elsewhere), 403, "store_not_allowed")
    assert_problem(await shop.post("purchases", ORDER), 403, "scope_missing")
