"""The use cases of terminals: made with a code to enrol them, and removed. See `enrolment` for the code."""

from typing import Annotated

from msgspec import Meta, Struct, structs
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.auth.enrolment_codes import LIFETIME, hash_of, make_code
from backend.auth.tokens import Claims
from backend.database.audit_trail import Origin, record
from backend.database.engine import Database
from backend.database.once import Attempt, run_once
from backend.database.reads import moment
from backend.database.writes import writing
from backend.http.errors import TerminalEnrolled, UnknownTerminal
from backend.keys.queries import remove_key
from backend.model.commands import StoreId
from backend.model.errors import InvalidInput
from backend.model.text import LINE
from backend.people.session_queries import end_sessions_at
from backend.stores.queries import require_store

from .ids import is_allotted
from .queries import Terminal, add_terminal, find_terminal, remove_terminal, renew_code

TerminalId = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$(?!\n)")]


class TerminalBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A terminal, and what people call it."""

    store_id: StoreId
    terminal_id: TerminalId
    name: Annotated[str, Meta(max_length=200, pattern=LINE)] = ""


class TerminalMade(Terminal, frozen=True, kw_only=True):
    """A terminal that waits for `code` to be typed at it; the code cannot be shown again."""

    code: str


class TerminalGone(Struct, frozen=True):
    """A terminal that was removed, and its sessions, which ended with it."""

    terminal: Terminal
    sessions: list[str]


async def make_terminal(
    db: Database, caller: Claims, origin: Origin, data: TerminalBody, attempt: Attempt | None
) -> TerminalMade:
    """Make a terminal with a code to enrol it; for one that waits for its code already, make another code.

    Raises StoreNotAllowed, UnknownStore, TerminalEnrolled, or InvalidInput for an id that another machine has.
    """
    caller.require_store(data.store_id)

    async def effect(connection: AsyncConnection) -> TerminalMade:
        # Of two who make the same terminal the second finds it.
        await require_store(connection, data.store_id, lock=True)
        was = await find_terminal(connection, data.store_id, data.terminal_id)
        now, code = await moment(connection), make_code()
        name = data.name or data.terminal_id
        if was is None:
            if await is_allotted(connection, data.terminal_id):
                message = f"terminal_id: {data.terminal_id} is another machine's; choose another."
                raise InvalidInput("terminal_id", message)
            made = Terminal(data.store_id, data.terminal_id, name, None, now + LIFETIME, caller.actor, now)
            await add_terminal(connection, made, hash_of(code))
        elif was.key_id is None:
            made = structs.replace(was, name=name, code_expires_at=now + LIFETIME)
            await renew_code(connection, made, hash_of(code))
        else:
            raise TerminalEnrolled(data.terminal_id)
        action = "terminal.create" if was is None else "terminal.renew_code"
        subject = f"terminal:{data.terminal_id}"
        await record(connection, origin, action, subject, store_id=data.store_id, before=was, after=made)
        return TerminalMade(**structs.asdict(made), code=code)

    return await run_once(db, attempt, effect, TerminalMade)


async def delete_terminal(
    db: Database, caller: Claims, origin: Origin, store_id: str, terminal_id: str
) -> TerminalGone:
    """Remove a terminal, revoke its key and end its sessions. Raises StoreNotAllowed, UnknownTerminal."""
    caller.require_store(store_id)
    async with writing(db) as connection:
        was = await remove_terminal(connection, store_id, terminal_id)
        if was is None:
            raise UnknownTerminal(terminal_id)
        if was.key_id is not None:
            await remove_key(connection, was.key_id, None)
        ended = await end_sessions_at(connection, store_id, terminal_id)
        subject = f"terminal:{terminal_id}"
        await record(connection, origin, "terminal.remove", subject, store_id=store_id, before=was)
    return TerminalGone(was, list(ended))
