"""Returns over HTTP: by receipt, without one by approval, and what is told of them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, insert, update

from backend.database import tables
from backend.database.engine import open_database
from backend.ids import new_id
from tests.http.shop import PIN, Shop, assert_problem

LUIS = {"user": "luis", "pin": PIN}
SUR = "sur"


async def sold(shop: Shop, units: int = 3, **more: Any) -> dict[str, Any]:
    await shop.receive("milk", 10)
    lines = [{"product_id": "milk", "quantity": units, "unit_price": 1.29}]
    answer = await shop.post("sales", {"store_id": "norte", "lines": lines, **more})
    assert answer.status_code == 201, answer.text
    sale: dict[str, Any] = answer.json()
    return sale


def back(sale: dict[str, Any], units: int, condition: str = "shelf", **more: Any) -> dict[str, Any]:
    line = {"line": 1, "quantity": units, "condition": condition}
    return {"sale_id": sale["id"], "lines": [line], "refund_by": "cash", **more}


async def test_units_of_a_receipt_come_back(shop: Shop) -> None:
    sale = await sold(shop, receipt_number="T1-7")
    body = back(sale, 2, "damaged", reason="leaks", id=str(new_id()))
    answer = await shop.post("returns", body)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert told["id"] == body["id"]
    assert told["refund"] == [{"kind": "cash", "amount": 2.58}]
    assert [(row["quantity"], row["available_qty"]) for row in told["stock"]] == [(9, 7)]
    assert (told["sale"]["status"], told["sale"]["receipt_number"]) == ("partly_returned", "T1-7")
    assert told["sale"]["lines"][0] | {"paid": 0} == {
        "line": 1,
        "product_id": "milk",
        "sold": 3,
        "shelf": 0,
        "damaged": 2,
        "left": 1,
        "paid": 0,
    }
    assert (await shop.post("returns", body)).json() == told, "the same id has one effect"
    assert (await shop.get(f"returns/{sale['id']}")).json() == told["sale"]
    assert (await shop.get("returns", store_id="norte")).json()["returns"] == [told["sale"]]
    shown = (await shop.get(f"sales/{sale['id']}")).json()
    assert (shown["return_status"], shown["refunded"], shown["lines"][0]["returned"]) == ("partly_returned", 2.58, 2)


async def test_what_is_refused_by_receipt(shop: Shop) -> None:
    sale = await sold(shop)
    over = assert_problem(await shop.post("returns", back(sale, 4)), 409, "more_than_sold")
    assert over["lines"] == [{"product_id": "milk", "requested": 4, "available": 3}]
    dear = back(sale, 1, refund_by=None, refund=[{"kind": "cash", "amount": 1.3}])
    assert_problem(await shop.post("returns", dear), 409, "refund_too_high")
    half = back(sale, 1, refund_by=None, refund=[{"kind": "cash", "amount": 1.005}])
    assert assert_problem(await shop.post("returns", half), 400, "invalid_input")["field"] == "refund[0].amount"
    both = back(sale, 1, refund=[{"kind": "cash", "amount": 1}])
    assert_problem(await shop.post("returns", both), 400, "money_mismatch")
    stranger = shop.bearer("eva", "supervisor", [SUR])
    assert_problem(await shop.post("returns", back(sale, 1), stranger), 404, "unknown_sale")
    assert_problem(await shop.post("returns", back({"id": str(new_id())}, 1)), 404, "unknown_sale")
    assert_problem(await shop.get(f"returns/{sale['id']}"), 404, "unknown_sale")


def goods(**more: Any) -> dict[str, Any]:
    lines = [{"product_id": "milk", "quantity": 1, "unit_price": 1.29}]
    return {"store_id": "norte", "lines": lines, "reason": "a present", "refund_by": "voucher", **more}


async def test_goods_without_a_receipt_need_a_supervisor(shop: Shop) -> None:
    refused = assert_problem(await shop.post("returns/goods", goods()), 403, "approval_needed")
    assert (refused["field"], refused["scope"]) == ("approval", "returns:approve")
    wrong = goods(approval={"user": "luis", "pin": "9999"})
    assert_problem(await shop.post("returns/goods", wrong), 401, "sign_in_refused")
    itself = goods(approval={"user": "ana", "pin": PIN})
    assert_problem(await shop.post("returns/goods", itself), 403, "scope_missing")
    assert (await shop.get("returns/goods", store_id="norte")).json()["returns"] == []

    approved = await shop.post("returns/goods", goods(approval=LUIS))
    assert approved.status_code == 201, approved.text
    assert (approved.json()["actor"], approved.json()["approved_by"]) == ("ana", "luis")
    by_luis = await shop.post("returns/goods", goods(), shop.supervisor)
    assert (by_luis.json()["actor"], by_luis.json()["approved_by"]) == ("luis", "luis")
    listed = (await shop.get("returns/goods", store_id="norte")).json()["returns"]
    assert listed == [by_luis.json(), approved.json()]
    assert await shop.available("milk") == 2


async def test_nobody_names_an_approver_without_a_pin(shop: Shop) -> None:
    """What is approved is no command that clients may send as it is, not even those who may approve."""
    line = {"product_id": "milk", "quantity": 1, "price_cents": 129}
    command = {
        "type": "return_goods",
        "id": str(new_id()),
        "store_id": "norte",
        "lines": [line],
        "approved_by": "luis",
        "reason": "x",
    }
    assert_problem(await shop.post("commands", {"commands": [command]}, shop.supervisor), 400, "invalid_input")


async def test_a_return_by_receipt_may_wait_in_a_terminals_queue(shop: Shop) -> None:
    sale = await sold(shop)
    command = {
        "type": "return_sale",
        "id": str(new_id()),
        "store_id": "norte",
        "sale_id": sale["id"],
        "lines": [{"line": 1, "quantity": 1}],
        "refund_by": "card",
    }
    (answer,) = (await shop.post("commands", {"commands": [command]})).json()["answers"]
    assert answer["documents"][0]["kind"] == "returned"


async def test_a_sale_is_voided_by_approval(shop: Shop) -> None:
    sale = await sold(shop, tenders=[{"kind": "cash", "amount": 3.87, "given": 5}])
    path, body = f"sales/{sale['id']}/void", {"reason": "rung up twice", "id": str(new_id())}
    assert_problem(await shop.post(path, body), 403, "approval_needed")
    answer = await shop.post(path, body | {"approval": LUIS})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["return_status"], answer.json()["refunded"]) == ("voided", 3.87)
    assert (await shop.post(path, body | {"approval": LUIS})).json() == answer.json(), "sent again it is done once"
    (listed,) = (await shop.get("sales", store_id="norte")).json()["sales"]
    assert listed == answer.json(), "it stays in the list, marked"
    (step,) = (await shop.get(f"returns/{sale['id']}")).json()["steps"]
    assert (step["actor"], step["approved_by"], step["reason"]) == ("ana", "luis", "rung up twice")
    assert await shop.available("milk") == 10
    again = await shop.post(path, {"reason": "once more"}, shop.supervisor)
    assert_problem(again, 409, "wrong_status")
    assert_problem(await shop.post("returns", back(sale, 1)), 409, "wrong_status")


@pytest.fixture
async def two_in_the_morning(shop: Shop) -> AsyncIterator[str]:
    """The shop is where it is past two in the morning now; its time zone."""
    offset = (14 - datetime.now(UTC).hour) % 24 - 12
    zone = f"Etc/GMT{-offset:+d}"
    about = {"number": 1, "name": "", "currency": "EUR", "time_zone": zone, "founded_at": datetime.now(UTC)}
    db = open_database(shop.database_url)
    async with db.writer.begin() as connection:
        await connection.execute(insert(tables.shop).values(about))
    yield zone
    async with db.writer.begin() as connection:
        await connection.execute(delete(tables.shop))
    await db.close()


async def test_a_sale_is_voided_on_its_day_in_the_shops_time_zone(shop: Shop, two_in_the_morning: str) -> None:
    """Whatever day it is in Greenwich; both sides of midnight."""
    assert datetime.now(ZoneInfo(two_in_the_morning)).hour in (2, 3)
    db = open_database(shop.database_url)
    for hours, code in ((1, None), (4, "void_too_late")):
        sale = await sold(shop)
        async with db.writer.begin() as connection:
            s = tables.sales.c
            then = datetime.now(UTC) - timedelta(hours=hours)
            await connection.execute(update(tables.sales).where(s.id == UUID(sale["id"])).values(sold_at=then))
        answer = await shop.post(f"sales/{sale['id']}/void", {"reason": "twice"}, shop.supervisor)
        assert answer.json().get("code") == code, answer.text
    await db.close()


async def test_a_sale_that_came_back_in_part_is_not_voided(shop: Shop) -> None:
    sale = await sold(shop)
    assert (await shop.post("returns", back(sale, 1))).status_code == 201
    answer = await shop.post(f"sales/{sale['id']}/void", {"reason": "x"}, shop.supervisor)
    assert assert_problem(answer, 409, "sale_returned")["state"] == "partly_returned"


async def test_a_sale_shows_its_money(shop: Shop) -> None:
    await shop.receive("milk", 3)
    line = {
        "product_id": "milk",
        "quantity": 2,
        "unit_price": 1.0,
        "list_price": 1.29,
        "discount_reason": "dented",
        "tax": {"rate": 10, "amount": 0.2, "included": False},
    }
    tenders = [{"kind": "cash", "amount": 1.2, "given": 2.0}, {"kind": "card", "amount": 1.0, "reference": "A1"}]
    body = {"store_id": "norte", "lines": [line], "price_reason": "dented", "tenders": tenders}
    answer = await shop.post("sales", body, shop.supervisor)
    assert answer.status_code == 201, answer.text
    shown = (await shop.get(f"sales/{answer.json()['id']}")).json()
    assert (shown["total"], shown["lines"]) == (2.2, [line])
    assert shown["tenders"] == answer.json()["tenders"] == [tenders[0] | {"change": 0.8}, tenders[1]]
    short = body | {"tenders": tenders[:1]}
    assert assert_problem(await shop.post("sales", short, shop.supervisor), 400, "money_mismatch")["field"] == "tenders"
