"""What the counter asks the copy: products by all their codes, prices of their time, numbers with their age."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from backend.model.stock import Change, StockRow
from backend.model.sync import Code, CopiedPrice, CopiedProduct
from backend.terminal.cache import file, writing
from backend.terminal.cache.cache import Cache
from backend.terminal.cache.freshness import Freshness
from backend.terminal.cache.writing import KEPT_STEPS, Cause

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MILK = CopiedProduct(
    1,
    1,
    "1041",
    "S1041",
    "Whole milk",
    119,
    barcodes=(Code("18400000000014", 6), Code("8400000000017"), Code("2012345000001")),
)
CHEESE = CopiedProduct(2, 1, "1042", "8400000000024", "Cheese", 500, active=False)
EGGS = CopiedProduct(
    3,
    1,
    "1043",
    "EGGS",
    "Eggs",
    300,
    prices=(
        CopiedPrice("*", NOW - timedelta(days=1), 280),
        CopiedPrice("292", NOW + timedelta(hours=1), 250),
        CopiedPrice("292", NOW + timedelta(hours=2), None),
    ),
)


@pytest.fixture
async def cache(tmp_path: Path) -> AsyncIterator[Cache]:
    cache = Cache(tmp_path / "copy.db", "292", now=lambda: NOW)
    products = [MILK, CHEESE, EGGS]
    facts = {"in_store_codes": "20IIIIIWWWWW"}
    await cache.write(lambda db: writing.put_products(db, products), (), facts)
    yield cache
    await cache.close()


@pytest.mark.parametrize(
    ("code", "product", "units"),
    [
        ("8400000000017", "1041", 1),
        (" 8400000000017\n", "1041", 1),
        ("18400000000014", "1041", 6),
        ("08400000000017", "1041", 1),
        ("S1041", "1041", 1),
        ("s1041", "1041", 1),
        ("1041", "1041", 1),
        ("8400000000024", "1042", 1),
        ("2012345005013", "1041", 1),
        ("eggs", "1043", 1),
    ],
)
async def test_a_product_is_found_by_each_of_its_codes(cache: Cache, code: str, product: str, units: int) -> None:
    coded = await cache.by_code(code)
    assert coded is not None
    assert (coded.product.id, coded.product.pack_quantity) == (product, units)


@pytest.mark.parametrize("code", ["", "8400000000031", "8400000000018", "milk", "x" * 500, "''"])
async def test_a_code_of_nothing_finds_nothing(cache: Cache, code: str) -> None:
    assert await cache.by_code(code) is None


async def test_a_weight_in_a_code_is_said(cache: Cache) -> None:
    coded = await cache.by_code("2012345005013")
    assert coded is not None
    assert coded.scan is not None
    assert coded.scan.grams == 501
    plain = await cache.by_code("8400000000017")
    assert plain is not None
    assert plain.scan is None


async def test_a_price_is_that_of_its_store_and_its_time(cache: Cache) -> None:
    now = [NOW]
    cache._now = lambda: now[0]
    costs = []
    for hours in (-48, 0, 1, 2):
        now[0] = NOW + timedelta(hours=hours)
        product = await cache.product("1043")
        assert product is not None
        assert product.price == Decimal("3.00")
        costs.append(product.unit_price.cents)
    assert costs == [300, 280, 250, 280]
    assert await cache.product("nothing") is None


async def test_a_number_is_the_newest_that_was_heard_whether_it_is_written_or_not(cache: Cache) -> None:
    cache.take([StockRow("292", "1041", 9, reserved=2, version=3), StockRow("319", "1041", 1, version=9)])
    assert (await cache.stock("1041")).available == 7
    assert cache.take_changed() == {"1041"}
    await cache.flush()
    cache.take([StockRow("292", "1041", 1, version=2)])
    assert (await cache.stock("1041")).available == 7
    await cache.flush()
    assert (await cache.stock("1041")).available == 7
    assert [x.stock.available for x in (await cache.search("milk")).found] == [7]
    assert (await cache.stock("1043")).row == StockRow("292", "1043")


async def test_what_this_terminal_has_not_sent_yet_is_taken_off(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "copy.db", "292", unsent=lambda product_id: -2 if product_id == "1041" else 0)
    cache.take([StockRow("292", "1041", 9, version=1)])
    number = await cache.stock("1041")
    assert (number.row.available, number.unsent, number.available) == (9, -2, 7)
    await cache.close()


async def test_what_was_kept_is_there_again_and_its_age_goes_on(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "copy.db", "292")
    assert (await cache.stock("1041")).age is None
    cache.freshness.is_live = True
    cache.freshness.confirm()
    cache.take([StockRow("292", "1041", 9, version=1)])
    number = await cache.stock("1041")
    assert (number.age, number.is_fresh) == (0.0, True)
    await cache.flush({"sure_at": str(cache.freshness.sure_at)})
    await cache.close()
    again = Cache(tmp_path / "copy.db", "292")
    number = await again.stock("1041")
    assert number.row.on_hand == 9
    assert number.age is not None
    assert 0 <= number.age < 60
    assert not number.is_fresh
    await again.close()


def test_an_age_does_not_jump_with_the_wall_clock() -> None:
    clock, wall = [50.0], [1000.0]
    fresh = Freshness(940.0, lambda: clock[0], lambda: wall[0])
    assert fresh.age() == 60.0
    clock[0] += 5
    wall[0] -= 500
    assert fresh.age() == 65.0
    fresh.confirm()
    clock[0] += 2
    wall[0] += 9999
    assert fresh.age() == 2.0
    assert fresh.age(written_at=wall[0] - 1) == 1.0
    fresh.is_live = True
    assert fresh.age() == 0.0
    assert Freshness(None).age() is None
    assert Freshness(2000.0, lambda: 0.0, lambda: 1000.0).age() == 0.0, "a clock that was set back makes nothing young"


async def test_a_number_is_explained_from_what_was_heard(cache: Cache) -> None:
    cause = Cause("receive", "", "luis", "T9", "D-7")
    cache.take([StockRow("292", "1041", 5, version=1)], NOW, cause)
    cache.take([StockRow("292", "1041", 5, reserved=2, version=2)], NOW)
    cache.take([StockRow("292", "1041", 3, version=4)], NOW)
    cache.take([StockRow("292", "1041", 3, version=4)], NOW, Cause("sell"))
    steps = await cache.explain("1041")
    assert [(x.row.version, x.change, x.cause and x.cause.kind) for x in steps] == [
        (4, None, "sell"),
        (2, Change(reserved=2), None),
        (1, Change(on_hand=5), "receive"),
    ]
    assert steps[2].cause == cause
    cache.take([StockRow("292", "1041", n, version=n) for n in range(5, 60)], NOW)
    assert [x.row.version for x in await cache.explain("1041")] == [*range(59, 59 - KEPT_STEPS, -1)]


async def test_a_number_is_never_older_than_one_that_was_heard_while_it_was_read(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was heard is written, and forgotten in memory, between the reading of the file and the answer."""
    read = cache._read

    async def slow(work: Callable[[sqlite3.Connection], Any]) -> Any:
        found = await read(work)
        await cache.flush()
        return found

    monkeypatch.setattr(cache, "_read", slow)
    cache.take([StockRow("292", "1041", on_hand=4, version=99)])
    assert (await cache.stock("1041")).row.on_hand == 4


