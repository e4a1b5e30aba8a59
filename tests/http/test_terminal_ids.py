"""Which terminal a session is of: an enrolled one by its key, another by the id that the server gave it."""

from typing import Any

import httpx

from tests.eventually import eventually
from tests.terminals.test_routes import enrol, make

from .shop import PIN, Shop, assert_problem


async def sign_in(client: httpx.AsyncClient, store_id: str = "norte", **more: str) -> httpx.Response:
    body = {"user": "luis", "pin": PIN, "store_id": store_id, **more}
    return await client.post("auth/sign-in", json=body)


async def enrolled(shop: Shop, terminal_id: str = "T9") -> str:
    key: str = (await enrol(shop, (await make(shop, terminal_id))["code"])).json()["key"]
    return key


def bearer(session: httpx.Response) -> dict[str, str]:
    return {"Authorization": f"Bearer {session.json()['access_token']}"}


async def test_a_terminal_without_an_id_gets_one_that_no_other_has(shop: Shop) -> None:
    sessions = [(await sign_in(shop.client)).json() for _ in range(3)]
    ids = [session["terminal_id"] for session in sessions]
    assert len(set(ids)) == 3
    assert all(len(id_) == 6 for id_ in ids)
    assert [session["receipt_series"] for session in sessions] == ids
    again = (await sign_in(shop.client, terminal_id=ids[0])).json()
    assert (again["terminal_id"], again["receipt_series"]) == (ids[0], ids[0])
    # Nor may a supervisor call an enrolled terminal so.
    body = {"store_id": "norte", "terminal_id": ids[0]}
    assert assert_problem(await shop.post("terminals", body, shop.supervisor), 400, "invalid_input")["field"] == (
        "terminal_id"
    )


async def test_an_enrolled_terminal_is_the_one_of_its_key(shop: Shop) -> None:
    key = await enrolled(shop)
    session = await sign_in(shop.client, terminal_key=key)
    assert session.json()["terminal_id"] == "T9"
    series = session.json()["receipt_series"]
    assert len(series) == 6
    again = (await sign_in(shop.client, terminal_key=key, terminal_id=series)).json()
    assert (again["terminal_id"], again["receipt_series"]) == ("T9", series)

    await shop.receive("milk", 1)
    line = {"product_id": "milk", "quantity": 1, "unit_price": 1.29}
    sold = await shop.client.post("sales", json={"store_id": "norte", "lines": [line]}, headers=bearer(session))
    assert (await shop.get(f"sales/{sold.json()['id']}")).json()["terminal_id"] == "T9"


async def test_nobody_else_is_that_terminal(shop: Shop) -> None:
    await enrolled(shop)
    assert_problem(await sign_in(shop.client, terminal_id="T9"), 401, "terminal_key_needed")
    other = await enrolled(shop, "T10")
    elsewhere = assert_problem(
        await sign_in(shop.client, store_id="sur", terminal_key=other), 403, "terminal_elsewhere"
    )
    assert (elsewhere["terminal_id"], elsewhere["store_id"]) == ("T10", "norte")
    forged = other[:-4] + "AAAA"
    assert_problem(await sign_in(shop.client, terminal_key=forged), 401, "terminal_removed")
    assert_problem(await sign_in(shop.client, terminal_key="nonsense"), 401, "terminal_removed")


async def test_a_removed_terminal_stops_at_once_on_every_server(shop: Shop, twin: httpx.AsyncClient) -> None:
    key = await enrolled(shop)
    session, other = await sign_in(shop.client, terminal_key=key), await sign_in(shop.client)
    assert (await shop.client.get("stock/milk/norte", headers=bearer(session))).status_code == 200

    removed = await shop.client.delete("terminals/norte/T9", headers=shop.supervisor)
    assert removed.status_code == 204
    await stopped(shop, twin, session, key)
    assert (await shop.client.get("stock/milk/norte", headers=bearer(other))).status_code == 200


async def test_so_does_one_whose_key_is_revoked(shop: Shop, twin: httpx.AsyncClient) -> None:
    key = await enrolled(shop)
    session = await sign_in(shop.client, terminal_key=key)
    revoked = await shop.client.delete(f"keys/{key.partition('.')[0]}", headers=shop.admin)
    assert revoked.status_code == 204
    await stopped(shop, twin, session, key)


async def stopped(shop: Shop, twin: httpx.AsyncClient, session: httpx.Response, key: str) -> None:
    """The session of a removed terminal is over here now and on the other server soon, and cannot begin anew."""
    assert_problem(await shop.client.get("stock/milk/norte", headers=bearer(session)), 401, "terminal_removed")
    refresh: dict[str, Any] = {"refresh_token": session.json()["refresh_token"]}
    for client in (shop.client, twin):
        assert_problem(await client.post("auth/refresh", json=refresh), 401, "terminal_removed")
        assert_problem(await sign_in(client, terminal_key=key), 401, "terminal_removed")

    async def told_there() -> bool:
        answer = await twin.get("stock/milk/norte", headers=bearer(session))
        return answer.status_code == 401 and answer.json()["code"] == "terminal_removed"

    await eventually(told_there)
