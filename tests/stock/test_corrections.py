"""The rules of adjusting, quarantine, release and write-off: what each changes, and what each refuses."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import json, structs

from backend.ids import new_id
from backend.model.answers import Code, ShortLine
from backend.model.books import Books, Effect, Request
from backend.model.commands import Command, Line
from backend.model.decide import decide
from backend.model.reasons import REASONS, ReasonCode, told
from backend.model.stock import StockRow, Who
from backend.model.verbs import VERBS
from backend.model.verbs.adjust import Adjust
from backend.model.verbs.quarantine import Quarantine
from backend.model.verbs.release import Release
from backend.model.verbs.write_off import Source, WriteOff

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
LUIS = Who("luis", "T1")
STORE = "292"


def books(on_hand: int = 10, **more: int) -> Books:
    return Books({(STORE, "tea"): StockRow(STORE, "tea", on_hand, version=1, **more)}, {STORE}, {})


def decided(command: Command, state: Books | None = None) -> Effect:
    return decide(state or books(), Request(command, LUIS), NOW)


def adjust(units: int, reason_code: ReasonCode | None = None, document_id: str | None = None) -> Adjust:
    command = Adjust(id=new_id(), store_id=STORE, product_id="tea", adjustment=units, reason="seen")
    if reason_code is not None:
        command = structs.replace(command, reason_code=reason_code)
    return command if document_id is None else structs.replace(command, document_id=document_id)


def quarantine(units: int, reason_code: ReasonCode = ReasonCode.DAMAGE, reason: str = "") -> Quarantine:
    return Quarantine(id=new_id(), store_id=STORE, lines=(Line("tea", units),), reason_code=reason_code, reason=reason)


def release(units: int) -> Release:
    return Release(id=new_id(), store_id=STORE, lines=(Line("tea", units),))


def write_off(units: int, source: Source = Source.AVAILABLE, reason_code: ReasonCode = ReasonCode.DAMAGE) -> WriteOff:
    lines = (Line("tea", units),)
    return WriteOff(id=new_id(), store_id=STORE, lines=lines, reason_code=reason_code, source=source)


def refusal(effect: Effect) -> Code:
    assert effect.answer.refusal is not None
    assert not effect.movements
    return effect.answer.refusal.code


def test_an_adjustment_without_a_code_is_on_the_wire_what_it_was() -> None:
    sent = json.decode(json.encode(adjust(-1)))
    assert sent.keys() == {"type", "id", "store_id", "product_id", "adjustment", "reason"}
    assert decided(adjust(-1)).movements[0].reason == "seen"


def test_the_code_stands_before_the_words_and_the_paper_is_named() -> None:
    (movement,) = decided(adjust(-2, ReasonCode.THEFT, "police 17")).movements
    assert (movement.reason, movement.document_id, movement.on_hand) == ("theft: seen", "police 17", 8)
    assert told(ReasonCode.DAMAGE, "x" * 200) == ("damage: " + "x" * 200)[:200]
    assert told(ReasonCode.DAMAGE) == "damage"


@pytest.mark.parametrize("code", ReasonCode)
def test_a_reason_goes_in_its_own_direction_only(code: ReasonCode) -> None:
    meaning = REASONS[code]
    assert decided(adjust(1, code)).answer.accepted == meaning.adds
    assert decided(adjust(-1, code)).answer.accepted == meaning.removes
    assert decided(write_off(1, reason_code=code)).answer.accepted == meaning.removes
    assert decided(quarantine(1, code)).answer.accepted == meaning.holds_back


def test_a_wrong_reason_names_those_that_fit() -> None:
    effect = decided(adjust(-1, ReasonCode.FOUND))
    assert refusal(effect) is Code.REASON_NOT_ALLOWED
    assert effect.answer.refusal is not None
    assert effect.answer.refusal.field == "reason_code"
    assert "theft" in effect.answer.refusal.message


def test_quarantine_keeps_units_on_hand_and_off_the_shelf() -> None:
    (row,) = decided(quarantine(3, reason="crushed"), books(10, reserved=7)).answer.stock
    assert (row.on_hand, row.unavailable, row.available) == (10, 3, 0)
    effect = decided(quarantine(4), books(10, reserved=7))
    assert refusal(effect) is Code.INSUFFICIENT_STOCK


def test_release_gives_back_what_is_in_quarantine_and_no_more() -> None:
    (row,) = decided(release(2), books(10, unavailable=3)).answer.stock
    assert (row.on_hand, row.unavailable, row.available) == (10, 1, 9)
    effect = decided(release(4), books(10, unavailable=3))
    assert refusal(effect) is Code.INSUFFICIENT_STOCK
    assert effect.answer.refusal is not None
    assert effect.answer.refusal.lines == (ShortLine("tea", 4, 3),)


def test_units_are_written_off_from_the_shelf_or_from_quarantine() -> None:
    (row,) = decided(write_off(4), books(10, unavailable=3)).answer.stock
    assert (row.on_hand, row.unavailable, row.available) == (6, 3, 3)
    (row,) = decided(write_off(3, Source.UNAVAILABLE), books(10, unavailable=3)).answer.stock
    assert (row.on_hand, row.unavailable, row.available) == (7, 0, 7)
    assert refusal(decided(write_off(8), books(10, unavailable=3))) is Code.INSUFFICIENT_STOCK
    assert refusal(decided(write_off(4, Source.UNAVAILABLE), books(10, unavailable=3))) is Code.INSUFFICIENT_STOCK


def test_two_lines_of_one_product_are_one_demand() -> None:
    twice = structs.replace(write_off(1), lines=(Line("tea", 6), Line("tea", 6)))
    assert refusal(decided(twice)) is Code.INSUFFICIENT_STOCK
    twice_released = structs.replace(release(1), lines=(Line("tea", 2), Line("tea", 2)))
    assert refusal(decided(twice_released, books(10, unavailable=3))) is Code.INSUFFICIENT_STOCK


def test_an_unknown_product_is_unknown_in_each_of_them() -> None:
    for command in (quarantine(1), release(1), write_off(1), write_off(1, Source.UNAVAILABLE)):
        effect = decided(structs.replace(command, lines=(Line("gold", 1),)))
        assert refusal(effect) is Code.UNKNOWN_PRODUCT


@pytest.mark.parametrize("reserved", [0, 4])
def test_pain_10_stock_never_goes_negative_silently(reserved: int) -> None:
    """Whatever takes units is refused with what there is; nothing goes below zero, and nothing is added in silence."""
    state = books(10, reserved=reserved, unavailable=2)
    free = 10 - reserved - 2
    for command in (adjust(-free - 1), write_off(free + 1), quarantine(free + 1)):
        effect = decided(command, state)
        assert refusal(effect) is Code.INSUFFICIENT_STOCK
        assert effect.answer.refusal is not None
        assert effect.answer.refusal.lines == (ShortLine("tea", free + 1, free),)
    for command in (adjust(-free), write_off(free), quarantine(free)):
        (movement,) = decided(command, state).movements
        assert movement.on_hand - movement.unavailable - movement.allocated - movement.reserved == 0
        assert movement.actor == "luis"


def test_quarantine_and_release_say_why_by_which_paper_and_sum_their_lines() -> None:
    lines = (Line("tea", 2), Line("tea", 3))
    paper: dict[str, Any] = {
        "id": new_id(),
        "store_id": STORE,
        "lines": lines,
        "reason": "torn",
        "document_id": "photo 4",
    }
    (kept,) = decided(Quarantine(**paper, reason_code=ReasonCode.DAMAGE)).movements
    assert (kept.unavailable_change, kept.reason, kept.document_id) == (5, "damage: torn", "photo 4")
    (freed,) = decided(Release(**paper), books(unavailable=6)).movements
    assert (freed.unavailable_change, freed.reason, freed.document_id) == (-5, "torn", "photo 4")
    assert not VERBS[Release].ends_dead_holds, "a dead hold is on the shelf, not in quarantine"
