import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import delete

from backend.database.engine import open_database
from backend.database.tables import audit, stores
from tests.http.shop import STORES, Shop, assert_problem


@pytest.fixture
async def admin(shop: Shop) -> AsyncIterator[dict[str, str]]:
    """The header of an administrator; afterwards the stores are as they were."""
    yield shop.bearer("root", "admin", ["*"])
    db = open_database(shop.database_url)
    async with db.writer.begin() as connection:
        await connection.execute(delete(stores).where(stores.c.id.not_in(STORES)))
        await connection.execute(delete(audit))
    await db.close()


async def put(shop: Shop, store_id: str, body: Any, headers: dict[str, str]) -> Any:
    return await shop.client.put(f"stores/{store_id}", json=body, headers=headers)


async def test_a_store_is_founded_and_renamed(shop: Shop, admin: dict[str, str]) -> None:
    founded = await put(shop, "oeste", {"name": "Oeste"}, admin)
    assert (founded.status_code, founded.json()) == (201, {"id": "oeste", "name": "Oeste"})
    renamed = await put(shop, "oeste", {"name": "Poniente"}, admin)
    assert (renamed.status_code, renamed.json()) == (200, {"id": "oeste", "name": "Poniente"})
    assert (await shop.get("stores/oeste")).json() == {"id": "oeste", "name": "Poniente"}
    assert {"id": "oeste", "name": "Poniente"} in (await shop.get("stores")).json()["stores"]
    await shop.receive("milk", 1)
    assert (await shop.get("stock/milk/oeste")).json()["quantity"] == 0


async def test_what_no_store_can_be(shop: Shop, admin: dict[str, str]) -> None:
    assert_problem(await put(shop, "o e", {"name": "Oeste"}, admin), 400, "invalid_input")
    for body, field in (({}, "name"), ({"name": ""}, "name"), ({"name": "a\0"}, "name"), ({"x": 1}, "x")):
        assert assert_problem(await put(shop, "oeste", body, admin), 400, "invalid_input")["field"] == field
    assert_problem(await shop.get("stores/oeste"), 404, "unknown_store")
    assert_problem(await put(shop, "oeste", {"name": "Oeste"}, shop.supervisor), 403, "scope_missing")
    only_sur = shop.bearer("eva", "admin", ["sur"])
    assert_problem(await put(shop, "oeste", {"name": "Oeste"}, only_sur), 403, "store_not_allowed")


async def test_the_trail_of_many_who_name_a_store_has_no_gap(shop: Shop, admin: dict[str, str]) -> None:
    answers = await asyncio.gather(*(put(shop, "oeste", {"name": f"Oeste {n}"}, admin) for n in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 201]
    acts = (await shop.get("audit", admin, store_id="oeste")).json()["acts"]
    before, after = [{act[when] and act[when]["name"] for act in acts} for when in ("before", "after")]
    assert len(before) == 5
    assert before - after == {None}
