"""The gap report: every number of a series is on a sale, or there is a reason why not."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct, json

from backend.database.engine import Database
from backend.database.reads import moment, reading
from backend.model.errors import InvalidInput
from backend.stores.queries import require_store
from backend.terminals.acts import acts_told

from .queries import numbers_of, settlements, there

LONGEST = timedelta(days=92)
USUAL = timedelta(days=31)
MOST_SHOWN = 1_000
"""Missing numbers of a series that are looked up and shown; `missing` counts all of them."""

Why = Literal["settled", "waiting", "unexplained"]


class Gap(Struct, frozen=True):
    """A number that no sale has: its sale was refused and `settled` by hand, it may still be `waiting` in its terminal,
    or it is `unexplained`.
    """

    receipt_number: str
    why: Why
    reason: str = ""
    """How it was settled."""
    settled_by: str = ""


class SeriesGaps(Struct, frozen=True):
    """The numbers of one series in a time."""

    series: str
    terminal_id: str
    first: int
    last: int
    sales: int
    missing: int
    gaps: list[Gap]


class Gaps(Struct, frozen=True):
    """The gap report of a store."""

    store_id: str
    since: datetime
    until: datetime
    series: list[SeriesGaps]


class _Told(Struct):
    reason: str = ""
    settled_by: str = ""


async def gaps_of(db: Database, store_id: str, since: datetime | None, until: datetime | None) -> Gaps:
    """Returns the gap report of a store, of its last 31 days unless told otherwise.

    Raises InvalidInput for more than 92 days, and UnknownStore.
    """
    async with reading(db) as connection:
        await require_store(connection, store_id)
        until = until or await moment(connection) + timedelta(seconds=1)
        since = since or until - USUAL
        if until - since > LONGEST:
            raise InvalidInput("since", f"since and until are more than {LONGEST.days} days apart; ask for less.")
        seen: dict[str, set[int]] = {}
        terminals: dict[str, str] = {}
        for number, terminal_id in await numbers_of(connection, store_id, since, until):
            series, _, place = number.rpartition("-")
            if series and place.isdecimal():
                seen.setdefault(series, set()).add(int(place))
                terminals[series] = terminal_id
        told = await acts_told(connection, store_id, set(terminals.values()))
        settled = await settlements(connection, store_id, since)
        found = []
        for series, numbers in sorted(seen.items()):
            first, last = min(numbers), max(numbers)
            absent = last - first + 1 - len(numbers)
            names = {_name(series, n): n for n in _missing(numbers, first, last)} if absent else {}
            elsewhere = await there(connection, store_id, names)  # its sale was made before, or came later
            unsent = terminals[series] in told and told[terminals[series]].missing > 0
            gaps = [_gap(name, settled.get(name), unsent=unsent) for name in names if name not in elsewhere]
            found.append(
                SeriesGaps(
                    series, terminals[series], first, last, len(numbers), absent - len(elsewhere), gaps[:MOST_SHOWN]
                )
            )
    return Gaps(store_id, since, until, found)


def _missing(numbers: set[int], first: int, last: int) -> Iterable[int]:
    found = []
    for number in range(first, last + 1):
        if number not in numbers:
            found.append(number)
            if len(found) == MOST_SHOWN:
                break
    return found


def _name(series: str, number: int) -> str:
    return f"{series}-{number:06d}"


def _gap(name: str, settlement: str | None, *, unsent: bool) -> Gap:
    if settlement is None:
        return Gap(name, "waiting" if unsent else "unexplained")
    told = json.decode(settlement, type=_Told)
    return Gap(name, "settled", told.reason, told.settled_by)
