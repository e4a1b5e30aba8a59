"""Planning a replay: the opening stock as commands, and cutting a basket down to what there is."""

from datetime import UTC, datetime
from uuid import uuid4

from backend.model.answers import Answer
from backend.model.commands import Line, SaleLine
from backend.model.stock import StockRow
from backend.replay.baskets import Basket
from backend.replay.counter import within
from backend.replay.opening import demand_of, opening_stock, receipts, surpluses

NOON = datetime(2017, 1, 1, 12, tzinfo=UTC)
BREAD, MILK = ("292", "bread"), ("406", "milk")


def test_demand_is_summed_per_store_and_product() -> None:
    baskets = (
        Basket("1", "292", NOON, (SaleLine("bread", 2, 100), SaleLine("bread", 3, 90))),
        Basket("2", "292", NOON, (SaleLine("bread", 1, 100),)),
        Basket("3", "406", NOON, (SaleLine("milk", 1, 100),)),
    )
    assert demand_of(baskets) == {BREAD: 6, MILK: 1}


def test_ample_is_more_than_asked_and_tight_is_clearly_less() -> None:
    demand = {BREAD: 100, MILK: 1}
    assert opening_stock(demand, "ample") == {BREAD: 120, MILK: 3}
    assert opening_stock(demand, "tight") == {BREAD: 60, MILK: 1}


def test_receipts_are_one_store_each_and_no_longer_than_a_command_may_be() -> None:
    opening = {("292", f"p{n:04}"): n + 1 for n in range(1001)} | {MILK: 5}
    commands = list(receipts(opening, "replay"))
    assert [(command.store_id, len(command.lines)) for command in commands] == [
        ("292", 500),
        ("292", 500),
        ("292", 1),
        ("406", 1),
    ]
    assert len({command.id for command in commands}) == 4
    assert {(c.store_id, x.product_id): x.quantity for c in commands for x in c.lines} == opening
    assert commands[3].lines == (Line("milk", 5),)


def test_surpluses_leave_the_opening_stock_available_and_holds_alone() -> None:
    rows = (StockRow("292", "bread", on_hand=90, reserved=20), StockRow("406", "milk", on_hand=5))
    [adjust] = surpluses({BREAD: 60, MILK: 5}, [Answer(uuid4(), stock=rows)], "replay")
    assert (adjust.store_id, adjust.product_id, adjust.adjustment, adjust.reason) == ("292", "bread", -10, "replay")


def test_a_huge_surplus_is_taken_away_in_steps_that_a_command_may_make() -> None:
    rows = (StockRow("292", "bread", on_hand=2_000_065),)
    steps = surpluses({BREAD: 60}, [Answer(uuid4(), stock=rows)], "replay")
    assert [step.adjustment for step in steps] == [-1_000_000, -1_000_000, -5]


def test_short_lines_are_cut_to_what_there_is_first_come_first_served() -> None:
    lines = (SaleLine("bread", 2, 100), SaleLine("milk", 5, 90), SaleLine("bread", 3, 80))
    assert within(lines, {"bread": 4}) == (lines[0], lines[1], SaleLine("bread", 2, 80))
    assert within(lines, {"bread": 0, "milk": 1}) == (SaleLine("milk", 1, 90),)
    assert within(lines, {"bread": -3, "milk": 0}) == ()
