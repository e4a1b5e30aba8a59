"""Counting over HTTP: blind, resumed by others, approved with a PIN, and the shrinkage that it finds."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.ids import new_id
from tests.http.shop import PIN, Shop, assert_problem


async def post(shop: Shop, path: str, body: Any = None, by: dict[str, str] | None = None) -> dict[str, Any]:
    """POST that must succeed; by a clerk unless said otherwise."""
    answer = await shop.post(path, body, by)
    assert answer.is_success, answer.text
    shape: dict[str, Any] = answer.json()
    return shape


async def opened(shop: Shop, **said: Any) -> str:
    """A count's path."""
    body = {"store_id": "norte", "scope": "full", "tolerance": {"units": 1000, "per_cent": 100}} | said
    return f"counts/{(await post(shop, 'counts', body))['id']}"


async def on_hand(shop: Shop, product: str = "milk") -> int:
    return int((await shop.get(f"stock/{product}/norte")).json()["quantity"])


async def sell(shop: Shop, units: int, **said: Any) -> None:
    line = {"product_id": "milk", "quantity": units, "unit_price": 1.29}
    await post(shop, "sales", {"store_id": "norte", "lines": [line]} | said)


async def test_a_count_while_the_shop_sells(shop: Shop) -> None:
    """Pain 11: a stock-take spoiled by sales during the count."""
    await shop.receive("milk", 10)
    await shop.receive("rice", 5)
    path = await opened(shop)
    assert sorted((await shop.get(path)).json()["uncounted"]) == ["milk", "rice"]
    scanned = await post(shop, f"{path}/scan", {"product_id": "milk", "units": 6})
    assert (scanned["counted"], scanned["version"]) == (6, 1)
    beni = shop.bearer("beni")
    await post(shop, f"{path}/scan", {"product_id": "milk", "units": 3}, beni)
    await sell(shop, 4)

    blind = (await shop.get(path)).json()
    (line,) = blind["lines"]
    assert (line["counted"], line["expected"], line["variance"], line["left"]) == (9, None, None, None)
    assert {tally["counter"] for tally in line["tallies"]} == {"ana", "beni"}
    assert blind["uncounted"] == ["rice"], "somebody else can go on"
    (seen,) = (await shop.get(path, shop.supervisor)).json()["lines"]
    assert (seen["expected"], seen["variance"], seen["left"]) == (10, -1, -1)

    after = await post(shop, f"{path}/post")
    assert (after["status"], after["posted"], after["counted"]) == ("posted", 1, 1)
    assert await on_hand(shop) == 5
    (line,) = (await shop.get(path, shop.supervisor)).json()["lines"]
    assert (line["status"], line["posted"], line["left"]) == ("posted", -1, 0)
    assert await on_hand(shop, "rice") == 5, "nobody's silence empties a shelf"
    listed = (await shop.get("counts", store_id="norte")).json()
    assert [one["status"] for one in listed["counts"]] == ["posted"]


async def test_pain_9_a_sale_of_an_outage_is_not_counted_as_a_loss(shop: Shop) -> None:
    """Pain 9: a till that was away tells of its sales late, and the stock is right without anybody's reload."""
    await shop.receive("milk", 10)
    made_at = datetime.now(UTC) - timedelta(minutes=10)
    path = await opened(shop)
    await post(shop, f"{path}/scan", {"product_id": "milk", "units": 7})
    await post(shop, f"{path}/post")
    await sell(shop, 2, made_at=made_at.isoformat())
    assert await on_hand(shop) == 5
    (line,) = (await shop.get(path, shop.supervisor)).json()["lines"]
    assert (line["variance"], line["left"]) == (-1, 2)
    await post(shop, f"{path}/post")
    assert await on_hand(shop) == 7
    assert (await post(shop, f"{path}/post", None, shop.supervisor))["lines"][0]["left"] == 0


