"""The open sale is on disk before it is shown; after a power cut it is taken up again, or its units are given back."""

import asyncio
from pathlib import Path

import nats
import pytest

from backend.ids import new_id
from backend.model.commands import Line
from backend.model.verbs.cancel import Cancel
from backend.model.verbs.reserve import Reserve
from backend.terminal.desk import Desk
from backend.terminal.journal import Journal, JournalUnusable, OpenSale
from backend.terminal.lines import State
from tests.eventually import eventually

from .test_desk import EGGS, MILK, Shop, all_held


@pytest.fixture(autouse=True)
def no_nats(monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect(*_: object, **__: object) -> None:
        raise nats.errors.NoServersError

    monkeypatch.setattr(nats, "connect", connect)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path, {("292", "1043"): 2})


def on_disk(shop: Shop, store_id: str = "292") -> OpenSale | None:
    journal = Journal(shop.path, "T1")
    try:
        return journal.open_sale(store_id)
    finally:
        journal.close()


def lines(desk: Desk) -> list[tuple[str, int]]:
    return [(line.product.id, line.quantity) for line in desk.cart.lines]


async def test_a_line_is_on_disk_when_its_step_returns_and_its_hold_before_it_is_asked_for(shop: Shop) -> None:
    seen: list[tuple[list[tuple[str, int]], bool]] = []

    async with shop.desk() as desk:
        send = desk._api.send

        async def looked_at(commands: list[Reserve]) -> object:
            sale = on_disk(shop)
            assert sale is not None
            asked = {line.asked.id for line in sale.lines if line.asked}
            seen.append(([(x.product.id, x.quantity) for x in sale.lines], {x.id for x in commands} <= asked))
            return await send(commands)

        desk._api.send = looked_at  # type: ignore[assignment, method-assign]
        for code in (MILK, EGGS, MILK):
            await desk.scan(code)
            sale = on_disk(shop)
            assert sale is not None
            assert [(x.product.id, x.quantity) for x in sale.lines] == lines(desk)
        await all_held(desk)
    assert seen
    assert all(was_there for _, was_there in seen)


