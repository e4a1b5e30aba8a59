"""The rules of facts: what is there is taken, what is not becomes a case, and a case ends in one of few ways."""

from datetime import timedelta

import pytest
from msgspec import json, structs

from backend.ids import new_id
from backend.model.answers import Code
from backend.model.commands import Line, SaleLine
from backend.model.returns import Condition
from backend.model.shortfalls import Offline, Outcome, ShortfallLine, ShortfallStatus
from backend.model.verbs.confirm import Confirm
from backend.model.verbs.sell import Sell

from .book import (
    ANA,
    EARLIER,
    LUIS,
    MACHINE,
    NOW,
    STORE,
    Book,
    fact,
    holding,
    receiving,
    returning,
    settling,
    tea,
    voiding,
)


def short_of(book: Book, units: int) -> Sell:
    """Sells what there is and as many units more; returns the sale."""
    sale = fact(tea(book.row().on_hand + units))
    book.accept(sale)
    return sale


def test_a_fact_takes_what_is_there_and_the_rest_is_a_case() -> None:
    book = Book(tea=3)
    said = Offline(sequence=41, guaranteed=False, approved_by="luis")
    sale = fact(tea(5), said=said)
    effect = book.send(sale)
    assert [(x.kind, x.on_hand_change) for x in effect.movements] == [("sell", -3)]
    assert book.row().on_hand == 0
    case = book.case(sale.id)
    assert (case.kind, case.status, case.store_id, case.actor, case.terminal_id) == (
        "shortfall",
        "open",
        STORE,
        "ana",
        "T1",
    )
    body = book.body(sale.id)
    assert body.lines == (ShortfallLine("tea", sold=5, short=2),)
    assert (body.offline, body.left_at) == (said, EARLIER)
    assert effect.answer.documents == (case,)
    assert effect.sale is not None
    assert effect.sale.short == (2,)


def test_a_fact_of_which_all_is_there_is_a_sale_like_any() -> None:
    book = Book(tea=5)
    effect = book.send(fact(tea(5)))
    assert effect.answer.documents == ()
    assert effect.sale is not None
    assert (effect.sale.short, book.row().on_hand) == ((), 0)


def test_units_that_others_hold_are_not_taken() -> None:
    book = Book(tea=5)
    book.accept(holding(4))
    sale = fact(tea(3))
    book.accept(sale)
    assert (book.row().on_hand, book.row().reserved, book.row().available) == (4, 4, 0)
    assert book.line(sale.id).open == 2


def test_its_own_hold_serves_it_first() -> None:
    book = Book(tea=5)
    own = holding(2)
    book.accept(own)
    book.accept(holding(3))
    sale = fact(tea(4), holds=(own.id,))
    book.accept(sale)
    assert (book.row().on_hand, book.row().reserved) == (3, 3)
    assert book.line(sale.id).open == 2
    assert book.books.reservations[own.id].status == "CONFIRMED"


def test_nothing_at_all_moves_nothing_and_is_a_sale_still() -> None:
    book = Book(tea=0, jam=9)
    sale = fact(tea(2), SaleLine("jam", 1, 50))
    effect = book.send(sale)
    assert [(x.product_id, x.on_hand_change) for x in effect.movements] == [("jam", -1)]
    assert book.row().version == 1
    assert effect.sale is not None
    assert (effect.sale.record.total_cents, effect.sale.short) == (250, (2, 0))


def test_the_last_lines_of_a_product_are_the_first_to_be_short() -> None:
    book = Book(tea=4)
    effect = book.send(fact(tea(3), tea(1), tea(2)))
    assert effect.sale is not None
    assert effect.sale.short == (0, 0, 2)


def test_holds_that_are_gone_do_not_stop_a_fact() -> None:
    book = Book(tea=5)
    hold = holding(2)
    book.accept(hold)
    book.accept(Confirm(id=new_id(), store_id=STORE, reservation_id=hold.id))
    assert book.code(Sell(id=new_id(), store_id=STORE, lines=(tea(1),), holds=(hold.id,))) is Code.RESERVATION_ENDED
    book.accept(fact(tea(1), holds=(hold.id, new_id())))
    assert book.row().on_hand == 2


def test_what_no_terminal_sends_is_no_fact() -> None:
    book = Book(tea=1)
    assert book.code(fact(tea(2)), MACHINE) is Code.TERMINAL_NEEDED
    assert book.code(Sell(id=new_id(), store_id=STORE, lines=(tea(2),)), ANA) is Code.INSUFFICIENT_STOCK
    assert book.row().on_hand == 1


def test_a_product_that_nobody_knows_is_refused() -> None:
    assert Book(tea=1).code(fact(SaleLine("gin", 1, 100))) is Code.UNKNOWN_PRODUCT


def test_a_command_without_it_reads_as_before() -> None:
    plain = Sell(id=new_id(), store_id=STORE, lines=(tea(1),))
    assert b"offline" not in json.encode(plain)


def test_goods_that_came_are_taken_and_no_more_than_are_there() -> None:
    book = Book(tea=0)
    sale = short_of(book, 3)
    assert book.code(settling(sale.id, Outcome.TAKE), LUIS) is Code.INSUFFICIENT_STOCK
    book.accept(receiving(2))
    assert book.code(settling(sale.id, Outcome.TAKE), LUIS) is Code.INSUFFICIENT_STOCK
    book.accept(settling(sale.id, Outcome.TAKE, 2), LUIS)
    assert (book.row().on_hand, book.case(sale.id).status, book.line(sale.id).open) == (0, "open", 1)
    book.accept(receiving(5))
    effect = book.send(settling(sale.id, Outcome.TAKE), LUIS)
    (movement,) = effect.movements
    assert (movement.kind, movement.on_hand_change, movement.document_id) == ("shortfall", -1, str(sale.id))
    assert (book.row().on_hand, book.case(sale.id).status) == (4, ShortfallStatus.SETTLED)
    assert book.code(settling(sale.id, Outcome.TAKE), LUIS) is Code.WRONG_STATUS


