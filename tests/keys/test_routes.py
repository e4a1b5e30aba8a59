"""Machines: what a key allows, every way in which one can be wrong, and who may make and revoke one."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from backend.database.engine import open_database
from backend.database.tables import api_keys
from backend.database.writes import writing
from backend.ids import new_id
from backend.model.verbs import VERBS
from tests.http.shop import Shop, assert_problem


@pytest.fixture
def admin(shop: Shop) -> dict[str, str]:
    """The header of an administrator."""
    return shop.bearer("root", "admin", ["*"])


async def ask_for(shop: Shop, caller: dict[str, str], **changes: Any) -> httpx.Response:
    body = {"name": "Web shop", "scopes": ["stock:read", "reservations:write"], "stores": ["norte"]} | changes
    return await shop.client.post("keys", json=body, headers=caller)


async def made(shop: Shop, caller: dict[str, str], **changes: Any) -> dict[str, Any]:
    answer = await ask_for(shop, caller, **changes)
    assert answer.status_code == 201, answer.text
    key: dict[str, Any] = answer.json()
    return key


def holder(key: dict[str, Any]) -> dict[str, str]:
    return {"X-API-Key": key["key"]}


async def hold(shop: Shop, caller: dict[str, str], store_id: str = "norte") -> httpx.Response:
    body = {"store_id": store_id, "product_id": "milk", "quantity": 1}
    return await shop.client.post("reservations", json=body, headers=caller)


async def test_a_key_does_what_its_scopes_and_stores_allow(shop: Shop, admin: dict[str, str]) -> None:
    await shop.receive("milk", 3)
    key = await made(shop, admin)
    assert key["id"] == key["key"].partition(".")[0]
    assert (await hold(shop, holder(key))).status_code == 201

    assert_problem(await hold(shop, holder(key), "sur"), 403, "store_not_allowed")
    refused = assert_problem(await shop.client.get("products", headers=holder(key)), 403, "scope_missing")
    assert refused["scope"] == "catalogue:read"
    act = (await shop.get("audit", shop.supervisor)).json()["acts"][0]
    assert (act["actor"], act["action"], act["terminal_id"]) == (f"key:{key['id']}", "reserve", "")


async def test_a_key_sends_the_commands_that_its_scopes_allow(shop: Shop, admin: dict[str, str]) -> None:
    key = holder(await made(shop, admin, scopes=["stock:write"]))
    same = {"store_id": "norte", "lines": [{"product_id": "milk", "quantity": 3}]}
    commands = [
        {"type": "receive", "id": str(new_id()), **same},
        {"type": "reserve", "id": str(new_id()), "ttl_seconds": 60, **same},
    ]
    answers = (await shop.client.post("commands", json={"commands": commands}, headers=key)).json()["answers"]
    assert [answer.get("refusal", {}).get("code") for answer in answers] == [None, "scope_missing"]
    reader = holder(await made(shop, admin, scopes=["stock:read"]))
    answer = await shop.client.post("commands", json={"commands": commands}, headers=reader)
    rights = " or ".join(sorted({verb.scope for verb in VERBS.values() if verb.scope is not None}))
    assert assert_problem(answer, 403, "scope_missing")["scope"] == rights


async def test_whatever_is_wrong_with_a_key_reads_the_same(shop: Shop, admin: dict[str, str]) -> None:
    key, other, old, gone = [await made(shop, admin, valid_days=1) for _ in range(4)]
    await set_key(shop, old["id"], expires_at=datetime.now(UTC))
    assert (await shop.client.delete(f"keys/{gone['id']}", headers=admin)).status_code == 204
    id_, _, secret = key["key"].partition(".")
    wrong = {
        "unknown id": f"mk_{'0' * 16}.{secret}",
        "wrong secret": f"{id_}.{'A' * 43}",
        "another's secret": f"{id_}.{other['key'].partition('.')[2]}",
        "longer": f"{key['key']}A",
        "no secret": id_,
        "nothing": "",
        "expired": old["key"],
        "revoked": gone["key"],
    }
    said = set()
    for what, text in wrong.items():
        answer = await shop.client.get("stock/product/milk", headers={"X-API-Key": text})
        said.add(assert_problem(answer, 401, "key_refused")["detail"])
        assert answer.headers["www-authenticate"] == "Bearer", what
    assert len(said) == 1
    assert (await shop.client.get("stock/product/milk", headers=holder(key))).status_code == 200


async def test_a_key_that_was_in_use_ends_at_once_where_it_is_revoked(shop: Shop, admin: dict[str, str]) -> None:
    key = await made(shop, admin)
    assert (await shop.client.get("stock/product/milk", headers=holder(key))).status_code == 200
    await shop.client.delete(f"keys/{key['id']}", headers=admin)
    assert_problem(await shop.client.get("stock/product/milk", headers=holder(key)), 401, "key_refused")
    again = await shop.client.delete(f"keys/{key['id']}", headers=admin)
    assert_problem(again, 404, "unknown_key")


async def test_nobody_is_two_callers(shop: Shop, admin: dict[str, str]) -> None:
    key = await made(shop, admin)
    answer = await shop.client.get("stock/product/milk", headers=admin | holder(key))
    assert assert_problem(answer, 400, "invalid_input")["field"] == "X-API-Key"


async def test_a_key_allows_no_more_than_its_maker_may_do(shop: Shop, admin: dict[str, str]) -> None:
    assert_problem(await ask_for(shop, shop.supervisor), 403, "scope_missing")
    maker = holder(await made(shop, admin, scopes=["keys:write", "stock:read"]))

    child = await made(shop, maker, scopes=["stock:read"])
    more = assert_problem(await ask_for(shop, maker, scopes=["stock:read", "sales:write"]), 403, "scope_missing")
    assert more["scope"] == "sales:write"
    for store in ("sur", "*"):
        assert_problem(await ask_for(shop, maker, scopes=["stock:read"], stores=[store]), 403, "store_not_allowed")
    assert_problem(await ask_for(shop, admin, stores=["oeste"]), 404, "unknown_store")
    # Each sees and revokes what it made; an administrator everything.
    assert [key["id"] for key in await listed(shop, maker)] == [child["id"]]
    assert len(await listed(shop, admin)) == 2
    stranger = await made(shop, admin)
    assert_problem(await shop.client.delete(f"keys/{stranger['id']}", headers=maker), 404, "unknown_key")
    assert (await shop.client.delete(f"keys/{child['id']}", headers=maker)).status_code == 204


async def listed(shop: Shop, caller: dict[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    url = "http://shop/api/v1/keys?limit=1"
    while url:
        answer = await shop.client.get(url, headers=caller)
        assert "key" not in answer.json()["keys"][0]
        found += answer.json()["keys"]
        url = next((f"http://shop{link['url']}" for link in answer.links.values()), "")
    return found


async def test_a_secret_is_shown_once_and_its_making_is_told(shop: Shop, admin: dict[str, str]) -> None:
    keyed = admin | {"Idempotency-Key": str(new_id())}
    answers = await asyncio.gather(*(ask_for(shop, keyed, valid_days=30) for _ in range(3)))
    again = (await ask_for(shop, keyed, valid_days=30)).json()
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert all(answer.json() == again for answer in answers if answer.status_code == 201)
    (shown,) = await listed(shop, admin)
    assert shown == {name: value for name, value in again.items() if name != "key"}
    lasts = datetime.fromisoformat(shown["expires_at"]) - datetime.fromisoformat(shown["created_at"])
    assert lasts == timedelta(days=30)

    await shop.client.delete(f"keys/{shown['id']}", headers=admin)
    revoke, create = (await shop.get("audit", admin)).json()["acts"]
    assert (create["action"], create["actor"], create["store_id"]) == ("key.create", "root", "norte")
    assert (create["before"], create["after"]) == (None, shown)
    assert (revoke["action"], revoke["before"], revoke["after"]) == ("key.revoke", shown, None)
    assert revoke["subject"] == f"key:{shown['id']}"


async def test_a_bad_form_names_the_field(shop: Shop, admin: dict[str, str]) -> None:
    bad: list[tuple[str, dict[str, Any]]] = [
        ("name", {"name": ""}),
        ("scopes", {"scopes": []}),
        ("scopes[1]", {"scopes": ["stock:read", "all"]}),
        ("stores", {"stores": []}),
        ("stores[0]", {"stores": ["a b"]}),
        ("valid_days", {"valid_days": 0}),
        ("secret", {"secret": "mine"}),
    ]
    for field, changes in bad:
        named = assert_problem(await ask_for(shop, admin, **changes), 400, "invalid_input")["field"]
        assert named.replace("[]", "[") in {field, field[: field.find("[") + 1]}, (named, field)


async def set_key(shop: Shop, key_id: str, **values: Any) -> None:
    db = open_database(shop.database_url)
    async with writing(db) as connection:
        await connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(**values))
    await db.close()


@pytest.mark.parametrize("stores", [["*"], ["norte", "sur"]], ids=str)
async def test_a_key_of_several_stores_says_which_it_listens_to(
    shop: Shop, admin: dict[str, str], stores: list[str]
) -> None:
    key = holder(await made(shop, admin, stores=stores))
    said = assert_problem(await shop.client.get("live", headers=key), 400, "invalid_input")
    assert said["field"] == "store_id"
    assert (await shop.client.get("live?store_id=sur", headers=key)).json()["subject"] == "inventory.sur.>"
