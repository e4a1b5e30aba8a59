"""A session from sign-in to its end, on two servers that share nothing but the database."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import Executable, delete, insert, select, update

from backend.auth.refresh import RefreshToken
from backend.database.engine import open_database
from backend.database.reads import database_now
from backend.database.tables import audit, sessions, user_stores
from backend.settings import Settings
from tests.eventually import eventually
from tests.http.fixtures import server_of
from tests.http.shop import PIN, Shop, assert_problem


async def sign_in(client: httpx.AsyncClient, user: str = "ana") -> dict[str, Any]:
    form = {"user": user, "pin": PIN, "store_id": "norte", "terminal_id": "T1"}
    answer = await client.post("auth/sign-in", json=form)
    assert answer.status_code == 200, answer.text
    session: dict[str, Any] = answer.json()
    return session


async def refresh(client: httpx.AsyncClient, token: str, key: object = None) -> httpx.Response:
    headers = {"Idempotency-Key": str(key)} if key else {}
    return await client.post("auth/refresh", json={"refresh_token": token}, headers=headers)


async def works(client: httpx.AsyncClient, session: Mapping[str, Any]) -> bool:
    """Whether the session's access token is believed."""
    answer = await client.get("products", headers={"Authorization": f"Bearer {session['access_token']}"})
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


async def refused(client: httpx.AsyncClient, session: Mapping[str, Any]) -> bool:
    return not await works(client, session)


async def rows(shop: Shop, statement: Executable) -> list[Any]:
    db = open_database(shop.database_url)
    try:
        async with db.writer.begin() as connection:
            result = await connection.execute(statement)
            return list(result) if result.returns_rows else []
    finally:
        await db.close()


async def test_a_refresh_token_gives_its_successor_and_an_access_token_on_any_server(
    shop: Shop, twin: httpx.AsyncClient
) -> None:
    first = await sign_in(shop.client)
    second = (await refresh(twin, first["refresh_token"])).json()
    third = (await refresh(shop.client, second["refresh_token"])).json()

    assert len({x["refresh_token"] for x in (first, second, third)}) == 3
    for client in (shop.client, twin):
        for session in (first, second, third):
            assert await works(client, session)
    kept = {"user", "display_name", "role", "store_id", "store_name", "stores", "session_expires_at", "expires_in"}
    assert {key: third[key] for key in kept} == {key: first[key] for key in kept}


async def test_a_token_that_was_used_before_ends_the_session_everywhere(shop: Shop, twin: httpx.AsyncClient) -> None:
    first = await sign_in(shop.client)
    second = (await refresh(shop.client, first["refresh_token"])).json()

    assert_problem(await refresh(shop.client, first["refresh_token"]), 401, "token_refused")

    assert await refused(shop.client, first)
    assert await refused(shop.client, second)
    await eventually(lambda: refused(twin, second))
    assert_problem(await refresh(twin, second["refresh_token"]), 401, "token_refused")
    (act,) = await rows(shop, select(audit).where(audit.c.action == "session.end"))
    assert (act.actor, act.terminal_id, act.after) == ("system:sessions", "T1", '{"end_reason":"reused"}')


