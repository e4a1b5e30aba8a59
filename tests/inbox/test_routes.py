"""The inbox: units that were short and sales that were refused, until somebody has settled them."""

from typing import Any

from backend.ids import new_id
from tests.http.shop import PIN, Shop, assert_problem
from tests.shortfalls.test_routes import next_of, resolve, told

Json = dict[str, Any]


async def inbox(shop: Shop) -> list[Json]:
    answer = await shop.get("inbox", shop.supervisor, store_id="norte")
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    return items


async def refused_sale(shop: Shop, units: int = 2, price: int = 1) -> Json:
    """Sells milk without a server at a price that it never had; returns the command."""
    sell: Json = {
        "type": "sell",
        "id": str(new_id()),
        "store_id": "norte",
        "lines": [{"product_id": "milk", "quantity": units, "price_cents": price}],
        "receipt_number": "T1-9",
        "offline": {"sequence": 9},
    }
    (answer,) = (await shop.post("commands", {"commands": [sell]})).json()["answers"]
    assert answer["refusal"]["code"] == "price_not_allowed"
    assert [x["kind"] for x in answer["documents"]] == ["refused_sale"]
    assert (await shop.post("commands", {"commands": [sell]})).json()["answers"] == [answer]
    return sell


def settlement(sell: Json, **more: Any) -> Json:
    return {
        "id": str(new_id()),
        "store_id": "norte",
        "receipt_number": sell["receipt_number"],
        "sale_id": sell["id"],
        "sold_at": "2026-11-24T09:10:02Z",
        "lines": sell["lines"],
        "refusal": "price_not_allowed",
        "reason": "written_off",
    } | more


async def test_both_kinds_are_in_one_list_latest_first(shop: Shop) -> None:
    await shop.receive("milk", 3)
    short = await told(shop)
    refused = await refused_sale(shop)
    newest, oldest = await inbox(shop)
    assert (newest["kind"], newest["id"], newest["code"]) == ("refused_sale", refused["id"], "price_not_allowed")
    assert (newest["lines"], newest["receipt_number"]) == (
        [{"product_id": "milk", "mine": 2, "server": 0, "open": 2}],
        "T1-9",
    )
    assert [x["choice"] for x in newest["choices"]] == ["rung_up_again", "goods_returned", "written_off", "other"]
    assert (oldest["kind"], oldest["id"], oldest["sequence"]) == ("shortfall", short["id"], 7)
    assert oldest["lines"] == [{"product_id": "milk", "mine": 5, "server": 3, "open": 2}]
    assert oldest["what"] == "Terminal T1 sold 5 units without a server, and 2 of them were not there: 2 are open."
    assert oldest["resolve_at"] == f"/api/v1/shortfalls/{short['id']}/resolve"
    page = await shop.get("inbox", shop.supervisor, store_id="norte", limit=1)
    rest = await shop.client.get(next_of(page), headers=shop.supervisor)
    assert page.json()["items"] + rest.json()["items"] == [newest, oldest]


async def test_what_is_settled_leaves_it(shop: Shop) -> None:
    short, refused = await told(shop), await refused_sale(shop)
    await resolve(shop, f"shortfalls/{short['id']}", "dismiss")
    settled = settlement(refused)
    for _ in range(2):
        answer = await shop.post("conflicts/settle", settled)
        assert answer.status_code == 200, answer.text
    assert await inbox(shop) == []


async def test_a_sale_is_settled_for_what_it_was_and_not_for_what_somebody_says(shop: Shop) -> None:
    refused = await refused_sale(shop, units=100, price=50)
    cheap = [{"product_id": "milk", "quantity": 1, "price_cents": 1}]
    assert_problem(await shop.post("conflicts/settle", settlement(refused, lines=cheap)), 403, "approval_needed")
    assert len(await inbox(shop)) == 1
    approval = {"user": "luis", "pin": PIN}
    answer = await shop.post("conflicts/settle", settlement(refused, approval=approval))
    assert answer.status_code == 200, answer.text
    assert await inbox(shop) == []


async def test_the_sale_of_another_store_is_not_settled_by_its_id(shop: Shop) -> None:
    refused = await refused_sale(shop)
    elsewhere = shop.bearer("eva", "clerk", ["sur"])
    answer = await shop.post("conflicts/settle", settlement(refused, store_id="sur"), elsewhere)
    assert answer.status_code == 200, answer.text
    assert len(await inbox(shop)) == 1
