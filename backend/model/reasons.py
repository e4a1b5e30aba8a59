"""Why stock is corrected, as codes that reports can count, and what each may do to it.

What people add in their own words stands behind the code in the reason of the movement: `damage: fell off the rack`.
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import UNSET, Struct, UnsetType

from .answers import Code, Refusal
from .refusals import Refused


class ReasonCode(StrEnum):
    """Why somebody corrects what is on hand, or keeps units from being sold."""

    DAMAGE = "damage"
    THEFT = "theft"
    EXPIRED = "expired"
    SAMPLE = "sample"
    DONATION = "donation"
    OWN_USE = "own_use"
    FOUND = "found"
    CORRECTION = "correction"
    QUALITY_HOLD = "quality_hold"
    RECALL = "recall"


class Meaning(Struct, frozen=True):
    """What may be done for a reason."""

    adds: bool = False
    """Units may come to what is on hand."""
    removes: bool = False
    """Units may leave for good."""
    holds_back: bool = False
    """Units may be put into quarantine."""


REASONS: Mapping[ReasonCode, Meaning] = {
    ReasonCode.DAMAGE: Meaning(removes=True, holds_back=True),
    ReasonCode.THEFT: Meaning(removes=True),
    ReasonCode.EXPIRED: Meaning(removes=True, holds_back=True),
    ReasonCode.SAMPLE: Meaning(removes=True),
    ReasonCode.DONATION: Meaning(removes=True),
    ReasonCode.OWN_USE: Meaning(removes=True),
    ReasonCode.FOUND: Meaning(adds=True),
    ReasonCode.CORRECTION: Meaning(adds=True, removes=True),
    ReasonCode.QUALITY_HOLD: Meaning(holds_back=True),
    ReasonCode.RECALL: Meaning(removes=True, holds_back=True),
}


def require_reason(code: ReasonCode, use: str) -> None:
    """Raises Refused unless `code` may be a reason for `use`, one of the fields of `Meaning`."""
    if getattr(REASONS[code], use):
        return
    fitting = ", ".join(known for known, meaning in REASONS.items() if getattr(meaning, use))
    message = f"{code} is no reason for this; reason_code may be one of {fitting}."
    raise Refused(Refusal(Code.REASON_NOT_ALLOWED, message, field="reason_code"))


def told(code: ReasonCode | UnsetType = UNSET, words: str = "") -> str:
    """Returns the reason of a movement: the code, and what was added in words, in at most 200 characters."""
    if not code:
        return words
    return f"{code}: {words}"[:200] if words else code.value
