from datetime import UTC, datetime, timedelta

import pytest

from backend.ids import new_id
from tests.http.shop import Shop, assert_problem


async def test_a_hold_of_one_product(shop: Shop) -> None:
    await shop.receive("milk", 10)
    hold = await shop.reserve("milk", 3, ttl_minutes=5, customer_id="c-1")

    expires_at, created_at = (datetime.fromisoformat(hold.pop(key)) for key in ("expires_at", "created_at"))
    assert expires_at - created_at == timedelta(minutes=5)
    assert abs(datetime.now(UTC) - created_at) < timedelta(minutes=1)
    identity = hold.pop("id")
    assert hold.pop("updated_at")
    assert hold == {
        "product_id": "milk",
        "store_id": "norte",
        "customer_id": "c-1",
        "quantity": 3,
        "status": "PENDING",
        "lines": [{"product_id": "milk", "quantity": 3, "confirmed": 0}],
        "version": 1,
    }
    assert (await shop.get(f"reservations/{identity}")).json()["status"] == "PENDING"
    assert await shop.available() == 7


async def test_a_hold_of_several_products_is_all_or_nothing(shop: Shop) -> None:
    await shop.receive("milk", 10)
    await shop.receive("bread", 1)
    lines = [{"product_id": "milk", "quantity": 4}, {"product_id": "bread", "quantity": 2}]

    refused = await shop.post("reservations", {"store_id": "norte", "lines": lines, "ttl_seconds": 60})
    problem = assert_problem(refused, 409, "insufficient_stock")
    assert problem["lines"] == [{"product_id": "bread", "requested": 2, "available": 1}]
    assert problem["retryable"] is False
    assert await shop.available("milk") == 10

    lines[1]["quantity"] = 1
    held = await shop.post("reservations", {"store_id": "norte", "lines": lines, "ttl_seconds": 60})
    assert held.status_code == 201
    assert (held.json()["product_id"], held.json()["quantity"], len(held.json()["lines"])) == (None, 5, 2)


async def test_a_hold_without_a_duration_lasts_as_long_as_the_server_says(shop: Shop) -> None:
    await shop.receive("milk", 1)
    hold = await shop.reserve()
    held_for = datetime.fromisoformat(hold["expires_at"]) - datetime.fromisoformat(hold["created_at"])
    assert held_for == timedelta(seconds=900)


async def test_a_hold_ends_once(shop: Shop) -> None:
    await shop.receive("milk", 10)
    hold = await shop.reserve("milk", 3)

    confirmed = await shop.post(f"reservations/{hold['id']}/confirm")
    assert confirmed.status_code == 200, confirmed.text
    assert confirmed.json()["status"] == "CONFIRMED"
    for way in ("confirm", "cancel", "extend"):
        problem = assert_problem(await shop.post(f"reservations/{hold['id']}/{way}"), 409, "reservation_ended")
        assert problem["state"] == "CONFIRMED"
    assert (await shop.get("stock/milk/norte")).json()["quantity"] == 7


async def test_a_part_of_a_hold_is_confirmed_and_the_rest_is_free(shop: Shop) -> None:
    await shop.receive("milk", 10)
    hold = await shop.reserve("milk", 3)
    path = f"reservations/{hold['id']}/confirm"

    too_many = await shop.post(path, {"lines": [{"product_id": "milk", "quantity": 4}]})
    assert_problem(too_many, 409, "insufficient_stock")
    confirmed = (await shop.post(path, {"lines": [{"product_id": "milk", "quantity": 1}]})).json()
    assert confirmed["lines"] == [{"product_id": "milk", "quantity": 3, "confirmed": 1}]
    assert await shop.available() == 9


async def test_cancel_frees_and_extend_prolongs(shop: Shop) -> None:
    await shop.receive("milk", 2)
    hold = await shop.reserve("milk", 2, ttl_seconds=60)
    longer = (await shop.post(f"reservations/{hold['id']}/extend", {"ttl_minutes": 60})).json()
    assert datetime.fromisoformat(longer["expires_at"]) > datetime.fromisoformat(hold["expires_at"])
    assert longer["version"] == 2
    assert (await shop.post(f"reservations/{hold['id']}/cancel")).json()["status"] == "CANCELLED"
    assert await shop.available() == 2


async def test_a_hold_is_replaced_by_another(shop: Shop) -> None:
    await shop.receive("milk", 2)
    hold = await shop.reserve("milk", 2)
    other = await shop.reserve("milk", 1, replaces=hold["id"])
    assert other["id"] != hold["id"]
    assert (await shop.get(f"reservations/{hold['id']}")).json()["status"] == "CANCELLED"
    assert await shop.available() == 1


@pytest.mark.parametrize("where", ["header", "body"])
async def test_the_same_id_again_has_no_second_effect(shop: Shop, where: str) -> None:
    await shop.receive("milk", 10)
    key = str(new_id())
    headers = {"Idempotency-Key": key} if where == "header" else {}
    body = {"store_id": "norte", "product_id": "milk", "quantity": 3} | ({"id": key} if where == "body" else {})

    first = await shop.post("reservations", body, headers)
    again = await shop.post("reservations", body, headers)
    assert first.json()["id"] == key
    assert (again.status_code, again.json()) == (201, first.json())
    assert await shop.available() == 7
    assert_problem(await shop.post("reservations", body | {"quantity": 4}, headers), 422, "command_reused")
    assert await shop.available() == 7


async def test_a_key_must_be_a_uuid_and_agree_with_the_body(shop: Shop) -> None:
    body = {"store_id": "norte", "product_id": "milk", "quantity": 3, "id": str(new_id())}
    for key in ("order-1", str(new_id())):
        problem = assert_problem(await shop.post("reservations", body, {"Idempotency-Key": key}), 400, "invalid_input")
        assert problem["field"] == "Idempotency-Key"


async def test_a_hold_of_another_store_is_as_unknown_as_none(shop: Shop) -> None:
    await shop.receive("milk", 1, "sur")
    held = await shop.post("reservations", {"store_id": "sur", "product_id": "milk", "quantity": 1}, shop.supervisor)
    for identity in (held.json()["id"], str(new_id()), "not-a-uuid"):
        assert_problem(await shop.get(f"reservations/{identity}"), 404, "unknown_reservation")
        for way in ("confirm", "cancel", "extend"):
            assert_problem(await shop.post(f"reservations/{identity}/{way}"), 404, "unknown_reservation")
    assert (await shop.get(f"reservations/{held.json()['id']}", shop.supervisor)).json()["status"] == "PENDING"


async def test_another_store_is_forbidden_and_the_unknown_named(shop: Shop) -> None:
    body = {"store_id": "sur", "product_id": "milk", "quantity": 1}
    assert_problem(await shop.post("reservations", body), 403, "store_not_allowed")
    gold = await shop.post("reservations", body | {"store_id": "norte", "product_id": "gold"})
    assert assert_problem(gold, 404, "unknown_product")["field"] == "product_id"
    admin = shop.bearer("root", "admin", ["*"])
    assert_problem(await shop.post("reservations", body | {"store_id": "oeste"}, admin), 404, "unknown_store")
