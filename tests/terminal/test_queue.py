"""Acts besides sales: kept before they are shown, sent in order, refused ones set apart; what must wait says so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import pytest

from backend.ids import new_id
from backend.model.answers import Answer
from backend.model.commands import Command, Line
from backend.model.limits import Limits
from backend.model.unit_price import UnitPrice
from backend.model.verbs.adjust import Adjust
from backend.model.verbs.receive import Receive
from backend.model.verbs.reserve import Reserve
from backend.model.verbs.transfer import Transfer
from backend.terminal.desk import Desk
from backend.terminal.journal import Journal
from backend.terminal.offline import AboveLimit, NeedsServer
from backend.terminal.queue import UnsentWork, learn_limits, limits_known
from tests.eventually import eventually

from .fake_server import SESSION
from .test_desk import Shop, _product


@pytest.fixture(autouse=True)
def no_nats(monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect(*_: object, **__: object) -> None:
        raise nats.errors.NoServersError

    monkeypatch.setattr(nats, "connect", connect)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def hold(units: int = 1) -> Reserve:
    return Reserve(id=new_id(), store_id="292", lines=(Line("1041", units),), ttl_seconds=3600, customer_id="Rosa")


def adjust(by: int) -> Adjust:
    return Adjust(id=new_id(), store_id="292", product_id="1041", adjustment=by, reason="broken")


@asynccontextmanager
async def away(shop: Shop) -> AsyncIterator[Desk]:
    """A desk whose server is away until the block ends."""
    async with shop.desk() as desk:
        shop.server.away = True
        yield desk
        shop.server.away = False
        desk.sender.hurry()
        await eventually(lambda: not desk.checkout.queue.waiting and not desk.checkout.queued)


async def test_acts_and_sales_reach_the_server_in_the_order_in_which_they_were_done(shop: Shop) -> None:
    first, last = hold(), hold(2)
    async with away(shop) as desk:
        await desk.checkout.queue.do(first, away=True)
        desk.cart.add(_product("1041"))
        await desk.finish()
        await desk.checkout.queue.do(last, away=True)
    ids = [x.id for x in shop.server.commands if x.id in (first.id, last.id, shop.server.sales[0].id)]
    assert ids == [first.id, shop.server.sales[0].id, last.id]
    assert [sequence for _, sequence in shop.server.acts] == [1, 2, 3]
    assert shop.server.available("1041") == 6


async def test_what_a_dead_terminal_kept_is_sent_in_order_by_its_next_start_once(shop: Shop) -> None:
    acts = [hold(), hold(2), hold(3)]
    journal = Journal(shop.path, "T1")
    for act in acts:
        journal.keep_act([act], "ana")
    shop.server.decide(acts[1])  # the answer to this one was lost
    journal.close()
    async with shop.desk() as desk:
        await eventually(lambda: not desk.checkout.queue.waiting and len(shop.server.commands) == 3)
        assert shop.codes.count("sales_resumed") == 1
    assert shop.server.available("1041") == 4
    async with shop.desk():
        pass
    assert len(shop.server.commands) == 3


async def test_a_refused_act_is_set_apart_with_its_reason_and_the_next_goes_on(shop: Shop) -> None:
    heard: list[Answer] = []
    async with away(shop) as desk:
        await desk.checkout.queue.do(hold(99), away=True, heard=heard.append)
        await desk.checkout.queue.do(hold(1), away=True, heard=heard.append)
    [conflict] = desk.checkout.queue.conflicts
    assert (conflict.kind, conflict.actor, conflict.refusal and conflict.refusal.lines[0].available) == (
        "reserve",
        "ana",
        10,
    )
    assert [x.accepted for x in heard] == [False, True]
    assert shop.codes.count("act_conflict") == 1
    async with shop.desk() as desk:  # it is there after a restart
        [conflict] = desk.checkout.queue.conflicts
        desk.checkout.queue.retry(conflict, hold(4))
        await eventually(lambda: not desk.checkout.queue.waiting)
        assert desk.checkout.queue.conflicts == []
    assert shop.server.available("1041") == 5
    async with shop.desk() as desk:
        await desk.checkout.queue.do(hold(99), away=False)
        await eventually(lambda: desk.checkout.queue.conflicts)
        desk.checkout.queue.dismiss(desk.checkout.queue.conflicts[0])
    async with shop.desk() as desk:
        assert desk.checkout.queue.conflicts == []


async def test_what_needs_another_store_is_refused_at_once_and_nothing_is_kept(shop: Shop) -> None:
    move = Transfer(id=new_id(), store_id="292", to_store_id="406", lines=(Line("1041", 1),))
    async with shop.desk() as desk:
        shop.server.away = True
        with pytest.raises(NeedsServer) as refused:
            await desk.checkout.queue.do(move, away=True)
    assert "another store" in refused.value.message
    journal = Journal(shop.path, "T1")
    assert journal.acts() == []
    journal.close()


@pytest.mark.parametrize(
    ("limits", "by", "allowed"),
    [
        (None, -1, False),  # nobody told this terminal how much may be corrected
        (Limits(), -1000, True),
        (Limits(units=5), -5, True),
        (Limits(units=5), -6, False),
        (Limits(value_cents=1000), -8, True),
        (Limits(value_cents=1000), -9, False),
    ],
)
async def test_a_correction_below_the_limit_is_done_offline_and_one_above_it_waits(
    shop: Shop, limits: Limits | None, by: int, allowed: bool
) -> None:
    async with shop.desk() as desk:
        shop.server.away = True
        if limits is not None:
            learn_limits(desk._journal, "292", limits)
        known = limits_known(desk._journal, "292")
        try:
            await desk.checkout.queue.do(adjust(by), away=True, limits=known, prices={"1041": UnitPrice(119)})
        except AboveLimit:
            assert not allowed
        assert len(desk._journal.acts()) == allowed


async def test_goods_that_came_are_received_offline(shop: Shop) -> None:
    heard: list[Answer] = []
    async with away(shop) as desk:
        command: Command = Receive(id=new_id(), store_id="292", lines=(Line("1041", 5),))
        await desk.checkout.queue.do(command, away=True, heard=heard.append)
    # The clerk of this shop may not; that it was done is kept for a supervisor, with the reason.
    assert [x.refusal and x.refusal.code for x in heard] == ["scope_missing"]
    assert [x.kind for x in desk.checkout.queue.conflicts] == ["receive"]


async def test_a_file_restored_from_a_backup_gets_new_numbers_and_loses_nothing(shop: Shop) -> None:
    journal = Journal(shop.path, "T1")
    name = journal.name
    journal.close()
    shop.server.acts = {(name, number): new_id() for number in range(1, 6)}
    async with shop.desk() as desk:
        await desk.checkout.queue.do(hold(), away=False)
        await eventually(lambda: not desk.checkout.queue.waiting)
        await desk.scan("2000000010410")
        await desk.finish()
        assert desk.checkout.receipt is not None
        await eventually(lambda: desk.unsent == 0)
    assert len(shop.server.sales) == 1
    assert (desk.checkout.queue.conflicts, desk.checkout.conflicts) == ([], [])
    assert shop.server.available("1041") == 8
    assert shop.codes.count("terminal_copied") == 1


async def test_nobody_signs_out_over_unsent_work(shop: Shop) -> None:
    async with shop.desk() as desk:
        desk.check_leave()
        shop.server.away = True
        await desk.checkout.queue.do(hold(), away=True)
        with pytest.raises(UnsentWork) as refused:
            desk.check_leave()
        assert refused.value.fields["count"] == 1
        shop.server.away = False
        desk.sender.hurry()
        await eventually(lambda: not desk.unsent)
        desk.check_leave()


async def test_the_server_is_told_how_much_waits(shop: Shop) -> None:
    async with away(shop) as desk:
        await desk.checkout.queue.do(hold(), away=True)
        await desk.checkout.queue.do(hold(), away=True)
        assert desk._api.queued is not None
        assert desk._api.queued() == 2
    assert SESSION.user == "ana"


async def test_a_cancelled_wait_leaves_the_act_in_the_queue(shop: Shop) -> None:
    async with away(shop) as desk:
        doing = asyncio.create_task(desk.checkout.queue.do(hold(), away=True))
        await asyncio.sleep(0)
        doing.cancel()
        await asyncio.wait([doing])
        assert doing.cancelled()
        await eventually(lambda: len(desk.checkout.queue.waiting) == 1)
    assert shop.server.available("1041") == 9
