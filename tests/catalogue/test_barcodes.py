"""Barcodes of products: packs, other kinds of code, and what scanned codes say."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from backend.database.engine import open_database
from backend.database.tables import audit, barcodes, once
from backend.ids import new_id
from backend.model.barcode import check_digit
from tests.http.fixtures import shop_of
from tests.http.shop import PACK, PRODUCTS, Shop, assert_problem

MILK = PRODUCTS["milk"][1]
CHEESE = "2012345000000"
CHEESE = CHEESE[:12] + check_digit(CHEESE[:12])


@pytest.fixture
async def deli(shop_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """The shop with scales: its labels have the weight in them, or the price. Afterwards its codes are as before."""
    monkeypatch.setenv("IN_STORE_CODES", "20IIIIIWWWWW 21IIIIIPPPPP")
    async with shop_of(shop_url, tmp_path) as shop:
        yield shop
    db = open_database(shop_url)
    async with db.writer.begin() as connection:
        known = [PACK, *(code for _, code, _ in PRODUCTS.values())]
        await connection.execute(delete(barcodes).where(barcodes.c.barcode.not_in(known)))
        await connection.execute(delete(once))
        await connection.execute(delete(audit))
    await db.close()


async def add(shop: Shop, barcode: str, quantity: int = 1, product_id: str = "milk") -> None:
    body = {"barcode": barcode, "quantity": quantity}
    answer = await shop.post(f"products/{product_id}/barcodes", body, shop.admin)
    assert answer.status_code == 201, answer.text


async def test_a_product_has_several_codes(deli: Shop) -> None:
    await add(deli, "28400000000011", 24)
    await add(deli, "04252614")
    await add(deli, "REF-77")
    listed = (await deli.get("products/milk/barcodes")).json()
    assert listed == {
        "product_id": "milk",
        "barcodes": [
            {"barcode": "0042100005264", "kind": "ean13", "quantity": 1},
            {"barcode": MILK, "kind": "ean13", "quantity": 1},
            {"barcode": "REF-77", "kind": "code128", "quantity": 1},
            {"barcode": PACK, "kind": "itf14", "quantity": 6},
            {"barcode": "28400000000011", "kind": "itf14", "quantity": 24},
        ],
    }
    for code, units in (("28400000000011", 24), ("04252614", 1), ("042100005264", 1), ("REF-77", 1)):
        found = (await deli.get(f"products/barcode/{code}")).json()
        assert (found["id"], found["pack_quantity"], "scan" in found) == ("milk", units, False)
    gone = await deli.client.delete("products/milk/barcodes/REF-77", headers=deli.admin)
    assert gone.status_code == 204
    assert_problem(await deli.get("products/barcode/REF-77"), 404, "unknown_barcode")


async def test_a_code_is_added_once_and_means_one_product(deli: Shop) -> None:
    keyed = deli.admin | {"Idempotency-Key": str(new_id())}
    body = {"barcode": "REF-78"}
    first = await deli.post("products/milk/barcodes", body, keyed)
    again = await deli.post("products/milk/barcodes", body, keyed)
    assert (first.status_code, first.json()) == (201, again.json())
    assert_problem(await deli.post("products/rice/barcodes", body, deli.admin), 409, "barcode_taken")
    assert_problem(await deli.post("products/gold/barcodes", {"barcode": "X-1"}, deli.admin), 404, "unknown_product")
    assert_problem(await deli.get("products/gold/barcodes"), 404, "unknown_product")
    unknown = await deli.client.delete("products/rice/barcodes/REF-78", headers=deli.admin)
    assert_problem(unknown, 404, "unknown_barcode")
    assert_problem(await deli.post("products/milk/barcodes", body), 403, "scope_missing")
    for wrong in ("18400000000015", "8400000000018", "a/b", "(01)08400000000017(10)A"):
        problem = await deli.post("products/milk/barcodes", {"barcode": wrong}, deli.admin)
        assert assert_problem(problem, 400, "invalid_input")["field"] == "barcode"


async def test_a_label_of_the_scales_names_the_product_and_the_weight(deli: Shop) -> None:
    label = "201234501250"
    await add(deli, label + check_digit(label), product_id="rice")  # kept with zeros in place of the weight
    assert CHEESE in {x["barcode"] for x in (await deli.get("products/rice/barcodes")).json()["barcodes"]}
    heavier = "201234502075"
    found = (await deli.get(f"products/barcode/{heavier}{check_digit(heavier)}")).json()
    assert (found["id"], found["scan"]) == ("rice", {"kind": "in_store", "grams": 2075})
    priced = "211234500000"
    await add(deli, priced + check_digit(priced), product_id="choc")
    paid = "211234500499"
    found = (await deli.get(f"products/barcode/{paid}{check_digit(paid)}")).json()
    assert (found["id"], found["scan"]) == ("choc", {"kind": "in_store", "price": 4.99})


async def test_a_gs1_code_names_the_product_and_more(deli: Shop) -> None:
    said = {"kind": "gs1", "grams": 1250, "lot": "AB12", "expiry": "2026-12-31"}
    for code in (
        f"(01)0{MILK}(10)AB12(17)261231(3103)001250",
        f"010{MILK}10AB12%1D172612313103001250",
        f"]C1010{MILK}17261231310300125010AB12",
    ):
        found = (await deli.client.get(f"products/barcode/{code}", headers=deli.auth)).json()
        assert (found["id"], found["scan"]) == ("milk", said), code
    boxes = (await deli.get(f"products/barcode/(02){PACK}(37)10")).json()
    assert (boxes["id"], boxes["pack_quantity"], boxes["scan"]["quantity"]) == ("milk", 6, 10)
    assert_problem(await deli.get("products/barcode/(01)0840000000001"), 404, "unknown_barcode")
