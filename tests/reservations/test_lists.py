"""Holds in lists and in numbers."""

from typing import Any
from uuid import UUID

from backend.database.engine import open_database
from tests.http.shop import Shop, assert_problem
from tests.ledger.shop import bury


async def test_what_a_store_holds_now(shop: Shop) -> None:
    await shop.receive("milk", 20)
    await shop.receive("bread", 20)
    later = await shop.reserve("milk", 3, ttl_minutes=30)
    sooner = (
        await shop.post(
            "reservations",
            {
                "store_id": "norte",
                "lines": [{"product_id": "bread", "quantity": 2}, {"product_id": "milk", "quantity": 1}],
                "ttl_minutes": 5,
            },
        )
    ).json()
    await shop.post(f"reservations/{(await shop.reserve('milk', 1))['id']}/cancel", {})

    answer = (await shop.get("reservations/store/norte/pending")).json()
    assert answer == {"store_id": "norte", "reservations": [sooner, later], "count": 2}

    first = await shop.get("reservations/store/norte/pending", limit=1)
    assert [hold["id"] for hold in first.json()["reservations"]] == [sooner["id"]]
    second = await shop.client.get(f"http://shop{first.links['next']['url']}", headers=shop.auth)
    assert [hold["id"] for hold in second.json()["reservations"]] == [later["id"]]
    assert "next" not in second.links


async def test_what_became_of_a_products_holds(shop: Shop) -> None:
    await shop.receive("milk", 20)
    pending, confirmed, cancelled, dead = [(await shop.reserve("milk", 1))["id"] for _ in range(4)]
    await shop.post(f"reservations/{confirmed}/confirm", {})
    await shop.post(f"reservations/{cancelled}/cancel", {})
    await buried(shop, dead)

    async def listed(**query: Any) -> list[tuple[str, str]]:
        answer = (await shop.get("reservations/product/milk/store/norte", **query)).json()
        assert (answer["product_id"], answer["store_id"], answer["count"]) == (
            "milk",
            "norte",
            len(answer["reservations"]),
        )
        return [(hold["id"], hold["status"]) for hold in answer["reservations"]]

    assert await listed() == [
        (dead, "EXPIRED"),
        (cancelled, "CANCELLED"),
        (confirmed, "CONFIRMED"),
        (pending, "PENDING"),
    ]
    assert await listed(status="PENDING") == [(pending, "PENDING")]
    assert await listed(status="expired") == [(dead, "EXPIRED")]
    assert (await shop.get("reservations/stats")).json() == {
        "total_reservations": 4,
        "pending_reservations": 1,
        "confirmed_reservations": 1,
        "cancelled_reservations": 1,
        "by_status": {"PENDING": 1, "CONFIRMED": 1, "CANCELLED": 1, "EXPIRED": 1},
    }


async def test_only_of_stores_in_the_token(shop: Shop) -> None:
    await shop.receive("milk", 20)
    await shop.reserve("milk", 1)
    south = shop.bearer("luis", "supervisor", ["sur"])
    for path in ("reservations/store/norte/pending", "reservations/product/milk/store/norte"):
        assert_problem(await shop.get(path, south), 403, "store_not_allowed")
    assert (await shop.get("reservations/stats", south)).json()["total_reservations"] == 0


async def test_what_is_wrong_or_unknown(shop: Shop) -> None:
    everywhere = shop.bearer("root", "admin", ["*"])
    assert_problem(await shop.get("reservations/store/oeste/pending", everywhere), 404, "unknown_store")
    assert_problem(await shop.get("reservations/product/gold/store/norte"), 404, "unknown_product")
    assert_problem(await shop.get("reservations/product/milk/store/norte", status="GONE"), 400, "invalid_input")
    for path in ("reservations/store/norte/pending", "reservations/product/milk/store/norte"):
        assert assert_problem(await shop.get(path, cursor="WyJhIl0="), 400, "invalid_input")["field"] == "cursor"


async def buried(shop: Shop, hold: str) -> None:
    database = open_database(shop.database_url)
    await bury(database, UUID(hold))
    await database.close()