async def test_of_many_at_once_one_gets_the_successor(shop: Shop, twin: httpx.AsyncClient) -> None:
    token = (await sign_in(shop.client))["refresh_token"]

    answers = await asyncio.gather(*(refresh(client, token) for client in (shop.client, twin) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [200] + 7 * [401]
    (won,) = (answer.json() for answer in answers if answer.status_code == 200)
    assert_problem(await refresh(twin, won["refresh_token"]), 401, "token_refused")


async def test_a_client_whose_answer_was_lost_repeats_with_its_key(shop: Shop, twin: httpx.AsyncClient) -> None:
    token, key = (await sign_in(shop.client))["refresh_token"], uuid4()

    answers = await asyncio.gather(*(refresh(client, token, key) for client in (shop.client, twin) for _ in range(4)))

    (successor,) = {answer.json()["refresh_token"] for answer in answers}
    assert (await refresh(twin, successor, uuid4())).status_code == 200
    # The successor was used, so its bearer has had the answer: now this is a copy.
    assert_problem(await refresh(twin, token, key), 401, "token_refused")
    (row,) = await rows(shop, select(sessions.c.end_reason))
    assert row.end_reason == "reused"


async def test_another_key_is_no_repetition(shop: Shop) -> None:
    token = (await sign_in(shop.client))["refresh_token"]
    successor = (await refresh(shop.client, token, uuid4())).json()["refresh_token"]

    assert_problem(await refresh(shop.client, token, uuid4()), 401, "token_refused")
    assert_problem(await refresh(shop.client, successor), 401, "token_refused")


async def test_only_hashes_are_stored(shop: Shop) -> None:
    token = (await sign_in(shop.client))["refresh_token"]
    successor = (await refresh(shop.client, token, uuid4())).json()["refresh_token"]

    (row,) = await rows(shop, select(sessions))
    for part in (*token.split("."), *successor.split(".")):
        assert not any(part in str(value) for value in row)


async def test_whoever_knows_only_the_sessions_name_cannot_end_it(shop: Shop) -> None:
    session = await sign_in(shop.client)
    (row,) = await rows(shop, select(sessions.c.id))
    secret = session["refresh_token"].split(".")[1]

    for token in ("x", f"{row.id}.{secret}", f"{row.id[:22]}.{secret}", str(RefreshToken.first()), f"{secret}."):
        assert_problem(await refresh(shop.client, token), 401, "token_refused")
    assert (await refresh(shop.client, session["refresh_token"])).status_code == 200


async def test_signing_out_reaches_every_server(shop: Shop, twin: httpx.AsyncClient) -> None:
    session = await sign_in(shop.client)
    other = await sign_in(shop.client)
    assert await works(twin, session)

    for _ in range(2):
        answer = await shop.client.post("auth/sign-out", json={"refresh_token": session["refresh_token"]})
        assert (answer.status_code, answer.content) == (204, b"")

    assert await refused(shop.client, session)
    await eventually(lambda: refused(twin, session))
    assert_problem(await refresh(twin, session["refresh_token"]), 401, "token_refused")
    assert await works(twin, other)
    acts = await rows(shop, select(audit.c.actor, audit.c.action, audit.c.store_id, audit.c.address))
    assert [tuple(act) for act in acts].count(("ana", "session.end", "norte", "127.0.0.1")) == 1
    assert [tuple(act) for act in acts].count(("ana", "session.open", "norte", "127.0.0.1")) == 2


async def test_a_server_that_starts_knows_what_has_ended(shop: Shop, tmp_path: Path) -> None:
    session = await sign_in(shop.client)
    await shop.client.post("auth/sign-out", json={"refresh_token": session["refresh_token"]})

    settings = Settings.load(
        _env_file=None, database_url=shop.database_url, nats_url="", signing_key_file=tmp_path / "key.pem"
    )
    async with server_of(settings) as newcomer:
        assert await refused(newcomer, session)


async def test_a_session_lasts_a_working_day(shop: Shop) -> None:
    session = await sign_in(shop.client)
    await rows(shop, update(sessions).values(expires_at=database_now()))

    assert_problem(await refresh(shop.client, session["refresh_token"]), 401, "token_refused")


async def test_who_works_elsewhere_now_signs_in_again(shop: Shop) -> None:
    session = await sign_in(shop.client, "luis")
    norte = (user_stores.c.user_name == "luis") & (user_stores.c.store_id == "norte")
    await rows(shop, delete(user_stores).where(norte))
    try:
        assert_problem(await refresh(shop.client, session["refresh_token"]), 401, "token_refused")
    finally:
        await rows(shop, insert(user_stores).values(user_name="luis", store_id="norte"))
