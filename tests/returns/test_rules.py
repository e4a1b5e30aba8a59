"""The rules of returns and voids: never more units than were sold, never more money than they cost."""

from datetime import datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.ids import new_id
from backend.model.answers import Code, ShortLine
from backend.model.commands import LinePricing, SaleLine, Tax
from backend.model.money import due
from backend.model.returns import Condition, ReturnLine
from backend.model.tenders import Tender
from backend.model.verbs.return_goods import GoodsLine, GoodsReturnBody, ReturnGoods

from .book import CARD, CASH, DAMAGED, NOW, SHELF, STORE, Book, returning, selling, voiding


def test_units_go_back_to_the_shelf_or_to_the_damaged() -> None:
    book = Book(tea=10)
    sale = book.sold(SaleLine("tea", 5, 300))
    effect = book.send(returning(sale, ReturnLine(1, 2), ReturnLine(1, 1, DAMAGED)))
    row = book.row()
    assert (row.on_hand, row.unavailable, row.available) == (8, 1, 7)
    (movement,) = effect.movements
    assert (movement.kind, movement.on_hand_change, movement.unavailable_change) == ("return", 3, 1)
    assert movement.document_id == str(book.document(sale).id)
    assert effect.refund is not None
    assert effect.refund.tenders == (Tender(CASH, 900),)
    assert (book.document(sale).status, book.returned(sale).refunded_cents) == ("partly_returned", 900)


def test_never_more_comes_back_than_was_sold_and_earlier_returns_count() -> None:
    book = Book(tea=10, jam=10)
    sale = book.sold(SaleLine("tea", 3, 300), SaleLine("jam", 1, 200))
    assert book.send(returning(sale, ReturnLine(1, 2))).answer.accepted
    effect = book.send(returning(sale, ReturnLine(1, 1), ReturnLine(1, 1, DAMAGED), ReturnLine(2, 2)))
    assert effect.answer.refusal is not None
    assert effect.answer.refusal.code is Code.MORE_THAN_SOLD
    assert effect.answer.refusal.lines == (ShortLine("tea", 2, 1), ShortLine("jam", 2, 1))
    assert book.send(returning(sale, ReturnLine(1, 1), ReturnLine(2, 1))).answer.accepted
    assert (book.document(sale).status, book.refunded) == ("returned", 1100)
    assert book.code(returning(sale, ReturnLine(1, 1))) is Code.MORE_THAN_SOLD


def test_a_line_that_the_receipt_does_not_have_and_a_sale_of_nobody() -> None:
    book = Book(tea=10)
    sale = book.sold(SaleLine("tea", 3, 300))
    assert book.code(returning(sale, ReturnLine(2, 1))) is Code.MORE_THAN_SOLD
    assert book.code(returning(new_id(), ReturnLine(1, 1))) is Code.UNKNOWN_SALE
    assert book.code(returning(sale, ReturnLine(1, 1), store="304")) is Code.UNKNOWN_SALE
    assert book.code(voiding(sale, store="304")) is Code.UNKNOWN_SALE


def test_a_refund_is_at_most_what_these_units_cost() -> None:
    book = Book(tea=10)
    sale = book.sold(SaleLine("tea", 3, 333))
    too_much = returning(sale, ReturnLine(1, 1), refund=(Tender(CASH, 300), Tender(CARD, 34)), by=None)
    assert book.code(too_much) is Code.REFUND_TOO_HIGH
    less = returning(sale, ReturnLine(1, 1), refund=(Tender(CASH, 100),), by=None)
    assert book.send(less).answer.accepted
    # What the first return did not give back is not owed for other units.
    assert book.code(returning(sale, ReturnLine(1, 1), refund=(Tender(CASH, 334),), by=None)) is Code.REFUND_TOO_HIGH
    both = returning(sale, ReturnLine(1, 1), refund=(Tender(CASH, 1),), by=CASH)
    assert book.code(both) is Code.MONEY_MISMATCH
    change = returning(sale, ReturnLine(1, 1), refund=(Tender(CASH, 1, given_cents=5),), by=None)
    assert book.code(change) is Code.MONEY_MISMATCH
    assert book.send(returning(sale, ReturnLine(1, 1), refund=(), by=None)).answer.accepted, "nothing is given back"


def test_the_tax_that_was_added_comes_back_to_the_cent() -> None:
    book = Book(tea=10)
    taxed = SaleLine("tea", 3, 100, LinePricing(tax=Tax(2100, 63, included=False)))
    assert due(taxed) == 363
    sale = book.sold(taxed)
    refunds = []
    for _ in range(3):
        effect = book.send(returning(sale, ReturnLine(1, 1)))
        assert effect.refund is not None
        refunds.append(effect.refund.tenders[0].amount_cents)
    assert refunds == [121, 121, 121]


def test_a_void_takes_the_whole_sale_back_and_gives_every_tender_back() -> None:
    book = Book(tea=10, jam=4)
    tenders = (Tender(CASH, 500, given_cents=600), Tender(CARD, 600, reference="A7"))
    sale = book.sold(SaleLine("tea", 3, 300), SaleLine("jam", 1, 200), tenders=tenders)
    effect = book.send(voiding(sale))
    assert effect.refund is not None
    assert effect.refund.tenders == (Tender(CASH, 500), Tender(CARD, 600, reference="A7"))
    assert (book.row("tea").on_hand, book.row("jam").on_hand) == (10, 4)
    assert {movement.kind for movement in effect.movements} == {"void"}
    assert (book.document(sale).status, book.returned(sale).steps[0].approved_by) == ("voided", "luis")
    assert book.code(voiding(sale)) is Code.WRONG_STATUS
    assert book.code(returning(sale, ReturnLine(1, 1))) is Code.WRONG_STATUS


