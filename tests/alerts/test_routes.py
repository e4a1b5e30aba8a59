"""Alerts over HTTP: for whoever may see what people did, of their own stores."""

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
