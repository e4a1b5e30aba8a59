"""Refused sales settled by hand: they leave the terminal only when the server has recorded how."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import nats
import pytest
from msgspec import UNSET, structs

from backend.model.conflicts import SettlingReason
from backend.terminal.checkout import Outcome
from backend.terminal.desk import Desk
from backend.terminal.journal import Journal, KeptSale
from backend.terminal.values import Approval
from tests.eventually import eventually

from .fake_server import PIN
from .test_desk import Shop, _product, _with

GONE, OTHER = SettlingReason.WRITTEN_OFF, SettlingReason.OTHER
LUIS = Approval("luis", PIN)


@pytest.fixture(autouse=True)
def no_nats(monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect(*_: object, **__: object) -> None:
        raise nats.errors.NoServersError

    monkeypatch.setattr(nats, "connect", connect)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@asynccontextmanager
async def refused(shop: Shop, units: int = 2) -> AsyncIterator[tuple[Desk, KeptSale]]:
    """A desk with one sale of milk that was refused after its receipt was given."""
    async with shop.desk() as desk:
        shop.server.away = True
        desk.cart.add(_product("1041"), units)
        await desk.finish()
        shop.server.books.stock["292", "1041"] = _with(shop.server, "1041", 0)
        shop.server.away = False
        await eventually(lambda: desk.checkout.conflicts)
        yield desk, desk.checkout.conflicts[0]


def on_disk(shop: Shop) -> tuple[int, int]:
    """Conflicts and settlements in the terminal's file."""
    journal = Journal(shop.path, "T1")
    try:
        return len(journal.conflicts()), len(journal.settlements())
    finally:
        journal.close()


async def test_it_is_recorded_and_everything_here_forgets_it(shop: Shop) -> None:
    async with refused(shop) as (desk, conflict):
        assert (desk.checkout.receipt and desk.checkout.receipt.outcome) is Outcome.REFUSED
        assert await desk.settle(conflict, GONE, "Shelf was empty.", None)
        assert not desk.checkout.conflicts
        assert not desk.settling.waiting
        assert desk.checkout.receipt is None
    [settled] = shop.server.settled.values()
    assert (settled["receipt_number"], settled["settled_by"]) == (conflict.receipt_number, "ana")
    assert (shop.codes[-1], on_disk(shop)) == ("sale_settled", (0, 0))


async def test_a_sale_of_an_outage_says_when_it_was_made_and_an_ordinary_one_does_not(shop: Shop) -> None:
    async with shop.desk() as desk:
        desk.cart.add(_product("1041"), 1)
        await desk.finish()
        shop.server.away = True
        desk.cart.add(_product("1042"), 1)
        await desk.finish()
        assert desk.is_away
        desk.cart.add(_product("1043"), 1)
        await desk.finish()
        kept = desk.checkout._journal.waiting()
        assert [sale.sell.made_at is UNSET for sale in kept] == [True, False], "the first to wait was sent already"
        assert kept[1].sell.made_at is not UNSET
        assert abs(kept[1].made_at - kept[1].sell.made_at) < timedelta(seconds=5)
        shop.server.away = False
        await eventually(lambda: not desk.checkout.queued)
    assert [sale.made_at is UNSET for sale in shop.server.sales] == [True, True, False]


async def test_a_refused_sale_that_is_sent_again_was_made_when_it_was_made(shop: Shop) -> None:
    async with refused(shop) as (desk, conflict):
        desk.checkout.retry(conflict)
        await eventually(lambda: desk.checkout.conflicts and desk.checkout.conflicts[0].id != conflict.id)
        assert desk.checkout.conflicts[0].sell.made_at == conflict.made_at


