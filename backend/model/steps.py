"""What a document keeps of its history: who did what to it, where, when and why."""

from datetime import datetime

from msgspec import Struct

from .stock import Who


class DocumentStep(Struct, frozen=True):
    """What somebody did to a document."""

    what: str
    """The verb."""
    actor: str
    terminal_id: str
    at: datetime
    reason: str = ""


def step_of(what: str, who: Who, now: datetime, reason: str = "") -> DocumentStep:
    """Returns a step as the document keeps it."""
    return DocumentStep(what, who.actor, who.terminal_id, now, reason)
