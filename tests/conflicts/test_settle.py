"""Settling a refused sale: recorded once, with a reason, and above a clerk's limit with a supervisor."""

from typing import Any

import pytest

from backend.ids import new_id
from backend.model.conflicts import CLERK_LIMIT_CENTS
from tests.http.shop import PIN, Shop, assert_problem

LINES = [{"product_id": "milk", "quantity": 2, "price_cents": 129}]
DEAR = [{"product_id": "milk", "quantity": 1, "price_cents": CLERK_LIMIT_CENTS + 1}]
LUIS = {"user": "luis", "pin": PIN}


def settlement(**changes: Any) -> dict[str, Any]:
    return {
        "id": str(new_id()),
        "store_id": "norte",
        "receipt_number": "norte-T1-000007",
        "sale_id": str(new_id()),
        "sold_at": "2026-11-24T09:10:02+01:00",
        "lines": LINES,
        "refusal": "insufficient_stock",
        "reason": "written_off",
    } | changes


async def acts(shop: Shop) -> list[dict[str, Any]]:
    answer = await shop.get("audit", shop.supervisor, action="conflict.settle", store_id="norte")
    found: list[dict[str, Any]] = answer.json()["acts"]
    return found


async def test_a_settlement_is_in_the_trail_with_all_that_one_must_know(shop: Shop) -> None:
    body = settlement(note="Shelf was empty.", settled_by="ana")
    answer = await shop.post("conflicts/settle", body)
    assert answer.status_code == 200, answer.text
    assert {k: answer.json()[k] for k in ("id", "receipt_number", "reason", "settled_by", "approved_by")} == {
        "id": body["id"],
        "receipt_number": "norte-T1-000007",
        "reason": "written_off",
        "settled_by": "ana",
        "approved_by": "",
    }
    [act] = await acts(shop)
    assert (act["actor"], act["terminal_id"], act["subject"]) == ("ana", "T1", "receipt:norte-T1-000007")
    told = act["after"]
    assert (told["lines"], told["total_cents"], told["refusal"]) == (LINES, 258, "insufficient_stock")
    assert (told["reason"], told["note"]) == ("written_off", "Shelf was empty.")
    assert told["settled_at"] == answer.json()["settled_at"]


async def test_sent_again_by_whomever_it_is_recorded_once(shop: Shop) -> None:
    body = settlement(lines=DEAR)
    first = await shop.post("conflicts/settle", body | {"approval": LUIS})
    again = await shop.post("conflicts/settle", body)
    by_luis = await shop.post("conflicts/settle", body, shop.supervisor)
    assert first.status_code == 200, first.text
    assert first.json() == again.json() == by_luis.json()
    assert first.json()["approved_by"] == "luis"
    assert len(await acts(shop)) == 1
    assert_problem(await shop.post("conflicts/settle", body | {"reason": "goods_returned"}), 422, "key_reused")


async def test_above_the_limit_a_clerk_needs_a_supervisor_of_the_store(shop: Shop) -> None:
    body = settlement(lines=DEAR)
    refused = assert_problem(await shop.post("conflicts/settle", body), 403, "approval_needed")
    assert (refused["limit_cents"], refused["scope"]) == (CLERK_LIMIT_CENTS, "sales:settle")
    at_most = settlement(lines=[DEAR[0] | {"price_cents": CLERK_LIMIT_CENTS}])
    assert (await shop.post("conflicts/settle", at_most)).status_code == 200
    for approval, status, code in (
        ({"user": "luis", "pin": "0000"}, 401, "sign_in_refused"),
        ({"user": "nobody", "pin": PIN}, 401, "sign_in_refused"),
        ({"user": "ana", "pin": PIN}, 403, "scope_missing"),
    ):
        assert_problem(await shop.post("conflicts/settle", body | {"approval": approval}), status, code)
    assert len(await acts(shop)) == 1
    assert (await shop.post("conflicts/settle", body | {"approval": LUIS})).status_code == 200


async def test_a_supervisor_of_another_store_approves_nothing(shop: Shop) -> None:
    root = shop.bearer("eva", "clerk", ["este"])
    body = settlement(store_id="este", lines=DEAR, approval=LUIS)
    assert_problem(await shop.post("conflicts/settle", body, root), 403, "store_not_allowed")


async def test_a_supervisor_at_the_till_settles_alone(shop: Shop) -> None:
    answer = await shop.post("conflicts/settle", settlement(lines=DEAR), shop.supervisor)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["settled_by"], answer.json()["approved_by"]) == ("luis", "luis")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reason": "because"}, "reason"),
        ({"reason": "other"}, "note"),
        ({"reason": "other", "note": "  "}, "note"),
        ({"receipt_number": ""}, "receipt_number"),
        ({"sold_at": "2026-11-24T09:10:02"}, "sold_at"),
        ({"surprise": 1}, "surprise"),
    ],
)
async def test_what_is_not_a_settlement_is_refused(shop: Shop, changes: dict[str, Any], field: str) -> None:
    problem = assert_problem(await shop.post("conflicts/settle", settlement(**changes)), 400, "invalid_input")
    assert problem["field"] == field


async def test_nobody_settles_for_another_store(shop: Shop) -> None:
    refused = await shop.post("conflicts/settle", settlement(store_id="sur"))
    assert_problem(refused, 403, "store_not_allowed")


async def test_guessing_a_supervisors_pin_is_locked_like_signing_in(shop: Shop) -> None:
    body = settlement(lines=DEAR, approval={"user": "luis", "pin": "0000"})
    codes = [(await shop.post("conflicts/settle", body)).json()["code"] for _ in range(6)]
    assert codes[-1] == "sign_in_locked"
