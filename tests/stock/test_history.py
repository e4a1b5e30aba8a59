from datetime import UTC, datetime, timedelta
from typing import Any

from backend.ids import new_id
from tests.http.shop import Shop, assert_problem
from tests.sales.test_routes import basket


async def walk(shop: Shop, path: str, of: str, **query: Any) -> list[dict[str, Any]]:
    """The rows of all pages, as the links lead."""
    found: list[dict[str, Any]] = []
    answer = await shop.get(path, **query)
    while True:
        assert answer.status_code == 200, answer.text
        found += answer.json()[of]
        if "next" not in answer.links:
            return found
        assert len(answer.json()[of]) == query["limit"]
        answer = await shop.client.get(f"http://shop{answer.links['next']['url']}", headers=shop.auth)


async def trade(shop: Shop) -> None:
    await shop.receive("milk", 10)
    await shop.receive("bread", 5)
    await shop.receive("milk", 7, "sur")
    await shop.post("sales", basket(("milk", 2, 1.29), ("bread", 1, 1.8), receipt_number="T1-1"))
    await shop.reserve("milk", 3)


async def test_the_movements_of_a_store_in_the_order_of_time(shop: Shop) -> None:
    await trade(shop)
    steps = await walk(shop, "movements", "movements", store_id="norte")
    assert [(step["kind"], step["product_id"], step["version"]) for step in steps] == [
        ("reserve", "milk", 3),
        ("sell", "milk", 2),
        ("sell", "bread", 2),
        ("receive", "bread", 1),
        ("receive", "milk", 1),
    ]
    sold = steps[1]
    assert (sold["on_hand_change"], sold["on_hand"], sold["available"]) == (-2, 8, 8)
    assert (sold["actor"], sold["person"], sold["terminal_id"], sold["document_id"]) == ("ana", "Ana", "T1", "T1-1")
    for size in (1, 2, 5):
        assert await walk(shop, "movements", "movements", store_id="norte", limit=size) == steps


async def test_the_movements_of_one_product_and_of_one_hour(shop: Shop) -> None:
    await trade(shop)
    steps = await walk(shop, "movements", "movements", store_id="norte", product_id="milk")
    assert [step["version"] for step in steps] == [3, 2, 1]
    assert await walk(shop, "movements", "movements", store_id="norte", product_id="milk", limit=1) == steps
    sold_at = steps[1]["at"]
    since = await walk(shop, "movements", "movements", store_id="norte", since=sold_at)
    assert {step["kind"] for step in since} == {"reserve", "sell"}
    until = await walk(shop, "movements", "movements", store_id="norte", until=sold_at, limit=1)
    assert [step["kind"] for step in until] == ["receive", "receive"]
    later = datetime.now(UTC) + timedelta(days=1)
    assert await walk(shop, "movements", "movements", store_id="norte", since=later.isoformat()) == []


async def test_the_story_of_a_number_adds_up(shop: Shop) -> None:
    await trade(shop)
    story = (await shop.get("stock/milk/norte/explain")).json()
    steps = story.pop("steps")
    assert story == {
        "store_id": "norte",
        "store_name": "Norte",
        "product_id": "milk",
        "sku": "MILK",
        "product_name": "Leche entera 1 l",
        "movements": 3,
        "archived": 0,
        "allotments": [],
    }
    on_hand = reserved = 0
    for step in steps:
        on_hand, reserved = on_hand + step["on_hand_change"], reserved + step["reserved_change"]
        assert (step["on_hand"], step["reserved"], step["available"]) == (on_hand, reserved, on_hand - reserved)
    walked = await walk(shop, "stock/milk/norte/explain", "steps", limit=2)
    assert [step["version"] for step in walked] == [2, 3, 1]
    assert (await shop.get("stock/rice/norte/explain")).json()["steps"] == []


async def test_sales_are_found_by_time_by_id_and_by_receipt(shop: Shop) -> None:
    await trade(shop)
    last = (await shop.post("sales", basket(("milk", 1, 1.29), receipt_number="T1/2"))).json()
    sales = await walk(shop, "sales", "sales", store_id="norte")
    assert [sale["receipt_number"] for sale in sales] == ["T1/2", "T1-1"]
    assert sales[0] == {key: last[key] for key in last if key != "stock"} | {"actor": "ana", "terminal_id": "T1"}
    assert [line["product_id"] for line in sales[1]["lines"]] == ["milk", "bread"]
    assert await walk(shop, "sales", "sales", store_id="norte", limit=1) == sales
    assert await walk(shop, "sales", "sales", store_id="norte", until=sales[0]["sold_at"]) == [sales[1]]
    assert await walk(shop, "sales", "sales", store_id="norte", since=sales[0]["sold_at"]) == [sales[0]]
    assert (await shop.get(f"sales/{last['id']}")).json() == sales[0]
    assert (await shop.get("sales/receipt/norte/T1-1")).json() == sales[1]
    assert (await shop.get("sales/receipt/norte/T1/2")).json() == sales[0]


async def test_what_is_another_stores_is_not_told(shop: Shop) -> None:
    await shop.receive("milk", 1, "sur")
    body = basket(("milk", 1, 1.29)) | {"store_id": "sur"}
    sale = (await shop.post("sales", body, shop.supervisor)).json()["id"]
    for identity in (sale, str(new_id()), "not-a-uuid"):
        assert_problem(await shop.get(f"sales/{identity}"), 404, "unknown_sale")
    assert_problem(await shop.get("sales/receipt/norte/T1-1"), 404, "unknown_sale")
    paths: list[tuple[str, dict[str, Any]]] = [
        ("sales", {"store_id": "sur"}),
        ("movements", {"store_id": "sur"}),
        ("stock/milk/sur/explain", {}),
        ("sales/receipt/sur/T1-1", {}),
    ]
    for path, query in paths:
        assert_problem(await shop.get(path, **query), 403, "store_not_allowed")
    admin = shop.bearer("root", "admin", ["*"])
    for path in ("sales", "movements"):
        assert_problem(await shop.get(path, admin, store_id="oeste"), 404, "unknown_store")
    assert_problem(await shop.get("stock/milk/oeste/explain", admin), 404, "unknown_store")
    assert_problem(await shop.get("movements", store_id="norte", product_id="gold"), 404, "unknown_product")
    assert_problem(await shop.get("stock/gold/norte/explain"), 404, "unknown_product")


async def test_a_wrong_question_names_the_field(shop: Shop) -> None:
    wrong = {"limit": 0, "cursor": "x", "since": "2026-01-01T00:00:00", "until": "yesterday"}
    for path in ("sales", "movements"):
        assert assert_problem(await shop.get(path), 400, "invalid_input")["field"] == "store_id"
        for field, value in wrong.items():
            answer = await shop.get(path, store_id="norte", **{field: value})  # type: ignore[arg-type]
            assert assert_problem(answer, 400, "invalid_input")["field"] == field
    beyond = await shop.get("sales", store_id="norte", since="0001-01-01T00:00:00+14:00")
    assert assert_problem(beyond, 400, "invalid_input")["field"] == "since"
