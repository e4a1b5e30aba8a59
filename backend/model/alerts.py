"""When a store is told that a product runs out, and when that is over."""

from enum import StrEnum

from msgspec import Struct


class AlertState(StrEnum):
    """What a store knows of a product, from good to bad."""

    OK = "ok"
    LOW = "low"
    """So little is available that more is to be ordered."""
    MINIMUM = "minimum"
    """Less than the store wants to have at any time, or just that."""


class Alert(Struct, frozen=True):
    """A change of state, decided on the stock row's `version`; it grows with each alert of the row."""

    store_id: str
    product_id: str
    state: AlertState
    available: int
    reorder_point: int
    min_level: int
    version: int
    incoming: int = 0
    """On its way to the store."""
    on_its_way: bool = False
    """Whether what is on its way lifts it above the level that it has reached."""


def judge(known: AlertState, available: int, reorder_point: int, min_level: int) -> AlertState:
    """Returns the state of a row of which the store knows `known`. A level of 0 is none.

    It gets worse as soon as a level is reached. It gets better only when a tenth of the level more than it is
    available, and at least two units: a hold that is made and given back does not ring twice.
    """
    reached = _reached(available, reorder_point, min_level)
    if reached is known or (known, reached) in _WORSE:
        return reached
    level = min_level if known is AlertState.MINIMUM else reorder_point
    recovered = level == 0 or available >= level + _margin(level)
    return reached if recovered else known


def is_on_its_way(known: bool, state: AlertState, projected: int, reorder_point: int, min_level: int) -> bool:
    """Returns whether the goods that a row in `state` lacks are on their way, of which the store knows `known`.

    `projected` is what is available, holds taken off, and what is incoming. It begins to be so with the margin of
    `judge`, and ends when no more than the level is projected: a hold that comes and goes is not told.
    """
    if state is AlertState.OK:
        return False
    level = min_level if state is AlertState.MINIMUM else reorder_point
    return projected > level if known else projected >= level + _margin(level)


def _margin(level: int) -> int:
    return max(2, level // 10)


_WORSE = {
    (AlertState.OK, AlertState.LOW),
    (AlertState.OK, AlertState.MINIMUM),
    (AlertState.LOW, AlertState.MINIMUM),
}


def _reached(available: int, reorder_point: int, min_level: int) -> AlertState:
    if min_level and available <= min_level:
        return AlertState.MINIMUM
    return AlertState.LOW if reorder_point and available <= reorder_point else AlertState.OK