async def test_a_count_below_the_holds_does_not_break_them(shop: Shop) -> None:
    """Pain 3: a reserved counter drifts, and users are stuck."""
    await shop.receive("milk", 10)
    hold = {"store_id": "norte", "product_id": "milk", "quantity": 9, "ttl_minutes": 10}
    held = await post(shop, "reservations", hold)
    path = await opened(shop)
    await post(shop, f"{path}/scan", {"product_id": "milk", "units": 8})
    after = await post(shop, f"{path}/post")
    assert (after["status"], after["lines"][0]["why"], after["recounts"]) == ("recount", "held", 1)
    row = (await shop.get("stock/milk/norte")).json()
    assert (row["quantity"], row["reserved_qty"], row["available_qty"]) == (10, 9, 1)
    await post(shop, f"reservations/{held['id']}/cancel")
    assert (await post(shop, f"{path}/post"))["status"] == "posted"
    row = (await shop.get("stock/milk/norte")).json()
    assert (row["quantity"], row["reserved_qty"]) == (8, 0)


async def test_many_units_are_approved_by_a_supervisor_at_the_counters_side(shop: Shop) -> None:
    await shop.receive("milk", 100)
    path = await opened(shop)
    await post(shop, f"{path}/scan", {"product_id": "milk", "units": 60})
    assert assert_problem(await shop.post(f"{path}/post"), 403, "approval_needed")["field"] == "approval"
    wrong = {"approval": {"user": "luis", "pin": "0000"}}
    assert_problem(await shop.post(f"{path}/post", wrong), 401, "sign_in_refused")
    clerk = {"approval": {"user": "ana", "pin": PIN}}
    assert_problem(await shop.post(f"{path}/post", clerk), 403, "scope_missing")
    assert await on_hand(shop) == 100
    after = await post(shop, f"{path}/post", {"approval": {"user": "luis", "pin": PIN}})
    assert (after["status"], after["lines"][0]["approved_by"]) == ("posted", "luis")
    assert await on_hand(shop) == 60


async def test_nobody_posts_a_count_with_an_approval_of_their_own_making(shop: Shop) -> None:
    path = await opened(shop)
    forged = {
        "type": "count_post", "id": str(new_id()), "store_id": "norte", "count_id": path.split("/")[1],
        "products": [], "approved_by": "luis",
    }  # fmt: skip
    assert_problem(await shop.post("commands", {"commands": [forged]}), 400, "invalid_input")


async def test_a_count_is_the_stores_own(shop: Shop) -> None:
    path = await opened(shop)
    elsewhere = shop.bearer("sara", "supervisor", ["sur"])
    assert_problem(await shop.get(path, elsewhere), 404, "unknown_document")
    assert_problem(
        await shop.post(f"{path}/scan", {"product_id": "milk", "units": 1}, elsewhere), 404, "unknown_document"
    )
    assert_problem(await shop.post(f"{path}/post", {"products": ["milk"]}), 409, "not_counted")
    assert (await post(shop, f"{path}/cancel", {"reason": "nobody has time"}))["status"] == "cancelled"
    assert_problem(await shop.post(f"{path}/cancel"), 409, "wrong_status")


@pytest.mark.parametrize(
    ("by", "group"),
    [
        ("product", "milk"),
        ("store", "norte"),
        ("category", "Despensa"),
        ("reason", "shelf"),
        ("kind", "count"),
        ("day", f"{datetime.now(UTC):%Y-%m-%d}"),
        ("month", f"{datetime.now(UTC):%Y-%m}"),
    ],
)
async def test_the_shrinkage_report_has_what_the_count_found(shop: Shop, by: str, group: str) -> None:
    await shop.receive("milk", 10)
    path = await opened(shop)
    await post(shop, f"{path}/scan", {"product_id": "milk", "units": 7})
    await sell(shop, 2)
    await post(shop, f"{path}/post", {"reason": "shelf"})
    report = (await shop.get("shrinkage", shop.supervisor, by=by, store_id="norte")).json()
    found = next(row for row in report["rows"] if row["group"] == group)
    assert (found["missing"], found["found"], found["net"], found["net_value"]) == (3, 0, -3, -3.87)
    assert (report["missing"], report["net"]) == (3, -3)
    assert_problem(await shop.get("shrinkage", store_id="norte"), 403, "scope_missing")
