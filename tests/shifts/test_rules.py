"""The rules of shifts, and two servers that open a drawer at the same moment."""

import asyncio

from msgspec import structs

from backend.database.engine import Database
from backend.ids import new_id
from backend.model.answers import Code
from backend.model.shifts import ShiftBody
from backend.model.verbs.shift_close import ShiftClose
from backend.model.verbs.shift_open import ShiftOpen
from backend.model.verbs.shift_pay_in import ShiftPayIn
from backend.model.verbs.shift_pay_out import ShiftPayOut
from tests.ledger.shop import codes, open_shop, request, running_ledger
from tests.returns.book import STORE, Book


def opening(terminal_id: str = "T1") -> ShiftOpen:
    return ShiftOpen(id=new_id(), store_id=STORE, terminal_id=terminal_id, float_cents=10_000)


def closing(shift: ShiftOpen, terminal_id: str = "T1", store: str = STORE) -> ShiftClose:
    return ShiftClose(id=new_id(), store_id=store, terminal_id=terminal_id, shift_id=shift.id, counted_cents=9_950)


def test_what_a_shift_remembers() -> None:
    book, shift = Book(), opening()
    book.send(shift)
    book.send(ShiftPayIn(id=new_id(), store_id=STORE, shift_id=shift.id, amount_cents=500, reason="change"))
    book.send(ShiftPayOut(id=new_id(), store_id=STORE, shift_id=shift.id, amount_cents=700, reason="flowers"))
    effect = book.send(closing(shift))
    assert not effect.movements
    body = book.books.documents[shift.id].read(ShiftBody)
    assert [(move.amount_cents, move.reason) for move in body.moves] == [(500, "change"), (-700, "flowers")]
    assert (body.float_cents, body.counted_cents, body.closed_by) == (10_000, 9_950, "ana")


def test_a_shift_is_opened_in_a_store_that_there_is() -> None:
    book, nowhere = Book(), structs.replace(opening(), store_id="999")
    refusal = book.send(nowhere).answer.refusal
    assert refusal is not None
    assert (refusal.code, refusal.field) == (Code.UNKNOWN_STORE, "store_id")


def test_a_shift_is_closed_at_its_own_terminal_and_store() -> None:
    book, shift, other = Book(), opening(), opening("T2")
    book.send(shift)
    book.send(other)
    assert book.code(closing(shift, "T2")) is Code.UNKNOWN_DOCUMENT
    assert book.code(closing(shift, "T3")) is Code.UNKNOWN_DOCUMENT
    assert book.code(closing(shift, store="304")) is Code.UNKNOWN_DOCUMENT
    assert book.code(opening()) is Code.SHIFT_OPEN
    assert book.send(closing(shift)).answer.accepted
    assert book.code(closing(shift)) is Code.WRONG_STATUS
    assert book.send(opening()).answer.accepted


async def test_two_servers_open_one_shift_of_a_terminal(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as one, running_ledger(database) as two:
        for round_ in range(4):  # the first opens the drawer's document, the later ones step it
            race = [opening() for _ in range(6)]
            answers = await asyncio.gather(
                *[(one, two)[n % 2].submit(request(command)) for n, command in enumerate(race)]
            )
            assert sorted(map(str, codes(answers))) == ["None"] + ["shift_open"] * 5, round_
            won = next(command for command, answer in zip(race, answers, strict=True) if answer.accepted)
            closes = await asyncio.gather(*[server.submit(request(closing(won))) for server in (one, two)])
            assert sorted(map(str, codes(closes))) == ["None", "wrong_status"]


async def test_a_whole_shift_in_one_batch(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        shift = opening()
        pay = ShiftPayIn(id=new_id(), store_id=STORE, shift_id=shift.id, amount_cents=500, reason="change")
        answers = await ledger.submit_many([request(x) for x in (shift, pay, closing(shift), opening())])
    assert codes(answers) == [None] * 4
