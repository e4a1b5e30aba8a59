from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.ids import new_id
from tests.http.shop import PIN, STORES, Shop, assert_problem


def form(**changes: Any) -> dict[str, Any]:
    return {"user": "ana", "pin": PIN, "store_id": "norte", "terminal_id": "T1"} | changes


async def test_a_name_and_its_pin_give_a_token_that_works(shop: Shop) -> None:
    answer = await shop.client.post("auth/sign-in", json=form())

    assert answer.status_code == 200, answer.text
    session = answer.json()
    token, expires_at = session.pop("access_token"), datetime.fromisoformat(session.pop("expires_at"))
    session.pop("refresh_token")
    assert session.pop("offline").keys() == {"grant", "secret", "keys"}
    session_expires_at = datetime.fromisoformat(session.pop("session_expires_at"))
    assert session == {
        "expires_in": 600,
        "user": "ana",
        "display_name": "Ana",
        "role": "clerk",
        "store_id": "norte",
        "store_name": "Norte",
        "stores": [{"id": "norte", "name": "Norte"}],
        "terminal_id": "T1",
        "receipt_series": "T1",
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


async def test_who_has_one_store_need_not_name_it(shop: Shop) -> None:
    session = (await shop.client.post("auth/sign-in", json=form(store_id=None))).json()
    assert (session["store_id"], session["store_name"]) == ("norte", "Norte")


@pytest.mark.parametrize(("user", "stores"), [("root", sorted(STORES)), ("luis", ["norte", "sur"])])
async def test_who_manages_several_stores_may_sign_in_at_none(shop: Shop, user: str, stores: list[str]) -> None:
    session = (await shop.client.post("auth/sign-in", json={"user": user, "pin": PIN})).json()
    assert (session["store_id"], session["store_name"], session["terminal_id"]) == ("", "", "")
    assert [store["id"] for store in session["stores"]] == stores
    bearer = {"Authorization": f"Bearer {session['access_token']}"}

    lines = [{"product_id": "milk", "quantity": 2}]
    received = {"type": "receive", "id": str(new_id()), "store_id": "sur", "lines": lines}
    answers = (await shop.post("commands", {"commands": [received]}, bearer)).json()["answers"]
    assert "refusal" not in answers[0]
    assert (await shop.get("live", bearer, store_id="sur")).status_code == 200
    for route in ("live", "events"):
        assert assert_problem(await shop.get(route, bearer), 400, "invalid_input")["field"] == "store_id"

    renewed = await shop.client.post("auth/refresh", json={"refresh_token": session["refresh_token"]})
    assert (renewed.status_code, renewed.json()["store_id"]) == (200, "")
    ended = await shop.client.post("auth/sign-out", json={"refresh_token": renewed.json()["refresh_token"]})
    assert ended.status_code == 204
    acts = (await shop.get("audit", shop.bearer("root", "admin", ["*"]), actor=user)).json()["acts"]
    assert {(act["action"], act["store_id"]) for act in acts} >= {("session.open", "*"), ("session.end", "*")}


async def test_a_clerk_of_several_stores_says_which_till_it_is(shop: Shop) -> None:
    root = shop.bearer("root", "admin", ["*"])
    added = {"name": "pia", "display_name": "Pia", "role": "clerk", "pin": PIN, "stores": ["norte", "sur"]}
    assert (await shop.post("users", added, root)).status_code == 201
    refused = await shop.client.post("auth/sign-in", json=form(user="pia", store_id=None))
    told = assert_problem(refused, 400, "invalid_input")
    assert told["field"] == "store_id"
    assert "norte, sur" in told["detail"]
    assert (await shop.client.delete("users/pia", headers=root)).status_code == 204
