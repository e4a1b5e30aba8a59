"""What a drift needs: movements that correct it, or a backup. Pure: from the drifts of a proof to proposals.

The movements are the truth of `on_hand` and `unavailable`; open holds are that of `reserved`, open documents that of
`allocated` and `incoming`. A counter that disagrees is brought there by `backend.model.verbs.repair`. Where the history
itself was changed (a movement, a command, a sale, a hold is missing or another), there is nothing to fold: no number of
that row can be trusted, and a backup has to be restored.
"""

from collections.abc import Iterable
from itertools import groupby

from msgspec import Struct

from backend.model.stock import BALANCES, Key
from backend.model.verbs.repair import Differences

from .drifts import Drift

_FOLDED = {f"{name} as the sum of movements": name for name in BALANCES}
_LAST = {f"{name} after the last movement" for name in BALANCES}
_PROMISED = {
    "reserved as the sum of open holds": "reserved",
    "allocated as the sum of open documents": "allocated",
    "incoming as the sum of open documents": "incoming",
}
_BEYOND = (
    ("recorded command", "the command behind a movement is missing"),
    ("units sold by movements", "a sale, its lines or its movements were changed"),
    ("cents of sale", "a sale or its lines were changed"),
    ("units arrived by transfer", "a movement of a transfer was changed"),
    ("balances that a movement", "a movement was changed"),
    ("states of hold", "the rows of a hold were changed"),
    ("version after the last", "movements are missing, or the row's version was changed"),
    ("number of movements", "movements are missing"),
    ("first movement", "movements are missing"),
    (" moved by ", "a document, or a movement of it, was changed"),
    ("documents that movements", "the document of a movement is missing"),
    (" short of sale", "a sale, its lines or its shortfall case were changed"),
    (" of sale", "a sale, or what it was paid with, was changed"),
    (" after movement", "a movement was changed"),
)


class Proposal(Struct, frozen=True):
    """The correction of one stock row."""

    store_id: str
    product_id: str
    drifted: Differences
    """What the counters have more than their movements."""
    correction: Differences
    """What is to be added to the counters."""
    why: str

    @property
    def key(self) -> Key:
        """The stock row."""
        return self.store_id, self.product_id


class Beyond(Struct, frozen=True):
    """A drift that no movement corrects, and why a backup has to be restored."""

    drift: Drift
    why: str


class Repairs(Struct, frozen=True):
    """What can be corrected, and what cannot."""

    proposals: tuple[Proposal, ...]
    beyond: tuple[Beyond, ...]


def proposed(drifts: Iterable[Drift]) -> Repairs:
    """Returns the corrections of all rows whose history is whole; a row with any other drift is beyond repair."""
    proposals: list[Proposal] = []
    beyond: list[Beyond] = []
    for _, group in groupby(sorted(drifts, key=_row), key=_row):
        found = list(group)
        broken = [drift for drift in found if drift.what not in _FOLDED.keys() | _LAST | _PROMISED.keys()]
        if broken:
            reason = _reason(broken[0])
            beyond.extend(Beyond(drift, _reason(drift) if drift in broken else reason) for drift in found)
        else:
            proposals.append(_proposal(found))
    return Repairs(tuple(proposals), tuple(beyond))


def _row(drift: Drift) -> Key:
    return drift.store_id, drift.product_id


def _reason(drift: Drift) -> str:
    return next((why for part, why in _BEYOND if part in drift.what), "the history was changed")


def _proposal(drifts: list[Drift]) -> Proposal:
    drifted: dict[str, int] = {}
    promised: dict[str, int] = {}
    told = []
    for drift in drifts:
        if name := _FOLDED.get(drift.what):
            drifted[name] = drift.found - drift.expected
        elif name := _PROMISED.get(drift.what):
            promised[name] = drift.expected - drift.found
        if drift.what not in _LAST:
            told.append(f"{drift.what} {drift.expected}, found {drift.found}")
    correction = {name: -units for name, units in drifted.items() if name in ("on_hand", "unavailable")} | promised
    first = drifts[0]
    why = "; ".join(told)[:200]
    return Proposal(first.store_id, first.product_id, Differences(**drifted), Differences(**correction), why)
