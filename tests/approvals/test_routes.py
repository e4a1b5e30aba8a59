"""Approvals over HTTP: what waits, who sees it, who grants it, and on the spot."""

from typing import Any

import pytest

from backend.ids import new_id
from tests.http.shop import PIN, Shop, assert_problem

pytestmark = pytest.mark.usefixtures("unlimited")
LUIS = {"user": "luis", "pin": PIN}


def adjust(units: int = -8, **more: Any) -> dict[str, Any]:
    return {
        "type": "adjust",
        "id": str(new_id()),
        "store_id": "norte",
        "product_id": "milk",
        "adjustment": units,
        "reason": "thawed",
        "reason_code": "damage",
        **more,
    }


async def asked(shop: Shop, units: int = -8, headers: dict[str, str] | None = None) -> dict[str, Any]:
    answer = await shop.post("approvals", {"command": adjust(units), "reason": "see photo"}, headers)
    assert answer.status_code == 201, answer.text
    approval: dict[str, Any] = answer.json()
    return approval


async def listed(shop: Shop, status: str = "requested", headers: dict[str, str] | None = None) -> list[str]:
    answer = await shop.get("approvals", headers, store_id="norte", status=status)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["approvals"]]


async def limit(shop: Shop, store_id: str = "norte", **limits: int) -> None:
    answer = await shop.put(f"stores/{store_id}/approval-limits", limits, shop.admin)
    assert answer.status_code == 200, answer.text


async def machine(shop: Shop) -> dict[str, str]:
    """The header of a machine that may write stock and not approve."""
    body = {"name": "wms", "scopes": ["stock:write", "approvals:request"], "stores": ["norte"]}
    key = await shop.post("keys", body, shop.admin)
    assert key.status_code == 201, key.text
    return {"X-API-Key": key.json()["key"]}


async def test_a_clerk_asks_and_a_supervisor_grants(shop: Shop) -> None:
    await shop.receive("milk", 10)
    approval = await asked(shop)
    assert (approval["status"], approval["units"], approval["value_cents"]) == ("requested", 8, 8 * 129)
    assert (approval["verb"], approval["requested_by"]) == ("adjust", "ana")
    assert await shop.available() == 10
    assert await listed(shop) == [approval["id"]]

    path = f"approvals/{approval['id']}"
    assert_problem(await shop.post(f"{path}/grant", {}), 403, "scope_missing")
    granted = await shop.post(f"{path}/grant", {}, shop.supervisor)
    assert granted.status_code == 200, granted.text
    assert (granted.json()["status"], granted.json()["decided_by"]) == ("granted", "luis")
    assert await shop.available() == 2
    assert (await listed(shop), await listed(shop, "granted")) == ([], [approval["id"]])
    assert (await shop.get(path)).json() == granted.json()
    (step, *_) = (await shop.get("movements", store_id="norte")).json()["movements"]
    assert (step["kind"], step["actor"], step["document_id"]) == ("adjust", "ana", approval["id"])
    assert step["reason"] == "damage: thawed (approved by luis)"


async def test_a_refused_one_moves_nothing_and_says_why(shop: Shop) -> None:
    await shop.receive("milk", 10)
    path = f"approvals/{(await asked(shop))['id']}"
    assert_problem(await shop.post(f"{path}/refuse", {}, shop.supervisor), 400, "invalid_input")
    refused = await shop.post(f"{path}/refuse", {"reason": "count again"}, shop.supervisor)
    assert (refused.json()["status"], refused.json()["note"]) == ("refused", "count again")
    assert await shop.available() == 10
    late = assert_problem(await shop.post(f"{path}/grant", {}, shop.supervisor), 409, "wrong_status")
    assert late["state"] == "refused"


async def test_sent_twice_it_is_asked_and_granted_once(shop: Shop) -> None:
    await shop.receive("milk", 20)
    body = {"command": adjust(), "reason": "see photo"}
    first, again = await shop.post("approvals", body), await shop.post("approvals", body)
    assert first.json() == again.json()
    grant = {"id": str(new_id())}
    path = f"approvals/{first.json()['id']}/grant"
    once, twice = await shop.post(path, grant, shop.supervisor), await shop.post(path, grant, shop.supervisor)
    assert once.json() == twice.json()
    assert await shop.available() == 12
    # It has taken its id: what was asked for cannot be sent beside it.
    answer = await shop.post("commands", {"commands": [body["command"]]}, shop.supervisor)
    assert answer.json()["answers"][0]["refusal"]["code"] == "command_reused"
    assert await shop.available() == 12


