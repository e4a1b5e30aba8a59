"""On which terms a sale may be finished: what covers its units, and who agrees to those that nothing covers. Pure.

While a server answers, its holds cover the lines, and an allotment where others were short. Without one only what this
terminal keeps is sure to be there: a sale within it is guaranteed, and beyond it the store's policy decides.
"""

from collections.abc import Callable, Iterable

from msgspec import Struct

from backend.model.allotments import AllotmentPolicy, Draw
from backend.model.errors import MostradorError

from .escrow import Escrow, Verdict, verdict
from .lines import CartLine


class SaleBlocked(MostradorError):
    """The store does not sell more of a product than its terminal keeps while no server answers."""

    code = "sale_blocked"

    def __init__(self, line: CartLine, beyond: int) -> None:
        name, kept = line.product.name, line.quantity - beyond
        message = (
            f"{name}: no server answers, and only {kept} of {line.quantity} are kept here; sell no more than that."
        )
        super().__init__(message, name=name, kept=kept, requested=line.quantity)


class SupervisorNeeded(MostradorError):
    """A supervisor has to agree to sell more of a product than its terminal keeps while no server answers."""

    code = "supervisor_needed"

    def __init__(self, line: CartLine, beyond: int) -> None:
        name, kept = line.product.name, line.quantity - beyond
        message = (
            f"{name}: no server answers, and only {kept} of {line.quantity} are kept here; a supervisor must agree."
        )
        super().__init__(message, name=name, kept=kept, requested=line.quantity)


class Terms(Struct, frozen=True):
    """How a sale is covered. `released` are the products whose holds it gives back, as an allotment covers them."""

    draws: tuple[Draw, ...] = ()
    released: frozenset[str] = frozenset()
    is_offline: bool = False
    """Whether it is made without a server: its goods leave, whatever the server says of it later."""
    guaranteed: bool = True
    """Whether this terminal keeps all of its units."""
    approved_by: str = ""
    """Who agreed to sell what it does not keep."""


def online_terms(lines: Iterable[CartLine], escrow: Escrow) -> Terms:
    """Returns what a sale draws that a server is told of now: only what it had not for this terminal otherwise."""
    return Terms(escrow.plan({line.product.id: line.covered for line in lines if line.covered}).draws)


def offline_terms(
    lines: Iterable[CartLine],
    escrow: Escrow,
    policy_of: Callable[[str], AllotmentPolicy],
    now: float,
    approved_by: str = "",
) -> Terms:
    """Returns the terms of a sale without a server. A live hold covers its units too, but may be over when one is told.

    Raises SaleBlocked, and SupervisorNeeded unless it is `approved_by` somebody.
    """
    units: dict[str, int] = {}
    released = set()
    beyond_all = False
    for line in lines:
        free, hold = escrow.free(line.product.id), line.hold
        held = hold.quantity if hold is not None and hold.is_live(now) else 0
        if free >= line.quantity:
            units[line.product.id] = line.quantity
            released.add(line.product.id)
            continue
        units[line.product.id] = min(free, max(0, line.quantity - held))
        beyond_all = True
        beyond = max(0, line.quantity - held - units[line.product.id])
        match verdict(policy_of(line.product.id), beyond):
            case Verdict.BLOCKED:
                raise SaleBlocked(line, beyond)
            case Verdict.SUPERVISOR if not approved_by:
                raise SupervisorNeeded(line, beyond)
            case _:
                pass
    draws = escrow.plan({product_id: n for product_id, n in units.items() if n}).draws
    return Terms(draws, frozenset(released), True, not beyond_all, approved_by if beyond_all else "")
