"""Shortfalls over HTTP: who may send a fact, who sees and settles a case, and what each choice does."""

from typing import Any

import httpx

from backend.ids import new_id
from backend.shortfalls.schemas import Choice
from tests.http.shop import Shop, assert_problem

Json = dict[str, Any]


async def told(shop: Shop, units: int = 5, headers: dict[str, str] | None = None, **said: Any) -> Json:
    """The answer to a sale of milk that was made without a server."""
    sell: Json = {
        "type": "sell",
        "id": str(new_id()),
        "store_id": "norte",
        "lines": [{"product_id": "milk", "quantity": units, "price_cents": 129}],
        "receipt_number": f"T1-{units}",
        "offline": {"sequence": 7} | said,
    }
    answer = await shop.post("commands", {"commands": [sell]}, headers)
    assert answer.status_code == 200, answer.text
    (only,) = answer.json()["answers"]
    assert isinstance(only, dict)
    return only


def next_of(page: httpx.Response) -> str:
    """The address of the next page, as the client of the tests wants it."""
    return page.links["next"]["url"].removeprefix("/api/v1/")


async def case_of(shop: Shop, stock: int = 3, units: int = 5) -> str:
    """A case of milk in norte; returns its address."""
    if stock:
        await shop.receive("milk", stock)
    return f"shortfalls/{(await told(shop, units))['id']}"


async def resolve(shop: Shop, path: str, choice: str, headers: dict[str, str] | None = None, **more: Any) -> Json:
    body = {"choice": choice, "reason": "looked"} | more
    answer = await shop.post(f"{path}/resolve", body, headers or shop.supervisor)
    assert answer.status_code == 200, answer.text
    case: Json = answer.json()
    return case


async def test_the_terminal_is_told_at_once_and_a_supervisor_sees_it(shop: Shop) -> None:
    await shop.receive("milk", 3)
    answer = await told(shop, guaranteed=True, approved_by="luis")
    assert (answer["documents"][0]["kind"], answer["stock"][0]["on_hand"]) == ("shortfall", 0)
    listed = await shop.get("shortfalls", shop.supervisor, store_id="norte")
    (case,) = listed.json()["shortfalls"]
    assert (case["id"], case["receipt_number"], case["status"]) == (answer["id"], "T1-5", "open")
    assert (case["actor"], case["terminal_id"], case["sequence"]) == ("ana", "T1", 7)
    assert (case["guaranteed"], case["approved_by"]) == (True, "luis")
    (line,) = case["lines"]
    assert (line["sold"], line["there"], line["short"], line["open"], line["available"]) == (5, 3, 2, 2, 0)
    assert [x["choice"] for x in case["choices"]] == [str(choice) for choice in Choice]
    assert {x["choice"]: x["possible"] for x in case["choices"]}["take"] is False
    assert all("2 units" in x["consequence"] for x in case["choices"])
    assert (await shop.get(f"shortfalls/{case['id']}", shop.supervisor)).json() == case


async def test_a_machine_cannot_oversell_and_no_clerk_settles(shop: Shop) -> None:
    body = {"name": "web", "scopes": ["sales:write"], "stores": ["norte"]}
    key = {"X-API-Key": (await shop.post("keys", body, shop.admin)).json()["key"]}
    await shop.receive("milk", 3)
    sell: Json = {"type": "sell", "id": str(new_id()), "store_id": "norte", "offline": {"sequence": 1}}
    sell["lines"] = [{"product_id": "milk", "quantity": 5, "price_cents": 129}]
    refused = (await shop.client.post("commands", json={"commands": [sell]}, headers=key)).json()["answers"][0]
    assert (refused["refusal"]["code"], refused["refusal"]["field"]) == ("terminal_needed", "offline")
    assert "documents" not in refused
    assert await shop.available() == 3

    path = f"shortfalls/{(await told(shop))['id']}"
    for read in (path, "shortfalls?store_id=norte", "inbox?store_id=norte"):
        assert_problem(await shop.get(read), 403, "scope_missing")
    assert_problem(await shop.post(f"{path}/resolve", {"choice": "dismiss", "reason": "x"}), 403, "scope_missing")
    elsewhere = shop.bearer("luis", "supervisor", ["sur"])
    assert_problem(await shop.get(path, elsewhere), 404, "unknown_document")
    assert_problem(
        await shop.post(f"{path}/resolve", {"choice": "dismiss", "reason": "x"}, elsewhere), 404, "unknown_document"
    )
    assert_problem(await shop.get("shortfalls", elsewhere, store_id="norte"), 403, "store_not_allowed")


