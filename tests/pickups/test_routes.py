"""Pickups and count tasks over HTTP: a clerk asks elsewhere and gets no other right there; both stores see the same."""

from typing import Any

from msgspec import json
from sqlalchemy import select

from backend.database.engine import open_database
from backend.database.tables import outbox
from backend.ids import new_id
from backend.model.events import Message
from backend.proof.books import prove
from tests.http.shop import Shop, assert_problem

ASKED = {"store_id": "sur", "product_id": "milk", "quantity": 2, "ttl_seconds": 3600, "reason": "Mrs Vega comes by car"}


def south(shop: Shop) -> dict[str, str]:
    return shop.bearer("sara", "clerk", ["sur"])


async def asked(shop: Shop, **more: Any) -> dict[str, Any]:
    """A pickup that ana, a clerk of norte, asks of sur."""
    answer = await shop.post("pickups", ASKED | more)
    assert answer.status_code == 201, answer.text
    pickup: dict[str, Any] = answer.json()
    return pickup


async def test_a_clerk_asks_another_store_and_both_see_who_why_and_until_when(shop: Shop) -> None:
    await shop.receive("milk", 5, "sur")
    pickup = await asked(shop)
    assert (pickup["store_id"], pickup["for_store_id"], pickup["status"], pickup["hold"]) == (
        "sur",
        "norte",
        "asked",
        "PENDING",
    )
    assert (pickup["asked_by"], pickup["asked_at_terminal"]) == ("ana", "T1")
    assert pickup["reason"] == "Mrs Vega comes by car"
    assert 3590 <= pickup["seconds_left"] <= 3600
    assert await shop.available("milk", "sur") == 3
    for by in (shop.auth, south(shop)):
        seen = (await shop.get(f"pickups/{pickup['id']}", by)).json()
        assert (seen["id"], seen["expires_at"]) == (pickup["id"], pickup["expires_at"])
    assert (await shop.get(f"reservations/{pickup['id']}", south(shop))).json()["quantity"] == 2


async def test_asking_gives_no_other_right_there(shop: Shop) -> None:
    await shop.receive("milk", 5, "sur")
    pickup = await asked(shop)
    for path in ("cancel", "confirm", "extend"):
        body: Any = {"ttl_seconds": 60} if path == "extend" else None
        assert_problem(await shop.post(f"reservations/{pickup['id']}/{path}", body), 404, "unknown_reservation")
    for path, body in (("found", None), ("missing", {"keep": False})):
        assert_problem(await shop.post(f"pickups/{pickup['id']}/{path}", body), 403, "store_not_allowed")
    held = {"store_id": "sur", "product_id": "milk", "quantity": 1}
    assert_problem(await shop.post("reservations", held), 403, "store_not_allowed")
    sale: dict[str, Any] = {"type": "sell", "id": str(new_id()), "store_id": "sur", "holds": [pickup["id"]]}
    sale["lines"] = [{"product_id": "milk", "quantity": 2, "price_cents": 129}]
    (answer,) = (await shop.post("commands", {"commands": [sale]})).json()["answers"]
    assert answer["refusal"]["code"] == "store_not_allowed"
    assert_problem(await shop.post("pickups", ASKED | {"for_store_id": "este"}), 403, "store_not_allowed")


async def test_the_batch_route_asks_for_the_store_that_asks(shop: Shop) -> None:
    await shop.receive("milk", 5, "sur")
    command: dict[str, Any] = {
        "type": "hold_elsewhere",
        "id": str(new_id()),
        "store_id": "sur",
        "for_store_id": "norte",
    }
    command |= {"lines": [{"product_id": "milk", "quantity": 1}], "ttl_seconds": 60, "reason": "x"}

    async def answer(by: dict[str, str]) -> dict[str, Any]:
        answers = (await shop.post("commands", {"commands": [command]}, by)).json()["answers"]
        return dict(answers[0])

    assert (await answer(south(shop)))["refusal"]["code"] == "store_not_allowed"
    assert (await answer(shop.auth))["documents"][0]["status"] == "asked"


async def test_found_and_sold_there(shop: Shop) -> None:
    await shop.receive("milk", 5, "sur")
    pickup = await asked(shop)
    found = await shop.post(f"pickups/{pickup['id']}/found", {"ttl_seconds": 7200}, south(shop))
    assert (found.json()["status"], found.json()["hold"]) == ("found", "PENDING")
    assert found.json()["seconds_left"] > 7100
    sold = await shop.post(f"reservations/{pickup['id']}/confirm", None, south(shop))
    assert sold.status_code == 200
    seen = (await shop.get(f"pickups/{pickup['id']}")).json()
    assert (seen["status"], seen["hold"], seen["seconds_left"]) == ("found", "CONFIRMED", 0)
    late = await shop.post(f"pickups/{pickup['id']}/withdraw")
    assert assert_problem(late, 409, "reservation_ended")["state"] == "CONFIRMED"


