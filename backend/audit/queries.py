"""Every act in one list, newest first: the audit trail and the ledger's commands, with what was before and after.

Each store's acts are read in the order of an index, as many as the page needs, and merged by the database. A command's
own answer says what was after it; what was before is the movement with the version before.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

from msgspec import Meta, Raw, Struct, json
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Row,
    Select,
    Uuid,
    bindparam,
    literal_column,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.tables import Instant, audit, commands, movements
from backend.model.answers import Answer
from backend.model.stock import StockRow

About = Literal["anything", "a command", "no command"]
_COMMAND = "command:"
_Key = tuple[str, str, int]
"""Store, product and version of a stock row."""
_NOTHING = Raw(b"null")
_LOOKED_UP_AT_ONCE = 1000


class Act(Struct, frozen=True):
    """Who did what, where and when, and what was before and after it; `store_id` is * for what belongs to no store."""

    id: UUID
    store_id: str
    at: datetime
    actor: str
    terminal_id: str
    address: str
    request_id: str
    action: str
    subject: str
    before: Raw
    after: Raw


class Place(NamedTuple):
    """A place in the list: what follows is older."""

    at: Annotated[datetime, Meta(tz=True)]
    id: UUID


class Question(Struct, frozen=True):
    """Which acts somebody wants to see: of these stores, not before `since`. An empty word means any."""

    stores: Sequence[str]
    since: datetime
    actor: str = ""
    action: str = ""
    subject: str = ""


async def acts(connection: AsyncConnection, question: Question, place: Place, limit: int) -> list[Act]:
    """Returns at most `limit` acts that follow `place`."""
    rows = (await connection.execute(*statement(question, place, limit))).all()
    answers = {row.id: json.decode(row.after, type=Answer) for row in rows if row.is_command}
    earlier = await _earlier(connection, answers.values())
    return [_act(row, answers.get(row.id), earlier) for row in rows]


def statement(question: Question, place: Place, limit: int) -> tuple[CompoundSelect[Any], Mapping[str, Any]]:
    """Returns the statement that finds the rows of `acts`, and its values."""
    about, command_id = _about(question.subject)
    values = {
        "since": question.since,
        "at": place.at,
        "id": place.id,
        "limit": limit,
        "actor": question.actor,
        "action": question.action,
        "subject": question.subject,
        "command_id": command_id,
        **{f"store_{number}": store_id for number, store_id in enumerate(question.stores)},
    }
    return _union(len(question.stores), bool(question.actor), bool(question.action), about), values


@cache  # one statement per kind of question, built once
def _union(stores: int, by_actor: bool, by_action: bool, about: About) -> CompoundSelect[Any]:
    newest = []
    for number in range(stores):
        for rows, subject in _branches(about):
            c = rows.selected_columns
            wanted = [
                c.store_id == bindparam(f"store_{number}"),
                c.at >= bindparam("since"),
                tuple_(c.at, c.id) < tuple_(bindparam("at", type_=Instant()), bindparam("id", type_=Uuid())),
                *([c.actor == bindparam("actor")] if by_actor else []),
                *([c.action == bindparam("action")] if by_action else []),
                *subject,
            ]
            ordered = rows.where(*wanted).order_by(c.at.desc(), c.id.desc()).limit(bindparam("limit"))
            newest.append(select(ordered.subquery()))
    merged = union_all(*newest)
    c = merged.selected_columns
    return merged.order_by(c.at.desc(), c.id.desc()).limit(bindparam("limit"))


def _branches(about: About) -> Iterator[tuple[Select[Any], Sequence[ColumnElement[bool]]]]:
    if about != "a command":
        yield _TRAIL, [audit.c.subject == bindparam("subject")] if about == "no command" else []
    if about != "no command":
        yield _LEDGER, [commands.c.id == bindparam("command_id")] if about == "a command" else []


_TRAIL = select(
    audit.c.id,
    audit.c.store_id,
    audit.c.at,
    audit.c.actor,
    audit.c.terminal_id,
    audit.c.address,
    audit.c.request_id,
    audit.c.action,
    audit.c.subject,
    audit.c.before,
    audit.c.after,
    literal_column("0").label("is_command"),
)
_EMPTY: ColumnElement[str] = literal_column("''")
_LEDGER = select(
    commands.c.id,
    commands.c.store_id,
    commands.c.at,
    commands.c.actor,
    commands.c.terminal_id,
    _EMPTY.label("address"),
    _EMPTY.label("request_id"),
    commands.c.kind.label("action"),
    _EMPTY.label("subject"),
    literal_column("NULL").label("before"),
    commands.c.answer.label("after"),
    literal_column("1").label("is_command"),
).where(commands.c.kind != literal_column("'expire'"))  # nobody's act
_MOVED_TO = select(
    movements.c.store_id,
    movements.c.product_id,
    movements.c.on_hand,
    movements.c.unavailable,
    movements.c.allocated,
    movements.c.reserved,
    movements.c.incoming,
    movements.c.version,
).where(
    tuple_(movements.c.store_id, movements.c.product_id, movements.c.version).in_(bindparam("keys", expanding=True))
)


def _about(subject: str) -> tuple[About, UUID | None]:
    if not subject:
        return "anything", None
    if subject.startswith(_COMMAND):
        try:
            return "a command", UUID(subject.removeprefix(_COMMAND))
        except ValueError:
            pass
    return "no command", None


def _key(row: StockRow) -> _Key:
    """Names the state of a stock row before the movement that made `row`."""
    return row.store_id, row.product_id, row.version - 1


async def _earlier(connection: AsyncConnection, answers: Iterable[Answer]) -> dict[_Key, StockRow]:
    keys = sorted({_key(row) for answer in answers for row in answer.stock})
    earlier = {key: StockRow(*key[:2]) for key in keys if key[2] == 0}
    for start in range(0, len(keys), _LOOKED_UP_AT_ONCE):
        some = keys[start : start + _LOOKED_UP_AT_ONCE]
        for row in await connection.execute(_MOVED_TO, {"keys": some}):
            earlier[row.store_id, row.product_id, row.version] = StockRow(*row)
    return earlier


def _before(answer: Answer, earlier: Mapping[_Key, StockRow]) -> Raw:
    """Returns the stock that the command changed; a movement that is archived by now cannot tell."""
    rows = [earlier[key] for key in map(_key, answer.stock) if key in earlier]
    return Raw(json.encode({"stock": rows})) if rows else _NOTHING


def _act(row: Row[Any], answer: Answer | None, earlier: Mapping[_Key, StockRow]) -> Act:
    head = (row.id, row.store_id, row.at, row.actor, row.terminal_id, row.address, row.request_id, row.action)
    if answer is None:
        return Act(*head, row.subject, _json(row.before), _json(row.after))
    return Act(*head, f"{_COMMAND}{row.id}", _before(answer, earlier), _json(row.after))


def _json(text: str | None) -> Raw:
    return _NOTHING if text is None else Raw(text.encode())
