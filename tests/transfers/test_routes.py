"""Transfers and discrepancy cases over HTTP: who may do which step, what the answers say, lists in pages."""

from typing import Any

from backend.ids import new_id
from tests.http.shop import Shop, assert_problem

ASKED = {"from_store_id": "norte", "to_store_id": "sur", "lines": [{"product_id": "milk", "quantity": 6}]}


def north(shop: Shop) -> dict[str, str]:
    return shop.bearer("nora", "supervisor", ["norte"])


def south(shop: Shop) -> dict[str, str]:
    return shop.bearer("sara", "supervisor", ["sur"])


async def post(shop: Shop, path: str, body: Any, by: dict[str, str]) -> dict[str, Any]:
    """POST that must succeed."""
    answer = await shop.post(path, body, by)
    assert answer.is_success, answer.text
    shape: dict[str, Any] = answer.json()
    return shape


async def shipped(shop: Shop, units: int = 6) -> str:
    """A transfer of milk on its way from norte to sur; its id."""
    body = ASKED | {"lines": [{"product_id": "milk", "quantity": units}]}
    made = await post(shop, "transfers", body, north(shop))
    for step in ("pack", "ship"):
        await post(shop, f"transfers/{made['id']}/{step}", None, north(shop))
    return str(made["id"])


async def balances(shop: Shop, store: str) -> tuple[int, int]:
    """(on hand, unavailable) of milk."""
    row = (await shop.get(f"stock/milk/{store}", shop.supervisor)).json()
    return row["quantity"], row["unavailable_qty"]


async def test_from_a_request_to_a_settled_case(shop: Shop) -> None:
    await shop.receive("milk", 10)
    asked = await post(shop, "transfers", ASKED | {"note": "for Friday"}, south(shop))
    assert (asked["status"], asked["note"], asked["discrepancies"]) == ("requested", "for Friday", [])
    path = f"transfers/{asked['id']}"

    packed = await post(shop, f"{path}/pack", {"lines": [{"product_id": "milk", "quantity": 5}]}, north(shop))
    assert (packed["status"], packed["lines"][0]["packed"], await shop.available()) == ("packed", 5, 5)
    sent = await post(shop, f"{path}/ship", {"reference": "A-17"}, north(shop))
    assert (sent["status"], sent["reference"], sent["lines"][0]["in_transit"]) == ("in_transit", "A-17", 5)

    receipt = {"lines": [{"product_id": "milk", "good": 2, "damaged": 1}]}
    part = await post(shop, f"{path}/receive", receipt, south(shop))
    assert part["status"] == "partly_received"
    closed = await post(shop, f"{path}/close", {"reason": "the van is empty"}, south(shop))
    assert closed["status"] == "received"
    (case,) = closed["discrepancies"]
    assert (case["owner"], case["status"], case["lines"][0]["open"]) == ("sara", "open", 2)
    assert case["age_seconds"] >= 0
    assert case["steps"][0]["reason"] == "the van is empty"

    outcome = {"outcome": "found", "reason": "in the yard", "lines": [{"product_id": "milk", "quantity": 1}]}
    found = await post(shop, f"discrepancies/{case['id']}/settle", outcome, south(shop))
    assert (found["status"], found["lines"][0]["open"]) == ("open", 1)
    given = await post(shop, f"discrepancies/{case['id']}/assign", {"owner": "nora"}, south(shop))
    assert given["owner"] == "nora"
    rest = {"outcome": "returned", "reason": "it never left"}
    settled = await post(shop, f"discrepancies/{case['id']}/settle", rest, north(shop))
    assert settled["status"] == "settled"

    whole = (await shop.get(path, south(shop))).json()
    line = {"product_id": "milk", "quantity": 6, "packed": 0, "sent": 5, "received": 3, "damaged": 1}
    assert whole["lines"] == [line | {"missing": 0, "returned": 1, "lost": 0, "in_transit": 0}]
    assert [step["actor"] for step in whole["steps"]] == ["sara", "nora", "nora", "sara", "sara", "sara", "nora"]
    assert whole["discrepancies"] == [settled]
    assert (await balances(shop, "norte"), await balances(shop, "sur")) == ((6, 0), (4, 1))