def test_found_units_come_and_go_in_two_movements() -> None:
    book = Book(tea=0)
    sale = short_of(book, 2)
    effect = book.send(settling(sale.id, Outcome.ADJUST), LUIS)
    assert [(x.kind, x.on_hand_change, x.version) for x in effect.movements] == [
        ("shortfall_found", 2, 2),
        ("shortfall", -2, 3),
    ]
    assert (book.row().on_hand, book.row().version, book.case(sale.id).status) == (0, 3, "settled")


def test_what_is_dismissed_moves_nothing() -> None:
    book = Book(tea=0)
    sale = short_of(book, 2)
    effect = book.send(settling(sale.id, Outcome.DISMISS, 1), LUIS)
    assert (effect.movements, book.line(sale.id).dismissed, book.line(sale.id).open) == ((), 1, 1)
    assert [(x.what, x.actor, x.reason) for x in book.body(sale.id).steps] == [
        ("sell", "ana", ""),
        ("dismiss", "luis", "looked"),
    ]


def test_a_backorder_waits_and_somebody_answers_for_it() -> None:
    book = Book(tea=0)
    sale = short_of(book, 2)
    book.accept(settling(sale.id, Outcome.BACKORDER, owner="eva"), LUIS)
    assert (book.case(sale.id).status, book.body(sale.id).owner, book.line(sale.id).open) == ("waiting", "eva", 2)
    book.accept(receiving(2))
    book.accept(settling(sale.id, Outcome.TAKE, 1), LUIS)
    assert book.case(sale.id).status == "waiting"
    book.accept(settling(sale.id, Outcome.TAKE), LUIS)
    assert (book.case(sale.id).status, book.row().on_hand) == ("settled", 0)


def test_never_more_than_is_open_and_never_another_stores() -> None:
    book = Book(tea=0)
    sale = short_of(book, 2)
    assert book.code(settling(sale.id, Outcome.ADJUST, 3), LUIS) is Code.MORE_THAN_OPEN
    assert book.code(settling(sale.id, Outcome.ADJUST, store="304"), LUIS) is Code.UNKNOWN_DOCUMENT
    assert book.code(settling(new_id(), Outcome.ADJUST), LUIS) is Code.UNKNOWN_DOCUMENT


@pytest.mark.parametrize(
    ("back", "condition", "on_hand", "open_units"),
    [
        (1, Condition.SHELF, 0, 1),
        (2, Condition.SHELF, 0, 0),
        (4, Condition.SHELF, 2, 0),
        (2, Condition.DAMAGED, 2, 2),
    ],
)
def test_units_that_were_never_taken_come_back_first(
    back: int, condition: Condition, on_hand: int, open_units: int
) -> None:
    book = Book(tea=3)
    sale = short_of(book, 2)
    answer = book.accept(returning(sale.id, back, condition))
    assert (book.row().on_hand, book.line(sale.id).open) == (on_hand, open_units)
    assert answer.documents[0].kind == "returned"
    left = 5 - back
    book.accept(returning(sale.id, left))
    row = book.row()
    assert (row.on_hand, row.unavailable) == (3, 2 if condition is Condition.DAMAGED else 0)
    assert book.case(sale.id).status == "settled"
    assert book.code(returning(sale.id, 1)) is Code.MORE_THAN_SOLD


def test_what_was_settled_comes_back_to_the_shelf() -> None:
    book = Book(tea=1)
    sale = short_of(book, 2)
    book.accept(settling(sale.id, Outcome.ADJUST), LUIS)
    book.accept(returning(sale.id, 3))
    assert book.row().on_hand == 3


def test_a_void_ends_the_case() -> None:
    book = Book(tea=3)
    sale = short_of(book, 2)
    book.accept(voiding(sale.id))
    assert (book.row().on_hand, book.case(sale.id).status, book.line(sale.id).returned) == (3, "settled", 2)
    assert book.code(settling(sale.id, Outcome.ADJUST), LUIS) is Code.WRONG_STATUS


def test_units_of_two_lines_share_one_case() -> None:
    book = Book(tea=1)
    sale = fact(tea(2), tea(2))
    book.accept(sale)
    book.accept(returning(sale.id, 2, line=1))
    assert (book.row().on_hand, book.line(sale.id).open) == (0, 1)
    book.accept(returning(sale.id, 2, line=2))
    assert (book.row().on_hand, book.line(sale.id).open) == (1, 0)
    assert [x.never_taken for x in book.returned(sale.id).lines] == [2, 1]


def test_a_clock_ahead_of_the_servers_says_now() -> None:
    book = Book(tea=0)
    sale = fact(tea(1), made_at=NOW + timedelta(days=1))
    book.accept(sale)
    assert book.body(sale.id).left_at == NOW


def test_one_line_of_a_case_may_be_settled_without_the_other() -> None:
    book = Book(tea=0, jam=0)
    sale = fact(tea(2), SaleLine("jam", 1, 50))
    book.accept(sale)
    book.accept(settling(sale.id, Outcome.DISMISS, 2), LUIS)
    assert book.body(sale.id).open == {"jam": 1}
    assert book.case(sale.id).status == "open"
    rest = structs.replace(settling(sale.id, Outcome.ADJUST), lines=(Line("jam", 1),))
    book.accept(rest, LUIS)
    assert book.case(sale.id).status == "settled"
