"""Users added, changed and removed over HTTP: who may, what comes of it, and that no secret comes out."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from msgspec import json
from sqlalchemy import delete, select, update

from backend.auth.roles import ROLES, Scope
from backend.database.tables import audit, users
from tests.eventually import eventually
from tests.http.shop import PEOPLE, PIN, Shop, assert_problem, pin_hash

from .test_sessions import refresh, refused, rows, sign_in, works

EVA = {"name": "eva", "display_name": "Eva Sanz", "role": "clerk", "pin": "8351", "stores": ["sur", "norte"]}


@pytest.fixture(autouse=True)
async def same_people(shop: Shop) -> AsyncIterator[None]:
    """The shop's people, whatever the test did."""
    yield
    await rows(shop, delete(users).where(users.c.name.not_in(PEOPLE)))
    for name, (role, _) in PEOPLE.items():
        await rows(shop, update(users).where(users.c.name == name).values(role=role, pin_hash=pin_hash()))


@pytest.fixture
def root(shop: Shop) -> dict[str, str]:
    return shop.bearer("root", "admin", ["*"])


async def put(shop: Shop, name: str, body: dict[str, Any], headers: dict[str, str]) -> httpx.Response:
    return await shop.client.put(f"users/{name}", json=body, headers=headers)


async def remove(shop: Shop, path: str, headers: dict[str, str]) -> httpx.Response:
    return await shop.client.delete(f"users/{path}", headers=headers)


async def test_a_new_user_is_seen_and_signs_in(shop: Shop, root: dict[str, str]) -> None:
    added = await shop.post("users", EVA, root)

    assert added.status_code == 201, added.text
    seen = added.json()
    assert seen.pop("created_at")
    assert seen == {"name": "eva", "display_name": "Eva Sanz", "role": "clerk", "stores": ["norte", "sur"]}
    assert (await shop.get("users/eva", root)).json() == added.json()
    form = {"user": "eva", "pin": "8351", "store_id": "sur", "terminal_id": "T1"}
    assert (await shop.client.post("auth/sign-in", json=form)).status_code == 200
    assert_problem(await shop.post("users", EVA, root), 409, "user_taken")
    assert_problem(await shop.get("users/nobody", root), 404, "unknown_user")


async def test_sent_twice_a_user_is_added_once(shop: Shop, root: dict[str, str]) -> None:
    headers = root | {"Idempotency-Key": str(uuid4())}
    first, second = [await shop.post("users", EVA, headers) for _ in range(2)]
    assert (second.status_code, second.json()) == (201, first.json())


