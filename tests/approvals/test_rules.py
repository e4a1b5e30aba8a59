"""The rules of approvals: what waits, who grants, and what a grant does."""

from datetime import UTC, datetime

import pytest
from msgspec import structs, to_builtins

from backend.ids import new_id
from backend.model.answers import Code
from backend.model.approvals import Approval, limit_refusal
from backend.model.books import Books, Effect, Request
from backend.model.commands import Command, Line
from backend.model.decide import decide
from backend.model.documents import Document
from backend.model.limits import Limits, Size, exceeds, size_of
from backend.model.stock import StockRow, Who
from backend.model.unit_price import UnitPrice
from backend.model.verbs import VERBS, register
from backend.model.verbs.adjust import Adjust
from backend.model.verbs.approval_grant import ApprovalGrant
from backend.model.verbs.approval_refuse import ApprovalRefuse
from backend.model.verbs.approval_request import ApprovalRequest
from backend.model.verbs.receive import Receive
from backend.model.verbs.set_stock import SetStock
from backend.model.verbs.transfer import Transfer

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ANA, LUIS, EVA = Who("ana", "T1"), Who("luis", "T2"), Who("eva", "T3")
STORE = "292"


def books(tea: int = 10) -> Books:
    return Books({(STORE, "tea"): StockRow(STORE, "tea", tea, version=1)}, {STORE}, {})


def apply(state: Books, command: Command, who: Who) -> Effect:
    """Decides and takes the effect over into `state`."""
    effect = decide(state, Request(command, who), NOW)
    state.stock.update({(row.store_id, row.product_id): row for row in effect.answer.stock})
    state.documents.update({document.id: document for document in effect.documents})
    return effect


def adjust(units: int = -4) -> Adjust:
    return Adjust(id=new_id(), store_id=STORE, product_id="tea", adjustment=units, reason="fell")


def asking(command: Command) -> ApprovalRequest:
    return ApprovalRequest(
        id=command.id,
        store_id=command.store_id,
        command=to_builtins(command),
        reason="please look",
        price_cents={"tea": 150},
    )


def grant(approval: Document) -> ApprovalGrant:
    return ApprovalGrant(id=new_id(), store_id=STORE, approval_id=approval.id)


def refuse(approval: Document) -> ApprovalRefuse:
    return ApprovalRefuse(id=new_id(), store_id=STORE, approval_id=approval.id, reason="count again")


def the_document(effect: Effect) -> Document:
    assert effect.answer.refusal is None, effect.answer.refusal
    return effect.documents[-1]


def refusal(effect: Effect) -> Code:
    assert effect.answer.refusal is not None
    assert not effect.movements
    return effect.answer.refusal.code


def test_what_waits_moves_nothing_and_says_how_much_it_is() -> None:
    state = books()
    effect = apply(state, asking(adjust(-4)), ANA)
    approval = the_document(effect)
    assert (approval.kind, approval.status, approval.actor, approval.reference) == (
        "approval",
        "requested",
        "ana",
        "adjust",
    )
    body = approval.read(Approval)
    assert (body.units, body.value_cents, body.reason, body.decided_by) == (4, 600, "please look", "")
    assert not effect.movements
    assert state.stock[STORE, "tea"].on_hand == 10


def test_a_grant_moves_it_for_who_asked_and_names_who_approved() -> None:
    state = books()
    approval = the_document(apply(state, asking(adjust(-4)), ANA))
    command = grant(approval)
    effect = apply(state, command, LUIS)
    granted = the_document(effect)
    (movement,) = effect.movements
    assert (movement.kind, movement.on_hand_change, movement.actor, movement.terminal_id) == ("adjust", -4, "ana", "T1")
    assert (movement.command_id, movement.document_id) == (command.id, str(approval.id))
    assert movement.reason == "fell (approved by luis)"
    body = granted.read(Approval)
    assert (granted.status, body.decided_by, body.decided_at_terminal, body.decided_at) == (
        "granted",
        "luis",
        "T2",
        NOW,
    )
    assert state.stock[STORE, "tea"].on_hand == 6


def test_nobody_grants_what_they_asked_for() -> None:
    state = books()
    approval = the_document(apply(state, asking(adjust()), LUIS))
    assert refusal(apply(state, grant(approval), LUIS)) is Code.OWN_APPROVAL
    assert the_document(apply(state, grant(approval), EVA)).status == "granted"


def test_an_approval_is_decided_once() -> None:
    for first, second in ((grant, refuse), (refuse, grant), (grant, grant), (refuse, refuse)):
        state = books()
        approval = the_document(apply(state, asking(adjust(-4)), ANA))
        the_document(apply(state, first(approval), LUIS))
        assert refusal(apply(state, second(approval), EVA)) is Code.WRONG_STATUS
        assert state.stock[STORE, "tea"].on_hand == (6 if first is grant else 10)


