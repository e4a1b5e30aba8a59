"""Quarantine, release and write-off over HTTP, and adjusting with a coded reason."""

from typing import Any

from backend.ids import new_id
from tests.http.shop import Shop, assert_problem


def milk(quantity: int, **more: Any) -> dict[str, Any]:
    return {"store_id": "norte", "lines": [{"product_id": "milk", "quantity": quantity}], **more}


async def test_units_go_into_quarantine_back_and_out_of_the_books(shop: Shop) -> None:
    await shop.receive("milk", 10)
    body = milk(4, reason_code="quality_hold", reason="cap loose", document_id="QA-7", id=str(new_id()))
    for _ in range(2):
        answer = await shop.post("stock/quarantine", body, shop.supervisor)
        assert answer.status_code == 200, answer.text
    (row,) = answer.json()["stock"]
    assert (row["quantity"], row["unavailable_qty"], row["available_qty"]) == (10, 4, 6)
    (row,) = (await shop.post("stock/release", milk(1), shop.supervisor)).json()["stock"]
    assert (row["quantity"], row["unavailable_qty"], row["available_qty"]) == (10, 3, 7)
    off = milk(3, reason_code="damage", source="unavailable")
    (row,) = (await shop.post("stock/write-off", off, shop.supervisor)).json()["stock"]
    assert (row["quantity"], row["unavailable_qty"], row["available_qty"]) == (7, 0, 7)
    steps = (await shop.get("movements", store_id="norte")).json()["movements"]
    assert [(step["kind"], step["reason"], step["document_id"]) for step in steps[:3]] == [
        ("write_off", "damage", ""),
        ("release", "", ""),
        ("quarantine", "quality_hold: cap loose", "QA-7"),
    ]


async def test_what_does_not_fit_is_refused(shop: Shop) -> None:
    await shop.receive("milk", 2)
    root = shop.supervisor
    assert_problem(await shop.post("stock/quarantine", milk(3, reason_code="damage"), root), 409, "insufficient_stock")
    assert_problem(await shop.post("stock/release", milk(1), root), 409, "insufficient_stock")
    assert_problem(await shop.post("stock/write-off", milk(1, reason_code="found"), root), 400, "reason_not_allowed")
    assert_problem(await shop.post("stock/write-off", milk(1, reason_code="bored"), root), 400, "invalid_input")
    assert_problem(await shop.post("stock/write-off", milk(1, reason_code="theft")), 403, "scope_missing")
    other = milk(1, reason_code="theft") | {"store_id": "este"}
    assert_problem(await shop.post("stock/write-off", other, root), 403, "store_not_allowed")


async def test_an_adjustment_names_its_reason_and_its_paper(shop: Shop) -> None:
    await shop.receive("milk", 2)
    body = {"adjustment": 1, "reason": "behind the rack", "reason_code": "found", "document_id": "C-9"}
    assert (await shop.post("stock/milk/norte/adjust", body, shop.supervisor)).json()["quantity"] == 3
    (step, *_) = (await shop.get("movements", store_id="norte")).json()["movements"]
    assert (step["reason"], step["document_id"]) == ("found: behind the rack", "C-9")
    wrong = body | {"adjustment": -1}
    assert_problem(await shop.post("stock/milk/norte/adjust", wrong, shop.supervisor), 400, "reason_not_allowed")
