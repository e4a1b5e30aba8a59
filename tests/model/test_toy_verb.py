"""A new verb goes through HTTP, ledger, events and proof without a change elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import json
from sqlalchemy import select, text

from backend.database.engine import open_database
from backend.database.tables import outbox
from backend.events.subjects import parts
from backend.ids import new_id
from backend.model.events import Message
from backend.proof.books import prove
from tests.http.fixtures import shop_of
from tests.http.shop import Shop, forget_trade

from .toy_verb import toy_verbs


@pytest.fixture
async def shop(shop_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop whose server knows the toy verbs."""
    with toy_verbs():
        async with shop_of(shop_url, tmp_path) as shop:
            yield shop
    await forget_trade(shop_url)


def lend(quantity: int) -> dict[str, Any]:
    return {"type": "lend", "id": str(new_id()), "store_id": "norte", "product_id": "milk", "quantity": quantity}


def bring_back(loan_id: str) -> dict[str, Any]:
    return {"type": "bring_back", "id": str(new_id()), "store_id": "norte", "loan_id": loan_id}


async def sent(shop: Shop, *commands: dict[str, Any], by: dict[str, str] | None = None) -> list[dict[str, Any]]:
    answer = await shop.post("commands", {"commands": list(commands)}, by or shop.supervisor)
    assert answer.status_code == 200, answer.text
    answers: list[dict[str, Any]] = answer.json()["answers"]
    return answers


async def drifts(shop: Shop) -> set[str]:
    db = open_database(shop.database_url)
    try:
        return {drift.what for drift in (await prove(db)).drifts}
    finally:
        await db.close()


async def told(shop: Shop) -> list[str]:
    """The subjects of what waits to be published."""
    db = open_database(shop.database_url)
    try:
        async with db.engine.connect() as connection:
            payloads = (await connection.scalars(select(outbox.c.payload).order_by(outbox.c.id))).all()
    finally:
        await db.close()
    messages = [json.decode(payload, type=Message) for payload in payloads]
    return [subject for message in messages for subject, _ in parts(message)]


async def test_a_toy_verb_is_sent_recorded_told_and_proved(shop: Shop) -> None:
    await shop.receive("milk", 5)
    command = lend(3)
    (answer,) = await sent(shop, command)
    assert answer["stock"][0]["allocated"] == 3
    assert (answer["documents"][0]["kind"], answer["documents"][0]["status"]) == ("loan", "open")
    assert await shop.available() == 2
    assert await sent(shop, command) == [answer]
    assert await drifts(shop) == set()

    (back,) = await sent(shop, bring_back(command["id"]))
    assert (back["documents"][0]["status"], back["documents"][0]["version"]) == ("closed", 2)
    assert await shop.available() == 5
    assert await drifts(shop) == set()

    subjects = await told(shop)
    assert subjects.count("inventory.norte.movement.batch") == 2
    assert subjects.count("inventory.norte.document.batch") == 2


async def test_a_toy_verb_is_refused_as_every_other(shop: Shop) -> None:
    await shop.receive("milk", 5)
    (short,) = await sent(shop, lend(6))
    assert short["refusal"]["code"] == "insufficient_stock"
    (forbidden,) = await sent(shop, lend(1), by=shop.auth)
    assert forbidden["refusal"]["code"] == "scope_missing"
    (unknown,) = await sent(shop, bring_back(str(new_id())))
    assert unknown["refusal"]["code"] == "unknown_document"


async def test_a_document_opened_in_the_same_batch_can_be_stepped_there(shop: Shop) -> None:
    await shop.receive("milk", 5)
    command = lend(3)
    opened, closed = await sent(shop, command, bring_back(command["id"]))
    assert opened["documents"][0]["status"] == "open"
    assert closed["documents"][0]["status"] == "closed"
    assert await shop.available() == 5


async def test_of_many_who_step_one_document_at_once_one_succeeds(shop: Shop) -> None:
    await shop.receive("milk", 5)
    command = lend(3)
    await sent(shop, command)
    ends = await asyncio.gather(*[sent(shop, bring_back(command["id"])) for _ in range(8)])
    codes = [answer.get("refusal", {}).get("code") for (answer,) in ends]
    assert sorted(codes, key=str) == [None, *["wrong_status"] * 7]
    assert await shop.available() == 5


async def test_the_proof_holds_a_toy_verb_to_what_it_says(shop: Shop) -> None:
    await shop.receive("milk", 5)
    command = lend(3)
    await sent(shop, command)
    db = open_database(shop.database_url)
    try:
        async with db.writer.begin() as connection:
            await connection.execute(text("UPDATE documents SET status = 'closed'"))
            await connection.execute(text("UPDATE movements SET kind = 'bring_back' WHERE kind = 'lend'"))
    finally:
        await db.close()
    assert await drifts(shop) == {
        "allocated as the sum of open documents",
        "balances that a movement of this kind may change 2",
    }


async def test_the_api_document_describes_a_toy_verb(shop: Shop) -> None:
    document = (await shop.client.get("http://shop/api/v1/openapi.json")).json()
    assert {"Lend", "BringBack"} <= document["components"]["schemas"].keys()
