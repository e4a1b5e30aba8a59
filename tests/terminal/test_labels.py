"""Labels with a weight, a price or a number in them: how many units a scan of one stands for, and what is sold."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from backend.model.barcode import DamagedBarcode
from backend.terminal.labels import LabelUnreadable, code_of, units_of
from backend.terminal.values import Product, Said

from .fake_server import PRODUCTS
from .test_desk import Shop, no_nats

__all__ = ["no_nats"]

WEIGHED: dict[str, Any] = {"name": "Ham", "price": 15.9, "barcode": "2000000010434", "unit": "gram", "price_per": 1000}
HAM = Product("1", "1", "Ham", Decimal("15.90"), price_per=1000, unit="gram")
EGGS = Product("2", "2", "Eggs", Decimal("2.50"), pack_quantity=6)


def scanned(product: Product, **said: Any) -> int:
    return units_of(structs.replace(product, scan=Said(**said)))


def test_a_weight_is_so_many_grams_and_a_price_as_many_as_it_buys() -> None:
    assert scanned(HAM, grams=1234) == 1234
    assert HAM.unit_price.of(199) == 316
    assert scanned(HAM, price=Decimal("3.16")) == 199
    assert scanned(HAM, price=Decimal("3.17")) == 199
    assert scanned(EGGS, price=Decimal("5.00")) == 2
    assert scanned(EGGS, quantity=2) == 12
    assert scanned(EGGS, grams=400) == 6
    assert units_of(EGGS) == 6


@pytest.mark.parametrize(
    ("product", "said"),
    [
        (EGGS, {"price": Decimal("3.17")}),
        (HAM, {"grams": 0}),
        (HAM, {"price": Decimal("0.00")}),
        (EGGS, {"quantity": 0}),
    ],
)
def test_a_label_that_is_no_number_of_units(product: Product, said: dict[str, Any]) -> None:
    with pytest.raises(LabelUnreadable):
        scanned(product, **said)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("042100005264", "0042100005264"),
        (" 2000000010434\r", "2000000010434"),
        ("]C10102000000010434", "]C10102000000010434"),
        ("(01)02000000010434(3103)001234", "(01)02000000010434(3103)001234"),
        ("0102000000010434310300123410A7\x1d17271231", "0102000000010434310300123410A7\x1d17271231"),
    ],
)
def test_what_a_scanner_sends_is_looked_up(text: str, code: str) -> None:
    assert code_of(text) == code


@pytest.mark.parametrize("text", ["milk", "12345", "2000000010435", "(x)", "AB-1234"])
def test_what_is_no_whole_code_is_not(text: str) -> None:
    with pytest.raises(DamagedBarcode):
        code_of(text)


async def test_labels_are_sold_by_their_weight_and_their_price(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRODUCTS, "1043", WEIGHED)
    shop = Shop(tmp_path, {("292", "1043"): 10_000})
    async with shop.desk() as desk:
        await desk.scan("(01)02000000010434(3103)001234")
        assert desk.cart.total_cents == 1962
        await desk.scan("(01)02000000010434(3922)159")
        assert [line.quantity for line in desk.cart.lines] == [1334]
        assert desk.cart.lines[0].product.scan is None
        await desk.finish()
    assert [[(x.quantity, x.price_cents, x.price_per) for x in sale.lines] for sale in shop.server.sales] == [
        [(1334, 1590, 1000)]
    ]
    assert shop.codes[-1] == "sold"


async def test_a_code_128_is_looked_up_before_it_is_searched_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRODUCTS, "1043", WEIGHED | {"barcode": "AB-1234"})
    shop = Shop(tmp_path)
    async with shop.desk() as desk:
        assert await desk.scan("AB-1234") is not None
        assert await desk.scan("AB-9999") is None
        assert [line.product.id for line in desk.cart.lines] == ["1043"]
