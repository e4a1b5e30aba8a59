"""Allotments over HTTP: asked for, seen, capped by policies, recalled for a customer, reclaimed by a person."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, update

from backend.database.engine import open_database
from backend.database.tables import allotment_policies, allotments
from backend.ids import new_id
from tests.http.shop import Shop, assert_problem

Json = dict[str, Any]


@pytest.fixture(autouse=True)
async def _no_policies(shop_url: str) -> AsyncIterator[None]:
    yield
    db = open_database(shop_url)
    try:
        async with db.writer.begin() as connection:
            await connection.execute(delete(allotment_policies))
    finally:
        await db.close()


def till(shop: Shop, terminal_id: str, user: str = "ana") -> dict[str, str]:
    """The header of a clerk at another terminal than T1."""
    token, _ = shop.tokens.issue(
        user=user, role="clerk", stores=["norte"], store_id="norte", terminal_id=terminal_id, session_id="s2"
    )
    return {"Authorization": f"Bearer {token}"}


def command(kind: str, **fields: Any) -> Json:
    return {"type": kind, "id": str(new_id()), "store_id": "norte", **fields}


def sale(quantity: int, draws: int = 0, allotment: str = "") -> Json:
    line = {"product_id": "milk", "quantity": quantity, "price_cents": 129}
    drawn = {"draws": [{"allotment_id": allotment, "product_id": "milk", "quantity": draws}]} if draws else {}
    return command("sell", lines=[line], **drawn)


async def sent(shop: Shop, *commands: Json, by: dict[str, str] | None = None) -> list[Json]:
    answer = await shop.post("commands", {"commands": list(commands)}, by)
    assert answer.status_code == 200, answer.text
    answers: list[Json] = answer.json()["answers"]
    return answers


async def kept(shop: Shop, **where: Any) -> list[Json]:
    answer = await shop.get("allotments", store_id="norte", **where)
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["allotments"]
    return found


async def allotted(shop: Shop, quantity: int, by: dict[str, str] | None = None) -> str:
    (answer,) = await sent(shop, command("allot", product_id="milk", quantity=quantity), by=by)
    id_: str = answer["allotment"]["id"]
    return id_


async def test_a_terminal_keeps_units_and_sells_them(shop: Shop) -> None:
    await shop.receive("milk", 10)
    mine = await allotted(shop, 6)
    assert await shop.available() == 4
    first, second = await sent(shop, sale(2, 2, mine), sale(3, 3, mine))
    assert first["draws"] == [{"allotment_id": mine, "product_id": "milk", "quantity": 2}]
    assert "refusal" not in second
    (one,) = await kept(shop)
    assert (one["id"], one["quantity"], one["terminal_id"], one["person"]) == (mine, 1, "T1", "Ana")
    assert (one["sku"], one["overdue"], one["wanted"]) == ("MILK", False, 0)
    story = (await shop.get("stock/milk/norte/explain")).json()
    assert [(x["terminal_id"], x["quantity"]) for x in story["allotments"]] == [("T1", 1)]


async def test_it_is_no_hold_to_anybody(shop: Shop) -> None:
    await shop.receive("milk", 10)
    mine = await allotted(shop, 6)
    hold = await shop.reserve("milk", 1)
    pending = (await shop.get("reservations/store/norte/pending")).json()["reservations"]
    assert [one["id"] for one in pending] == [hold["id"]]
    assert (await shop.get("reservations/stats")).json()["pending_reservations"] == 1
    assert_problem(await shop.get(f"reservations/{mine}"), 404, "unknown_reservation")
    assert_problem(await shop.post(f"reservations/{mine}/cancel"), 404, "unknown_reservation")
    (refused,) = await sent(shop, command("cancel", reservation_id=mine))
    assert refused["refusal"]["code"] == "unknown_reservation"


async def test_a_shortage_asks_the_other_terminals_to_give_back(shop: Shop) -> None:
    await shop.receive("milk", 10)
    mine, other = await allotted(shop, 3), await allotted(shop, 6, till(shop, "T2"))
    (short,) = await sent(shop, sale(3), by=till(shop, "T3"))
    assert short["refusal"]["code"] == "insufficient_stock"
    assert {one["id"]: one["wanted"] for one in await kept(shop)} == {other: 2, mine: 0}
    # T2 hears of it, or asks what of its own is wanted, and makes its allotment smaller.
    (asked,) = [one for one in await kept(shop, terminal_id="T2") if one["wanted"]]
    smaller = command("allot", product_id="milk", quantity=asked["quantity"] - asked["wanted"], allotment_id=other)
    await sent(shop, smaller, by=till(shop, "T2"))
    (sold,) = await sent(shop, sale(3), by=till(shop, "T3"))
    assert "refusal" not in sold
    assert {one["id"]: (one["quantity"], one["wanted"]) for one in await kept(shop)} == {other: (4, 0), mine: (3, 0)}


async def test_nobody_is_asked_for_what_a_terminal_wants_to_keep(shop: Shop) -> None:
    await shop.receive("milk", 4)
    mine = await allotted(shop, 4)
    (refused,) = await sent(shop, command("allot", product_id="milk", quantity=1), by=till(shop, "T2"))
    assert refused["refusal"]["code"] == "insufficient_stock"
    (own,) = await sent(shop, sale(1))
    assert own["refusal"]["code"] == "insufficient_stock"  # its own allotment, on which it did not draw
    assert [(one["id"], one["wanted"]) for one in await kept(shop)] == [(mine, 0)]


async def test_the_policy_caps_what_one_terminal_keeps(shop: Shop) -> None:
    await shop.receive("milk", 100)
    await shop.receive("rice", 100)
    (refused,) = await sent(shop, command("allot", product_id="milk", quantity=21))
    assert refused["refusal"]["code"] == "allotment_too_large"
    policies = "stores/norte/allotment-policies"
    assert (await shop.put(f"{policies}/*", {"units": 5}, shop.supervisor)).status_code == 200
    own = {"units": 50, "minutes": 120, "beyond": "block"}
    assert (await shop.put(f"{policies}/milk", own, shop.supervisor)).json() == {"product_id": "milk", **own}
    mine = await allotted(shop, 30)
    more, resized, rice = await sent(
        shop,
        command("allot", product_id="milk", quantity=21),
        command("allot", product_id="milk", quantity=50, allotment_id=mine),
        command("allot", product_id="rice", quantity=6),
    )
    assert [x["refusal"]["code"] for x in (more, rice)] == ["allotment_too_large"] * 2
    assert resized["allotment"]["quantity"] == 50
    listed = (await shop.get(policies)).json()
    assert listed["default"] == {"product_id": "*", "units": 20, "minutes": 60, "beyond": "supervisor"}
    assert [(one["product_id"], one["units"]) for one in listed["policies"]] == [("*", 5), ("milk", 50)]
    assert (await shop.client.delete(f"{policies}/*", headers=shop.supervisor)).status_code == 204
    (rice,) = await sent(shop, command("allot", product_id="rice", quantity=20))
    assert rice["allotment"]["quantity"] == 20


async def test_who_may_set_a_policy(shop: Shop) -> None:
    policy = "stores/norte/allotment-policies"
    assert_problem(await shop.put(f"{policy}/milk", {"units": 5}), 403, "scope_missing")
    assert_problem(await shop.put(f"{policy}/none", {"units": 5}, shop.admin), 404, "unknown_product")
    assert_problem(await shop.put("stores/x/allotment-policies/*", {"units": 5}, shop.admin), 404, "unknown_store")
    assert_problem(
        await shop.put("stores/este/allotment-policies/*", {"units": 5}, shop.supervisor), 403, "store_not_allowed"
    )
    assert_problem(await shop.put(f"{policy}/milk", {"units": -1}, shop.admin), 400, "invalid_input")
    assert (await shop.put(f"{policy}/milk", {"units": 0}, shop.admin)).status_code == 200
    trail = await shop.get("audit", shop.admin, store_id="norte", action="allotment_policy.set")
    (act,) = trail.json()["acts"]
    assert (act["actor"], act["subject"], act["after"]["units"]) == ("root", "product:milk", 0)


async def test_a_person_reclaims_and_a_late_draw_stands_on_what_is_available(shop: Shop) -> None:
    await shop.receive("milk", 10)
    mine = await allotted(shop, 6)
    assert_problem(await shop.post(f"allotments/{mine}/reclaim", {"reason": "lost"}), 403, "scope_missing")
    answer = await shop.post(f"allotments/{mine}/reclaim", {"reason": "lost"}, shop.supervisor)
    assert answer.json() == {
        "allotment_id": mine,
        "store_id": "norte",
        "product_id": "milk",
        "terminal_id": "T1",
        "quantity": 6,
        "available": 10,
    }
    again = await shop.post(f"allotments/{mine}/reclaim", {"reason": "lost"}, shop.supervisor)
    assert_problem(again, 409, "reservation_ended")
    late, beyond = await sent(shop, sale(6, 6, mine), sale(6, 6, mine))
    assert "draws" not in late
    assert beyond["refusal"]["code"] == "insufficient_stock"
    moves = (await shop.get("movements", store_id="norte")).json()["movements"]
    assert [(x["kind"], x["reason"], x["actor"]) for x in moves][1] == ("allot_reclaim", "lost", "luis")


async def test_no_machine_and_no_other_store_reclaims(shop: Shop) -> None:
    await shop.receive("milk", 10, "sur")
    south = shop.bearer("luis", "supervisor", ["sur"])
    there = command("allot", product_id="milk", quantity=2) | {"store_id": "sur"}
    await sent(shop, there, by=south)
    path = f"allotments/{there['id']}/reclaim"
    north = shop.bearer("luis", "supervisor", ["norte"])
    assert_problem(await shop.post(path, {"reason": "lost"}, north), 404, "unknown_reservation")
    assert_problem(await shop.post("allotments/x/reclaim", {"reason": "lost"}, north), 404, "unknown_reservation")
    key = await shop.post("keys", {"name": "x", "scopes": ["allotments:reclaim"], "stores": ["sur"]}, shop.admin)
    machine = {"X-API-Key": key.json()["key"]}
    answer = await shop.client.post(path, json={"reason": "lost"}, headers=machine)
    assert_problem(answer, 403, "scope_missing")


async def test_what_is_overdue_is_told_and_kept(shop: Shop, shop_url: str) -> None:
    await shop.receive("milk", 10)
    late, _ = await allotted(shop, 2), await allotted(shop, 1, till(shop, "T2"))
    db = open_database(shop_url)
    try:
        async with db.writer.begin() as connection:
            row = update(allotments).where(allotments.c.terminal_id == "T1")
            await connection.execute(row.values(due_at=datetime(2026, 1, 1, tzinfo=UTC)))
    finally:
        await db.close()
    assert [one["id"] for one in await kept(shop, overdue=True)] == [late]
    assert await shop.available() == 7
    renewed = command("allot", product_id="milk", quantity=2, allotment_id=late)
    await sent(shop, renewed)
    assert await kept(shop, overdue=True) == []
