"""Stock changed by hand over HTTP: first stock, compare and set, corrections, transfers; each done once."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import delete

from backend.auth.keys import load_signing_key
from backend.auth.tokens import Tokens
from backend.database import tables
from backend.database.engine import open_database
from backend.ids import new_id
from backend.server import running
from backend.settings import Settings
from tests.http.shop import Shop, assert_problem, forget_trade

NEW = {"product_id": "milk", "store_id": "norte", "initial_quantity": 10}
LEVELS = {"min_stock": 2, "max_stock": 40, "reorder_point": 5, "reorder_qty": 24}


def transfer(quantity: Any = 3, **more: Any) -> dict[str, Any]:
    return {"product_id": "milk", "from_store_id": "norte", "to_store_id": "sur", "quantity": quantity, **more}


async def quantities(shop: Shop, *stores: str) -> list[int]:
    return [(await shop.get(f"stock/milk/{store}")).json()["quantity"] for store in stores]


async def test_first_stock_is_made_once(shop: Shop) -> None:
    made = await shop.post("stock", NEW | LEVELS, shop.supervisor)
    assert made.status_code == 201, made.text
    stock = made.json()
    assert datetime.fromisoformat(stock["last_updated"]).tzinfo is not None
    assert stock == (await shop.get("stock/milk/norte")).json()
    assert (stock["quantity"], stock["version"]) == (10, 1)
    assert {name: stock[name] for name in LEVELS} == LEVELS
    assert made.headers["etag"] == (await shop.get("stock/milk/norte")).headers["etag"]

    problem = assert_problem(await shop.post("stock", NEW, shop.supervisor), 409, "stock_exists")
    assert (problem["product_id"], problem["store_id"]) == ("milk", "norte")


async def test_malformed_comes_before_unknown_and_that_before_what_stock_forbids(shop: Shop) -> None:
    headers = shop.supervisor
    malformed: list[Any] = [NEW | {"initial_quantity": -1}, NEW | {"initial_quantity": "10"}, {"store_id": "norte"}, []]
    for body in malformed:
        assert (await shop.post("stock", body, headers)).status_code == 400
    assert_problem(await shop.post("stock", NEW | {"product_id": "gold"}, headers), 404, "unknown_product")
    assert_problem(await shop.put("stock/gold/norte", {"quantity": "1"}, headers), 400, "invalid_quantity")
    assert_problem(await shop.put("stock/gold/norte", {"quantity": 1}, headers), 404, "unknown_product")
    assert_problem(await shop.put("stock/milk/norte", {"quantity": 1}, headers), 428, "precondition_required")
    assert_problem(await shop.put("stock/milk/norte", {}, headers), 400, "invalid_input")
    assert_problem(
        await shop.put("stock/milk/norte", {"quantity": 1}, headers | {"If-Match": "1"}), 400, "invalid_input"
    )
    keyed = headers | {"Idempotency-Key": "mine"}
    assert_problem(await shop.put("stock/gold/norte", {"quantity": 1}, keyed), 400, "invalid_input")
    adjust = {"adjustment": -1, "reason": "broken"}
    assert_problem(
        await shop.post("stock/gold/norte/adjust", adjust | {"adjustment": 1.5}, headers), 400, "invalid_quantity"
    )
    assert_problem(await shop.post("stock/gold/norte/adjust", adjust, headers), 404, "unknown_product")
    assert_problem(await shop.post("stock/milk/norte/adjust", adjust, headers), 409, "insufficient_stock")
    assert_problem(await shop.post("stock/transfer", transfer(0), headers), 400, "invalid_quantity")
    assert_problem(await shop.post("stock/transfer", transfer(product_id="gold"), headers), 404, "unknown_product")
    assert_problem(await shop.post("stock/transfer", transfer(to_store_id="oeste"), headers), 404, "unknown_store")
    assert_problem(await shop.post("stock/transfer", transfer(to_store_id="norte"), headers), 400, "same_store")


async def test_only_what_the_caller_has_seen_is_set(shop: Shop) -> None:
    await shop.receive("milk", 10)
    seen = (await shop.get("stock/milk/norte")).headers["etag"]
    await shop.reserve("milk", 3)

    late = await shop.put("stock/milk/norte", {"quantity": 12}, shop.supervisor | {"If-Match": seen})
    problem = assert_problem(late, 412, "version_moved")
    now = await shop.get("stock/milk/norte")
    assert (problem["current"], problem["etag"]) == (now.json(), now.headers["etag"])

    body = {"quantity": 12, "reason": "counted", **LEVELS}
    done = await shop.put("stock/milk/norte", body, shop.supervisor | {"If-Match": problem["etag"]})
    assert done.status_code == 200, done.text
    stock = done.json()
    assert (stock["quantity"], stock["available_qty"], stock["version"]) == (12, 9, 3)
    assert stock == (await shop.get("stock/milk/norte")).json()
    assert done.headers["etag"] == (await shop.get("stock/milk/norte")).headers["etag"]


async def test_what_is_not_named_stays_and_every_change_is_seen(shop: Shop) -> None:
    await shop.post("stock", NEW | LEVELS, shop.supervisor)
    any_version = shop.supervisor | {"If-Match": "*"}
    tags = {(await shop.get("stock/milk/norte")).headers["etag"]}
    for body in ({"reorder_point": 7}, {"quantity": 8}, {"safety_stock": 1, "min_stock": 0}):
        tags.add((await shop.put("stock/milk/norte", body, any_version)).headers["etag"])
    assert len(tags) == 4
    stock = (await shop.get("stock/milk/norte")).json()
    levels = {name: stock[name] for name in (*LEVELS, "quantity", "safety_stock")}
    assert levels == LEVELS | {"reorder_point": 7, "quantity": 8, "safety_stock": 1, "min_stock": 0}

    problem = await shop.put("stock/milk/norte", {"quantity": 1, "max_stock": 3, "min_stock": 4}, any_version)
    assert assert_problem(problem, 400, "invalid_quantity")["field"] == "max_stock"
    assert (await quantities(shop, "norte")) == [8]


async def test_held_units_cannot_be_taken_away(shop: Shop) -> None:
    await shop.receive("milk", 10)
    await shop.reserve("milk", 4)
    refused = await shop.put("stock/milk/norte", {"quantity": 3}, shop.supervisor | {"If-Match": '"2"'})
    assert_problem(refused, 409, "insufficient_stock")
    adjust = {"adjustment": -7, "reason": "broken"}
    problem = assert_problem(
        await shop.post("stock/milk/norte/adjust", adjust, shop.supervisor), 409, "insufficient_stock"
    )
    assert problem["lines"] == [{"product_id": "milk", "requested": 7, "available": 6}]

    done = await shop.post("stock/milk/norte/adjust", adjust | {"adjustment": -6}, shop.supervisor)
    assert (done.status_code, done.json()["quantity"], done.json()["available_qty"]) == (200, 4, 0)


async def test_of_many_who_have_seen_the_same_one_wins(shop: Shop) -> None:
    await shop.receive("milk", 10)
    headers = shop.supervisor | {"If-Match": (await shop.get("stock/milk/norte")).headers["etag"]}
    answers = await asyncio.gather(*(shop.put("stock/milk/norte", {"quantity": n}, headers) for n in range(20, 30)))
    statuses = [answer.status_code for answer in answers]
    assert sorted(statuses) == [200] + [412] * 9
    assert await quantities(shop, "norte") == [20 + statuses.index(200)]


async def test_a_transfer_moves_both_sides_or_neither(shop: Shop) -> None:
    await shop.receive("milk", 10)
    await shop.reserve("milk", 4)
    short = await shop.post("stock/transfer", transfer(7), shop.supervisor)
    problem = assert_problem(short, 400, "transfer_short")
    assert problem["lines"] == [{"product_id": "milk", "requested": 7, "available": 6}]
    assert await quantities(shop, "norte", "sur") == [10, 0]

    done = await shop.post("stock/transfer", transfer(6, reason="asked for"), shop.supervisor)
    assert done.status_code == 200, done.text
    moved = done.json()
    assert datetime.fromisoformat(moved.pop("transferred_at")).tzinfo is not None
    assert UUID(moved.pop("id"))
    assert [(row["store_id"], row["quantity"]) for row in moved.pop("stock")] == [("norte", 4), ("sur", 6)]
    lines = [{"product_id": "milk", "quantity": 6}]
    assert moved == transfer(6, reason="asked for", lines=lines)
    assert await quantities(shop, "norte", "sur") == [4, 6]


async def test_who_may_give_away_may_send_anywhere_but_take_from_nowhere_else(shop: Shop) -> None:
    await shop.receive("milk", 10)
    norte = shop.bearer("luis", "supervisor", ["norte"])
    assert (await shop.post("stock/transfer", transfer(), norte)).status_code == 200
    back = transfer(from_store_id="sur", to_store_id="norte")
    assert_problem(await shop.post("stock/transfer", back, norte), 403, "store_not_allowed")
    assert_problem(await shop.post("stock/transfer", transfer()), 403, "scope_missing")
    for answer in (
        await shop.put("stock/milk/sur", {"quantity": 1}, norte | {"If-Match": "*"}),
        await shop.post("stock/milk/sur/adjust", {"adjustment": 1, "reason": "found"}, norte),
        await shop.post("stock", NEW | {"store_id": "sur"}, norte),
    ):
        assert_problem(answer, 403, "store_not_allowed")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("stock", NEW),
        ("stock/milk/norte/adjust", {"adjustment": -2, "reason": "broken"}),
        ("stock/transfer", transfer()),
        ("stock/transfer", transfer(99)),
    ],
)
async def test_sent_three_times_at_once_done_once(shop: Shop, path: str, body: dict[str, Any]) -> None:
    if path != "stock":
        await shop.receive("milk", 10)
    headers = shop.supervisor | {"Idempotency-Key": str(new_id())}
    answers = await asyncio.gather(*(shop.post(path, body, headers) for _ in range(3)))
    assert len({(answer.status_code, answer.headers.get("etag")) for answer in answers}) == 1
    expected = {"stock": 10, "stock/milk/norte/adjust": 8, "stock/transfer": 10 if body.get("quantity") == 99 else 7}
    assert await quantities(shop, "norte") == [expected[path]]
    if answers[0].status_code < 400:
        assert answers[0].json() == answers[1].json() == answers[2].json()
        assert_problem(
            await shop.post(path, body | {"reason": "x"} if path != "stock" else NEW | LEVELS, headers),
            422,
            "command_reused",
        )


async def test_a_put_sent_again_with_its_key_gets_its_first_answer(shop: Shop) -> None:
    await shop.receive("milk", 10)
    headers = shop.supervisor | {"If-Match": '"1"', "Idempotency-Key": str(new_id())}
    first = await shop.put("stock/milk/norte", {"quantity": 7, "min_stock": 1}, headers)
    await shop.receive("milk", 5)
    again = await shop.put("stock/milk/norte", {"quantity": 7, "min_stock": 1}, headers)
    assert (again.status_code, again.json()) == (200, first.json())
    assert await quantities(shop, "norte") == [12]


async def test_who_may_found_stores_founds_them_by_their_first_stock(shop: Shop) -> None:
    try:
        for headers in (shop.supervisor, shop.bearer("luis", "supervisor", ["oeste"])):
            assert (await shop.post("stock", NEW | {"store_id": "oeste"}, headers)).status_code in (403, 404)
        unknown = NEW | {"store_id": "oeste", "product_id": "gold"}
        assert (await shop.post("stock", unknown, shop.admin)).status_code == 404
        assert_problem(await shop.get("stock/store/oeste"), 404, "unknown_store")

        made = await shop.post("stock", NEW | {"store_id": "oeste"}, shop.admin)
        assert (made.status_code, made.json()["store_name"]) == (201, "oeste")
        sent = await shop.post("stock/transfer", transfer(4, from_store_id="oeste", to_store_id="isla"), shop.admin)
        assert sent.status_code == 200, sent.text
        assert await quantities(shop, "oeste", "isla") == [6, 4]
    finally:
        await forget_stores(shop.database_url, "oeste", "isla")


async def forget_stores(url: str, *ids: str) -> None:
    db = open_database(url)
    async with db.writer.begin() as connection:
        for table, column in ((tables.levels, "store_id"), (tables.stock, "store_id"), (tables.stores, "id")):
            await connection.execute(delete(table).where(table.c[column].in_(ids)))
    await db.close()


async def test_old_clients_that_send_no_if_match(shop_url: str, tmp_path: Path) -> None:
    settings = Settings.load(
        _env_file=None, database_url=shop_url, signing_key_file=tmp_path / "key.pem", require_if_match=False
    )
    tokens = Tokens(load_signing_key(settings.signing_key_file))
    async with running(settings) as app:
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://shop/api/v1/") as client:
            shop = Shop(client, tokens, shop_url)
            done = await shop.put("stock/rice/este", {"quantity": 5, **LEVELS}, shop.admin)
            late = await shop.put("stock/rice/este", {"quantity": 6}, shop.admin | {"If-Match": '"0"'})
    await forget_trade(shop_url)
    assert (done.status_code, done.json()["quantity"]) == (200, 5)
    assert_problem(late, 412, "version_moved")