async def test_a_step_is_done_once(shop: Shop) -> None:
    await shop.receive("milk", 10)
    transfer = await shipped(shop)
    receipt = {"id": str(new_id()), "lines": [{"product_id": "milk", "good": 2, "missing": 1}]}
    first = await post(shop, f"transfers/{transfer}/receive", receipt, south(shop))
    assert await post(shop, f"transfers/{transfer}/receive", receipt, south(shop)) == first
    case = first["discrepancies"][0]["id"]
    await post(shop, f"discrepancies/{case}/settle", {"outcome": "lost", "reason": "nowhere"}, south(shop))
    assert await post(shop, f"transfers/{transfer}/receive", receipt, south(shop)) == first
    assert (await balances(shop, "sur"))[0] == 2
    assert first["discrepancies"][0]["id"] == receipt["id"]


async def test_each_step_is_its_own_stores(shop: Shop) -> None:
    await shop.receive("milk", 10)
    made = await post(shop, "transfers", ASKED, north(shop))
    path = f"transfers/{made['id']}"
    steps: list[tuple[str, Any]] = [("pack", None), ("ship", None), ("cancel", {"reason": "no"})]
    for step, body in steps:
        assert_problem(await shop.post(f"{path}/{step}", body, south(shop)), 403, "store_not_allowed")
    for step in ("pack", "ship"):
        await post(shop, f"{path}/{step}", None, north(shop))
    steps = [("receive", {"lines": [{"product_id": "milk", "good": 2}]}), ("close", None)]
    for step, body in steps:
        assert_problem(await shop.post(f"{path}/{step}", body, north(shop)), 403, "store_not_allowed")
    case = (await post(shop, f"{path}/close", None, south(shop)))["discrepancies"][0]["id"]
    for outcome, by in (("found", north(shop)), ("returned", south(shop))):
        body = {"outcome": outcome, "reason": "x"}
        assert_problem(await shop.post(f"discrepancies/{case}/settle", body, by), 403, "store_not_allowed")


async def test_who_has_nothing_to_do_with_it_sees_nothing(shop: Shop) -> None:
    await shop.receive("milk", 10)
    transfer = await shipped(shop)
    case = (await post(shop, f"transfers/{transfer}/close", None, south(shop)))["discrepancies"][0]["id"]
    stranger = shop.bearer("eva", "supervisor", ["este"])
    for path in (f"transfers/{transfer}", f"discrepancies/{case}", "transfers/nonsense", f"discrepancies/{transfer}"):
        assert_problem(await shop.get(path, stranger), 404, "unknown_document")
    assert_problem(await shop.post(f"transfers/{transfer}/pack", None, stranger), 404, "unknown_document")
    body = {"outcome": "lost", "reason": "x"}
    assert_problem(await shop.post(f"discrepancies/{case}/settle", body, stranger), 404, "unknown_document")
    assert_problem(await shop.get("transfers", stranger, store_id="sur"), 403, "store_not_allowed")
    clerk = shop.bearer("ana", "clerk", ["norte"])
    assert (await shop.get(f"transfers/{transfer}", clerk)).status_code == 200
    assert_problem(await shop.post("transfers", ASKED, clerk), 403, "scope_missing")


