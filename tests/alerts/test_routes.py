"""Alerts over HTTP: for whoever may see what people did, of their own stores."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from backend.ids import new_id
from tests.http.shop import Shop, assert_problem


async def test_what_is_open_in_a_store(shop: Shop) -> None:
    await shop.receive("milk", 80)
    await shop.reserve(quantity=60)
    answer = await shop.get("alerts", shop.supervisor, store_id="norte")
    assert answer.status_code == 200, answer.text
    (alert,) = answer.json()["alerts"]
    assert (alert["rule"], alert["store_id"], alert["subject"], alert["value"]) == (
        "hold_hoarding",
        "norte",
        "milk",
        60,
    )
    assert (answer.json()["count"], answer.json()["cut"]) == (1, [])
    other = await shop.get("alerts", shop.supervisor, store_id="norte", rule="drift")
    assert other.json()["alerts"] == []
    assert (await shop.get("alerts", shop.supervisor, store_id="sur")).json()["alerts"] == []


async def test_who_may_ask(shop: Shop) -> None:
    assert_problem(await shop.get("alerts", store_id="norte"), 403, "scope_missing")
    assert_problem(await shop.get("alerts", shop.supervisor, store_id="este"), 403, "store_not_allowed")
    assert_problem(await shop.get("alerts", shop.admin, store_id="mars"), 404, "unknown_store")
    assert_problem(await shop.get("alerts", shop.supervisor, store_id="norte", rule="nonsense"), 400, "invalid_input")


async def mark(shop: Shop, by: dict[str, str] | None = None, **said: Any) -> httpx.Response:
    body = {"store_id": "norte", "rule": "hold_hoarding", "subject": "milk"} | said
    return await shop.post("alerts/marks", body, by or shop.supervisor)


async def shown(shop: Shop) -> Any:
    (alert,) = (await shop.get("alerts", shop.supervisor, store_id="norte")).json()["alerts"]
    return alert["mark"]


async def test_an_alert_is_acknowledged_put_off_given_to_somebody_and_opened_again(shop: Shop) -> None:
    await shop.receive("milk", 200)
    hold = await shop.reserve(quantity=60)
    assert await shown(shop) is None
    id_ = str(new_id())
    once, twice = [await mark(shop, status="acknowledged", note="a party", id=id_) for _ in range(2)]
    assert (once.status_code, once.json()) == (201, twice.json()), once.text
    assert (await shown(shop)) == once.json()["mark"]
    assert ((await shown(shop))["by"], (await shown(shop))["note"], once.json()["version"]) == ("luis", "a party", 1)
    assert (await mark(shop, status="assigned", owner="ana")).status_code == 201
    assert ((await shown(shop))["status"], (await shown(shop))["owner"]) == ("assigned", "ana")
    assert (await mark(shop, status="snoozed", hours=2)).status_code == 201
    until = datetime.fromisoformat((await shown(shop))["until"])
    assert timedelta(minutes=119) < until - datetime.now(UTC) <= timedelta(hours=2)
    assert (await mark(shop, status="reopened")).status_code == 201
    assert await shown(shop) is None

    assert (await mark(shop, status="acknowledged")).status_code == 201
    await shop.post(f"reservations/{hold['id']}/cancel")
    assert_problem(await mark(shop, status="acknowledged"), 404, "unknown_document")
    await shop.reserve(quantity=70)
    looked = await mark(shop, status="snoozed", hours=1, subject="nothing")
    assert_problem(looked, 404, "unknown_document")
    assert await shown(shop) is None, "it has begun anew"


async def test_a_mark_says_what_belongs_to_it_and_is_a_supervisors(shop: Shop) -> None:
    await shop.receive("milk", 80)
    await shop.reserve(quantity=60)
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("hours", {"status": "snoozed"}),
        ("hours", {"status": "acknowledged", "hours": 1}),
        ("owner", {"status": "assigned"}),
        ("owner", {"status": "acknowledged", "owner": "ana"}),
    ]
    for field, said in wrong:
        assert assert_problem(await mark(shop, **said), 400, "invalid_quantity")["field"] == field
    assert_problem(await mark(shop, shop.auth, status="acknowledged"), 403, "scope_missing")
    stranger = shop.bearer("eva", "supervisor", ["este"])
    assert_problem(await mark(shop, stranger, status="acknowledged"), 403, "store_not_allowed")
    nowhere = {"type": "alert_mark", "id": str(new_id()), "store_id": "mars", "rule": "drift", "subject": "milk"}
    nowhere |= {"since": "2026-11-24T09:00:00Z", "status": "acknowledged"}
    (answer,) = (await shop.post("commands", {"commands": [nowhere]}, shop.admin)).json()["answers"]
    assert answer["refusal"]["code"] == "unknown_store"
