"""Transfers of several steps: each rule by example, and pain 12 of the field: what arrives short can be said."""

from datetime import timedelta

import pytest
from msgspec import structs

from backend.ids import new_id
from backend.model.answers import Code, ShortLine
from backend.model.commands import MAX_QUANTITY, Line
from backend.model.discrepancies import CaseOutcome, age_of
from backend.model.stock import StockRow, Who
from backend.model.transfers import TransferBody, TransferLine
from backend.model.verbs.adjust import Adjust
from backend.model.verbs.transfer_assign import TransferAssign
from backend.model.verbs.transfer_cancel import InFlight
from backend.model.verbs.transfer_receive import TransferReceiptLine, TransferReceive

from .book import (
    HERE,
    NOW,
    THERE,
    Book,
    cancelling,
    closing,
    opening,
    packing,
    receiving,
    settling,
    shipping,
)


def test_the_source_drafts_and_the_destination_requests() -> None:
    book = Book()
    draft, request = opening(tea=3), opening(by=THERE, tea=3)
    assert not book.send(draft).movements
    assert not book.send(request).movements
    assert (book.status(draft.id), book.status(request.id)) == ("draft", "requested")
    asked = book.document(request.id)
    assert (asked.store_id, asked.other_store_id, asked.actor) == (HERE, THERE, "luis")


def test_what_cannot_be_opened() -> None:
    book = Book()
    assert book.code(opening(to=HERE, tea=1)) is Code.SAME_STORE
    assert book.refused(opening(to="999", tea=1)).field == "to_store_id"
    assert book.refused(opening(source="999", by=THERE, tea=1)).field == "from_store_id"
    assert book.code(opening(gold=1)) is Code.UNKNOWN_PRODUCT
    assert book.code(opening(by="777", tea=1)) is Code.STORE_NOT_ALLOWED
    assert book.code(opening()) is Code.EMPTY_BASKET
    assert book.code(opening(tea=0)) is Code.INVALID_QUANTITY


def test_packing_puts_units_aside_and_packing_again_changes_how_many() -> None:
    book = Book(tea=10)
    transfer = opening(tea=6, jam=2)
    book.send(transfer)
    book.send(packing(transfer.id))
    assert (book.row(HERE).allocated, book.row(HERE).available, book.status(transfer.id)) == (6, 4, "packed")
    effect = book.send(packing(transfer.id, tea=5))
    assert {(m.product_id, m.allocated_change) for m in effect.movements} == {("tea", -1), ("jam", -2)}
    assert (book.row(HERE).allocated, book.row(HERE, "jam").allocated) == (5, 0)
    assert book.code(packing(transfer.id, tea=5)) is Code.INVALID_QUANTITY


def test_packing_is_guarded_like_a_sale() -> None:
    book = Book(tea=2)
    transfer = opening(tea=6, jam=2)
    book.send(transfer)
    refusal = book.refused(packing(transfer.id))
    assert (refusal.code, refusal.lines) == (Code.INSUFFICIENT_STOCK, (ShortLine("tea", 6, 2),))
    more = book.refused(packing(transfer.id, tea=7))
    assert (more.code, more.lines) == (Code.MORE_THAN_OPEN, (ShortLine("tea", 7, 6),))
    assert book.code(packing(transfer.id, milk=1)) is Code.MORE_THAN_OPEN
    assert book.send(packing(transfer.id, tea=2)).answer.accepted
    adjust = Adjust(id=new_id(), store_id=HERE, product_id="tea", adjustment=-1, reason="broken")
    assert book.code(adjust) is Code.INSUFFICIENT_STOCK


def test_shipping_takes_units_from_the_source_and_makes_them_incoming() -> None:
    book = Book(tea=10)
    transfer = opening(tea=6)
    book.send(transfer)
    assert book.code(shipping(transfer.id)) is Code.WRONG_STATUS
    book.send(packing(transfer.id))
    effect = book.send(shipping(transfer.id))
    assert [(m.store_id, m.kind, m.on_hand_change, m.incoming_change) for m in effect.movements] == [
        (HERE, "transfer_ship", -6, 0),
        (THERE, "transfer_due", 0, 6),
    ]
    assert book.row(HERE) == StockRow(HERE, "tea", 4, version=3)
    assert book.row(THERE) == StockRow(THERE, "tea", incoming=6, version=1)
    assert (book.status(transfer.id), book.document(transfer.id).reference) == ("in_transit", "A-17")
    assert book.code(shipping(transfer.id)) is Code.WRONG_STATUS


def test_many_receipts_each_with_what_is_good_damaged_and_missing() -> None:
    book = Book()
    transfer = book.shipped(tea=6)
    book.send(receiving(transfer, good=2))
    assert book.status(transfer) == "partly_received"
    assert book.row(THERE) == StockRow(THERE, "tea", 2, incoming=4, version=2)
    receipt = receiving(transfer, good=1, damaged=2, missing=1)
    book.send(receipt)
    row = book.row(THERE)
    assert (row.on_hand, row.unavailable, row.incoming, row.available) == (5, 2, 1, 3)
    assert book.line(transfer) == TransferLine("tea", 6, sent=6, received=3, damaged=2, missing=1)
    assert book.status(transfer) == "received"
    assert book.document(receipt.id).kind == "discrepancy"
    assert book.code(receiving(transfer, good=1)) is Code.WRONG_STATUS


