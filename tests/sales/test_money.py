"""The money of a sale by example: what agrees is stored, what does not is refused whatever the stock is."""

import pytest
from msgspec import json

from backend.ids import new_id
from backend.ledger.settle import fingerprint
from backend.model.answers import Code
from backend.model.books import Request
from backend.model.commands import LinePricing, SaleLine, Tax
from backend.model.tenders import Tender, TenderKind
from backend.model.verbs.sell import Sell
from tests.returns.book import ANA, CARD, CASH, STORE, Book, selling

TEA = SaleLine("tea", 2, 450)


def test_an_old_clients_sale_has_the_json_that_it_always_had() -> None:
    """So a terminal that sends a sale again after an upgrade is answered, not told that the id was used."""
    sale = Sell(id=new_id(), store_id=STORE, lines=(TEA,))
    sent = {
        "type": "sell",
        "id": str(sale.id),
        "store_id": STORE,
        "lines": [{"product_id": "tea", "quantity": 2, "price_cents": 450}],
        "holds": [],
        "receipt_number": "",
    }
    assert json.decode(json.encode(sale)) == sent
    again = json.decode(json.encode(sent), type=Sell)
    assert fingerprint(Request(sale, ANA)) == fingerprint(Request(again, ANA))


@pytest.mark.parametrize(
    "tenders",
    [
        (Tender(CASH, 900, given_cents=1000),),
        (Tender(CASH, 400), Tender(CARD, 300, reference="A1"), Tender(TenderKind.VOUCHER, 200, reference="V9")),
    ],
)
def test_tenders_that_are_the_total(tenders: tuple[Tender, ...]) -> None:
    effect = Book(tea=5).send(selling(TEA, tenders=tenders))
    assert effect.sale is not None
    assert effect.sale.tenders == tenders


@pytest.mark.parametrize(
    ("tenders", "field"),
    [
        ((Tender(CASH, 899),), "tenders"),
        ((Tender(CASH, 900), Tender(CARD, 1)), "tenders"),
        ((), "tenders"),
        ((Tender(CASH, 900, given_cents=899),), "tenders[0].given_cents"),
        ((Tender(CARD, 900, given_cents=1000),), "tenders[0].given_cents"),
    ],
)
def test_tenders_that_are_not(tenders: tuple[Tender, ...], field: str) -> None:
    effect = Book(tea=5).send(selling(TEA, tenders=tenders))
    assert effect.answer.refusal is not None
    assert (effect.answer.refusal.code, effect.answer.refusal.field) == (Code.MONEY_MISMATCH, field)


def test_the_change_is_what_was_given_beyond_the_amount() -> None:
    assert Tender(CASH, 900, given_cents=1000).change_cents == 100
    assert Tender(CASH, 900).change_cents == 0


@pytest.mark.parametrize(
    ("pricing", "field"),
    [
        (LinePricing(list_price_cents=500), "lines[0].pricing.discount_reason"),
        (LinePricing(list_price_cents=500, discount_reason="dented"), ""),
        (LinePricing(list_price_cents=400), ""),
        (LinePricing(tax=Tax(2100, 156)), ""),
        (LinePricing(tax=Tax(2100, 189, included=False)), ""),
        (LinePricing(tax=Tax(2100, 189)), "lines[0].pricing.tax.amount_cents"),
        (LinePricing(tax=Tax(2100, 156, included=False)), "lines[0].pricing.tax.amount_cents"),
    ],
)
def test_the_pricing_of_a_line(pricing: LinePricing, field: str) -> None:
    refusal = Book(tea=5).send(selling(SaleLine("tea", 2, 450, pricing))).answer.refusal
    assert (refusal.field if refusal else "") == field


def test_tax_that_is_added_is_in_the_total() -> None:
    line = SaleLine("tea", 2, 450, LinePricing(tax=Tax(2100, 189, included=False)))
    effect = Book(tea=5).send(selling(line, tenders=(Tender(CASH, 1089),)))
    assert effect.sale is not None
    assert effect.sale.record.total_cents == 1089
