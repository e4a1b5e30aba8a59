"""A clerk at a counter without a screen: what is said, what is sold, and what survives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import nats
import pytest
from msgspec import structs

from backend.ids import new_id
from backend.model.answers import Code, Refusal
from backend.model.commands import Command, SaleLine
from backend.model.stock import StockRow
from backend.model.verbs.sell import Sell
from backend.terminal.checkout import Outcome
from backend.terminal.desk import Desk
from backend.terminal.journal import Journal
from backend.terminal.lines import State
from backend.terminal.live import Link
from backend.terminal.values import Notice, Product
from tests.eventually import eventually

from .fake_server import PRODUCTS, SESSION, FakeServer

MILK, EGGS, OIL = "2000000010410", "2000000010434", "2000000010441"


@pytest.fixture(autouse=True)
def no_nats(monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect(*_: object, **__: object) -> None:
        raise nats.errors.NoServersError

    monkeypatch.setattr(nats, "connect", connect)


class Shop:
    """A server, a terminal's file, and what was said at the counter."""

    def __init__(self, tmp_path: Path, stock: dict[tuple[str, str], int] | None = None) -> None:
        self.server = FakeServer(stock)
        self.path = tmp_path / "T1.db"
        self.said: list[Notice] = []
        self.now = 1000.0

    @asynccontextmanager
    async def desk(self, terminal: str = "T1") -> AsyncIterator[Desk]:
        """A desk that is running; its end is a power cut."""
        journal = Journal(self.path, terminal)
        desk = Desk(self.server.signed_in(), journal, SESSION, terminal, self.said.append, clock=lambda: self.now)
        task = asyncio.create_task(desk.run())
        yield desk
        task.cancel()
        await asyncio.wait([task])
        journal.close()

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.server.later(seconds)

    @property
    def codes(self) -> list[str]:
        return [notice.code for notice in self.said]

    def last(self, code: str) -> Notice:
        return [notice for notice in self.said if notice.code == code][-1]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path, {("292", "1043"): 2, ("406", "1043"): 7, ("319", "1043"): 0, ("292", "1044"): 0})


async def all_held(desk: Desk) -> None:
    await desk.sender.idle.wait()
    assert all(line.state(desk.now) is State.HELD for line in desk.cart.lines)


async def test_scan_hold_finish(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(MILK, 3)
        await desk.scan(EGGS)
        await all_held(desk)
        assert shop.server.available("1041") == 7
        await desk.finish()
    receipt = desk.checkout.receipt
    assert receipt is not None
    assert (receipt.number, receipt.outcome, receipt.total_cents) == ("292-T1-000001", Outcome.SOLD, 706)
    assert (receipt.lines, receipt.units) == (2, 4)
    [sale] = shop.server.sales
    assert (sale.receipt_number, len(sale.holds)) == ("292-T1-000001", 2)
    assert shop.server.books.stock["292", "1041"].on_hand == 7
    assert shop.server.live_holds == 0
    assert shop.codes == ["added", "added", "finishing", "sold"]


async def test_a_finish_right_after_a_scan_waits_for_it_and_a_scan_after_it_is_the_next_sale(shop: Shop) -> None:
    async with shop.desk() as desk:
        await asyncio.gather(desk.scan(MILK), desk.finish(), desk.scan(EGGS), desk.finish())
    assert [[line.product_id for line in sale.lines] for sale in shop.server.sales] == [["1041"], ["1043"]]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("2000000010411", "damaged_barcode"),
        ("12345", "damaged_barcode"),
        ("x" * 13, "damaged_barcode"),
        ("4006381333931", "unknown_barcode"),
    ],
)
async def test_a_bad_scan_says_why_and_adds_nothing(shop: Shop, code: str, said: str) -> None:
    async with shop.desk() as desk:
        assert await desk.scan(code) is None
        assert desk.cart.lines == []
    assert shop.codes == [said]


