"""What covers a sale without a server, and who has to agree to the rest."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from backend.ids import new_id
from backend.model.allotments import AllotmentPolicy, Beyond
from backend.terminal.escrow import Escrow, OwnAllotment
from backend.terminal.lines import CartLine, Hold
from backend.terminal.terms import SaleBlocked, SupervisorNeeded, Terms, offline_terms, online_terms
from backend.terminal.values import Product

MILK = Product("milk", "MILK", "Milk", Decimal(1))
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def escrow(units: int) -> Escrow:
    return Escrow([OwnAllotment(new_id(), "milk", units, NOW, NOW + timedelta(hours=1))] if units else [])


def line(quantity: int, held: int = 0, *, live: bool = True) -> CartLine:
    return CartLine(MILK, quantity, Hold(new_id(), held, 100.0 if live else 10.0) if held else None)


def terms(one: CartLine, kept: int, beyond: Beyond, approved_by: str = "") -> Terms:
    return offline_terms([one], escrow(kept), lambda _: AllotmentPolicy(20, 60, beyond), 50.0, approved_by)


@pytest.mark.parametrize("beyond", Beyond)
def test_within_the_allotment_every_unit_is_guaranteed_whatever_the_policy_is(beyond: Beyond) -> None:
    found = terms(line(10), 10, beyond)
    assert (found.guaranteed, found.is_offline, found.approved_by) == (True, True, "")
    assert [draw.quantity for draw in found.draws] == [10]
    held = terms(line(10, held=10), 10, beyond)
    assert held.released == {"milk"}, "units that are kept are not held as well"


def test_500_units_of_an_allotment_of_10() -> None:
    with pytest.raises(SaleBlocked) as blocked:
        terms(line(500), 10, Beyond.BLOCK, "luis")
    assert blocked.value.fields == {"name": "Milk", "kept": 10, "requested": 500}
    with pytest.raises(SupervisorNeeded):
        terms(line(500), 10, Beyond.SUPERVISOR)
    for found in (terms(line(500), 10, Beyond.SUPERVISOR, "luis"), terms(line(500), 10, Beyond.ALLOW)):
        assert [draw.quantity for draw in found.draws] == [10]
        assert not found.guaranteed
    assert terms(line(500), 10, Beyond.SUPERVISOR, "luis").approved_by == "luis"


def test_a_live_hold_covers_its_units_but_guarantees_none() -> None:
    found = terms(line(5, held=3), 2, Beyond.BLOCK)
    assert [draw.quantity for draw in found.draws] == [2]
    assert not found.guaranteed
    assert not found.released
    with pytest.raises(SaleBlocked):
        terms(line(5, held=3, live=False), 2, Beyond.BLOCK)


def test_a_server_is_asked_for_what_was_covered_only() -> None:
    one = line(5, held=3)
    assert online_terms([one], escrow(10)) == Terms()
    one.covered = 2
    assert [draw.quantity for draw in online_terms([one], escrow(10)).draws] == [2]
