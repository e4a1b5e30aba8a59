"""The desk with the server stopped: what was never scanned sells, what is kept is guaranteed, the rest is marked."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from msgspec import UNSET

from backend.ids import new_id
from backend.model.allotments import Beyond
from backend.model.answers import Refusal
from backend.model.commands import Line, SaleLine
from backend.model.recalls import Recall
from backend.model.scopes import Scope
from backend.model.verbs.reserve import Reserve
from backend.terminal.desk import Desk
from backend.terminal.lines import State
from backend.terminal.people.errors import PinWrong
from backend.terminal.values import Approval, Policy
from tests.eventually import eventually

from .test_desk import MILK, Shop, no_nats

__all__ = ["no_nats"]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    shop.server.policy = Policy(units=10, minutes=60, beyond=Beyond.SUPERVISOR)
    return shop


async def approve(user: str, pin: str, store_id: str, scope: Scope) -> None:
    assert (store_id, scope) == ("292", Scope.SALES_SETTLE)
    if (user, pin) != ("luis", "9876"):
        raise PinWrong


async def keep_ten(shop: Shop, desk: Desk) -> None:
    """This terminal has sold enough milk to keep ten units for outages."""
    await eventually(lambda: desk.live.cache.is_complete)
    desk.keeping.sold.add([SaleLine("1041", 500, 119)], datetime.now(UTC).timestamp())
    desk.keeping.hurry()
    await eventually(lambda: desk.keeping.escrow.free("1041") == 10)
    assert shop.server.available("1041") == 0
    await desk.live.watch(["1041"])
    row = desk.live.view.row("292", "1041")
    assert row is not None
    assert (row.available, desk.sellable(row)) == (0, 10), "what is kept here is not out here"


async def stop(shop: Shop, desk: Desk) -> None:
    shop.server.away = True
    desk.live.check()
    await eventually(lambda: desk.is_away)


async def test_ten_of_500_are_guaranteed_and_the_rest_goes_by_the_policy_and_is_marked(shop: Shop) -> None:
    async with shop.desk() as desk:
        desk._approve = approve
        await keep_ten(shop, desk)
        await stop(shop, desk)
        await desk.scan(MILK, 10)
        assert desk.keeps(desk.cart.lines[0])
        await desk.finish()
        assert desk.checkout.receipt is not None
        await desk.scan(MILK, 490)
        await desk.finish()
        assert shop.codes[-1] == "supervisor_needed"
        assert desk.needs_supervisor is not None
        await desk.finish(Approval("luis", "0000"))
        assert shop.codes[-1] == "sign_in_refused"
        assert desk.cart.units == 490
        await desk.finish(Approval("luis", "9876"))
        assert desk.cart.lines == []
        assert desk.checkout.queued == 2
        shop.server.away = False
        await eventually(lambda: desk.checkout.queued == 0)
    first, second = shop.server.sales
    assert first.offline is not UNSET
    assert second.offline is not UNSET
    assert (first.offline.guaranteed, first.offline.approved_by) == (True, "")
    assert (second.offline.guaranteed, second.offline.approved_by) == (False, "luis")
    assert (first.offline.sequence, second.offline.sequence) == (1, 2)
    assert [draw.quantity for draw in first.draws or ()] == [10]
    assert second.draws is UNSET
    assert shop.server.books.stock["292", "1041"].on_hand == 0
    [case] = [one for answer in shop.server.answers.values() for one in answer.documents]
    assert case.kind == "shortfall"


async def test_what_is_kept_is_known_after_a_restart_and_never_more_than_that(shop: Shop) -> None:
    async with shop.desk() as desk:
        await keep_ten(shop, desk)
        await stop(shop, desk)
        await desk.scan(MILK, 4)
        await desk.finish()
        assert desk.checkout.receipt is not None
    async with shop.desk() as desk:
        assert desk.keeping.escrow.free("1041") == 6
        await eventually(lambda: desk.is_away)
        await desk.scan(MILK, 7)
        await desk.finish()
        assert shop.codes[-1] == "supervisor_needed"
        await desk.set_quantity("1041", 6)
        await desk.finish()
        assert desk.keeping.escrow.free("1041") == 0
        shop.server.away = False
        await eventually(lambda: desk.checkout.queued == 0)
    assert shop.server.books.stock["292", "1041"].on_hand == 0
    assert all(sale.offline is not UNSET and sale.offline.guaranteed for sale in shop.server.sales)


async def test_online_the_allotment_gives_what_nobody_else_has(shop: Shop) -> None:
    async with shop.desk() as desk:
        await keep_ten(shop, desk)
        await desk.scan(MILK, 3)
        await eventually(lambda: desk.cart.lines[0].state(desk.now) is State.KEPT)
        await desk.finish()
        assert desk.checkout.receipt is not None
    [sale] = shop.server.sales
    assert sale.offline is UNSET
    assert [draw.quantity for draw in sale.draws or ()] == [3]
    assert shop.server.books.stock["292", "1041"].on_hand == 7


async def test_a_supervisor_who_is_signed_in_needs_no_other(shop: Shop) -> None:
    async with shop.desk() as desk:
        desk.session = msgspec.structs.replace(desk.session, user="luis", role="supervisor")
        await eventually(lambda: desk.keeping.policies.default.beyond is Beyond.SUPERVISOR)
        await eventually(lambda: desk.live.cache.is_complete)
        await stop(shop, desk)
        await desk.scan(MILK)
        await desk.finish()
        assert desk.checkout.receipt is not None
        shop.server.away = False
        await eventually(lambda: desk.checkout.queued == 0)
    [sale] = shop.server.sales
    assert sale.offline is not UNSET
    assert sale.offline.approved_by == "luis"


async def test_a_store_that_blocks_sells_no_more_than_is_kept(shop: Shop) -> None:
    shop.server.policy = Policy(units=10, minutes=60, beyond=Beyond.BLOCK)
    async with shop.desk() as desk:
        desk._approve = approve
        await keep_ten(shop, desk)
        await stop(shop, desk)
        await desk.scan(MILK, 11)
        await desk.finish(Approval("luis", "9876"))
        assert shop.codes[-1] == "sale_blocked"
        await desk.set_quantity("1041", 10)
        await desk.finish()
        assert desk.checkout.receipt is not None


async def test_a_recall_gives_the_units_back_for_another(shop: Shop) -> None:
    async with shop.desk() as desk:
        await keep_ten(shop, desk)
        [kept] = desk.keeping.escrow.kept
        desk.live.recalled(Recall(kept.id, "292", "1041", "T1", 4, datetime.now(UTC)))
        await eventually(lambda: shop.server.available("1041") >= 4)
        answer = shop.server.decide(
            Reserve(id=new_id(), store_id="292", lines=(Line("1041", 4),), ttl_seconds=60), "luis", "T2"
        )
        assert not isinstance(answer.refusal, Refusal)
        assert desk.keeping.escrow.free("1041") == 6


async def test_who_hears_no_events_asks_what_is_wanted_back(shop: Shop) -> None:
    async with shop.desk() as desk:
        await keep_ten(shop, desk)
        shop.server.wanted = 3
        desk.keeping.hurry()
        await eventually(lambda: shop.server.available("1041") == 3)
        shop.server.wanted = 0
        assert desk.keeping.escrow.free("1041") == 7