async def test_a_price_is_for_so_many_units(cache: Cache) -> None:
    """The catalogue's for a kilogram, the store's list for a hundred grams."""
    per = (CopiedPrice("292", NOW - timedelta(hours=1), 25, 100),)
    ham = CopiedProduct(9, 1, "1049", "HAM", "Ham", 249, unit="gram", prices=per, price_per=1000)
    await cache.write(lambda db: writing.put_products(db, [ham]), (), {})
    product = await cache.product("1049")
    assert product is not None
    assert (product.unit, product.price_per, product.unit_price) == ("gram", 1000, (25, 100))


def test_a_copy_that_knew_no_such_prices_asks_for_its_products_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(file, "MIGRATIONS", file.MIGRATIONS[:1])
        db = file.opened(tmp_path / "copy.db")
        row = (1, 7, "1041", "S1041", "s1041", "Milk", 119, "", 1, "piece", 0, 1, "milk", "")
        db.execute(f"INSERT INTO products VALUES ({', '.join('?' * len(row))})", row)
        db.execute("INSERT INTO prices VALUES (1, '*', '2026-01-01T00:00:00+00:00', 99)")
        db.commit()
        db.close()
    db = file.opened(tmp_path / "copy.db")
    assert writing.products_in(db, [1]) == {"1041": (1, -1, 119)}
    assert db.execute("SELECT price_per FROM products UNION ALL SELECT price_per FROM prices").fetchall() == [
        (1,),
        (1,),
    ]
    db.close()