async def test_goods_that_come_are_taken(shop: Shop) -> None:
    path = await case_of(shop)
    early = await shop.post(f"{path}/resolve", {"choice": "take", "reason": "x"}, shop.supervisor)
    assert_problem(early, 409, "insufficient_stock")
    waiting = await resolve(shop, path, "backorder", owner="eva")
    assert (waiting["status"], waiting["owner"]) == ("waiting", "eva")
    await shop.receive("milk", 6)
    choices = (await shop.get(path, shop.supervisor)).json()["choices"]
    assert choices[0] == {
        "choice": "take",
        "consequence": "Takes 2 units from what is available; stock on hand falls by 2.",
        "possible": True,
    }
    done = await resolve(shop, path, "take")
    assert (done["status"], done["lines"][0]["taken"], done["choices"]) == ("settled", 2, [])
    assert await shop.available() == 4
    again = await shop.post(f"{path}/resolve", {"choice": "dismiss", "reason": "x"}, shop.supervisor)
    assert_problem(again, 409, "wrong_status")
    assert (await shop.get("shortfalls", shop.supervisor, store_id="norte")).json()["count"] == 0
    settled = await shop.get("shortfalls", shop.supervisor, store_id="norte", status="settled")
    assert settled.json()["count"] == 1


async def test_a_transfer_is_asked_for_once_and_the_case_waits_for_it(shop: Shop) -> None:
    path = await case_of(shop)
    key = shop.supervisor | {"Idempotency-Key": str(new_id())}
    first = await resolve(shop, path, "transfer_in", key, from_store_id="sur", owner="eva")
    assert (first["status"], first["owner"]) == ("waiting", "eva")
    assert await resolve(shop, path, "transfer_in", key, from_store_id="sur", owner="eva") == first
    transfer = (await shop.get(f"transfers/{first['transfer_id']}", shop.supervisor)).json()
    assert (transfer["from_store_id"], transfer["to_store_id"], transfer["status"]) == ("sur", "norte", "requested")
    assert [(x["product_id"], x["quantity"]) for x in transfer["lines"]] == [("milk", 2)]
    missing = await shop.post(f"{path}/resolve", {"choice": "transfer_in", "reason": "x"}, shop.supervisor)
    assert_problem(missing, 400, "invalid_input")


async def test_what_the_customer_brings_back_is_refunded_and_no_stock_moves(shop: Shop) -> None:
    path = await case_of(shop)
    missing = await shop.post(f"{path}/resolve", {"choice": "refund", "reason": "x"}, shop.supervisor)
    assert_problem(missing, 400, "invalid_input")
    key = shop.supervisor | {"Idempotency-Key": str(new_id())}
    done = await resolve(shop, path, "refund", key, refund_by="cash")
    assert (done["status"], done["lines"][0]["returned"]) == ("settled", 2)
    assert await resolve(shop, path, "refund", key, refund_by="cash") == done
    assert await shop.available() == 0
    sale = (await shop.get(f"sales/{done['id']}")).json()
    assert (sale["refunded"], sale["return_status"], sale["lines"][0]["returned"]) == (2.58, "partly_returned", 2)


async def test_damaged_units_that_came_back_are_not_refunded_twice(shop: Shop) -> None:
    path = await case_of(shop)
    lines = [{"line": 1, "quantity": 4, "condition": "damaged"}]
    sale = path.partition("/")[2]
    answer = await shop.post("returns", {"sale_id": sale, "lines": lines, "refund_by": "cash"})
    assert answer.status_code == 201, answer.text
    refused = await shop.post(
        f"{path}/resolve", {"choice": "refund", "reason": "x", "refund_by": "cash"}, shop.supervisor
    )
    assert assert_problem(refused, 409, "more_than_sold")["lines"][0]["available"] == 1


async def test_found_dismissed_and_a_right_for_each(shop: Shop) -> None:
    path = await case_of(shop)
    part = [{"product_id": "milk", "quantity": 1}]
    found = await resolve(shop, path, "adjust", lines=part)
    assert (found["status"], found["lines"][0]["found"], found["lines"][0]["open"]) == ("open", 1, 1)
    more = {"choice": "adjust", "reason": "x", "lines": [{"product_id": "milk", "quantity": 2}]}
    assert_problem(await shop.post(f"{path}/resolve", more, shop.supervisor), 409, "more_than_open")
    body = {"name": "wms", "scopes": ["sales:settle"], "stores": ["norte"]}
    key = {"X-API-Key": (await shop.post("keys", body, shop.admin)).json()["key"]}
    for sent in ({"choice": "refund", "refund_by": "cash"}, {"choice": "transfer_in", "from_store_id": "sur"}):
        answer = await shop.client.post(f"{path}/resolve", json=sent | {"reason": "x"}, headers=key)
        assert_problem(answer, 403, "scope_missing")
    done = await resolve(shop, path, "dismiss")
    assert [x["what"] for x in done["steps"]] == ["sell", "adjust", "dismiss"]
    kinds = [x["kind"] for x in (await shop.get("movements", store_id="norte", product_id="milk")).json()["movements"]]
    assert kinds == ["shortfall", "shortfall_found", "sell", "receive"]


async def test_pages_of_cases(shop: Shop) -> None:
    ids = {(await told(shop, units))["id"] for units in (1, 2, 3)}
    first = await shop.get("shortfalls", shop.supervisor, store_id="norte", limit=2)
    assert first.json()["count"] == 2
    rest = await shop.client.get(next_of(first), headers=shop.supervisor)
    assert {x["id"] for page in (first, rest) for x in page.json()["shortfalls"]} == ids