async def test_what_was_open_is_found_and_its_living_holds_are_taken_over(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(MILK, 3)
        await desk.scan(EGGS, 2)
        await all_held(desk)
    shop.wait(600)
    async with shop.desk() as desk:
        assert desk.found is not None
        assert (desk.found.clerk, len(desk.found.wanted), desk.found.total_cents) == ("Ana", 2, 1055)
        assert desk.cart.lines == []
        await desk.take_up()
        await all_held(desk)
        assert (lines(desk), shop.server.live_holds) == ([("1041", 3), ("1043", 2)], 2)
        assert shop.server.available("1043") == 0
        shop.wait(600)  # longer than the first holds would have lived
        assert all(line.state(desk.now) is State.HELD for line in desk.cart.lines)
        await desk.finish()
        assert desk.checkout.receipt is not None
        assert desk.checkout.receipt.units == 5
    assert "sale_taken_up" in shop.codes
    assert (shop.server.live_holds, on_disk(shop)) == (0, None)
    assert shop.server.books.stock["292", "1041"].on_hand == 7


async def test_holds_that_ended_meanwhile_are_held_again(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(MILK, 3)
        await all_held(desk)
    shop.wait(1000)
    async with shop.desk() as desk:
        await desk.take_up()
        await all_held(desk)
        assert (lines(desk), shop.server.live_holds, shop.server.available("1041")) == ([("1041", 3)], 1, 7)


async def test_units_that_somebody_else_took_meanwhile_are_said_to_be_short(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(EGGS, 2)
        await all_held(desk)
    shop.wait(1000)
    async with shop.desk("T1") as desk:
        other = Reserve(id=new_id(), store_id="292", lines=(Line("1043", 1),), ttl_seconds=900)
        assert shop.server.decide(other, who="luis").accepted
        await desk.take_up()
        await eventually(lambda: desk.cart.lines[0].state(desk.now) is State.SHORT)
        await eventually(lambda: {"short_here", "short_anywhere"} & set(shop.codes))


async def test_declined_it_gives_its_units_back(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(MILK, 3)
        await all_held(desk)
        await desk.scan(EGGS)
        await all_held(desk)
    async with shop.desk() as desk:
        await desk.give_back()
        await eventually(lambda: shop.server.live_holds == 0)
        await desk.sender.idle.wait()
        assert (desk.cart.lines, shop.server.available("1041")) == ([], 10)
        await desk.scan(MILK)
        await all_held(desk)
    assert "sale_given_back" in shop.codes
    sale = on_disk(shop)
    assert sale is not None
    assert [(x.product.id, x.quantity) for x in sale.lines] == [("1041", 1)]


@pytest.mark.parametrize("wanted", [True, False])
async def test_a_hold_whose_answer_was_lost_is_neither_doubled_nor_left_behind(shop: Shop, wanted: bool) -> None:
    shop.server.gate = asyncio.Event()
    async with shop.desk() as desk:
        await desk.scan(MILK, 3)
        await eventually(lambda: shop.server.live_holds == 1)
    shop.server.gate = None
    async with shop.desk() as desk:
        await (desk.take_up() if wanted else desk.give_back())
        await desk.sender.idle.wait()
        await eventually(lambda: shop.server.live_holds == int(wanted))
        assert shop.server.available("1041") == (7 if wanted else 10)


async def test_units_being_given_back_when_it_died_are_given_back_without_a_question(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(MILK, 3)
        await all_held(desk)
        shop.server.away = True
        await desk.set_quantity("1041", 0)
        await eventually(lambda: desk.sender.is_failing)
    shop.server.away = False
    shop.said.clear()
    async with shop.desk() as desk:
        await eventually(lambda: shop.server.live_holds == 0)
        await desk.sender.idle.wait()
        assert (desk.found, desk.cart.lines, shop.codes) == (None, [], [])
    assert isinstance(shop.server.commands[-1], Cancel)
    assert on_disk(shop) is None


async def test_a_sale_that_was_made_is_not_found_again(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(MILK)
        await all_held(desk)
        shop.server.away = True
        await desk.finish()
        assert desk.checkout.queued == 1
    assert on_disk(shop) is None
    async with shop.desk() as desk:
        assert desk.found is None
        await eventually(lambda: desk.checkout.queued == 1)


async def test_a_sale_that_was_refused_at_the_counter_is_still_open(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(EGGS, 2)
        await all_held(desk)
        shop.wait(901)
        other = Reserve(id=new_id(), store_id="292", lines=(Line("1043", 1),), ttl_seconds=900)
        assert shop.server.decide(other, who="luis").accepted
        await desk.finish()
        assert desk.checkout.receipt is None
    sale = on_disk(shop)
    assert sale is not None
    assert [(x.product.id, x.quantity) for x in sale.lines] == [("1043", 2)]


async def test_a_sale_of_another_store_waits_for_that_store(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(MILK)
        await all_held(desk)
    journal = Journal(shop.path, "T1")
    assert journal.open_sale("406") is None
    journal.keep_lines("406", "Eva", {}, ["1041"])
    journal.close()
    assert on_disk(shop) is not None


async def test_leaving_leaves_nothing_open(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(MILK)
        await all_held(desk)
        await desk.leave()
    assert on_disk(shop) is None


async def test_a_disk_that_refuses_is_told_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Journal, *_: object) -> None:
        raise JournalUnusable("not_writable", self._path)

    async with shop.desk() as desk:
        monkeypatch.setattr(Journal, "keep_lines", refuse)
        await desk.scan(MILK)
        await all_held(desk)
        await desk.scan(MILK)
        await all_held(desk)
    assert shop.codes.count("journal_unusable") == 1
