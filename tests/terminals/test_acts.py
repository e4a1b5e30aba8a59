"""The numbers of a terminal's acts: each belongs to one act, whoever sends it, and what is missing is counted."""

from typing import Any

from backend.ids import new_id
from backend.model.told import HEADER
from tests.http.shop import Shop, assert_problem


def reserve() -> dict[str, Any]:
    lines = [{"product_id": "milk", "quantity": 1}]
    return {"type": "reserve", "id": str(new_id()), "store_id": "norte", "lines": lines, "ttl_seconds": 60}


async def send(shop: Shop, header: str, *commands: dict[str, Any], who: dict[str, str] | None = None) -> list[str]:
    answer = await shop.post("commands", {"commands": list(commands)}, (who or shop.auth) | {HEADER: header})
    return [each.get("refusal", {}).get("code", "") for each in answer.json()["answers"]]


async def test_a_number_belongs_to_one_act_and_only_its_own_sender_may_repeat_it(shop: Shop) -> None:
    await shop.receive("milk", 9)
    first, copy = reserve(), reserve()
    assert await send(shop, "a1 1:ana", first) == [""]
    assert await send(shop, "a1 1:ana", first) == [""]
    assert await send(shop, "a1 1:ana,2:ana", copy, reserve()) == ["sequence_taken", ""]
    assert await shop.available("milk") == 7
    # Nothing was done under the id, so it is free for the next number.
    assert await send(shop, "a1 3:ana", copy) == [""]
    assert await shop.available("milk") == 6


async def test_commands_without_a_number_and_old_clients_are_settled_as_ever(shop: Shop) -> None:
    await shop.receive("milk", 9)
    assert await send(shop, "c3 ,1:ana", reserve(), reserve()) == ["", ""]
    answer = await shop.post("commands", {"commands": [reserve()]})
    assert "refusal" not in answer.json()["answers"][0]
    assert await shop.available("milk") == 6


async def test_the_terminal_s_page_shows_the_last_number_and_counts_what_is_missing(shop: Shop) -> None:
    await shop.receive("milk", 9)
    path = "terminals/norte/T1/acts"
    before = await shop.get(path, shop.supervisor)
    assert before.status_code in (200, 404)
    await send(shop, "d4 1:ana,2:ana", reserve(), reserve())
    await send(shop, "d4 5:eva", reserve())
    told = (await shop.get(path, shop.supervisor)).json()
    assert (told["journal"], told["last_sequence"], told["missing"], told["by_others"]) == ("d4", 5, 2, 1)
    # What waited comes after all, once and again.
    late = [reserve(), reserve()]
    for _ in range(2):
        await send(shop, "d4 3:ana,4:ana", *late)
    told = (await shop.get(path, shop.supervisor)).json()
    assert (told["last_sequence"], told["missing"], told["by_others"]) == (5, 0, 1)
    assert_problem(await shop.get("terminals/norte/T99/acts", shop.supervisor), 404, "unknown_terminal")
    assert_problem(await shop.get(path), 403, "scope_missing")
