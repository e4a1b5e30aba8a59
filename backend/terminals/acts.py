"""The numbers under which terminals tell of their acts: each belongs to one act, and what is missing is counted.

A number is claimed before the ledger is asked, under the id of the act's last command; sent again it is the same act.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.auth.tokens import Claims
from backend.database.engine import Database
from backend.database.reads import moment
from backend.database.tables import terminal_acts, terminal_journals
from backend.database.writes import writing
from backend.model.answers import Code, Refusal
from backend.model.told import HEADER, Told

from .queries import Terminal

_a, _j = terminal_acts.c, terminal_journals.c
_KNOWN = select(_a.sequence, _a.command_id).where(
    _a.journal == bindparam("journal"), _a.sequence.in_(bindparam("sequences", expanding=True))
)
_AT = (_j.store_id == bindparam("store_id"), _j.terminal_id.in_(bindparam("terminals", expanding=True)))
_JOURNALS = select(_j.terminal_id, _j.journal).where(*_AT).order_by(_j.told_at)
_SUMS = (
    select(_j.journal, func.max(_j.last_sequence), func.sum(_j.acts), func.sum(_j.by_others), func.max(_j.told_at))
    .where(_j.journal.in_(bindparam("journals", expanding=True)))
    .group_by(_j.journal)
)


class ActsTold(Struct, frozen=True):
    """What a terminal has told of its acts, in its newest file."""

    journal: str
    last_sequence: int
    missing: int
    """Numbers up to the last one that were never told: acts that still wait in it, or that were lost."""
    by_others: int
    """Acts that were sent by somebody else than who did them."""
    told_at: datetime


async def acts_told(connection: AsyncConnection, store_id: str, terminals: Collection[str]) -> dict[str, ActsTold]:
    """Returns what these terminals of a store have told, each of its newest file; without those that told nothing.

    A file that was copied, or that its clerk took to another store, is summed up over all who told of it.
    """
    rows = await connection.execute(_JOURNALS, {"store_id": store_id, "terminals": list(terminals)})
    newest: dict[str, str] = {row.terminal_id: row.journal for row in rows}
    sums = await connection.execute(_SUMS, {"journals": list(newest.values())})
    found = {row[0]: row[1:] for row in sums}
    return {
        terminal_id: ActsTold(journal, last, max(0, last - int(acts)), int(by_others), told_at)
        for terminal_id, journal in newest.items()
        for last, acts, by_others, told_at in [found[journal]]
    }


async def acts_of(connection: AsyncConnection, terminals: Iterable[Terminal]) -> dict[tuple[str, str], ActsTold]:
    """Returns store and terminal → what it has told, of those that have told something."""
    stores: dict[str, list[str]] = {}
    for terminal in terminals:
        stores.setdefault(terminal.store_id, []).append(terminal.terminal_id)
    return {
        (store_id, terminal_id): told
        for store_id, ids in stores.items()
        for terminal_id, told in (await acts_told(connection, store_id, ids)).items()
    }


async def claim(db: Database, claims: Claims, acts: Mapping[int, tuple[Told, UUID]]) -> dict[int, Refusal]:
    """Record the numbers of acts, by the places of their last commands; returns those that belong to another act.

    A caller that is at no terminal numbers nothing. Raises what `writing` raises.
    """
    if not acts or not claims.terminal_id:
        return {}
    async with writing(db) as connection:
        known = await _known(connection, acts)
        new = {i: act for i, act in acts.items() if act[0].sequence not in known}
        if new:
            now = await moment(connection)
            mine = await _claimed(connection, claims, new, now)
            if mine:
                await _sum_up(connection, claims, [act for act, _ in new.values() if act.sequence in mine], now)
            known = await _known(connection, acts)
    return {i: _taken(act) for i, (act, command_id) in acts.items() if known[act.sequence] != command_id}


async def _known(connection: AsyncConnection, acts: Mapping[int, tuple[Told, UUID]]) -> dict[int, UUID]:
    """Returns whose the numbers are that were told before, in whatever store."""
    journal = next(iter(acts.values()))[0].journal
    sequences = [act.sequence for act, _ in acts.values()]
    found = await connection.execute(_KNOWN, {"journal": journal, "sequences": sequences})
    return {row.sequence: row.command_id for row in found}


def _taken(act: Told) -> Refusal:
    message = f"The act {act.sequence} of this terminal is another one already; send it under the next number."
    return Refusal(Code.SEQUENCE_TAKEN, message, field=HEADER)


async def _claimed(
    connection: AsyncConnection, claims: Claims, acts: Mapping[int, tuple[Told, UUID]], now: datetime
) -> set[int]:
    """Returns the numbers that were not known before."""
    rows = [
        {
            "journal": act.journal,
            "sequence": act.sequence,
            "store_id": claims.store_id,
            "command_id": command_id,
            "actor": act.actor,
            "told_by": claims.actor,
            "told_at": now,
        }
        for act, command_id in acts.values()
    ]
    insert = _insert(connection)(terminal_acts).values(rows).on_conflict_do_nothing().returning(_a.sequence)
    return set(await connection.scalars(insert))


async def _sum_up(connection: AsyncConnection, claims: Claims, acts: list[Told], now: datetime) -> None:
    """Count what was told anew."""
    added = {
        "store_id": claims.store_id,
        "terminal_id": claims.terminal_id,
        "journal": acts[0].journal,
        "last_sequence": max(act.sequence for act in acts),
        "acts": len(acts),
        "by_others": sum(act.actor not in ("", claims.actor) for act in acts),
        "told_at": now,
    }
    insert = _insert(connection)(terminal_journals).values(added)
    more = insert.excluded
    highest = func.max if connection.dialect.name == "sqlite" else func.greatest
    await connection.execute(
        insert.on_conflict_do_update(
            index_elements=["store_id", "terminal_id", "journal"],
            set_={
                "last_sequence": highest(_j.last_sequence, more.last_sequence),
                "acts": _j.acts + more.acts,
                "by_others": _j.by_others + more.by_others,
                "told_at": more.told_at,
            },
        )
    )


def _insert(connection: AsyncConnection) -> Any:
    return sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
