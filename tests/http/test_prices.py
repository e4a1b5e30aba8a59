"""Who may sell at which price: a clerk at the catalogue's, now or a short while ago; others for a reason."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from backend.database import tables
from backend.database.engine import open_database
from backend.ids import new_id
from backend.model.prices import OLD_PRICE_GOOD_FOR

from .shop import Shop, assert_problem

MILK, BREAD = 1.29, 1.8


def basket(*lines: tuple[str, float], **more: Any) -> dict[str, Any]:
    sold = [{"product_id": product, "quantity": 1, "unit_price": price} for product, price in lines]
    return {"store_id": "norte", "lines": sold, **more}


def sell(price_cents: int, **more: Any) -> dict[str, Any]:
    line = {"product_id": "milk", "quantity": 1, "price_cents": price_cents}
    return {"type": "sell", "id": str(new_id()), "store_id": "norte", "lines": [line], **more}


@pytest.fixture
async def stocked(shop: Shop) -> Shop:
    await shop.receive("milk", 10)
    await shop.receive("bread", 10)
    return shop


async def set_price(shop: Shop, price: float) -> None:
    assert (await shop.put("products/milk", {"price": price}, shop.admin)).status_code == 200


async def test_a_clerk_sells_at_the_catalogue_s_price_only(stocked: Shop) -> None:
    refused = assert_problem(
        await stocked.post("sales", basket(("bread", BREAD), ("milk", 0.01))), 403, "price_not_allowed"
    )
    assert refused["field"] == "lines[1].unit_price"
    assert refused["prices"] == [{"line": 1, "product_id": "milk", "asked_cents": 1, "price_cents": 129}]
    assert "milk costs 1.29, not 0.01" in refused["detail"]
    assert await stocked.available("milk") == 10

    # A reason does not help who has not the right, and dearer is another price too.
    with_reason = basket(("milk", 0.01), price_reason="a friend")
    assert_problem(await stocked.post("sales", with_reason), 403, "price_not_allowed")
    assert_problem(await stocked.post("sales", basket(("milk", 2))), 403, "price_not_allowed")
    assert (await stocked.post("sales", basket(("milk", MILK), ("bread", BREAD)))).status_code == 201


async def test_it_holds_in_a_batch_for_each_sale_by_itself(stocked: Shop) -> None:
    commands = [sell(129), sell(1), sell(129)]
    answers = (await stocked.post("commands", {"commands": commands})).json()["answers"]
    assert [x.get("refusal", {}).get("code") for x in answers] == [None, "price_not_allowed", None]
    assert answers[1]["refusal"]["field"] == "lines[0].price_cents"
    # The refusal is the id's answer for ever, also when the price would be right later.
    await set_price(stocked, 0.01)
    try:
        again = (await stocked.post("commands", {"commands": commands})).json()["answers"]
    finally:
        await set_price(stocked, MILK)
    assert again == answers
    assert await stocked.available("milk") == 8


async def test_a_supervisor_may_and_says_why(stocked: Shop) -> None:
    dented = basket(("milk", 0.5))
    refused = assert_problem(await stocked.post("sales", dented, stocked.supervisor), 403, "price_not_allowed")
    assert refused["field"] == "price_reason"
    why = await stocked.post("sales", dented | {"price_reason": "dented"}, stocked.supervisor)
    assert why.status_code == 201, why.text
    moved = (await stocked.get("movements", store_id="norte", product_id="milk")).json()["movements"][0]
    assert (moved["kind"], moved["reason"], moved["actor"]) == ("sell", "dented", "luis")


async def test_a_machine_may_when_its_key_was_made_for_it(stocked: Shop) -> None:
    async def key(*scopes: str) -> dict[str, str]:
        body = {"name": "Web shop", "scopes": list(scopes), "stores": ["norte"]}
        return {"X-API-Key": (await stocked.post("keys", body, stocked.admin)).json()["key"]}

    async def sold_by(headers: dict[str, str]) -> int:
        body = basket(("milk", 0.99), price_reason="web offer")
        return (await stocked.client.post("sales", json=body, headers=headers)).status_code

    assert await sold_by(await key("sales:write")) == 403
    assert await sold_by(await key("sales:write", "prices:override")) == 201


async def test_a_sale_made_offline_at_the_price_of_its_day_is_accepted(stocked: Shop) -> None:
    await set_price(stocked, 1.49)
    try:
        assert (await stocked.post("sales", basket(("milk", 1.49)))).status_code == 201
        assert (await stocked.post("sales", basket(("milk", MILK)))).status_code == 201
        await age_former_prices(stocked, OLD_PRICE_GOOD_FOR + timedelta(minutes=1))
        refused = assert_problem(await stocked.post("sales", basket(("milk", MILK))), 403, "price_not_allowed")
        assert refused["prices"][0]["price_cents"] == 149
    finally:
        await set_price(stocked, MILK)


async def age_former_prices(shop: Shop, age: timedelta) -> None:
    db = open_database(shop.database_url)
    try:
        async with db.writer.begin() as connection:
            await connection.execute(update(tables.former_prices).values(until=datetime.now(UTC) - age))
    finally:
        await db.close()


async def test_a_sale_that_was_recorded_keeps_its_answer_when_its_price_is_long_gone(stocked: Shop) -> None:
    sold = basket(("milk", MILK), id=str(new_id()))
    first = await stocked.post("sales", sold)
    await set_price(stocked, 9)
    try:
        await age_former_prices(stocked, OLD_PRICE_GOOD_FOR + timedelta(minutes=1))
        again = await stocked.post("sales", sold)
    finally:
        await set_price(stocked, MILK)
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())


async def test_a_product_that_does_not_exist_is_told_as_such(stocked: Shop) -> None:
    assert_problem(await stocked.post("sales", basket(("gold", 1))), 404, "unknown_product")
