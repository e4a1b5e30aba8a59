from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.http.shop import PIN, STORES, Shop, assert_problem


def form(**changes: Any) -> dict[str, Any]:
    return {"user": "ana", "pin": PIN, "store_id": "norte", "terminal_id": "T1"} | changes


async def test_a_name_and_its_pin_give_a_token_that_works(shop: Shop) -> None:
    answer = await shop.client.post("auth/sign-in", json=form())

    assert answer.status_code == 200, answer.text
    session = answer.json()
    token, expires_at = session.pop("access_token"), datetime.fromisoformat(session.pop("expires_at"))
    session.pop("refresh_token")
    session_expires_at = datetime.fromisoformat(session.pop("session_expires_at"))
    assert session == {
        "expires_in": 600,
        "user": "ana",
        "display_name": "Ana",
        "role": "clerk",
        "store_id": "norte",
        "store_name": "Norte",
        "stores": [{"id": "norte", "name": "Norte"}],
    }
    assert timedelta(minutes=9) < expires_at - datetime.now(UTC) <= timedelta(minutes=10)
    assert timedelta(hours=11) < session_expires_at - datetime.now(UTC) <= timedelta(hours=12, seconds=1)
    assert (await shop.get("products", {"Authorization": f"Bearer {token}"})).status_code == 200


async def test_a_wrong_pin_and_an_unknown_name_read_the_same(shop: Shop) -> None:
    wrong = await shop.client.post("auth/sign-in", json=form(pin="0000"))
    unknown = await shop.client.post("auth/sign-in", json=form(user="nobody"))

    first = assert_problem(wrong, 401, "sign_in_refused")
    second = assert_problem(unknown, 401, "sign_in_refused")
    assert first["detail"] == second["detail"]
    assert wrong.headers["www-authenticate"] == "Bearer"


async def test_a_person_signs_in_only_where_they_work(shop: Shop) -> None:
    assert_problem(await shop.client.post("auth/sign-in", json=form(store_id="sur")), 403, "store_not_allowed")
    assert_problem(await shop.client.post("auth/sign-in", json=form(store_id="oeste")), 404, "unknown_store")


async def test_an_admin_works_in_every_store(shop: Shop) -> None:
    answer = await shop.client.post("auth/sign-in", json=form(user="root", store_id="este"))

    assert [store["id"] for store in answer.json()["stores"]] == sorted(STORES)
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    held = await shop.post("reservations", {"store_id": "sur", "product_id": "milk", "quantity": 1}, bearer)
    assert_problem(held, 409, "insufficient_stock")


async def test_a_bad_form_names_the_field(shop: Shop, subtests: pytest.Subtests) -> None:
    bad: list[dict[str, Any]] = [
        {"pin": ""},
        {"pin": 1234},
        {"user": "a\0b"},
        {"terminal_id": "T 1"},
        {"terminal_id": "T1.>"},
        {"terminal_id": "T1\n"},
        {"remember_me": True},
    ]
    for changes in bad:
        with subtests.test(changes=changes):
            problem = assert_problem(await shop.client.post("auth/sign-in", json=form(**changes)), 400, "invalid_input")
            assert problem["field"] == next(iter(changes))


async def test_the_door_sign_needs_no_token(shop: Shop) -> None:
    answer = await shop.client.get("stores")
    assert answer.json() == {"stores": [{"id": key, "name": STORES[key]} for key in sorted(STORES)]}