async def test_the_id_may_be_left_to_the_key(shop: Shop) -> None:
    await shop.receive("milk", 20)
    command = adjust()
    del command["id"]
    key = str(new_id())
    body = {"command": command, "reason": "see photo"}
    first, again = [await shop.post("approvals", body, {"Idempotency-Key": key}) for _ in range(2)]
    assert (first.status_code, first.json()["id"], first.json()) == (201, key, again.json()), first.text
    assert first.json()["command"] == command | {"id": key}
    other = {"command": adjust(), "reason": "see photo"}
    assert_problem(await shop.post("approvals", other, {"Idempotency-Key": key}), 400, "invalid_input")
    wrong = {"command": command | {"adjustment": "8"}, "reason": "see photo"}
    assert assert_problem(await shop.post("approvals", wrong), 400, "invalid_quantity")["field"]
    wrong = {"command": command | {"type": "receive"}, "reason": "see photo"}
    assert_problem(await shop.post("approvals", wrong), 400, "invalid_input")


async def test_nobody_grants_their_own(shop: Shop) -> None:
    await shop.receive("milk", 10)
    approval = await asked(shop, headers=shop.supervisor)
    path = f"approvals/{approval['id']}/grant"
    assert_problem(await shop.post(path, {}, shop.supervisor), 403, "own_approval")
    assert (await shop.post(path, {}, shop.admin)).status_code == 200


async def test_another_stores_approvals_are_nobodys_business(shop: Shop) -> None:
    await shop.receive("milk", 10)
    path = f"approvals/{(await asked(shop))['id']}"
    stranger = shop.bearer("eva", "supervisor", ["este"])
    assert_problem(await shop.get(path, stranger), 404, "unknown_document")
    assert_problem(await shop.post(f"{path}/grant", {}, stranger), 404, "unknown_document")
    assert_problem(await shop.get("approvals", stranger, store_id="norte"), 403, "store_not_allowed")
    assert_problem(await shop.get("approvals/nothing"), 404, "unknown_document")


async def test_without_limits_nothing_waits(shop: Shop) -> None:
    await shop.receive("milk", 10)
    key = await machine(shop)
    answer = await shop.client.post("stock/milk/norte/adjust", json={"adjustment": -9, "reason": "x"}, headers=key)
    assert answer.status_code == 200, answer.text


async def test_above_a_limit_who_may_not_approve_is_told_to_ask(shop: Shop) -> None:
    await shop.receive("milk", 40)
    await limit(shop, units=5, value_cents=2000)
    key = await machine(shop)
    for body in ({"adjustment": -5, "reason": "x"}, {"adjustment": 5, "reason": "x"}):
        assert (await shop.client.post("stock/milk/norte/adjust", json=body, headers=key)).status_code == 200
    body = {"adjustment": -6, "reason": "x"}
    refused = await shop.client.post("stock/milk/norte/adjust", json=body, headers=key)
    problem = assert_problem(refused, 403, "approval_needed")
    assert problem["limits"] == {"units": 5, "value_cents": 2000}
    assert "6 units worth 7.74" in problem["detail"]
    write_off = {
        "store_id": "norte",
        "lines": [{"product_id": "milk", "quantity": 6}],
        "reason_code": "expired",
    }
    assert_problem(await shop.client.post("stock/write-off", json=write_off, headers=key), 403, "approval_needed")
    count = await shop.client.put("stock/milk/norte", json={"quantity": 3}, headers=key | {"If-Match": "*"})
    assert_problem(count, 403, "approval_needed")
    batch = await shop.client.post("commands", json={"commands": [adjust(-6), adjust(-2)]}, headers=key)
    codes = [answer.get("refusal", {}).get("code") for answer in batch.json()["answers"]]
    assert codes == ["approval_needed", None]
    # Who may approve goes through, and so does who asks.
    assert (await shop.post("stock/milk/norte/adjust", body, shop.supervisor)).status_code == 200
    await limit(shop)
    assert (await shop.client.post("stock/milk/norte/adjust", json=body, headers=key)).status_code == 200


