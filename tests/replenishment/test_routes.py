"""Replenishment over HTTP: suggestions with their arithmetic, accepting them in one act, and proposals to purchase."""

from typing import Any

import pytest

from backend.ids import new_id
from tests.http.shop import Shop, assert_problem


async def wants(shop: Shop, product_id: str, store_id: str = "norte", **levels: int) -> None:
    """Say how much of a product a store wants to have."""
    command = {
        "type": "set_stock",
        "id": str(new_id()),
        "store_id": store_id,
        "product_id": product_id,
        "levels": levels,
    }
    answer = await shop.post("commands", {"commands": [command]}, shop.supervisor)
    assert "refusal" not in answer.json()["answers"][0], answer.text


async def suggested(shop: Shop, store_id: str = "norte", **more: Any) -> list[dict[str, Any]]:
    answer = await shop.get("replenishment/suggestions", shop.supervisor, store_id=store_id, **more)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["suggestions"]
    return found


def chosen(*suggestions: dict[str, Any], **more: Any) -> dict[str, Any]:
    fields = ("store_id", "product_id", "quantity", "from_store_id")
    return {"suggestions": [{name: one[name] for name in fields} for one in suggestions]} | more


@pytest.fixture
async def short(shop: Shop) -> Shop:
    """Norte wants milk up to 40 and has 3; este can spare 20 of it. It wants 12 packs of rice, and nobody has any."""
    await shop.receive("milk", 3)
    command = {
        "type": "receive",
        "id": str(new_id()),
        "store_id": "este",
        "lines": [{"product_id": "milk", "quantity": 20}],
    }
    assert (await shop.post("commands", {"commands": [command]}, shop.admin)).is_success
    await wants(shop, "milk", reorder_point=10, max_level=40)
    await wants(shop, "rice", reorder_point=5, max_level=15, reorder_quantity=6)
    return shop


async def test_a_transfer_before_a_purchase_with_the_arithmetic(short: Shop) -> None:
    milk, rest, rice = await suggested(short)
    assert (milk["kind"], milk["from_store_id"], milk["quantity"]) == ("transfer", "este", 20)
    assert (rest["kind"], rest["from_store_id"], rest["quantity"]) == ("purchase", "", 17)
    assert (rice["product_id"], rice["kind"], rice["quantity"]) == ("rice", "purchase", 12)
    need = milk["need"]
    assert (need["position"], need["order_at"], need["target"], need["units"]) == (3, 10, 40, 37)
    assert milk["spare"]["spare"] == 20
    assert "Position 3 = 3 available + 0 incoming" in milk["sentence"]
    assert await suggested(short, "sur") == []


async def test_pages_have_whole_products(short: Shop) -> None:
    first = await short.get("replenishment/suggestions", short.supervisor, store_id="norte", limit=1)
    assert [one["product_id"] for one in first.json()["suggestions"]] == ["milk", "milk"]
    link = first.headers["Link"]
    second = await short.client.get(f"http://shop{link[1 : link.index('>')]}", headers=short.supervisor)
    assert [one["product_id"] for one in second.json()["suggestions"]] == ["rice"]


async def test_accepting_is_one_act_done_once(short: Shop) -> None:
    found = await suggested(short)
    body = chosen(*found, note="for Friday", id=str(new_id()))
    answer = await short.post("replenishment/accept", body, short.supervisor)
    assert answer.status_code == 201, answer.text
    purchase, transfer = answer.json()["documents"]
    assert (transfer["kind"], transfer["status"], transfer["store_id"], transfer["from_store_id"]) == (
        "transfer",
        "requested",
        "norte",
        "este",
    )
    assert (purchase["kind"], purchase["status"], purchase["store_id"]) == ("proposal", "open", "norte")
    # The same request again: the same documents. And nobody is told to order it once more.
    again = await short.post("replenishment/accept", body, short.supervisor)
    assert again.json() == answer.json()
    assert await suggested(short) == []
    shown = (await short.get(f"transfers/{transfer['id']}", short.supervisor)).json()
    assert (shown["note"], shown["lines"][0]["quantity"]) == ("for Friday", 20)
    listed = (await short.get("replenishment/proposals", short.supervisor, store_id="norte", status="open")).json()
    assert [one["id"] for one in listed["proposals"]] == [purchase["id"]]
    assert listed["proposals"][0]["lines"] == [
        {"product_id": "milk", "quantity": 17},
        {"product_id": "rice", "quantity": 12},
    ]


