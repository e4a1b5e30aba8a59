"""Terminals: a supervisor makes one, whoever stands there types its code, once, and it has a key of its own."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from backend.auth.enrolment_codes import hash_of
from backend.auth.lockout import ENROLMENT
from backend.database.engine import open_database
from backend.database.reads import moment, reading
from backend.database.tables import api_keys, sign_in_failures, terminals
from backend.database.writes import writing
from backend.ids import new_id
from tests.http.shop import Shop, assert_problem


async def make(shop: Shop, terminal_id: str = "T9", store_id: str = "norte") -> dict[str, Any]:
    body = {"store_id": store_id, "terminal_id": terminal_id, "name": "Back door"}
    answer = await shop.post("terminals", body, shop.supervisor)
    assert answer.status_code == 201, answer.text
    terminal: dict[str, Any] = answer.json()
    return terminal


async def enrol(shop: Shop, code: str, **headers: str) -> httpx.Response:
    return await shop.client.post("terminals/enrol", json={"code": code}, headers=headers)


async def listed(shop: Shop, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await shop.get("terminals", shop.supervisor, **query)).json()["terminals"]
    return found


async def key_ids(shop: Shop) -> list[str]:
    db = open_database(shop.database_url)
    async with reading(db) as connection:
        found = list(await connection.scalars(select(api_keys.c.id)))
    await db.close()
    return found


async def test_a_code_is_traded_for_a_key_that_looks_and_changes_nothing(shop: Shop) -> None:
    made = await make(shop)
    assert made["key_id"] is None
    lasts = datetime.fromisoformat(made["code_expires_at"]) - datetime.fromisoformat(made["created_at"])
    assert lasts == timedelta(minutes=15)

    typed = made["code"].replace("-", " ").lower().replace("0", "o").replace("1", "l")
    answer = await enrol(shop, typed)
    assert answer.status_code == 201, answer.text
    enrolled = answer.json()
    key = {"X-API-Key": enrolled.pop("key")}
    assert enrolled == {"store_id": "norte", "terminal_id": "T9", "name": "Back door"}

    assert (await shop.client.get("stock/milk/norte", headers=key)).status_code == 200
    hold = {"store_id": "norte", "product_id": "milk", "quantity": 1}
    assert_problem(await shop.client.post("reservations", json=hold, headers=key), 403, "scope_missing")
    (terminal,) = await listed(shop)
    assert terminal["code_expires_at"] is None
    assert terminal["last_used_at"] is not None
    assert [terminal["key_id"]] == await key_ids(shop)
    assert_problem(await enrol(shop, typed), 401, "enrolment_refused")


async def test_many_who_type_the_code_get_one_key(shop: Shop) -> None:
    code = (await make(shop))["code"]
    answers = await asyncio.gather(*(enrol(shop, code) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 401, 401, 401, 401]
    assert len(await key_ids(shop)) == 1


async def test_many_who_make_it_make_one_terminal(shop: Shop) -> None:
    codes = [made["code"] for made in await asyncio.gather(*(make(shop) for _ in range(5)))]
    answers = await asyncio.gather(*(enrol(shop, code) for code in codes))
    assert sorted(answer.status_code for answer in answers) == [201, 401, 401, 401, 401]


async def test_a_lost_answer_is_given_again_to_whoever_asked(shop: Shop) -> None:
    code, attempt = (await make(shop))["code"], {"Idempotency-Key": str(new_id())}
    first, again = await enrol(shop, code, **attempt), await enrol(shop, code, **attempt)
    assert first.json() == again.json()
    assert len(await key_ids(shop)) == 1
    assert_problem(await enrol(shop, code, **{"Idempotency-Key": str(new_id())}), 401, "enrolment_refused")


async def test_a_code_that_is_old_or_was_replaced_is_none(shop: Shop) -> None:
    old = await make(shop)
    db = open_database(shop.database_url)
    async with writing(db) as connection:
        await connection.execute(update(terminals).values(code_expires_at=await moment(connection)))
    await db.close()
    assert_problem(await enrol(shop, old["code"]), 401, "enrolment_refused")

    new = await make(shop)
    assert new["code"] != old["code"]
    newer = await make(shop)
    assert_problem(await enrol(shop, new["code"]), 401, "enrolment_refused")
    assert (await enrol(shop, newer["code"])).status_code == 201
    again = await shop.post("terminals", {"store_id": "norte", "terminal_id": "T9"}, shop.supervisor)
    assert_problem(again, 409, "terminal_enrolled")


async def test_guessing_is_stopped_until_somebody_is_right(shop: Shop) -> None:
    code = (await make(shop))["code"]
    for number in range(ENROLMENT.failures):
        assert_problem(await enrol(shop, f"AAAAAAAA{number:02}"), 401, "enrolment_refused")
    locked = await enrol(shop, code)
    assert assert_problem(locked, 429, "enrolment_locked")["retry_after"] == 15
    assert locked.headers["retry-after"] == "15"
    db = open_database(shop.database_url)
    async with writing(db) as connection:
        await connection.execute(update(sign_in_failures).values(failed_at=await moment(connection) - LOCK))
    assert (await enrol(shop, code)).status_code == 201
    async with reading(db) as connection:
        assert (await connection.execute(select(sign_in_failures))).all() == []
    await db.close()


LOCK = timedelta(seconds=20)


async def test_a_terminal_that_is_removed_loses_its_key(shop: Shop) -> None:
    key = {"X-API-Key": (await enrol(shop, (await make(shop))["code"])).json()["key"]}
    assert (await shop.client.get("stock/milk/norte", headers=key)).status_code == 200
    assert (await shop.client.delete("terminals/norte/T9", headers=shop.supervisor)).status_code == 204
    assert_problem(await shop.client.get("stock/milk/norte", headers=key), 401, "key_refused")
    assert_problem(await shop.client.delete("terminals/norte/T9", headers=shop.supervisor), 404, "unknown_terminal")
    assert await listed(shop) == []
    assert (await enrol(shop, (await make(shop))["code"])).status_code == 201


async def test_a_key_may_be_revoked_while_its_terminal_is_removed(shop: Shop) -> None:
    for _ in range(5):
        key = (await enrol(shop, (await make(shop))["code"])).json()["key"]
        revoked, removed = await asyncio.gather(
            shop.client.delete(f"keys/{key.partition('.')[0]}", headers=shop.admin),
            shop.client.delete("terminals/norte/T9", headers=shop.supervisor),
        )
        assert removed.status_code == 204
        assert revoked.status_code in (204, 404)


async def test_a_terminal_whose_key_is_revoked_may_enrol_again(shop: Shop) -> None:
    await enrol(shop, (await make(shop))["code"])
    (key_id,) = await key_ids(shop)
    root = shop.bearer("root", "admin", ["*"])
    assert (await shop.client.delete(f"keys/{key_id}", headers=root)).status_code == 204
    assert (await listed(shop))[0]["key_id"] is None
    assert (await enrol(shop, (await make(shop))["code"])).status_code == 201


async def test_supervisors_see_and_make_those_of_their_stores(shop: Shop) -> None:
    await make(shop, "T1")
    await make(shop, "T1", "sur")
    await make(shop, "T2")
    root = shop.bearer("root", "admin", ["*"])
    await shop.post("terminals", {"store_id": "este", "terminal_id": "T1"}, root)

    assert [(x["store_id"], x["terminal_id"]) for x in await listed(shop)] == [
        ("norte", "T1"),
        ("norte", "T2"),
        ("sur", "T1"),
    ]
    assert [x["terminal_id"] for x in await listed(shop, store_id="sur")] == ["T1"]
    first = await shop.get("terminals", root, limit=1)
    assert [x["name"] for x in first.json()["terminals"]] == ["T1"]
    second = await shop.client.get(f"http://shop{first.links['next']['url']}", headers=root)
    assert second.json()["terminals"][0]["store_id"] == "norte"
    assert_problem(await shop.get("terminals", shop.supervisor, store_id="este"), 403, "store_not_allowed")
    assert_problem(await shop.get("terminals", root, store_id="oeste"), 404, "unknown_store")
    assert_problem(await shop.get("terminals"), 403, "scope_missing")
    este = {"store_id": "este", "terminal_id": "T2"}
    assert_problem(await shop.post("terminals", este, shop.supervisor), 403, "store_not_allowed")
    assert_problem(await shop.post("terminals", este | {"store_id": "oeste"}, root), 404, "unknown_store")
    removed = await shop.client.delete("terminals/este/T1", headers=shop.supervisor)
    assert_problem(removed, 403, "store_not_allowed")


async def test_the_trail_tells_of_a_terminals_life_and_not_its_secrets(shop: Shop) -> None:
    made = await make(shop)
    key = (await enrol(shop, made["code"])).json()["key"]
    await shop.client.delete("terminals/norte/T9", headers=shop.supervisor)
    answer = await shop.get("audit", shop.supervisor)
    acts = answer.json()["acts"]
    assert [(act["action"], act["actor"], act["subject"]) for act in acts] == [
        ("terminal.remove", "luis", "terminal:T9"),
        ("terminal.enrol", f"key:{key.partition('.')[0]}", "terminal:T9"),
        ("terminal.create", "luis", "terminal:T9"),
    ]
    for secret in (made["code"], hash_of(made["code"]), key.partition(".")[2]):
        assert secret not in answer.text


@pytest.mark.parametrize("code", ["", "12345", "ABCDE-FGHJKL", "ABCDE-FGH!K", "ABCDE-FGHUK", 7])
async def test_what_can_be_no_code_is_said_to_be_none(shop: Shop, code: Any) -> None:
    assert assert_problem(await enrol(shop, code), 400, "invalid_input")["field"] == "code"