async def test_the_value_limit_counts_the_catalogues_prices(shop: Shop) -> None:
    await shop.receive("milk", 40)
    await limit(shop, value_cents=5 * 129)
    key = await machine(shop)
    for units, status in ((-5, 200), (-6, 403)):
        body = {"adjustment": units, "reason": "x"}
        answer = await shop.client.post("stock/milk/norte/adjust", json=body, headers=key)
        assert answer.status_code == status, answer.text


async def test_on_the_spot_the_supervisor_types_the_pin(shop: Shop) -> None:
    await shop.receive("milk", 20)
    wrong = {"command": adjust(), "reason": "see photo", "approval": {"user": "luis", "pin": "0000"}}
    assert_problem(await shop.post("approvals", wrong), 401, "sign_in_refused")
    for user, code in (("ana", "own_approval"),):
        body = wrong | {"approval": {"user": user, "pin": PIN}}
        assert_problem(await shop.post("approvals", body), 403, code)
    assert await listed(shop) == []
    body = wrong | {"approval": LUIS}
    granted, again = await shop.post("approvals", body), await shop.post("approvals", body)
    assert (granted.status_code, granted.json()["status"]) == (201, "granted"), granted.text
    assert granted.json() == again.json()
    assert (granted.json()["requested_by"], granted.json()["decided_by"]) == ("ana", "luis")
    assert await shop.available() == 12


async def test_a_correction_takes_the_approval_in_its_body(shop: Shop) -> None:
    await shop.receive("milk", 40)
    await limit(shop, units=5)
    key = await machine(shop)
    body = {"adjustment": -8, "reason": "thawed", "approval": LUIS}
    answer = await shop.client.post("stock/milk/norte/adjust", json=body, headers=key)
    assert (answer.status_code, answer.json()["quantity"]) == (200, 32), answer.text
    write_off = {
        "store_id": "norte",
        "lines": [{"product_id": "milk", "quantity": 6}],
        "reason_code": "expired",
        "approval": LUIS,
    }
    answer = await shop.client.post("stock/write-off", json=write_off, headers=key)
    assert (answer.status_code, answer.json()["stock"][0]["quantity"]) == (200, 26), answer.text
    assert len(await listed(shop, "granted", shop.supervisor)) == 2


async def test_nobody_values_an_approval_by_a_price_of_their_own(shop: Shop) -> None:
    await shop.receive("milk", 10)
    inner = adjust()
    asking = {
        "type": "approval_request",
        "id": inner["id"],
        "store_id": "norte",
        "command": inner,
        "reason": "small",
        "price_cents": {"milk": 1},
    }
    (answer,) = (await shop.post("commands", {"commands": [asking]})).json()["answers"]
    assert answer["refusal"]["code"] == "price_not_allowed"
    inner = adjust()
    right = asking | {"id": inner["id"], "command": inner, "price_cents": {"milk": 129}}
    (answer,) = (await shop.post("commands", {"commands": [right]})).json()["answers"]
    assert answer["documents"][0]["status"] == "requested"


async def test_limits_are_read_and_set_by_an_admin_and_leave_a_trace(shop: Shop) -> None:
    path = "stores/norte/approval-limits"
    assert (await shop.get(path)).json() == {"store_id": "norte", "units": None, "value_cents": None}
    assert_problem(await shop.put(path, {"units": 3}, shop.supervisor), 403, "scope_missing")
    assert_problem(await shop.put(path, {"units": -1}, shop.admin), 400, "invalid_input")
    assert_problem(await shop.put("stores/oeste/approval-limits", {"units": 3}, shop.admin), 404, "unknown_store")
    await limit(shop, units=3)
    assert (await shop.get(path)).json()["units"] == 3
    (act, *_) = (await shop.get("audit", shop.supervisor)).json()["acts"]
    assert (act["action"], act["after"]) == ("store.limits", {"units": 3})


async def test_the_list_goes_on_page_by_page(shop: Shop) -> None:
    await shop.receive("milk", 10)
    ids = [(await asked(shop, -n))["id"] for n in (1, 2, 3)]
    answer = await shop.get("approvals", store_id="norte", limit=2)
    rest = await shop.client.get(f"http://shop{answer.links['next']['url']}", headers=shop.auth)
    shown = [one["id"] for one in (*answer.json()["approvals"], *rest.json()["approvals"])]
    assert shown == ids[::-1]
    assert_problem(await shop.get("approvals", store_id="norte", status="lost"), 400, "invalid_input")
