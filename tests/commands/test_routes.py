from typing import Any

from backend.ids import new_id
from tests.http.shop import Shop, assert_problem


def command(kind: str, store_id: str = "norte", **fields: Any) -> dict[str, Any]:
    return {"type": kind, "id": str(new_id()), "store_id": store_id, **fields}


def reserve(product_id: str, quantity: int, store_id: str = "norte") -> dict[str, Any]:
    lines = [{"product_id": product_id, "quantity": quantity}]
    return command("reserve", store_id, lines=lines, ttl_seconds=60)


async def test_each_command_gets_its_own_answer_in_order(shop: Shop) -> None:
    await shop.receive("milk", 5)
    commands = [reserve("milk", 2), reserve("milk", 9), reserve("gold", 1), reserve("milk", 3), reserve("milk", 1)]

    answers = (await shop.post("commands", {"commands": commands})).json()["answers"]
    assert [answer["id"] for answer in answers] == [each["id"] for each in commands]
    codes = [answer.get("refusal", {}).get("code") for answer in answers]
    assert codes == [None, "insufficient_stock", "unknown_product", None, "insufficient_stock"]
    assert answers[0]["reservation"]["status"] == "PENDING"
    assert answers[3]["stock"][0]["reserved"] == 5
    assert (await shop.post("commands", {"commands": commands})).json()["answers"] == answers


async def test_what_the_token_does_not_allow_is_refused_for_itself(shop: Shop) -> None:
    await shop.receive("milk", 5)
    lines = [{"product_id": "milk", "quantity": 1}]
    commands = [
        command("receive", lines=lines),
        reserve("milk", 1),
        reserve("milk", 1, "sur"),
        command("adjust", product_id="milk", adjustment=1, reason="found"),
        command("sell", lines=[{"product_id": "milk", "quantity": 1, "price_cents": 129}]),
    ]

    answers = (await shop.post("commands", {"commands": commands})).json()["answers"]
    assert [answer["id"] for answer in answers] == [each["id"] for each in commands]
    codes = [answer.get("refusal", {}).get("code") for answer in answers]
    assert codes == ["scope_missing", None, "store_not_allowed", "scope_missing", None]
    # Refused by the door, not by the ledger: the same id is free for somebody who may.
    allowed = (await shop.post("commands", {"commands": commands[:1]}, shop.supervisor)).json()["answers"]
    assert "refusal" not in allowed[0]


async def test_a_thousand_commands(shop: Shop) -> None:
    await shop.receive("milk", 600)
    commands = [reserve("milk", 1) for _ in range(1000)]

    answers = (await shop.post("commands", {"commands": commands})).json()["answers"]
    assert len(answers) == 1000
    assert sum("refusal" not in answer for answer in answers) == 600
    assert await shop.available() == 0
    problem = assert_problem(
        await shop.post("commands", {"commands": [*commands, *commands[:1]]}), 400, "invalid_input"
    )
    assert problem["field"] == "commands"


async def test_a_command_that_cannot_be_right_is_named_and_nothing_happens(shop: Shop) -> None:
    await shop.receive("milk", 5)
    bad = reserve("milk", 1) | {"lines": [{"product_id": "milk", "quantity": 0}]}
    answer = await shop.post("commands", {"commands": [reserve("milk", 1), bad]})
    assert assert_problem(answer, 400, "invalid_quantity")["field"] == "commands[1].lines[0].quantity"
    assert await shop.available() == 5


async def test_the_expiry_loop_s_command_is_not_for_clients(shop: Shop) -> None:
    answer = await shop.post("commands", {"commands": [command("expire", reservation_id=str(new_id()))]})
    assert assert_problem(answer, 400, "invalid_input")["field"] == "commands[0].type"