def test_a_refusal_says_why() -> None:
    state = books()
    approval = the_document(apply(state, asking(adjust()), ANA))
    body = the_document(apply(state, refuse(approval), LUIS)).read(Approval)
    assert (body.decided_by, body.note) == ("luis", "count again")


def test_what_cannot_be_done_is_refused_when_it_is_asked_for() -> None:
    assert refusal(apply(books(tea=3), asking(adjust(-4)), ANA)) is Code.INSUFFICIENT_STOCK


def test_a_grant_of_what_is_gone_is_refused_and_can_be_given_later() -> None:
    state = books()
    approval = the_document(apply(state, asking(adjust(-4)), ANA))
    state.stock[STORE, "tea"] = structs.replace(state.stock[STORE, "tea"], on_hand=3)
    assert refusal(apply(state, grant(approval), LUIS)) is Code.INSUFFICIENT_STOCK
    assert state.documents[approval.id].status == "requested"
    state.stock[STORE, "tea"] = structs.replace(state.stock[STORE, "tea"], on_hand=4)
    assert the_document(apply(state, grant(approval), LUIS)).status == "granted"


def test_a_count_is_measured_by_its_difference() -> None:
    state = books()
    count = SetStock(id=new_id(), store_id=STORE, product_id="tea", quantity=3)
    assert the_document(apply(state, asking(count), ANA)).read(Approval).units == 7


@pytest.mark.parametrize(
    "changes",
    [
        {"command": {"type": "receive"}},
        {"command": {"type": "adjust", "product_id": "tea"}},
        {"command": to_builtins(adjust())},  # another id
        {"command": to_builtins(Receive(id=new_id(), store_id=STORE, lines=(Line("tea", 1),)))},
    ],
)
def test_what_never_waits_is_refused(changes: dict[str, object]) -> None:
    command = structs.replace(asking(adjust()), **changes)
    assert refusal(apply(books(), command, ANA)) is Code.COMMAND_NOT_APPROVABLE


def test_a_product_without_a_price_is_named() -> None:
    command = structs.replace(asking(adjust()), price_cents={})
    effect = apply(books(), command, ANA)
    assert refusal(effect) is Code.PRICE_NOT_ALLOWED
    assert effect.answer.refusal is not None
    assert effect.answer.refusal.field == "price_cents"


def test_an_approval_of_another_store_is_unknown() -> None:
    state = books()
    approval = the_document(apply(state, asking(adjust()), ANA))
    for command in (grant(approval), refuse(approval)):
        assert refusal(apply(state, structs.replace(command, store_id="304"), LUIS)) is Code.UNKNOWN_DOCUMENT


def test_a_long_reason_still_names_the_approver() -> None:
    state = books()
    long = structs.replace(adjust(), reason="x" * 200)
    approval = the_document(apply(state, asking(long), ANA))
    (movement,) = apply(state, grant(approval), LUIS).movements
    assert len(movement.reason) == 200
    assert movement.reason.endswith("(approved by luis)")


def test_limits_are_off_until_they_are_set_and_include_their_own_number() -> None:
    size = size_of({"tea": -3, "jam": 2}, {"tea": UnitPrice(150), "jam": UnitPrice(200)})
    assert size == Size(5, 850)
    assert not exceeds(Size(10**6, 10**9), Limits())
    assert [exceeds(size, Limits(units=n)) for n in (4, 5)] == [True, False]
    assert [exceeds(size, Limits(value_cents=n)) for n in (849, 850)] == [True, False]
    refused = limit_refusal(STORE, size, Limits(units=4, value_cents=900))
    assert refused is not None
    assert refused.code is Code.APPROVAL_NEEDED
    assert "4 units or 9.00 in value" in refused.message
    assert limit_refusal(STORE, size, Limits(units=5)) is None


def test_a_verb_of_two_stores_cannot_wait_for_one_of_them() -> None:
    verb = structs.replace(VERBS[Transfer], measure=VERBS[Adjust].measure)
    with pytest.raises(ValueError, match="is registered already"):
        register(verb)
    toy = structs.replace(verb, movements=(), command=type("TransferToy", (Transfer,), {}, tag="transfer_toy"))
    with pytest.raises(ValueError, match="cannot wait"):
        register(toy)


def test_the_value_of_weighed_goods_is_that_of_their_kilograms() -> None:
    assert size_of({"ham": -250}, {"ham": UnitPrice(249, 1000)}).value_cents == 62
