"""No secret that passes through a server is in its log, also when a database fails in the middle."""

import logging
from io import StringIO

import httpx
import pytest
from sqlalchemy import text

from backend.auth.enrolment_codes import hash_of
from backend.database.engine import open_database
from backend.database.writes import writing
from backend.observability.logs import configure_logging
from tests.http.shop import PIN, Shop, assert_problem

pytestmark = pytest.mark.usefixtures("process_wide")

WRONG_PIN = "a-wrong-pin-that-nothing-else-says"


@pytest.fixture
def log(shop: Shop) -> StringIO:
    """All that the server logs from now on, as it would write it to standard error."""
    configure_logging("debug", "json")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # the test's own client
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written := StringIO())
    return written


async def sign_in(shop: Shop, pin: str) -> httpx.Response:
    form = {"user": "ana", "pin": pin, "store_id": "norte", "terminal_id": "T1"}
    return await shop.client.post("auth/sign-in", json=form)


async def use_every_secret(shop: Shop) -> list[str]:
    """Use, misuse and misplace all kinds of secrets; answers them."""
    session = (await sign_in(shop, PIN)).json()
    assert_problem(await sign_in(shop, WRONG_PIN), 401, "sign_in_refused")
    access, refresh = session["access_token"], session["refresh_token"]
    bearer = {"Authorization": f"Bearer {access}"}
    assert (await shop.client.get("products", headers=bearer)).status_code == 200
    renewed = (await shop.client.post("auth/refresh", json={"refresh_token": refresh})).json()["refresh_token"]
    assert_problem(await shop.client.post("auth/refresh", json={"refresh_token": refresh}), 401, "token_refused")

    root = shop.bearer("root", "admin", ["*"])
    body = {"name": "Web", "scopes": ["stock:read"], "stores": ["norte"]}
    key = (await shop.client.post("keys", json=body, headers=root)).json()["key"]
    assert (await shop.client.get("stock/product/milk", headers={"X-API-Key": key})).status_code == 200
    code = (await shop.post("terminals", {"store_id": "norte", "terminal_id": "T9"}, root)).json()["code"]
    own = (await shop.client.post("terminals/enrol", json={"code": code})).json()["key"]
    assert_problem(await shop.client.post("terminals/enrol", json={"code": code}), 401, "enrolment_refused")

    for misplaced in (access, refresh, key, own):
        await shop.client.get(f"products/{misplaced}", headers=bearer)
        await shop.client.get(f"products?token={misplaced}&api_key={misplaced}", headers=bearer)
        await shop.client.delete(f"keys/{misplaced}", headers=root)
        await shop.client.post("auth/refresh", content=misplaced)
    halves = [part for whole in (refresh, renewed, key, own) for part in whole.split(".")[1:]]
    return [WRONG_PIN, access, code, code.replace("-", ""), hash_of(code), *halves]


async def test_no_secret_is_logged(shop: Shop, log: StringIO) -> None:
    secrets = await use_every_secret(shop)
    logged = log.getvalue()
    assert logged.count('"event": "request"') > 20
    assert '"sign_in_refused"' in logged
    assert [secret for secret in secrets if secret in logged] == []


async def test_no_secret_is_logged_by_a_failure(shop: Shop, log: StringIO) -> None:
    root = shop.bearer("root", "admin", ["*"])
    code = (await shop.post("terminals", {"store_id": "norte", "terminal_id": "T9"}, root)).json()["code"]
    db = open_database(shop.database_url)
    async with writing(db) as connection:
        await connection.execute(text("ALTER TABLE terminals RENAME TO away"))
    try:
        answer = await shop.client.post("terminals/enrol", json={"code": code})
    finally:
        async with writing(db) as connection:
            await connection.execute(text("ALTER TABLE away RENAME TO terminals"))
        await db.close()
    assert_problem(answer, 500, "internal_error")
    logged = log.getvalue()
    assert "terminals" in logged  # the operator is told what failed
    assert code.replace("-", "") not in logged.replace("-", "")
    assert hash_of(code) not in logged