async def test_short_stock_says_how_many_are_here_and_where_else(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(EGGS, 5)
        await eventually(lambda: "short_here" in shop.codes)
    fields = shop.last("short_here").fields
    assert (fields["requested"], fields["available"]) == (5, 2)
    assert fields["nearby"] == "North Gate 10 · Old Town 7"


async def test_finishing_with_a_short_line_or_nothing_at_all_says_what_to_do(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.finish()
        await desk.scan(OIL)
        await eventually(lambda: "none_here" in shop.codes)
        await desk.finish()
        assert desk.checkout.receipt is None
    assert (shop.codes[1], shop.codes[-1]) == ("empty_basket", "line_short")
    assert shop.server.sales == []


async def test_changes_are_counted_in_the_order_of_the_keys(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(MILK)
        await asyncio.gather(*(desk.change("1041", +1) for _ in range(5)), desk.change("1041", -2))
        await all_held(desk)
        assert desk.cart.units == 4
        assert shop.server.available("1041") == 6
        await desk.set_quantity("1041", 0)
        await desk.sender.idle.wait()
        assert shop.server.available("1041") == 10
        await desk.undo()
        await all_held(desk)
        assert desk.cart.units == 4


async def test_an_expired_hold_is_held_again_by_one_step(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(MILK)
        await all_held(desk)
        shop.wait(901)
        desk.pump()
        assert desk.cart.lines[0].state(desk.now) is State.EXPIRED
        await desk.hold_again()
        await all_held(desk)


async def test_holds_last_while_the_clerk_is_at_work(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(MILK)
        await all_held(desk)
        for _ in range(4):
            shop.wait(500)
            desk.worked()
            desk.pump()
            await all_held(desk)
        assert shop.server.live_holds == 1


async def test_a_server_that_goes_away_loses_nothing(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(MILK, 2)
        await all_held(desk)
        shop.server.away = True
        await desk.set_quantity("1041", 3)
        await eventually(lambda: desk.sender.is_failing)
        assert "server_away" in shop.codes
        await desk.finish()
        receipt = desk.checkout.receipt
        assert receipt is not None
        assert (receipt.outcome, desk.checkout.queued, desk.cart.lines) == (Outcome.QUEUED, 1, [])
        shop.server.away = False
        await eventually(lambda: desk.checkout.queued == 0)
        assert desk.checkout.receipt is not None
        assert desk.checkout.receipt.outcome is Outcome.SOLD
    assert [sale.lines[0].quantity for sale in shop.server.sales] == [3]
    assert shop.server.live_holds == 0
    assert shop.server.books.stock["292", "1041"].on_hand == 7
    assert "sale_arrived" in shop.codes


async def test_a_product_seen_before_can_be_scanned_while_the_server_is_away(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.search("milk")
        shop.server.away = True
        assert await desk.scan(MILK) is not None
        assert await desk.scan(EGGS) is None
        assert shop.codes[-1] == "server_away"


async def test_a_scan_that_waits_says_so_and_one_that_does_not_is_quiet(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(EGGS)
        assert shop.codes == ["added"]
        shop.server.silent = asyncio.Event()
        scanning = asyncio.create_task(desk.scan(MILK))
        await eventually(lambda: shop.codes[-1] == "scan_waits")
        assert desk.cart.find("1041") is None
        shop.server.silent.set()
        assert await scanning is not None
    assert shop.last("scan_waits").fields == {"barcode": MILK}
    assert shop.codes[-1] == "added"


async def test_what_is_known_is_added_at_once_while_the_server_is_away(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(MILK)
        shop.server.away = True
        desk.live.check()
        await eventually(lambda: desk.is_away)
        asked = shop.server.requests.count(f"/products/barcode/{MILK}")
        assert await desk.scan(MILK) is not None
        assert shop.server.requests.count(f"/products/barcode/{MILK}") == asked


async def test_what_is_known_does_not_wait_for_a_server_that_is_silent(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.terminal.desk.PATIENCE", 0.01)
    async with shop.desk() as desk:
        await desk.scan(MILK)
        shop.server.silent = asyncio.Event()
        assert await desk.scan(MILK) is not None
        assert desk.cart.units == 2


async def test_the_age_never_jumps_back_while_the_server_is_away(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(MILK)
        await all_held(desk)
        desk.live.check()
        await eventually(lambda: desk.stale_for == 0)
        shop.wait(5)
        before = desk.stale_for
        shop.server.away = True
        ages: list[float] = []

        def aged(until: bool) -> bool:
            ages.append(desk.stale_for)
            return until

        await desk.set_quantity("1041", 2)
        await eventually(lambda: aged(desk.sender.is_failing))
        desk.live.check()
        await eventually(lambda: aged(desk.live.link is Link.OFFLINE))
        for _ in range(5):
            shop.wait(1)
            ages.append(desk.stale_for)
        assert ages == sorted(ages)
        assert ages[-1] == before + 5
        shop.server.away = False
        await eventually(lambda: not desk.is_away)
        desk.live.check()
        await eventually(lambda: desk.stale_for == 0)


async def test_a_sale_whose_answer_was_lost_in_a_power_cut_is_sold_once(shop: Shop) -> None:
    shop.server.gate = asyncio.Event()
    async with shop.desk() as desk:
        desk.cart.add(_product("1041"), 2)
        finishing = asyncio.create_task(desk.finish())
        await eventually(lambda: shop.server.sales)
        finishing.cancel()
        await asyncio.wait([finishing])
    shop.server.gate = None
    async with shop.desk():
        await eventually(lambda: "sale_arrived" in shop.codes)
    assert len(shop.server.sales) == 1
    assert shop.server.books.stock["292", "1041"].on_hand == 8
    journal = Journal(shop.path, "T1")
    assert (journal.waiting(), journal.conflicts()) == ([], [])
    journal.close()
    assert shop.codes[-2:] == ["sales_resumed", "sale_arrived"]


async def test_a_sale_refused_after_its_receipt_becomes_a_conflict_that_can_be_retried(shop: Shop) -> None:
    async with shop.desk() as desk:
        shop.server.away = True
        desk.cart.add(_product("1043"), 2)
        await desk.finish()
        shop.server.books.stock["292", "1043"] = _with(shop.server, "1043", 0)
        shop.server.away = False
        await eventually(lambda: desk.checkout.conflicts)
        assert desk.checkout.receipt is not None
        assert desk.checkout.receipt.outcome is Outcome.REFUSED
        assert shop.codes[-1] == "sale_conflict"
    async with shop.desk() as desk:
        [conflict] = desk.checkout.conflicts
        shop.server.books.stock["292", "1043"] = _with(shop.server, "1043", 5)
        desk.checkout.retry(conflict)
        await eventually(lambda: desk.checkout.queued == 0)
        assert desk.checkout.conflicts == []
    assert [sale.receipt_number for sale in shop.server.sales] == ["292-T1-000001"]


async def test_a_sale_refused_at_the_counter_keeps_the_cart_and_reuses_the_number(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(EGGS, 2)
        await all_held(desk)
        shop.wait(901)
        taken = Sell(id=new_id(), store_id="292", lines=(SaleLine("1043", 1, 349),))
        assert shop.server.decide(taken, who="luis", terminal="T2").accepted
        await desk.finish()
        assert [(line.product.id, line.state(desk.now)) for line in desk.cart.lines] == [("1043", State.SHORT)]
        assert shop.last("short_here").fields["available"] == 1
        await desk.set_quantity("1043", 1)
        await all_held(desk)
        await desk.finish()
        assert desk.checkout.receipt is not None
        assert desk.checkout.receipt.number == "292-T1-000001"


async def test_receipt_numbers_that_are_used_already_are_jumped_over(shop: Shop) -> None:
    shop.server.taken = {f"292-T1-{number:06d}" for number in range(1, 40)}
    async with shop.desk() as desk:
        await desk.scan(MILK)
        await desk.finish()
    assert desk.checkout.receipt is not None
    number = int(desk.checkout.receipt.number[-6:])
    assert number >= 40
    assert len(shop.server.sales) == 1
    assert len([x for x in shop.server.commands if isinstance(x, Sell)]) < 10


async def test_an_offline_sale_whose_number_is_taken_is_recorded_under_another_one(shop: Shop) -> None:
    shop.server.taken = {f"292-T1-{number:06d}" for number in range(1, 40)}
    async with shop.desk() as desk:
        shop.server.away = True
        for _ in range(2):
            desk.cart.add(_product("1041"))
            await desk.finish()
        shop.server.away = False
        await eventually(lambda: desk.checkout.queued == 0)
        assert desk.checkout.conflicts == []
        assert desk.checkout.receipt is not None
        assert desk.checkout.receipt.outcome is Outcome.SOLD
        assert desk.checkout.receipt.number in {sale.receipt_number for sale in shop.server.sales}
    assert len(shop.server.sales) == 2
    assert shop.server.available("1041") == 8
    told = [notice.fields for notice in shop.said if notice.code == "receipt_renumbered"]
    assert told[0]["before"] == "292-T1-000001"
    assert told[-1]["receipt"] in {sale.receipt_number for sale in shop.server.sales}


async def test_many_offline_sales_find_free_numbers_behind_anothers_without_jumping_far(shop: Shop) -> None:
    shop.server.taken = {f"292-T1-{number:06d}" for number in range(1, 40)}
    journal = Journal(shop.path, "T1")
    for _ in range(12):
        journal.keep("292", 119, _one_milk)
    journal.close()
    shop.server.books.stock["292", "1041"] = _with(shop.server, "1041", 100)
    async with shop.desk() as desk:
        await eventually(lambda: len(shop.server.sales) == 12)
        await eventually(lambda: desk.checkout.queued == 0)
        assert desk.checkout.conflicts == []
    numbers = {sale.receipt_number for sale in shop.server.sales}
    assert len(numbers) == 12
    assert all(len(number) == len("292-T1-000001") for number in numbers)


async def test_a_refused_price_is_tried_again_with_a_reason_for_whoever_may(shop: Shop) -> None:
    journal = Journal(shop.path, "T1")
    kept = journal.keep("292", 119, _one_milk)
    journal.refused(kept.id, Refusal(Code.PRICE_NOT_ALLOWED, "It costs 1.29."))
    journal.close()
    async with shop.desk() as desk:
        desk.checkout.retry(desk.checkout.conflicts[0])
        await eventually(lambda: shop.server.sales)
    assert [sale.price_reason for sale in shop.server.sales] == ["sold at this price while offline"]


async def test_numbers_that_stood_in_the_way_for_ever_are_changed_at_the_next_start(shop: Shop) -> None:
    older = Journal(shop.path, "a-host-with-a-name-of-27-chars-T1")
    too_long, taken = older.keep("292", 119, _one_milk), older.keep("292", 119, _one_milk)
    older.refused(taken.id, Refusal(Code.RECEIPT_TAKEN, "Taken."))
    older.close()
    assert len(too_long.receipt_number) > 40
    async with shop.desk() as desk:
        await eventually(lambda: len(shop.server.sales) == 2)
        await eventually(lambda: desk.checkout.queued == 0)
        assert desk.checkout.conflicts == []
    assert all(len(sale.receipt_number) <= 40 for sale in shop.server.sales)
    assert shop.codes.count("receipt_renumbered") == 2


async def test_a_removed_terminal_keeps_what_it_could_not_send(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(MILK)
        shop.server.problem = {"status": 401, "code": "terminal_removed", "detail": "This terminal was removed."}
        await desk.finish()
        await desk.session_over.wait()
        assert "terminal_removed" in shop.codes
        assert (desk.checkout.queued, desk.checkout.conflicts) == (1, [])


async def test_a_sale_waits_until_the_servers_damaged_database_is_restored(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(MILK)
        await all_held(desk)
        shop.server.problem = {"status": 500, "code": "database_damaged", "detail": "Restore it from a backup."}
        await desk.set_quantity("1041", 2)
        await eventually(lambda: desk.is_away)
        await desk.finish()
        assert (desk.checkout.queued, desk.checkout.conflicts) == (1, [])
        shop.server.problem = None
        desk.sender.hurry()
        await eventually(lambda: len(shop.server.sales) == 1)
        await eventually(lambda: desk.checkout.queued == 0)
        assert desk.checkout.conflicts == []


async def test_when_the_session_ends_the_sale_waits_for_the_pin_and_goes_on(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(MILK)
        await all_held(desk)
        shop.server.session_over = True
        await desk.set_quantity("1041", 2)
        await desk.session_over.wait()
        assert shop.codes.count("session_ended") == 1
        assert len(desk.cart.lines) == 1
        shop.server.session_over = False
        desk.signed_in(SESSION)
        await all_held(desk)
        await desk.finish()
        assert desk.checkout.receipt is not None
        assert desk.checkout.receipt.units == 2


async def test_sales_of_a_store_the_clerk_may_not_act_in_keep_waiting(shop: Shop) -> None:
    journal = Journal(shop.path, "T1")
    journal.keep("999", 100, lambda number: [Sell(id=new_id(), store_id="999", lines=(SaleLine("1041", 1, 119),))])
    journal.close()
    async with shop.desk() as desk:
        await eventually(lambda: desk.checkout.queued == 1)
        await desk.scan(MILK)
        assert shop.server.terminal_says == "1"
        await desk.finish()
        assert desk.checkout.queued == 1


async def test_leaving_gives_the_holds_back(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(MILK, 4)
        await all_held(desk)
        await desk.leave()
        assert shop.server.terminal_says == "0 closed"
    assert shop.server.live_holds == 0


async def test_leaving_does_not_wait_long_for_a_server_that_is_away(shop: Shop) -> None:
    async with shop.desk() as desk:
        await desk.scan(MILK, 4)
        await all_held(desk)
        shop.server.away = True
        await desk.leave(patience=0.01)
        assert desk.cart.lines == []


def _one_milk(number: str) -> list[Command]:
    return [Sell(id=new_id(), store_id="292", lines=(SaleLine("1041", 1, 119),), receipt_number=number)]


def _product(key: str) -> Product:
    return Product(key, f"S{key}", PRODUCTS[key]["name"], Decimal(str(PRODUCTS[key]["price"])))


def _with(server: FakeServer, key: str, on_hand: int) -> StockRow:
    """The row of a product in store 292 after somebody counted it anew."""
    row = server.books.stock["292", key]
    return structs.replace(row, on_hand=on_hand, version=row.version + 1)
