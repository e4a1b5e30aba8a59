"""The demo shop is whole, goes through the ledger, and survives being built twice or killed half way."""

import asyncio
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from backend.cli.verify import proof_of
from backend.database.engine import migrate
from backend.demo.shop import EVERYWHERE, SHELF, AlreadyBuilding, AnotherShop, build_demo, opening_stock
from backend.demo.source import units_sold
from backend.embedded.files import FileLock


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "mostrador.db"
    build_demo(f"sqlite:///{path}", lambda *_: None)
    return path


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.slow
async def test_every_number_of_the_shop_is_the_sum_of_its_movements(shop: Path) -> None:
    proof = await proof_of(f"sqlite:///{shop}")
    assert not proof.drifts
    assert proof.units_on_hand == sum(sum(units.values()) for units in opening_stock(units_sold()).values())


@pytest.mark.slow
def test_the_shop_is_whole(shop: Path) -> None:
    assert rows(shop, "SELECT count(*), count(DISTINCT name) FROM stores") == [(24, 24)]
    assert rows(shop, "SELECT count(*), count(DISTINCT name) FROM products") == [(12_298, 12_298)]
    assert rows(shop, "SELECT count(DISTINCT product_id), count(*) FROM barcodes") == [(12_298, 12_298)]
    assert rows(shop, "SELECT name FROM products WHERE id = '926775'") == [("Unlisted Item No. 2",)]
    assert rows(shop, "SELECT name, role FROM users ORDER BY name") == [("ana", "clerk"), ("luis", "supervisor")]
    assert rows(shop, "SELECT product_id, beyond, count(*) FROM allotment_policies GROUP BY 1, 2") == [
        ("*", "allow", 24)
    ]
    assert rows(shop, "SELECT user_name, count(*) FROM user_stores GROUP BY 1 ORDER BY 1") == [
        ("ana", 24),
        ("luis", 24),
    ]
    assert rows(shop, "SELECT DISTINCT kind, document_id, actor FROM movements") == [
        ("receive", "opening-stock", "system:demo")
    ]


@pytest.mark.slow
def test_a_store_opens_with_more_than_the_baskets_take(shop: Path) -> None:
    on_hand = {(s, p): n for s, p, n in rows(shop, "SELECT store_id, product_id, on_hand FROM stock")}
    for store_id, units in units_sold().items():
        assert all(int(str(on_hand[store_id, product_id])) > n for product_id, n in units.items())


def test_opening_stock_has_a_shelf_of_each_best_seller_everywhere() -> None:
    sold = {"1": Counter(a=10, b=1), "2": Counter(c=2)}
    assert opening_stock(sold) == {"1": {"a": 15, "b": SHELF, "c": SHELF}, "2": {"c": SHELF, "a": 15 - 9, "b": SHELF}}
    assert EVERYWHERE > 3


@pytest.mark.slow
def test_building_again_changes_nothing(shop: Path) -> None:
    before = rows(shop, "SELECT * FROM stock ORDER BY 1, 2")
    build_demo(f"sqlite:///{shop}", lambda *_: None)
    assert rows(shop, "SELECT * FROM stock ORDER BY 1, 2") == before
    assert rows(shop, "SELECT count(*) FROM movements") == [(len(before),)]


def test_another_chain_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    asyncio.run(migrate(f"sqlite:///{path}"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO stores VALUES ('7', 'Theirs', '2026-01-01')")
    with pytest.raises(AnotherShop):
        build_demo(f"sqlite:///{path}", lambda *_: None)
    assert rows(path, "SELECT count(*) FROM products") == [(0,)]


def test_two_builders_do_not_meet(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "shop.db.building.lock")
    assert lock.acquire()
    with pytest.raises(AlreadyBuilding):
        build_demo(f"sqlite:///{tmp_path / 'shop.db'}", lambda *_: None)
    lock.release()


@pytest.mark.slow
def test_a_build_that_is_killed_leaves_no_shop_and_the_next_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "mostrador.db"
    program = (
        "import sys; from backend.demo.shop import build_demo\n"
        "build_demo(sys.argv[1], lambda step, done, total: print(step, done, flush=True))"
    )
    command = [sys.executable, "-c", program, f"sqlite:///{path}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as builder:
        assert builder.stdout is not None
        assert "stock 3\n" in iter(builder.stdout.readline, "")
        builder.kill()
    assert not path.exists()
    build_demo(f"sqlite:///{path}", lambda *_: None)
    assert rows(path, "SELECT count(DISTINCT store_id) FROM stock") == [(24,)]
    assert sorted(x.name for x in tmp_path.iterdir()) == ["mostrador.db", "mostrador.db.building.lock"]