async def test_while_the_server_is_away_it_stays_as_settled_and_is_sent_by_the_next_run(shop: Shop) -> None:
    async with refused(shop) as (desk, conflict):
        shop.server.away = True
        assert await desk.settle(conflict, OTHER, "Sold by hand.", None)
        assert shop.codes[-1] == "settle_queued"
        assert ([x.id for x in desk.checkout.conflicts], list(desk.settling.waiting)) == ([conflict.id], [conflict.id])
        assert not await desk.settle(conflict, GONE, "", None)
    assert on_disk(shop) == (1, 1)
    shop.server.away = False
    async with shop.desk() as desk:
        await eventually(lambda: desk.checkout.conflicts == [])
    [settled] = shop.server.settled.values()
    assert (settled["reason"], on_disk(shop)) == ("other", (0, 0))


async def test_it_is_sent_when_the_server_is_back(shop: Shop) -> None:
    async with refused(shop) as (desk, conflict):
        shop.server.away = True
        await desk.set_quantity("1041", 1)
        desk.cart.add(_product("1042"))
        desk.pump()
        await eventually(lambda: desk.sender.is_failing)
        assert await desk.settle(conflict, GONE, "", None)
        shop.server.away = False
        await eventually(lambda: desk.checkout.conflicts == [])
    assert len(shop.server.settled) == 1


async def test_above_the_limit_a_supervisor_approves(shop: Shop) -> None:
    async with refused(shop, units=100) as (desk, conflict):
        assert not await desk.settle(conflict, GONE, "", None)
        assert shop.codes[-1] == "approval_needed"
        assert not await desk.settle(conflict, GONE, "", Approval("luis", "0000"))
        assert shop.codes[-1] == "sign_in_refused"
        assert not await desk.settle(conflict, GONE, "", Approval("ana", PIN))
        assert shop.codes[-1] == "scope_missing"
        assert on_disk(shop) == (1, 0)
        assert await desk.settle(conflict, GONE, "", LUIS)
    [settled] = shop.server.settled.values()
    assert settled["approved_by"] == "luis"
    assert PIN.encode() not in shop.path.read_bytes()


async def test_a_supervisor_at_the_till_approves_for_themselves(shop: Shop) -> None:
    async with refused(shop, units=100) as (desk, conflict):
        session = structs.replace(desk.session, user="luis", role="supervisor", access_token="token of luis")
        shop.server.sessions["token of luis"] = session
        desk._api.use(session)
        desk.session = session
        assert await desk.settle(conflict, GONE, "", None)
    [settled] = shop.server.settled.values()
    assert (settled["settled_by"], settled["approved_by"]) == ("luis", "luis")


async def test_a_pin_is_not_asked_for_in_vain_while_the_server_is_away(shop: Shop) -> None:
    async with refused(shop, units=100) as (desk, conflict):
        shop.server.away = True
        desk.live.check()
        await eventually(lambda: desk.is_away)
        assert not await desk.settle(conflict, GONE, "", LUIS)
        assert (shop.codes[-1], on_disk(shop)) == ("settle_offline", (1, 0))


async def test_an_approval_that_never_arrived_opens_the_conflict_again(shop: Shop) -> None:
    async with refused(shop, units=100) as (desk, conflict):
        shop.server.away = True
        assert await desk.settle(conflict, GONE, "", LUIS)
        shop.server.away = False
        desk.settling.hurry()
        await eventually(lambda: "settle_again" in shop.codes)
        assert [x.id for x in desk.checkout.conflicts] == [conflict.id]
        assert (desk.settling.waiting, on_disk(shop)) == ({}, (1, 0))


async def test_something_else_needs_a_note(shop: Shop) -> None:
    async with refused(shop) as (desk, conflict):
        assert not await desk.settle(conflict, OTHER, "", None)
        assert (len(shop.server.settled), on_disk(shop)) == (0, (1, 0))


async def test_products_have_names_also_those_that_were_never_sold_here(shop: Shop) -> None:
    async with refused(shop) as (desk, _):
        assert desk.name_of("1041") == "Whole milk"
        assert desk.name_of("1043") == "1043"
        await desk.learn_name("1043")
        assert desk.name_of("1043") == "Brown eggs, free range"