async def test_of_two_at_once_one_is_taken(shop: Shop, root: dict[str, str]) -> None:
    answers = await asyncio.gather(*(shop.post("users", EVA, root) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [201, 409]


async def test_users_come_in_pages(shop: Shop, root: dict[str, str]) -> None:
    names, path = [], "/api/v1/users?limit=2"
    while path:
        answer = await shop.client.get(f"http://shop{path}", headers=root)
        names += [user["name"] for user in answer.json()["users"]]
        path = answer.links.get("next", {}).get("url", "")
    assert names == sorted(PEOPLE)
    assert_problem(await shop.get("users", root, cursor="x"), 400, "invalid_input")


async def test_no_secret_comes_out(shop: Shop, root: dict[str, str]) -> None:
    answers = [
        await shop.post("users", EVA, root | {"Idempotency-Key": str(uuid4())}),
        await put(shop, "eva", {"pin": "7202"}, root),
        await shop.get("users/eva", root),
        await shop.get("users", root),
        await remove(shop, "eva", root),
    ]
    for answer in answers:
        assert answer.status_code < 300
        assert not any(word in answer.text for word in ("argon2", "8351", "7202", "pin"))
    acts = await rows(shop, select(audit).where(audit.c.subject == "user:eva").order_by(audit.c.at))
    assert [act.action for act in acts] == ["user.create", "user.new_pin", "user.delete"]
    for act in acts:
        assert (act.actor, act.address) == ("root", "127.0.0.1")
        assert not any(word in f"{act.before}{act.after}" for word in ("argon2", "8351", "7202"))


@pytest.mark.parametrize(
    "change", [{"pin": "7203"}, {"role": "supervisor"}, {"stores": ["norte", "este"]}, None], ids=str
)
async def test_what_changes_a_persons_rights_ends_their_sessions(
    shop: Shop, twin: httpx.AsyncClient, root: dict[str, str], change: dict[str, Any] | None
) -> None:
    await shop.post("users", EVA | {"pin": PIN}, root)
    session = await sign_in(twin, "eva")
    assert (await put(shop, "eva", {"display_name": "Eva", "stores": ["sur", "norte"]}, root)).status_code == 200
    assert await works(shop.client, session)

    answer = await (remove(shop, "eva", root) if change is None else put(shop, "eva", change, root))

    assert answer.status_code == (204 if change is None else 200), answer.text
    assert await refused(shop.client, session)
    await eventually(lambda: refused(twin, session))
    assert_problem(await refresh(twin, session["refresh_token"]), 401, "token_refused")


async def test_an_admin_ends_all_sessions_of_a_person(
    shop: Shop, twin: httpx.AsyncClient, root: dict[str, str]
) -> None:
    mine = [await sign_in(twin) for _ in range(2)]
    other = await sign_in(twin, "luis")

    assert (await remove(shop, "ana/sessions", root)).json() == {"sessions": 2}

    for session in mine:
        assert await refused(shop.client, session)
        await eventually(lambda session=session: refused(twin, session))  # type: ignore[misc]
    assert await works(twin, other)
    assert (await remove(shop, "ana/sessions", root)).json() == {"sessions": 0}


async def test_nobody_manages_more_than_they_may_themselves(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for user, role in (("ana", "clerk"), ("luis", "supervisor")):
        bearer = shop.bearer(user, role, ["norte"])
        assert_problem(await put(shop, user, {"role": "admin", "pin": "longsecret"}, bearer), 403, "scope_missing")
        assert_problem(await shop.post("users", EVA, bearer), 403, "scope_missing")
    # As a key with the right may call: in its stores, and up to its own rights.
    monkeypatch.setitem(ROLES, "manager", ROLES["supervisor"] | {Scope.USERS_WRITE})
    manager = shop.bearer("mia", "manager", ["norte", "sur"])
    assert (await shop.post("users", EVA, manager)).status_code == 201
    for body in ({"role": "admin", "pin": "longsecret"}, {"role": "admin", "pin": "longsecret", "stores": []}):
        assert_problem(await put(shop, "eva", body, manager), 403, "scope_missing")
    assert_problem(await put(shop, "eva", {"stores": ["este"]}, manager), 403, "store_not_allowed")
    assert_problem(await put(shop, "root", {"display_name": "x"}, manager), 403, "scope_missing")
    for path in ("root", "root/sessions"):
        assert_problem(await remove(shop, path, manager), 403, "scope_missing")


async def test_who_may_act_in_some_stores_sees_the_people_of_those(shop: Shop, root: dict[str, str]) -> None:
    wanted = {"name": "HR", "scopes": [Scope.USERS_WRITE], "stores": ["norte"]}
    hr = {"X-API-Key": (await shop.post("keys", wanted, root)).json()["key"]}
    seen = (await shop.client.get("users", headers=hr)).json()["users"]
    assert [person["name"] for person in seen] == ["ana"]
    assert (await shop.client.get("users/ana", headers=hr)).status_code == 200
    for name in ("luis", "root"):  # luis works in sur too
        assert_problem(await shop.client.get(f"users/{name}", headers=hr), 404, "unknown_user")


async def test_the_last_admin_stays(shop: Shop, root: dict[str, str]) -> None:
    for answer in (
        await remove(shop, "root", root),
        await put(shop, "root", {"role": "clerk", "stores": ["norte"]}, root),
    ):
        assert_problem(answer, 409, "last_admin")
    second = EVA | {"role": "admin", "stores": [], "pin": "longsecret"}
    assert (await shop.post("users", second, root)).status_code == 201

    answers = await asyncio.gather(remove(shop, "root", root), remove(shop, "eva", root))

    assert sorted(answer.status_code for answer in answers) == [204, 409]
    left = await rows(shop, select(users.c.name).where(users.c.role == "admin"))
    assert len(left) == 1
    if left[0].name == "eva":  # the shop's own comes back for the tests that follow
        await rows(shop, update(users).where(users.c.name == "eva").values(name="root", display_name="Root"))


async def test_a_bad_user_names_the_field(shop: Shop, root: dict[str, str], subtests: pytest.Subtests) -> None:
    bad: list[tuple[str, dict[str, Any]]] = [
        ("pin", {"pin": "835"}),
        ("pin", {"pin": "1234"}),
        ("pin", {"pin": "7777"}),
        ("pin", {"name": "elena", "pin": "Elena"}),
        ("pin", {"role": "admin", "stores": [], "pin": "8351"}),
        ("stores", {"stores": []}),
        ("stores", {"role": "admin", "pin": "longsecret"}),
        ("name", {"name": "key:1"}),
        ("name", {"name": "a/b"}),
        ("name", {"name": "eva\n"}),
        ("role", {"role": "owner"}),
        ("pin_hash", {"pin_hash": "$argon2id$"}),
    ]
    for field, changes in bad:
        with subtests.test(changes=changes):
            problem = assert_problem(await shop.post("users", EVA | changes, root), 400, "invalid_input")
            assert problem["field"] == field
    assert_problem(await shop.post("users", EVA | {"stores": ["oeste"]}, root), 404, "unknown_store")
    assert_problem(await put(shop, "nobody", {"role": "clerk"}, root), 404, "unknown_user")
    problem = assert_problem(await put(shop, "ana", {"role": "admin"}, root), 400, "invalid_input")
    assert problem["field"] == "pin"


async def test_the_trail_tells_what_was_before_and_after(shop: Shop, root: dict[str, str]) -> None:
    await shop.post("users", EVA, root)
    await put(shop, "eva", {"role": "supervisor", "stores": ["sur"]}, root)
    (act,) = await rows(shop, select(audit).where(audit.c.action == "user.update"))
    before, after = json.decode(act.before), json.decode(act.after)
    assert (before["role"], before["stores"]) == ("clerk", ["norte", "sur"])
    assert (after["role"], after["stores"]) == ("supervisor", ["sur"])