async def test_refusals_say_what_to_do(shop: Shop) -> None:
    await shop.receive("milk", 4)
    made = await post(shop, "transfers", ASKED, north(shop))
    path = f"transfers/{made['id']}"
    short = assert_problem(await shop.post(f"{path}/pack", None, north(shop)), 409, "insufficient_stock")
    assert short["lines"] == [{"product_id": "milk", "requested": 6, "available": 4}]
    wrong = assert_problem(await shop.post(f"{path}/ship", None, north(shop)), 409, "wrong_status")
    assert wrong["state"] == "draft"
    some = {"lines": [{"product_id": "milk", "quantity": 4}]}
    await post(shop, f"{path}/pack", some, north(shop))
    await post(shop, f"{path}/ship", None, north(shop))
    receipt = {"lines": [{"product_id": "milk", "good": 5}]}
    over = assert_problem(await shop.post(f"{path}/receive", receipt, south(shop)), 409, "more_than_open")
    assert over["lines"] == [{"product_id": "milk", "requested": 5, "available": 4}]
    nothing = assert_problem(await shop.post(f"{path}/receive", {"lines": []}, south(shop)), 400, "empty_basket")
    assert nothing["field"] == "lines"
    no_default = await shop.post(f"{path}/cancel", {"reason": "late"}, north(shop))
    assert assert_problem(no_default, 422, "goods_in_flight")["field"] == "in_flight"
    back = await post(shop, f"{path}/cancel", {"reason": "late", "in_flight": "restock"}, north(shop))
    assert (back["status"], back["lines"][0]["returned"]) == ("cancelled", 4)
    assert_problem(await shop.post("transfers", ASKED | {"to_store_id": "norte"}, north(shop)), 400, "same_store")
    assert_problem(await shop.post("transfers", ASKED | {"store_id": "este"}, shop.admin), 403, "store_not_allowed")


async def test_lists_by_direction_and_status_in_pages(shop: Shop) -> None:
    await shop.receive("milk", 20)
    there = [await shipped(shop, 1) for _ in range(3)]
    drafted = (await post(shop, "transfers", ASKED, north(shop)))["id"]
    asked = (await post(shop, "transfers", ASKED | {"from_store_id": "sur", "to_store_id": "norte"}, north(shop)))["id"]

    async def ids(**params: Any) -> list[str]:
        answer = await shop.get("transfers", **params)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["transfers"]]

    assert await ids() == [asked, drafted, *reversed(there)]
    assert await ids(direction="in") == [asked]
    assert await ids(direction="out", status="draft") == [drafted]
    assert await ids(status="in_transit") == list(reversed(there))
    first = await shop.get("transfers", limit=2)
    assert [one["id"] for one in first.json()["transfers"]] == [asked, drafted]
    link = first.headers["link"].split(">")[0].removeprefix("</api/v1/")
    second = await shop.client.get(link, headers=shop.auth)
    assert [one["id"] for one in second.json()["transfers"]] == [there[2], there[1]]
    assert_problem(await shop.get("transfers", status="lost"), 400, "invalid_input")

    case = (await post(shop, f"transfers/{there[0]}/close", None, south(shop)))["discrepancies"][0]["id"]
    for by in (north(shop), south(shop)):
        for params in ({}, {"status": "open"}):
            listed = (await shop.get("discrepancies", by, **params)).json()
            assert [one["id"] for one in listed["discrepancies"]] == [case]
    assert (await shop.get("discrepancies", south(shop), status="settled")).json()["count"] == 0


async def test_steps_go_through_the_batch_route_too(shop: Shop) -> None:
    await shop.receive("milk", 10)
    id_ = str(new_id())
    lines = [{"product_id": "milk", "quantity": 6}]
    step = {"store_id": "norte", "transfer_id": id_}
    commands = [
        {"type": "transfer_open", "id": id_, "store_id": "norte", "lines": lines}
        | {"from_store_id": "norte", "to_store_id": "sur"},
        {"type": "transfer_pack", "id": str(new_id())} | step,
        {"type": "transfer_ship", "id": str(new_id())} | step,
    ]
    answers = (await shop.post("commands", {"commands": commands}, shop.supervisor)).json()["answers"]
    assert [answer["documents"][0]["status"] for answer in answers] == ["draft", "packed", "in_transit"]
