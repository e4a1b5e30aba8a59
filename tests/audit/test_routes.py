"""One list of every act: what people did outside the ledger and inside it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.audit_trail import CHAIN, Origin, record
from backend.database.engine import open_database
from backend.database.tables import reservations
from backend.ids import new_id
from tests.http.shop import Shop, assert_problem

LUIS = Origin("luis", "T1", "198.51.100.1", "r1")


@asynccontextmanager
async def writing(shop: Shop) -> AsyncIterator[AsyncConnection]:
    db = open_database(shop.database_url)
    async with db.writer.begin() as connection:
        yield connection
    await db.close()


async def trade(shop: Shop) -> None:
    """Goods arrive, somebody holds two, somebody asks for too many; and outside the ledger, two acts."""
    await shop.receive("milk", 5)
    await shop.reserve("milk", 2)
    await shop.post("reservations", {"store_id": "norte", "product_id": "milk", "quantity": 9})
    await shop.receive("rice", 1, "sur")
    async with writing(shop) as connection:
        await record(connection, LUIS, "store.update", "store:norte", store_id="norte", after={"name": "Norte 2"})
        await record(connection, LUIS, "product.create", "product:milk", store_id=CHAIN, after={"price": 1.29})


async def acts(shop: Shop, headers: dict[str, str] | None = None, **query: Any) -> list[dict[str, Any]]:
    answer = await shop.get("audit", headers or shop.supervisor, **query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["acts"]
    return found


def told(acts: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(act["actor"], act["store_id"], act["action"]) for act in acts]


async def test_one_list_newest_first_of_the_callers_stores(shop: Shop) -> None:
    await trade(shop)
    assert told(await acts(shop)) == [
        ("luis", "norte", "store.update"),
        ("luis", "sur", "receive"),
        ("ana", "norte", "reserve"),
        ("ana", "norte", "reserve"),
        ("luis", "norte", "receive"),
    ]
    everything = await acts(shop, shop.bearer("root", "admin", ["*"]))
    assert told(everything)[0] == ("luis", "*", "product.create")
    assert len(everything) == 6


async def test_an_act_tells_what_was_before_and_after(shop: Shop) -> None:
    await trade(shop)
    update, _, refused, reserve, receive = await acts(shop)

    assert {"terminal_id": "T1", "address": "198.51.100.1", "request_id": "r1"}.items() <= update.items()
    assert (update["subject"], update["before"], update["after"]) == ("store:norte", None, {"name": "Norte 2"})
    assert refused["before"] is None
    assert refused["after"]["refusal"]["code"] == "insufficient_stock"
    assert reserve["subject"] == f"command:{reserve['after']['id']}"
    assert (reserve["terminal_id"], reserve["address"]) == ("T1", "")
    for act, before, after in ((receive, (0, 0, 0), (5, 0, 1)), (reserve, (5, 0, 1), (5, 2, 2))):
        states = [act[when]["stock"] for when in ("before", "after")]
        assert [[(x["on_hand"], x["reserved"], x["version"]) for x in rows] for rows in states] == [[before], [after]]


async def test_it_is_asked_by_who_what_which_where_and_when(shop: Shop) -> None:
    await trade(shop)
    newest, *_, oldest = everything = await acts(shop)
    reserve = everything[3]

    assert told(await acts(shop, actor="ana")) == [("ana", "norte", "reserve")] * 2
    assert told(await acts(shop, action="receive", store_id="sur")) == [("luis", "sur", "receive")]
    assert await acts(shop, subject=reserve["subject"]) == [reserve]
    assert await acts(shop, subject="store:norte") == [newest]
    assert await acts(shop, subject="command:7") == []
    assert await acts(shop, actor="ana", action="receive") == []
    assert await acts(shop, since=newest["at"]) == [newest]
    assert await acts(shop, until=newest["at"]) == everything[1:]
    assert await acts(shop, until=oldest["at"]) == []
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert await acts(shop, until=tomorrow.isoformat()) == everything


async def test_pages_lead_through_all_of_it_once(shop: Shop) -> None:
    await trade(shop)
    seen: list[dict[str, Any]] = []
    url = "audit?limit=2"
    while url:
        answer = await shop.client.get(url, headers=shop.supervisor)
        seen += answer.json()["acts"]
        assert len(answer.json()["acts"]) <= 2
        url = next((f"http://shop{link['url']}" for link in answer.links.values()), "")
    assert seen == await acts(shop)


async def test_the_end_of_a_hold_that_nobody_ended_is_no_act(shop: Shop) -> None:
    await shop.receive("milk", 1)
    await shop.reserve("milk", 1)
    async with writing(shop) as connection:
        await connection.execute(update(reservations).values(expires_at=datetime(2020, 1, 1, tzinfo=UTC)))
    await shop.reserve("milk", 1)  # ends the dead hold first
    assert [act["action"] for act in await acts(shop)] == ["reserve", "reserve", "receive"]


async def test_other_peoples_stores_are_nobodys_business(shop: Shop) -> None:
    assert_problem(await shop.get("audit", shop.supervisor, store_id="este"), 403, "store_not_allowed")
    assert_problem(await shop.get("audit", shop.supervisor, store_id=CHAIN), 403, "store_not_allowed")
    assert_problem(await shop.get("audit", store_id="norte"), 403, "scope_missing")
    root = shop.bearer("root", "admin", ["*"])
    assert_problem(await shop.get("audit", root, store_id="oeste"), 404, "unknown_store")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("since", "2026-11-24T09:00:00"),
        ("until", "yesterday"),
        ("until", "0001-01-01T00:00:00+14:00"),
        ("limit", "501"),
        ("cursor", "e30"),
        ("actor", "x" * 201),
    ],
)
async def test_a_bad_question_names_its_field(shop: Shop, field: str, value: str) -> None:
    answer: httpx.Response = await shop.get("audit", shop.supervisor, **{field: value})
    assert assert_problem(answer, 400, "invalid_input")["field"] == field


async def test_the_oldest_moment_is_no_trouble(shop: Shop) -> None:
    assert await acts(shop, until="0001-01-01T00:00:00Z") == []
    assert await acts(shop, since="0001-01-01T00:00:00Z", subject=f"command:{new_id()}") == []
