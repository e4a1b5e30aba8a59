"""The gap report: what is missing in a series of receipt numbers, and why."""

from typing import Any

from backend.ids import new_id
from tests.http.shop import Shop, assert_problem


async def sell(shop: Shop, number: str) -> None:
    lines = [{"product_id": "milk", "quantity": 1, "price_cents": 129}]
    command = {"type": "sell", "id": str(new_id()), "store_id": "norte", "lines": lines, "receipt_number": number}
    [answer] = (await shop.post("commands", {"commands": [command]})).json()["answers"]
    assert "refusal" not in answer


async def report(shop: Shop, series: str) -> dict[str, Any]:
    answer = (await shop.get("receipts/gaps", shop.supervisor, store_id="norte")).json()
    assert "series" in answer, answer
    return next(each for each in answer["series"] if each["series"] == series)


async def test_every_missing_number_has_its_reason(shop: Shop) -> None:
    await shop.receive("milk", 50)
    for number in (1, 2, 3, 6, 8):
        await sell(shop, f"norte-G7-{number:06d}")
    settlement = {
        "id": str(new_id()),
        "store_id": "norte",
        "receipt_number": "norte-G7-000004",
        "sale_id": str(new_id()),
        "sold_at": "2026-11-24T12:00:00Z",
        "lines": [{"product_id": "milk", "quantity": 1, "price_cents": 129}],
        "refusal": "insufficient_stock",
        "reason": "goods_returned",
    }
    assert (await shop.post("conflicts/settle", settlement)).status_code == 200
    found = await report(shop, "norte-G7")
    assert (found["first"], found["last"], found["sales"], found["missing"]) == (1, 8, 5, 3)
    whys = {gap["receipt_number"]: (gap["why"], gap["reason"]) for gap in found["gaps"]}
    assert whys.pop("norte-G7-000004") == ("settled", "goods_returned")
    assert {number: why in ("waiting", "unexplained") for number, (why, _) in whys.items()} == {
        "norte-G7-000005": True,
        "norte-G7-000007": True,
    }
    for number in (5, 7):  # a terminal that was away sends what waited
        await sell(shop, f"norte-G7-{number:06d}")
    found = await report(shop, "norte-G7")
    assert (found["missing"], [gap["why"] for gap in found["gaps"]]) == (1, ["settled"])


async def test_numbers_outside_of_the_time_are_no_gaps(shop: Shop) -> None:
    await shop.receive("milk", 50)
    await sell(shop, "norte-H8-000001")
    time = {"since": "2020-01-01T00:00:00Z", "until": "2020-02-01T00:00:00Z"}
    answer = await shop.get("receipts/gaps", shop.supervisor, store_id="norte", **time)
    assert answer.json()["series"] == []
    too_long = await shop.get("receipts/gaps", shop.supervisor, store_id="norte", since=time["since"])
    assert assert_problem(too_long, 400, "invalid_input")["field"] == "since"
    assert_problem(await shop.get("receipts/gaps", store_id="norte"), 403, "scope_missing")
