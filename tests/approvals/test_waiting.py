"""What is approved at a till's side can wait as well: it is asked for here, granted there, and happens once."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert

from backend.database.engine import open_database
from backend.database.tables import prices
from backend.ids import new_id
from tests.http.shop import Shop, assert_problem

pytestmark = pytest.mark.usefixtures("unlimited")


async def asked(shop: Shop, command: dict[str, Any]) -> dict[str, Any]:
    answer = await shop.post("approvals", {"command": command, "reason": "see photo"})
    assert answer.status_code == 201, answer.text
    approval: dict[str, Any] = answer.json()
    return approval


async def granted(shop: Shop, approval: dict[str, Any]) -> dict[str, Any]:
    """Granted twice under one id, as by a terminal that heard no answer, and once more by somebody else."""
    path, body = f"approvals/{approval['id']}/grant", {"id": str(new_id())}
    once, twice = await shop.post(path, body, shop.supervisor), await shop.post(path, body, shop.supervisor)
    assert once.status_code == 200, once.text
    assert once.json() == twice.json()
    assert_problem(await shop.post(path, {}, shop.admin), 409, "wrong_status")
    found: dict[str, Any] = once.json()
    return found


async def key_of(shop: Shop, *scopes: str) -> dict[str, str]:
    """The header of a machine with these rights in norte."""
    key = await shop.post("keys", {"name": "wms", "scopes": scopes, "stores": ["norte"]}, shop.admin)
    assert key.status_code == 201, key.text
    return {"X-API-Key": key.json()["key"]}


async def test_goods_without_a_receipt_wait(shop: Shop) -> None:
    line = {"product_id": "milk", "quantity": 2, "condition": "damaged"}
    body = {"store_id": "norte", "lines": [line | {"unit_price": 1.0}], "reason": "a present", "refund_by": "voucher"}
    id_ = str(new_id())
    assert_problem(await shop.post("returns/goods", body | {"id": id_}), 403, "approval_needed")
    command = body | {"type": "return_goods", "id": id_, "lines": [line | {"price_cents": 100}]}
    forged = {"command": command | {"approved_by": "luis"}, "reason": "x"}
    assert_problem(await shop.post("approvals", forged), 400, "invalid_input")
    approval = await asked(shop, command)
    assert (approval["verb"], approval["units"], approval["effect_id"]) == ("return_goods", 2, None)
    assert (await shop.get("returns/goods", store_id="norte")).json()["returns"] == []

    after = await granted(shop, approval)
    (came,) = (await shop.get("returns/goods", store_id="norte")).json()["returns"]
    assert (came["id"], came["actor"], came["approved_by"]) == (after["effect_id"], "ana", "luis")
    assert came["refund"][0]["amount"] == 2.0
    row = (await shop.get("stock/milk/norte")).json()
    assert (row["quantity"], row["unavailable_qty"]) == (2, 2)


async def test_a_count_above_the_tolerance_waits_under_the_id_that_was_refused(shop: Shop) -> None:
    await shop.receive("milk", 100)
    body = {"store_id": "norte", "scope": "full", "tolerance": {"units": 1000, "per_cent": 100}}
    count = (await shop.post("counts", body)).json()["id"]
    await shop.post(f"counts/{count}/scan", {"product_id": "milk", "units": 60})
    id_ = str(new_id())
    assert_problem(await shop.post(f"counts/{count}/post", {"id": id_}), 403, "approval_needed")
    command = {"type": "count_post", "id": id_, "store_id": "norte", "count_id": count, "products": ["milk"]}
    approval = await asked(shop, command | {"finish": True})
    assert (approval["units"], approval["value_cents"]) == (40, 40 * 129)
    sold = {"store_id": "norte", "lines": [{"product_id": "milk", "quantity": 3, "unit_price": 1.29}]}
    assert (await shop.post("sales", sold)).status_code == 201
    await granted(shop, approval)
    assert await shop.available() == 57, "what was sold since stays sold"
    after = (await shop.get(f"counts/{count}", shop.supervisor)).json()
    assert (after["status"], after["lines"][0]["approved_by"]) == ("posted", "luis")


async def test_no_more_is_granted_than_was_asked_for(shop: Shop) -> None:
    await shop.receive("milk", 100)
    body = {"store_id": "norte", "scope": "full", "tolerance": {"units": 1000, "per_cent": 100}}
    count = (await shop.post("counts", body)).json()["id"]
    await shop.post(f"counts/{count}/scan", {"product_id": "milk", "units": 60})
    command = {"type": "count_post", "store_id": "norte", "count_id": count, "products": ["milk"]}
    approval = await asked(shop, command)
    await shop.post(f"counts/{count}/scan", {"product_id": "milk", "units": 5, "how": "recount"})
    grant = await shop.post(f"approvals/{approval['id']}/grant", {}, shop.supervisor)
    assert "95 units by now, not 40" in assert_problem(grant, 403, "approval_needed")["detail"]
    assert await shop.available() == 100
    await shop.post(f"counts/{count}/scan", {"product_id": "milk", "units": 60, "how": "recount"})
    await granted(shop, approval)
    assert await shop.available() == 60


async def test_a_sale_at_another_price_waits_and_is_the_clerks(shop: Shop) -> None:
    await shop.receive("milk", 10)
    line = {"product_id": "milk", "quantity": 2, "price_cents": 100}
    command = {"type": "sell", "store_id": "norte", "lines": [line], "receipt_number": "T1-7"}
    (answer,) = (await shop.post("commands", {"commands": [command | {"id": str(new_id())}]})).json()["answers"]
    assert answer["refusal"]["code"] == "price_not_allowed"
    approval = await asked(shop, command)
    assert (approval["units"], approval["value_cents"]) == (2, 258)
    assert await shop.available() == 10
    after = await granted(shop, approval)
    sale = (await shop.get(f"sales/{after['effect_id']}")).json()
    assert (sale["receipt_number"], sale["total"], sale["actor"]) == ("T1-7", 2.0, "ana")
    (step, *_) = (await shop.get("movements", store_id="norte")).json()["movements"]
    assert (step["kind"], step["reason"]) == ("sell", "see photo (approved by luis)")
    assert await shop.available() == 8


async def test_above_a_limit_the_refused_command_itself_is_asked_for(shop: Shop) -> None:
    await shop.receive("milk", 40)
    await shop.put("stores/norte/approval-limits", {"units": 5}, shop.admin)
    key = await key_of(shop, "stock:write", "approvals:request")
    command: dict[str, Any] = {"type": "adjust", "id": str(new_id()), "store_id": "norte", "product_id": "milk"}
    command |= {"adjustment": -8, "reason": "thawed"}
    for _ in range(2):
        batch = await shop.client.post("commands", json={"commands": [command]}, headers=key)
        assert batch.json()["answers"][0]["refusal"]["code"] == "approval_needed"
    approval = await asked(shop, command)
    assert approval["id"] == command["id"]
    await granted(shop, approval)
    assert await shop.available() == 32
    batch = await shop.client.post("commands", json={"commands": [command]}, headers=key)
    assert batch.json()["answers"][0]["refusal"]["code"] == "command_reused"
    assert await shop.available() == 32


async def test_a_grant_needs_the_right_of_what_waits(shop: Shop) -> None:
    line = {"product_id": "milk", "quantity": 1, "price_cents": 100}
    command = {"type": "return_goods", "store_id": "norte", "lines": [line], "reason": "a present"}
    approval = await asked(shop, command)
    key = await key_of(shop, "approvals:write")
    path = f"approvals/{approval['id']}/grant"
    refused = await shop.client.post(path, json={}, headers=key)
    assert "returns:approve" in assert_problem(refused, 403, "scope_missing")["detail"]
    batch = {"type": "approval_grant", "id": str(new_id()), "store_id": "norte", "approval_id": approval["id"]}
    answer = await shop.client.post("commands", json={"commands": [batch]}, headers=key)
    assert answer.json()["answers"][0]["refusal"]["code"] == "scope_missing"
    key = await key_of(shop, "approvals:write", "returns:approve")
    assert (await shop.client.post(path, json={}, headers=key)).is_success


async def test_limits_count_what_the_store_charges(shop: Shop) -> None:
    """Norte has a price list: milk costs 3.00 there and not 1.29."""
    await shop.receive("milk", 40)
    db = open_database(shop.database_url)
    async with db.writer.begin() as connection:
        row = {"product_id": "milk", "store_id": "norte", "valid_from": datetime(2026, 1, 1, tzinfo=UTC)}
        await connection.execute(insert(prices), row | {"price_cents": 300, "actor": "root"})
    await db.close()
    await shop.put("stores/norte/approval-limits", {"value_cents": 1500}, shop.admin)
    key = await key_of(shop, "stock:write", "approvals:request")
    for units, status in ((-5, 200), (-6, 403)):
        body = {"adjustment": units, "reason": "x"}
        answer = await shop.client.post("stock/milk/norte/adjust", json=body, headers=key)
        assert answer.status_code == status, answer.text
    command = {"type": "adjust", "store_id": "norte", "product_id": "milk", "adjustment": -2, "reason": "x"}
    assert (await asked(shop, command))["value_cents"] == 600
