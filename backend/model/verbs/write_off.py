"""Write off: units leave the store for good, without a sale."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Lines, Text
from backend.model.posting import Cause, post, summed
from backend.model.reasons import ReasonCode, require_reason, told
from backend.model.scopes import Scope
from backend.model.stock import Change, Who
from backend.model.unsellable import require_unavailable

from .verb import Documents, MovementKind, Rows, Sign, Verb


class Source(StrEnum):
    """Which units are written off."""

    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"
    """Those in quarantine."""


class WriteOff(Command, frozen=True, tag="write_off"):
    """Take units out of the books for good, from the shelf or from quarantine."""

    lines: Lines
    reason_code: ReasonCode
    source: Source = Source.AVAILABLE
    reason: Text = ""
    document_id: Text = ""


def _rows(command: WriteOff, _: Documents, rows: Rows) -> None:
    rows.add_lines(command.store_id, command.lines)


def _decide(books: Books, command: WriteOff, who: Who, now: datetime) -> Effect:
    wanted = summed(command.lines)
    require_reason(command.reason_code, "removes")
    held_back = command.source is Source.UNAVAILABLE
    if held_back:
        require_unavailable(books, command.store_id, wanted)
    changes = {p: Change(on_hand=-n, unavailable=-n if held_back else 0) for p, n in wanted.items()}
    reason = told(command.reason_code, command.reason)
    cause = Cause("write_off", command.id, who, now, command.document_id, reason)
    posted = post(books, command.store_id, changes, cause, wanted)
    return Effect(Answer(command.id, stock=posted.rows, at=now), posted.movements)


def _measure(command: WriteOff, _: Books) -> Mapping[str, int]:
    return {p: -n for p, n in summed(command.lines).items()}


VERB = Verb(
    command=WriteOff,
    decide=_decide,
    rows=_rows,
    movements=(MovementKind("write_off", {"on_hand": Sign.LESS, "unavailable": Sign.LESS}, event="movement"),),
    scope=Scope.STOCK_WRITE,
    measure=_measure,
)
