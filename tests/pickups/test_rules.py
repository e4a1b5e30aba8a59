"""Holding at another store: who asks, what the other store says, and that the shelf is counted that lacks units."""

from datetime import timedelta
from uuid import UUID

from backend.ids import new_id
from backend.model.answers import Code
from backend.model.commands import Line, SaleLine
from backend.model.pickups import CountTaskBody, PickupBody
from backend.model.reservations import Status
from backend.model.verbs import VERBS
from backend.model.verbs.count_task_done import CountTaskDone
from backend.model.verbs.hold_elsewhere import HoldElsewhere
from backend.model.verbs.hold_found import HoldFound
from backend.model.verbs.hold_missing import HoldMissing
from backend.model.verbs.hold_withdraw import HoldWithdraw
from backend.model.verbs.sell import Sell
from tests.transfers.book import HERE, NOW, THERE, Book

LATER = NOW + timedelta(minutes=30)
HOUR = timedelta(hours=1)


def asking(units: int = 2, store: str = HERE, by: str = THERE, product_id: str = "tea") -> HoldElsewhere:
    return HoldElsewhere(
        id=new_id(),
        store_id=store,
        for_store_id=by,
        lines=(Line(product_id, units),),
        ttl_seconds=3600,
        reason="Mrs Vega comes by car",
        customer_id="vega",
    )


def found(pickup: UUID, ttl: int | None = None, by: str = HERE) -> HoldFound:
    return HoldFound(id=new_id(), store_id=by, pickup_id=pickup, ttl_seconds=ttl)


def missing(pickup: UUID, keep: bool = False, by: str = HERE) -> HoldMissing:
    return HoldMissing(id=new_id(), store_id=by, pickup_id=pickup, keep=keep)


def withdrawing(pickup: UUID, by: str = THERE) -> HoldWithdraw:
    return HoldWithdraw(id=new_id(), store_id=HERE, for_store_id=by, pickup_id=pickup)


def asked(book: Book) -> UUID:
    command = asking()
    assert book.send(command).answer.accepted
    return command.id


def test_asking_holds_there_and_says_who_why_and_until_when() -> None:
    book = Book(tea=10)
    command = asking()
    effect = book.send(command)
    assert effect.answer.reservation is not None
    assert (effect.answer.reservation.store_id, effect.answer.reservation.expires_at) == (HERE, NOW + HOUR)
    assert (book.row(HERE).reserved, book.row(THERE).version) == (2, 0)
    pickup = book.document(command.id)
    body = pickup.read(PickupBody)
    assert (pickup.store_id, pickup.other_store_id, pickup.status, pickup.actor) == (HERE, THERE, "asked", "luis")
    assert (body.reason, body.customer_id, body.expires_at) == ("Mrs Vega comes by car", "vega", NOW + HOUR)
    assert VERBS[HoldElsewhere].acts_in(command) == THERE


def test_what_cannot_be_asked() -> None:
    book = Book(tea=1)
    assert book.code(asking(by=HERE)) is Code.SAME_STORE
    assert book.code(asking()) is Code.INSUFFICIENT_STOCK
    assert book.refused(asking(by="999")).field == "for_store_id"
    assert book.code(asking(store="999")) is Code.UNKNOWN_STORE
    assert book.code(asking(product_id="gold")) is Code.UNKNOWN_PRODUCT


def test_found_units_may_be_kept_for_longer() -> None:
    book = Book()
    one, other = asked(book), asked(book)
    book.send(found(one))
    effect = book.send(found(other, ttl=7200), at=LATER)
    assert (book.status(one), book.status(other)) == ("found", "found")
    assert book.document(other).read(PickupBody).expires_at == LATER + 2 * HOUR
    assert effect.answer.reservation is not None
    assert effect.answer.reservation.expires_at == LATER + 2 * HOUR
    assert book.books.reservations[other].version == 2
    assert book.code(found(one)) is Code.WRONG_STATUS


def test_not_on_the_shelf_ends_the_hold_and_opens_a_count_task() -> None:
    book = Book()
    pickup = asked(book)
    command = missing(pickup)
    effect = book.send(command)
    assert [(m.kind, m.reserved_change) for m in effect.movements] == [("hold_missing", -2)]
    assert (book.row(HERE).reserved, book.books.reservations[pickup].status) == (0, Status.CANCELLED)
    task = book.document(command.id)
    assert (book.status(pickup), task.kind, task.status, task.store_id) == ("missing", "count_task", "open", HERE)
    assert task.read(CountTaskBody).product_ids == ("tea",)
    book.send(CountTaskDone(id=new_id(), store_id=HERE, count_task_id=task.id, reason="one was behind the shelf"))
    assert book.status(task.id) == "done"
    again = CountTaskDone(id=new_id(), store_id=HERE, count_task_id=task.id, reason="again")
    assert book.code(again) is Code.WRONG_STATUS


def test_a_kept_hold_goes_on_while_somebody_looks_further() -> None:
    book = Book()
    pickup = asked(book)
    assert not book.send(missing(pickup, keep=True)).movements
    assert (book.row(HERE).reserved, book.status(pickup)) == (2, "missing")
    book.send(found(pickup))
    assert book.status(pickup) == "found"
    sale = Sell(id=new_id(), store_id=HERE, lines=(SaleLine("tea", 2, 100),), holds=(pickup,))
    assert book.send(sale).answer.accepted
    assert (book.row(HERE).on_hand, book.row(HERE).reserved) == (8, 0)


def test_a_hold_that_is_over_is_not_found_but_may_still_be_missed() -> None:
    book = Book()
    pickup = asked(book)
    effect = book.send(found(pickup), at=NOW + HOUR)
    assert effect.answer.refusal is not None
    assert effect.answer.refusal.code is Code.RESERVATION_ENDED
    effect = book.send(missing(pickup), at=NOW + HOUR)
    assert effect.answer.accepted
    assert not effect.movements, "the sweep ends it"
    assert [document.kind for document in effect.documents] == ["pickup", "count_task"]


def test_the_store_that_asked_takes_it_back_and_no_other_one() -> None:
    book = Book()
    pickup = asked(book)
    assert book.code(withdrawing(pickup, by="777")) is Code.UNKNOWN_DOCUMENT
    book.send(withdrawing(pickup))
    assert (book.row(HERE).reserved, book.status(pickup)) == (0, "withdrawn")
    assert book.code(withdrawing(pickup)) is Code.RESERVATION_ENDED
    assert book.code(missing(pickup)) is Code.WRONG_STATUS
    assert VERBS[HoldWithdraw].acts_in(withdrawing(pickup)) == THERE


def test_only_the_store_that_was_asked_answers() -> None:
    book = Book()
    pickup = asked(book)
    assert book.code(found(pickup, by=THERE)) is Code.UNKNOWN_DOCUMENT
    assert book.code(missing(pickup, by=THERE)) is Code.UNKNOWN_DOCUMENT
    assert book.code(found(new_id())) is Code.UNKNOWN_DOCUMENT