def test_received_damaged_missing_and_returned_are_never_more_than_sent() -> None:
    book = Book()
    transfer = book.shipped(tea=6)
    for line in (receiving(transfer, good=7), receiving(transfer, good=3, damaged=3, missing=1)):
        refusal = book.refused(line)
        assert (refusal.code, refusal.lines) == (Code.MORE_THAN_OPEN, (ShortLine("tea", 7, 6),))
    twice = TransferReceive(
        id=new_id(),
        store_id=THERE,
        transfer_id=transfer,
        lines=(TransferReceiptLine("tea", 4), TransferReceiptLine("tea", 3)),
    )
    assert book.refused(twice).lines == (ShortLine("tea", 7, 6),)
    assert book.code(receiving(transfer, "jam", good=1)) is Code.MORE_THAN_OPEN
    assert book.code(receiving(transfer)) is Code.EMPTY_BASKET
    assert book.code(receiving(transfer, good=MAX_QUANTITY + 1)) is Code.INVALID_QUANTITY
    assert book.code(receiving(transfer, good=-1)) is Code.INVALID_QUANTITY
    assert book.row(THERE).incoming == 6


def test_pain_12_a_transfer_arrives_short_and_the_system_says_so() -> None:
    """The gap becomes a case of both stores, with an owner and an age, and its units stay accounted for."""
    book = Book()
    transfer = book.shipped(tea=6, jam=2)
    book.send(receiving(transfer, good=4, damaged=1))
    close = closing(transfer)
    effect = book.send(close)
    assert not effect.movements
    assert book.status(transfer) == "received"
    document, case = book.document(close.id), book.case(close.id)
    assert (document.store_id, document.other_store_id, document.reference) == (HERE, THERE, str(transfer))
    assert (document.status, case.owner) == ("open", "luis")
    assert [(line.product_id, line.missing, line.open) for line in case.lines] == [("tea", 1, 1), ("jam", 2, 2)]
    assert age_of(document, NOW + timedelta(days=3)) == timedelta(days=3).total_seconds()
    assert (book.row(THERE).incoming, book.row(THERE, "jam").incoming) == (1, 2)
    assert (book.line(transfer).open, book.line(transfer).in_transit) == (0, 1)


def test_each_store_settles_what_lies_with_it() -> None:
    book = Book(tea=10)
    transfer = book.shipped(tea=6)
    case = closing(transfer)
    book.send(case)
    for outcome, wrong in ((CaseOutcome.FOUND, HERE), (CaseOutcome.RETURNED, THERE)):
        assert book.code(settling(case.id, transfer, outcome, wrong)) is Code.STORE_NOT_ALLOWED
    more = book.refused(settling(case.id, transfer, CaseOutcome.LOST, HERE, tea=7))
    assert (more.code, more.lines) == (Code.MORE_THAN_OPEN, (ShortLine("tea", 7, 6),))

    book.send(settling(case.id, transfer, CaseOutcome.FOUND, THERE, tea=1))
    book.send(settling(case.id, transfer, CaseOutcome.RETURNED, HERE, tea=2))
    assert book.status(case.id) == "open"
    book.send(settling(case.id, transfer, CaseOutcome.LOST, THERE))
    assert book.status(case.id) == "settled"
    assert book.line(transfer) == TransferLine("tea", 6, sent=6, received=1, returned=2, lost=3)
    assert book.row(HERE).on_hand == 4 + 2
    assert (book.row(THERE).on_hand, book.row(THERE).incoming) == (1, 0)
    assert book.code(settling(case.id, transfer, CaseOutcome.LOST, THERE)) is Code.WRONG_STATUS
    settled = book.document(case.id)
    assert age_of(settled, NOW + timedelta(days=9)) == 0


def test_a_case_is_settled_with_its_own_transfer_only() -> None:
    book = Book(tea=10)
    one, other = book.shipped(tea=2), book.shipped(tea=3)
    case = closing(one)
    book.send(case)
    assert book.code(settling(case.id, other, CaseOutcome.LOST, HERE)) is Code.UNKNOWN_DOCUMENT
    assert book.code(settling(other, one, CaseOutcome.LOST, HERE)) is Code.UNKNOWN_DOCUMENT


def test_a_case_is_given_to_another_owner() -> None:
    book = Book()
    transfer = book.shipped(tea=6)
    case = closing(transfer)
    book.send(case)
    book.send(TransferAssign(id=new_id(), store_id=HERE, discrepancy_id=case.id, owner="eva"))
    assert book.case(case.id).owner == "eva"
    stranger = TransferAssign(id=new_id(), store_id="777", discrepancy_id=case.id, owner="eva")
    assert book.code(stranger) is Code.UNKNOWN_DOCUMENT
    book.send(settling(case.id, transfer, CaseOutcome.LOST, HERE))
    late = TransferAssign(id=new_id(), store_id=HERE, discrepancy_id=case.id, owner="ana")
    assert book.code(late) is Code.WRONG_STATUS


