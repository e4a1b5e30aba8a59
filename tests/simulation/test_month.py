"""A short month: it is flawless on both databases, and what is not as it should be is found."""

import json
from collections import Counter

import pytest
from msgspec import structs

from backend.cli.errors import run
from backend.database.engine import open_database
from backend.demo.source import BASKETS
from backend.main import mostrador
from backend.model.stock import Key
from backend.replay.baskets import read_baskets
from backend.simulation.plan import DAYS, Fate, Plan, make_plan
from backend.simulation.report import Unlike, unlike_injected, unlike_shelves
from backend.simulation.run import simulate
from backend.simulation.shelves import Place, Shelves


def planned(seed: int, days: int = DAYS, stores: int = 2) -> Plan:
    return make_plan(read_baskets(BASKETS).baskets, days, stores, seed)


async def test_a_short_month_is_flawless(database_url: str) -> None:
    seen: Counter[str] = Counter()
    month = await simulate(
        database_url, days=2, stores=3, seed=7, watch=lambda step, _done, _total: seen.update([step])
    )
    assert (month.unlike, month.proof.drifts) == ((), ())
    assert month.flawless
    assert month.units_vanished == month.units_found_missing > 0
    done = structs.asdict(month.done)
    assert all(done[name] > 0 for name in ("sold", "held", "returned", "transferred", "written_off", "counted_lines"))
    assert seen.keys() == {"catalogue", "opening", "days", "proof"}


def test_a_seed_gives_the_same_month_again() -> None:
    assert planned(1) == planned(1)
    assert planned(1) != planned(2)


def test_each_product_is_counted_once_and_nothing_disappears_after_that() -> None:
    plan = planned(3)
    for store in plan.stores:
        days = [day[store] for day in plan.days]
        counted_on = {product: number for number, day in enumerate(days) for product in day.counted}
        assert sum(len(day.counted) for day in days) == len(counted_on)
        assert counted_on.keys() == plan.opening[store].keys()
        gone = [(number, product) for number, day in enumerate(days) for product in day.stolen]
        gone += [
            (number, line.product_id)
            for number, day in enumerate(days)
            for line in day.deliveries
            if line.fate in (Fate.MISCOUNTED, Fate.UNWRITTEN)
        ]
        assert gone
        assert all(number <= counted_on[product] for number, product in gone)


async def test_a_shelf_that_is_not_as_the_ledger_says_is_named(sqlite_url: str) -> None:
    shelves = Shelves()
    shelves.put(Place.SHELF, "292", {"tea": 3})
    shelves.move(Place.SHELF, Place.BACKROOM, "292", {"tea": 1})
    db = open_database(sqlite_url)
    try:
        assert await unlike_shelves(db, shelves) == [
            Unlike("292", "tea", "on_hand", expected=3, found=0),
            Unlike("292", "tea", "unavailable", expected=1, found=0),
        ]
    finally:
        await db.close()


def test_shrinkage_that_is_not_what_was_injected_is_named() -> None:
    found: dict[Key, int] = {("292", "tea"): -2, ("292", "jam"): 1}
    injected = {("292", "tea"): -2, ("292", "milk"): -1}
    assert [(x.product_id, x.expected, x.found) for x in unlike_injected(found, injected)] == [
        ("jam", 0, 1),
        ("milk", -1, 0),
    ]


@pytest.mark.slow
def test_the_command_prints_its_seed_and_refuses_a_database_with_a_shop(
    sqlite_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["simulate-month", "--days", "1", "--stores", "1", "--database-url", sqlite_url, "--json"]
    assert run(mostrador, command) == 0
    out, err = capsys.readouterr()
    month = json.loads(out)
    assert (f"seed {month['seed']}", month["unlike"], month["days"]) == (err.strip(), [], 1)
    assert run(mostrador, command) == 1
    assert json.loads(capsys.readouterr().err.splitlines()[-1])["code"] == "another_shop"
