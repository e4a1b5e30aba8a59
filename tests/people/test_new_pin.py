"""A person's own new PIN: for whoever knows the old one, guarded like the sign-in, and the end of the old sessions."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import select, update

from backend.database.tables import audit, users
from tests.eventually import eventually
from tests.http.shop import PEOPLE, PIN, Shop, assert_problem, pin_hash

from .test_sessions import refresh, refused, rows, sign_in

NEW = "8351"


@pytest.fixture(autouse=True)
async def same_pins(shop: Shop) -> AsyncIterator[None]:
    """The shop's PINs, whatever the test did."""
    yield
    await rows(shop, update(users).where(users.c.name.in_(PEOPLE)).values(pin_hash=pin_hash()))


async def change(client: httpx.AsyncClient, pin: str, new_pin: str, user: str = "ana") -> httpx.Response:
    return await client.put("auth/pin", json={"user": user, "pin": pin, "new_pin": new_pin})


async def enter(client: httpx.AsyncClient, pin: str) -> httpx.Response:
    return await client.post("auth/sign-in", json={"user": "ana", "pin": pin, "store_id": "norte", "terminal_id": "T1"})


async def test_the_new_pin_opens_and_the_old_one_does_not(shop: Shop, twin: httpx.AsyncClient) -> None:
    session = await sign_in(shop.client)

    changed = await change(shop.client, PIN, NEW)

    assert (changed.status_code, changed.content) == (204, b"")
    assert await refused(shop.client, session)
    await eventually(lambda: refused(twin, session))
    assert_problem(await refresh(shop.client, session["refresh_token"]), 401, "token_refused")
    assert_problem(await enter(shop.client, PIN), 401, "sign_in_refused")
    assert (await enter(twin, NEW)).status_code == 200
    (act,) = await rows(shop, select(audit).where(audit.c.action == "user.new_pin"))
    assert (act.actor, act.subject, act.before, act.after) == ("ana", "user:ana", None, None)


async def test_of_two_at_once_one_changes_it(shop: Shop, twin: httpx.AsyncClient) -> None:
    pins = (NEW, "9462")
    answers = await asyncio.gather(*map(change, (shop.client, twin), (PIN, PIN), pins))
    assert sorted(answer.status_code for answer in answers) == [204, 401]
    opened = [(await enter(shop.client, pin)).status_code for pin in pins]
    assert opened == [200 if answer.status_code == 204 else 401 for answer in answers]


async def test_a_pin_that_one_guesses_is_refused(shop: Shop) -> None:
    for new in ("1", "1111", "1234", PIN):
        assert assert_problem(await change(shop.client, PIN, new), 400, "invalid_input")["field"] == "new_pin"
    assert assert_problem(await change(shop.client, PIN, NEW, "root"), 400, "invalid_input")["field"] == "new_pin"
    assert (await enter(shop.client, PIN)).status_code == 200


async def test_guesses_count_as_they_do_at_the_sign_in(shop: Shop) -> None:
    for _ in range(4):
        assert_problem(await change(shop.client, "0000", NEW), 401, "sign_in_refused")
    assert_problem(await enter(shop.client, "0000"), 401, "sign_in_refused")
    assert_problem(await change(shop.client, PIN, NEW), 429, "sign_in_locked")
    assert_problem(await change(shop.client, PIN, NEW, "nobody"), 401, "sign_in_refused")
