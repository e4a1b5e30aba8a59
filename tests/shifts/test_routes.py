"""Shifts over HTTP: one open per terminal, blind, and the difference told once the cash was counted."""

from typing import Any

from backend.ids import new_id
from tests.http.shop import PIN, Shop, assert_problem


async def opened(shop: Shop, **more: Any) -> dict[str, Any]:
    answer = await shop.post("shifts", {"opening_float": 100, **more})
    assert answer.status_code == 201, answer.text
    shift: dict[str, Any] = answer.json()
    return shift


async def sell(shop: Shop, *tenders: dict[str, Any], units: int = 1) -> dict[str, Any]:
    lines = [{"product_id": "milk", "quantity": units, "unit_price": 1.29}]
    answer = await shop.post(
        "sales", {"store_id": "norte", "lines": lines, **({"tenders": tenders} if tenders else {})}
    )
    assert answer.status_code == 201, answer.text
    sale: dict[str, Any] = answer.json()
    return sale


async def test_the_difference_of_a_day(shop: Shop) -> None:
    await shop.receive("milk", 20)
    await sell(shop, {"kind": "cash", "amount": 1.29}, units=1)  # before the shift
    shift = await opened(shop)
    path = f"shifts/{shift['id']}"
    sale = await sell(shop, {"kind": "cash", "amount": 2, "given": 5}, {"kind": "card", "amount": 0.58}, units=2)
    await sell(shop, {"kind": "card", "amount": 1.29})
    await sell(shop)  # an old client says nothing of money
    body = {"sale_id": sale["id"], "lines": [{"line": 1, "quantity": 1}], "refund_by": "cash"}
    assert (await shop.post("returns", body)).status_code == 201
    assert (await shop.post(f"{path}/pay-in", {"amount": 20, "reason": "change"})).status_code == 200
    paid_out = await shop.post(f"{path}/pay-out", {"amount": 5.5, "reason": "window cleaner"})
    assert [move["amount"] for move in paid_out.json()["moves"]] == [20, -5.5]

    report = (await shop.post(f"{path}/close", {"counted": 115})).json()
    # 100 + 20 - 5.50 by hand, 2.00 of the sale and 1.29 of the refund
    assert (report["expected"], report["difference"]) == (115.21, -0.21)
    assert report["takings"] == [
        {"kind": "card", "taken": 1.87, "refunded": 0.0},
        {"kind": "cash", "taken": 2.0, "refunded": 1.29},
    ]
    assert (report["unsaid_sales"], report["unsaid_total"]) == (1, 1.29)
    assert (report["shift"]["status"], report["shift"]["closed_by"]) == ("closed", "ana")
    await sell(shop, {"kind": "cash", "amount": 1.29})  # belongs to no shift
    assert (await shop.get(f"{path}/report")).json() == report


async def test_a_terminal_has_one_open_shift(shop: Shop) -> None:
    shift = await opened(shop)
    taken = assert_problem(await shop.post("shifts", {"opening_float": 0}), 409, "shift_open")
    assert taken["state"] == shift["id"]
    other = await opened(shop, terminal_id="T2")
    assert other["terminal_id"] == "T2"
    assert (await shop.post(f"shifts/{shift['id']}/close", {"counted": 100})).status_code == 200
    assert_problem(await shop.post(f"shifts/{shift['id']}/close", {"counted": 100}), 409, "wrong_status")
    assert_problem(await shop.post(f"shifts/{shift['id']}/pay-in", {"amount": 1, "reason": "x"}), 409, "wrong_status")
    next_one = await opened(shop)
    listed = (await shop.get("shifts", store_id="norte")).json()["shifts"]
    assert {x["id"] for x in listed} == {shift["id"], other["id"], next_one["id"]}
    open_ones = (await shop.get("shifts", store_id="norte", status="open")).json()["shifts"]
    assert {x["id"] for x in open_ones} == {other["id"], next_one["id"]}


async def test_nobody_is_told_what_should_be_in_an_open_drawer(shop: Shop) -> None:
    shift = await opened(shop)
    assert_problem(await shop.get(f"shifts/{shift['id']}/report", shop.supervisor), 409, "shift_open")
    shown = (await shop.get(f"shifts/{shift['id']}")).json()
    assert shown["counted"] is None
    assert "expected" not in shown


async def test_strangers_see_no_shift(shop: Shop) -> None:
    shift = await opened(shop)
    stranger = shop.bearer("eva", "clerk", ["sur"])
    for path in (f"shifts/{shift['id']}", f"shifts/{shift['id']}/report"):
        assert_problem(await shop.get(path, stranger), 404, "unknown_document")
    assert_problem(await shop.post(f"shifts/{shift['id']}/close", {"counted": 1}, stranger), 404, "unknown_document")
    assert_problem(
        await shop.post("shifts", {"opening_float": 1, "store_id": "norte"}, stranger), 403, "store_not_allowed"
    )
    assert_problem(await shop.get(f"shifts/{new_id()}"), 404, "unknown_document")


async def test_a_void_leaves_the_drawer_as_before_the_sale(shop: Shop) -> None:
    await shop.receive("milk", 2)
    shift = await opened(shop)
    sale = await sell(shop, {"kind": "cash", "amount": 1.29, "given": 2})
    body = {"reason": "rung up twice", "approval": {"user": "luis", "pin": PIN}}
    assert (await shop.post(f"sales/{sale['id']}/void", body)).status_code == 200
    report = (await shop.post(f"shifts/{shift['id']}/close", {"counted": 100})).json()
    assert (report["expected"], report["difference"]) == (100, 0)


async def test_pain_8_closing_is_about_cash_and_never_about_stock(shop: Shop) -> None:
    """Stock moved with each sale; a shift closes whatever stock, holds and money look like, and moves nothing."""
    await shop.receive("milk", 2)
    shift = await opened(shop)
    await sell(shop, units=1)
    await shop.reserve("milk", 1)
    assert await shop.available("milk") == 0, "the sale moved stock at once"
    before = (await shop.get("movements", store_id="norte")).json()
    report = await shop.post(f"shifts/{shift['id']}/close", {"counted": 0})
    assert report.status_code == 200, report.text
    assert report.json()["difference"] == -100
    assert (await shop.get("movements", store_id="norte")).json() == before