async def test_a_proposal_that_is_closed_is_expected_no_longer(short: Shop) -> None:
    *_, rice = await suggested(short)
    opened = (await short.post("replenishment/accept", chosen(rice), short.supervisor)).json()["documents"]
    path = f"replenishment/proposals/{opened[0]['id']}"
    closed = await short.post(f"{path}/close", {"outcome": "dropped", "reason": "season over"}, short.supervisor)
    assert (closed.status_code, closed.json()["status"]) == (200, "dropped")
    assert [step["reason"] for step in closed.json()["steps"]] == ["", "season over"]
    assert (await suggested(short))[-1] == rice
    again = await short.post(f"{path}/close", {"outcome": "ordered"}, short.supervisor)
    assert_problem(again, 409, "wrong_status")
    assert_problem(await short.get(path, short.bearer("sara", "supervisor", ["sur"])), 404, "unknown_document")


async def test_a_proposal_that_is_ordered_is_incoming(short: Shop) -> None:
    *_, rice = await suggested(short)
    (opened,) = (await short.post("replenishment/accept", chosen(rice), short.supervisor)).json()["documents"]
    path = f"replenishment/proposals/{opened['id']}"
    body = {"supplier": "Arroces SL", "reference": "4711", "id": str(new_id())}
    ordered = await short.post(f"{path}/order", body, short.supervisor)
    assert (ordered.status_code, ordered.json()["kind"], ordered.json()["status"]) == (200, "purchase", "open")
    assert (await short.post(f"{path}/order", body, short.supervisor)).json() == ordered.json()
    proposal = (await short.get(path, short.supervisor)).json()
    assert (proposal["status"], proposal["order_id"]) == ("ordered", ordered.json()["id"])
    assert (await short.get("stock/rice/norte", short.supervisor)).json()["incoming_qty"] == 12
    assert "rice" not in [one["product_id"] for one in await suggested(short)]
    other = await short.post(f"{path}/order", {"supplier": "Another"}, short.supervisor)
    assert_problem(other, 409, "wrong_status")


async def test_two_who_accept_the_same_open_it_once(short: Shop) -> None:
    found = await suggested(short)
    assert (await short.post("replenishment/accept", chosen(*found), short.supervisor)).is_success
    problem = assert_problem(
        await short.post("replenishment/accept", chosen(*found), short.supervisor), 409, "suggestion_changed"
    )
    assert (problem["field"], problem["product_id"], problem["suggested"]) == ("suggestions[0]", "milk", 0)


async def test_more_than_suggested_is_refused_fewer_is_not(short: Shop) -> None:
    milk = (await suggested(short))[0]
    more = await short.post("replenishment/accept", chosen(milk | {"quantity": 21}), short.supervisor)
    assert assert_problem(more, 409, "suggestion_changed")["suggested"] == 20
    fewer = await short.post("replenishment/accept", chosen(milk | {"quantity": 5}), short.supervisor)
    assert fewer.status_code == 201, fewer.text
    assert (await suggested(short))[0]["quantity"] == 15


async def test_who_may_accept(short: Shop) -> None:
    body = chosen((await suggested(short))[0])
    assert_problem(await short.post("replenishment/accept", body), 403, "scope_missing")
    other = short.bearer("sara", "supervisor", ["sur"])
    assert_problem(await short.post("replenishment/accept", body, other), 403, "store_not_allowed")
    asked = await short.get("replenishment/suggestions", other, store_id="norte")
    assert_problem(asked, 403, "store_not_allowed")
