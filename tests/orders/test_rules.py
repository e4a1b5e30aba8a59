"""The rules of orders: what is allocated, what is handed over, what is freed."""

from datetime import UTC, datetime

import pytest
from msgspec import structs

from backend.ids import new_id
from backend.model.answers import Code
from backend.model.books import Books, Effect, Request
from backend.model.commands import Command, Line
from backend.model.decide import decide
from backend.model.documents import Document, Promise
from backend.model.orders import Order, promises
from backend.model.stock import StockRow, Who
from backend.model.verbs.order_cancel import OrderCancel
from backend.model.verbs.order_fulfil import OrderFulfil
from backend.model.verbs.order_open import OrderOpen

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ANA = Who("ana", "T1")
STORE = "292"


def books(**on_hand: int) -> Books:
    return Books({(STORE, p): StockRow(STORE, p, n, version=1) for p, n in on_hand.items()}, {STORE}, {})


def apply(state: Books, command: Command) -> Effect:
    """Decides and takes the effect over into `state`."""
    effect = decide(state, Request(command, ANA), NOW)
    state.stock.update({(row.store_id, row.product_id): row for row in effect.answer.stock})
    state.documents.update({document.id: document for document in effect.documents})
    return effect


def lines_of(units: dict[str, int]) -> tuple[Line, ...]:
    return tuple(Line(product, n) for product, n in units.items())


def opening(*, backorder: bool = False, **units: int) -> OrderOpen:
    return OrderOpen(
        id=new_id(), store_id=STORE, lines=lines_of(units), customer_id="C7", reference="W-1", backorder=backorder
    )


def fulfil(order: Document, **units: int) -> OrderFulfil:
    return OrderFulfil(id=new_id(), store_id=STORE, order_id=order.id, lines=lines_of(units) or None)


def cancel(order: Document) -> OrderCancel:
    return OrderCancel(id=new_id(), store_id=STORE, order_id=order.id)


def the_order(effect: Effect) -> Document:
    assert effect.answer.refusal is None, effect.answer.refusal
    (document,) = effect.documents
    return document


def refusal(effect: Effect) -> Code:
    assert effect.answer.refusal is not None
    return effect.answer.refusal.code


def row(state: Books, product: str = "tea") -> tuple[int, int, int]:
    """(on_hand, allocated, available)"""
    one = state.stock[STORE, product]
    return one.on_hand, one.allocated, one.available


def test_an_order_allocates_all_its_lines_or_none() -> None:
    state = books(tea=5, jam=1)
    assert refusal(apply(state, opening(tea=3, jam=2))) is Code.INSUFFICIENT_STOCK
    assert row(state) == (5, 0, 5)
    order = the_order(apply(state, opening(tea=3, jam=1)))
    assert (row(state), row(state, "jam")) == ((5, 3, 2), (1, 1, 0))
    assert (order.status, order.reference, order.read(Order).customer_id) == ("open", "W-1", "C7")
    assert list(promises(order)) == [Promise(STORE, "tea", 3), Promise(STORE, "jam", 1)]


def test_a_backorder_takes_what_there_is_and_waits_for_the_rest() -> None:
    state = books(tea=2, jam=0)
    order = the_order(apply(state, opening(backorder=True, tea=5, jam=1)))
    assert (row(state), row(state, "jam")) == ((2, 2, 0), (0, 0, 0))
    assert refusal(apply(state, fulfil(order))) is Code.INSUFFICIENT_STOCK
    state.stock[STORE, "tea"] = structs.replace(state.stock[STORE, "tea"], on_hand=9)
    order = the_order(apply(state, fulfil(order, tea=5)))
    assert row(state) == (4, 0, 4)
    assert order.status == "part_fulfilled"
    assert [(line.product_id, line.left) for line in order.read(Order).lines] == [("tea", 0), ("jam", 1)]


def test_parts_are_handed_over_until_nothing_is_left() -> None:
    state = books(tea=5)
    order = the_order(apply(state, opening(tea=4)))
    order = the_order(apply(state, fulfil(order, tea=1)))
    assert (order.status, row(state)) == ("part_fulfilled", (4, 3, 1))
    assert refusal(apply(state, fulfil(order, tea=4))) is Code.INSUFFICIENT_STOCK
    assert refusal(apply(state, fulfil(order, jam=1))) is Code.INSUFFICIENT_STOCK
    order = the_order(apply(state, fulfil(order)))
    assert (order.status, row(state)) == ("fulfilled", (1, 0, 1))
    assert not list(promises(order))
    for late in (fulfil(order), cancel(order)):
        assert refusal(apply(state, late)) is Code.WRONG_STATUS


def test_cancelling_frees_what_is_left_and_nothing_that_was_handed_over() -> None:
    state = books(tea=5)
    order = the_order(apply(state, opening(tea=4)))
    order = the_order(apply(state, fulfil(order, tea=1)))
    order = the_order(apply(state, cancel(order)))
    assert (order.status, row(state)) == ("cancelled", (4, 0, 4))
    assert not list(promises(order))
    assert refusal(apply(state, fulfil(order))) is Code.WRONG_STATUS


def test_an_order_of_another_store_is_unknown() -> None:
    state = books(tea=5)
    order = the_order(apply(state, opening(tea=4)))
    for command in (fulfil(order), cancel(order)):
        assert refusal(apply(state, structs.replace(command, store_id="304"))) is Code.UNKNOWN_DOCUMENT


@pytest.mark.parametrize("backorder", [False, True])
def test_what_does_not_exist_cannot_be_ordered(backorder: bool) -> None:
    assert refusal(apply(books(tea=5), opening(backorder=backorder, gold=1))) is Code.UNKNOWN_PRODUCT