async def test_not_on_the_shelf_is_told_and_the_shelf_is_counted(shop: Shop) -> None:
    await shop.receive("milk", 5, "sur")
    pickup = await asked(shop)
    answer = await shop.post(f"pickups/{pickup['id']}/missing", {"keep": False, "reason": "empty"}, south(shop))
    assert (answer.json()["status"], answer.json()["hold"]) == ("missing", "CANCELLED")
    (task_id,) = answer.json()["count_tasks"]
    assert await shop.available("milk", "sur") == 5
    listed = (await shop.get("count-tasks", south(shop), status="open")).json()["count_tasks"]
    assert [(task["id"], task["product_ids"], task["reason"]) for task in listed] == [(task_id, ["milk"], "empty")]
    assert_problem(await shop.get(f"count-tasks/{task_id}"), 404, "unknown_document")
    assert_problem(await shop.post(f"count-tasks/{task_id}/done", {"reason": "x"}, south(shop)), 403, "scope_missing")
    done = await shop.post(f"count-tasks/{task_id}/done", {"reason": "counted: 3"}, shop.supervisor)
    assert (done.json()["status"], done.json()["steps"][-1]["reason"]) == ("done", "counted: 3")
    assert (await shop.get(f"count-tasks/{task_id}", south(shop))).json() == done.json()
    again = await shop.post(f"count-tasks/{task_id}/done", {"reason": "x"}, shop.supervisor)
    assert_problem(again, 409, "wrong_status")


async def test_lists_of_both_sides_and_taking_back(shop: Shop) -> None:
    await shop.receive("milk", 5, "sur")
    first, second = await asked(shop, quantity=1), await asked(shop, quantity=1)
    taken = await shop.post(f"pickups/{first['id']}/withdraw", {"reason": "found here"})
    assert (taken.json()["status"], taken.json()["hold"]) == ("withdrawn", "CANCELLED")

    async def ids(by: dict[str, str], **params: Any) -> list[str]:
        return [one["id"] for one in (await shop.get("pickups", by, **params)).json()["pickups"]]

    assert await ids(south(shop)) == await ids(shop.auth) == [first["id"], second["id"]]
    assert await ids(south(shop), asked="of_us", status="asked") == [second["id"]]
    assert await ids(south(shop), asked="by_us") == []
    assert await ids(shop.auth, asked="by_us", status="withdrawn") == [first["id"]]


async def test_refusals(shop: Shop) -> None:
    await shop.receive("milk", 1, "sur")
    assert_problem(await shop.post("pickups", ASKED), 409, "insufficient_stock")
    assert_problem(await shop.post("pickups", ASKED | {"store_id": "norte"}), 400, "same_store")
    assert_problem(await shop.post("pickups", ASKED | {"store_id": "oeste"}), 404, "unknown_store")
    assert_problem(await shop.post("pickups", ASKED | {"reason": ""}), 400, "invalid_input")
    assert_problem(await shop.get("pickups/nonsense"), 404, "unknown_document")
    pickup = await asked(shop, quantity=1)
    stranger = shop.bearer("eva", "clerk", ["este"])
    assert_problem(await shop.get(f"pickups/{pickup['id']}", stranger), 404, "unknown_document")


async def test_both_stores_hear_of_it_and_the_proof_holds(shop: Shop) -> None:
    await shop.receive("milk", 5, "sur")
    pickup = await asked(shop)
    await shop.post(f"pickups/{pickup['id']}/missing", {"keep": True}, south(shop))
    db = open_database(shop.database_url)
    try:
        async with db.engine.connect() as connection:
            payloads = (await connection.scalars(select(outbox.c.payload).order_by(outbox.c.id))).all()
        assert (await prove(db)).drifts == ()
    finally:
        await db.close()
    told = [
        (message.store_id, document.kind, document.status)
        for message in (json.decode(payload, type=Message) for payload in payloads)
        for document in message.documents
    ]
    assert sorted(told) == [
        ("norte", "pickup", "asked"),
        ("norte", "pickup", "missing"),
        ("sur", "count_task", "open"),
        ("sur", "pickup", "asked"),
        ("sur", "pickup", "missing"),
    ]