def test_cancelling_before_it_is_shipped_frees_what_was_packed() -> None:
    book = Book(tea=10)
    transfer = opening(tea=6)
    book.send(transfer)
    book.send(packing(transfer.id))
    book.send(cancelling(transfer.id))
    assert (book.row(HERE).allocated, book.row(HERE).available, book.status(transfer.id)) == (0, 10, "cancelled")
    for command in (cancelling(transfer.id), packing(transfer.id), shipping(transfer.id)):
        assert book.code(command) is Code.WRONG_STATUS


def test_a_request_is_taken_back_by_whoever_made_it_or_declined() -> None:
    book = Book()
    one, other, drafted = opening(by=THERE, tea=1), opening(by=THERE, tea=1), opening(tea=1)
    for command in (one, other, drafted):
        book.send(command)
    assert book.send(cancelling(one.id, by=THERE)).answer.accepted
    assert book.send(cancelling(other.id)).answer.accepted
    assert book.code(cancelling(drafted.id, by=THERE)) is Code.STORE_NOT_ALLOWED


def test_cancelling_in_flight_has_no_default() -> None:
    book = Book(tea=10)
    transfer = book.shipped(tea=6)
    refusal = book.refused(cancelling(transfer))
    assert (refusal.code, refusal.field, refusal.state) == (Code.GOODS_IN_FLIGHT, "in_flight", "in_transit")
    drafted = opening(tea=1)
    book.send(drafted)
    assert book.code(cancelling(drafted.id, InFlight.WRITE_OFF)) is Code.WRONG_STATUS
    assert book.code(cancelling(transfer, InFlight.RESTOCK, by=THERE)) is Code.STORE_NOT_ALLOWED


@pytest.mark.parametrize(
    ("in_flight", "on_hand", "line"),
    [
        (InFlight.RESTOCK, 10, TransferLine("tea", 6, sent=6, returned=6)),
        (InFlight.WRITE_OFF, 4, TransferLine("tea", 6, sent=6, lost=6)),
    ],
)
def test_cancelled_in_flight_goods_are_back_or_lost(in_flight: InFlight, on_hand: int, line: TransferLine) -> None:
    book = Book(tea=10)
    transfer = book.shipped(tea=6)
    book.send(cancelling(transfer, in_flight))
    assert (book.row(HERE).on_hand, book.row(THERE).incoming) == (on_hand, 0)
    assert (book.line(transfer), book.status(transfer)) == (line, "cancelled")
    assert book.code(receiving(transfer, good=1)) is Code.WRONG_STATUS


def test_cancelling_the_rest_of_a_partly_received_one_keeps_what_arrived() -> None:
    book = Book(tea=10)
    transfer = book.shipped(tea=6)
    book.send(receiving(transfer, good=2, missing=1))
    book.send(cancelling(transfer, InFlight.RESTOCK))
    assert book.status(transfer) == "received"
    assert book.line(transfer) == TransferLine("tea", 6, sent=6, received=2, missing=1, returned=3)
    assert (book.row(HERE).on_hand, book.row(THERE).incoming) == (7, 1)


def test_each_side_has_its_acts_and_strangers_none() -> None:
    book = Book()
    transfer = opening(tea=2)
    book.send(transfer)
    assert book.refused(packing(transfer.id, by=THERE)).field == "store_id"
    book.send(packing(transfer.id))
    assert book.code(shipping(transfer.id, by=THERE)) is Code.STORE_NOT_ALLOWED
    book.send(shipping(transfer.id))
    assert book.code(receiving(transfer.id, good=1, by=HERE)) is Code.STORE_NOT_ALLOWED
    assert book.code(closing(transfer.id, by=HERE)) is Code.STORE_NOT_ALLOWED
    assert book.code(closing(transfer.id, by="777")) is Code.UNKNOWN_DOCUMENT
    assert book.code(closing(new_id())) is Code.UNKNOWN_DOCUMENT


def test_the_document_tells_who_did_each_step() -> None:
    book = Book()
    transfer = book.shipped(tea=2)
    book.send(receiving(transfer, good=2), Who("eva", "T9"))
    steps = book.document(transfer).read(TransferBody).steps
    assert [(step.what, step.actor, step.terminal_id) for step in steps] == [
        ("transfer_open", "luis", "T1"),
        ("transfer_pack", "luis", "T1"),
        ("transfer_ship", "luis", "T1"),
        ("transfer_receive", "eva", "T9"),
    ]


def test_two_lines_of_one_product_are_one() -> None:
    book = Book(tea=10)
    transfer = opening(tea=1)
    doubled = structs.replace(transfer, lines=(Line("tea", 3), Line("tea", 4)))
    book.send(doubled)
    assert book.line(doubled.id).quantity == 7