def test_what_has_begun_to_come_back_is_not_voided() -> None:
    book = Book(tea=10)
    sale = book.sold(SaleLine("tea", 3, 300))
    book.send(returning(sale, ReturnLine(1, 1)))
    assert book.code(voiding(sale)) is Code.SALE_RETURNED


@pytest.mark.parametrize(
    ("time_zone", "late", "code"),
    [
        ("UTC", timedelta(hours=14, minutes=59), None),
        ("UTC", timedelta(hours=15), Code.VOID_TOO_LATE),
        ("Europe/Madrid", timedelta(hours=14), Code.VOID_TOO_LATE),
        ("America/Mexico_City", timedelta(hours=15), None),
    ],
)
def test_the_day_of_a_void_is_the_stores(time_zone: str, late: timedelta, code: Code | None) -> None:
    book = Book(tea=10)
    sale = book.sold(SaleLine("tea", 3, 300))  # at nine in the morning, UTC
    refusal = book.send(voiding(sale, time_zone), NOW + late).answer.refusal
    assert (refusal.code if refusal else None) == code


def test_goods_without_a_receipt_come_back_by_approval() -> None:
    book = Book(tea=1)
    lines = (GoodsLine("tea", 2, 300), GoodsLine("tea", 1, 300, DAMAGED))
    command = ReturnGoods(
        id=new_id(), store_id=STORE, lines=lines, approved_by="luis", reason="a present", refund_by=CASH
    )
    effect = book.send(command)
    assert (book.row().on_hand, book.row().unavailable, book.refunded) == (4, 1, 900)
    (document,) = effect.documents
    assert document.read(GoodsReturnBody).approved_by == "luis"
    greedy = ReturnGoods(
        id=new_id(), store_id=STORE, lines=lines, approved_by="luis", reason="x", refund=(Tender(CASH, 901),)
    )
    assert book.code(greedy) is Code.REFUND_TOO_HIGH


def test_every_order_of_returns_voids_and_sales_of_the_same_product() -> None:
    """Return against return, return against void, sale against return: exactly the sold units come back."""
    for order in permutations(["two back", "one damaged", "void", "sell", "two back again"]):
        book = Book(tea=6)
        sale = book.sold(SaleLine("tea", 3, 300))
        steps = {
            "two back": returning(sale, ReturnLine(1, 2)),
            "two back again": returning(sale, ReturnLine(1, 2)),
            "one damaged": returning(sale, ReturnLine(1, 1, DAMAGED)),
            "void": voiding(sale),
            "sell": selling(SaleLine("tea", 3, 300)),
        }
        accepted = {name for name in order if book.send(steps[name]).answer.accepted}
        (line,) = book.returned(sale).lines
        assert line.returned == 3, (order, accepted)
        assert ("void" in accepted) == (next(x for x in order if x != "sell") == "void")
        assert book.refunded == (900 if "void" not in accepted else 0), "nobody said how the voided sale was paid"
        row = book.row()
        assert row.on_hand == 6 - 3 + 3 - 3
        assert row.available == row.on_hand - line.damaged


Act = tuple[str, int, int, Condition]
acts = st.lists(
    st.tuples(
        st.sampled_from(["return", "return_less", "void"]),
        st.integers(1, 3),
        st.integers(1, 7),
        st.sampled_from([SHELF, DAMAGED]),
    ),
    max_size=12,
)
sold_lines = st.lists(st.tuples(st.integers(1, 7), st.integers(0, 1999)), min_size=1, max_size=3)


@given(sold=sold_lines, acts=acts, later=st.integers(0, 30))
def test_refunds_never_exceed_what_was_paid_and_returns_never_what_was_sold(
    sold: list[tuple[int, int]], acts: list[Act], later: int
) -> None:
    book = Book(tea=100)
    lines = tuple(SaleLine("tea", units, price) for units, price in sold)
    total = sum(map(due, lines))
    sale = book.sold(*lines, tenders=(Tender(CASH, total),) if total else ())
    for kind, line, units, condition in acts:
        at: datetime = NOW + timedelta(hours=later)
        if kind == "void":
            book.send(voiding(sale), at)
        elif kind == "return":
            book.send(returning(sale, ReturnLine(line, units, condition)), at)
        else:
            book.send(returning(sale, ReturnLine(line, units, condition), refund=(Tender(CARD, units),), by=None), at)
    units_sold = sum(units for units, _ in sold)
    assert book.refunded <= total
    assert book.row().on_hand <= 100
    if acts and book.books.documents:
        body = book.returned(sale)
        assert all(0 <= line.returned <= line.sold for line in body.lines)
        assert body.refunded_cents == book.refunded
        assert book.refunded <= sum(line.worth(line.returned) for line in body.lines)
        assert book.row().on_hand == 100 - units_sold + sum(line.returned for line in body.lines)
        assert book.row().unavailable == sum(line.damaged for line in body.lines)


def test_a_part_of_a_line_is_worth_no_more_than_its_share_in_whole_cents() -> None:
    book = Book(tea=3)
    taxed = SaleLine("tea", 3, 33, LinePricing(tax=Tax(100, 1, included=False)))  # 1.00 for three
    sale = book.sold(taxed, tenders=(Tender(CASH, 100),))
    refunds = [book.send(returning(sale, ReturnLine(1, 1))).refund for _ in range(3)]
    assert [refund.tenders[0].amount_cents for refund in refunds if refund] == [33, 33, 34]
    assert [refund.sale_id for refund in refunds if refund] == [sale] * 3


def test_of_what_cost_nothing_nothing_is_given_back() -> None:
    book = Book(tea=3)
    sale = book.sold(SaleLine("tea", 1, 0))
    refund = book.send(returning(sale, ReturnLine(1, 1))).refund
    assert refund is not None
    assert refund.tenders == ()
