"""Which terminal somebody signs in at: one that shows its key, one that was given an id before, or a new one."""

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.auth.api_keys import ApiKey, KeyRefused
from backend.auth.roles import TerminalRemoved
from backend.keys.queries import find_key
from backend.model.errors import MostradorError

from .ids import allot
from .queries import find_terminal


class TerminalKeyNeeded(MostradorError):
    """The id is an enrolled terminal's, whose key was not shown."""

    code = "terminal_key_needed"

    def __init__(self, terminal_id: str) -> None:
        message = f"Terminal {terminal_id} is enrolled and signs in with its key; enrol this one, or name no terminal."
        super().__init__(message, terminal_id=terminal_id)


class TerminalElsewhere(MostradorError):
    """An enrolled terminal belongs to one store."""

    code = "terminal_elsewhere"

    def __init__(self, terminal_id: str, store_id: str) -> None:
        message = f"Terminal {terminal_id} belongs to store {store_id}; sign in there, or enrol it in this store."
        super().__init__(message, terminal_id=terminal_id, store_id=store_id)


class Place(Struct, frozen=True):
    """The terminal of a session, and the name of the series its receipts are numbered in."""

    terminal_id: str
    receipt_series: str


async def place_of(connection: AsyncConnection, store_id: str, user: str, said: str, key: str) -> Place:
    """Returns where somebody signs in who says to be at the terminal `said`, or nothing, and shows `key`, or nothing.

    Who is at no store (empty) needs no terminal, so gets no id for one. Raises TerminalRemoved, TerminalElsewhere or
    TerminalKeyNeeded.
    """
    enrolled = await _enrolled(connection, store_id, key) if key else ""
    if not enrolled and said:
        known = await find_terminal(connection, store_id, said)
        if known is not None and known.key_id is not None:
            raise TerminalKeyNeeded(said)
    if not store_id and not said and not enrolled:
        return Place("", "")
    series = said or await allot(connection, store_id, user)
    return Place(enrolled or series, series)


async def _enrolled(connection: AsyncConnection, store_id: str, text: str) -> str:
    """Returns the id of the terminal whose key this is, kept from being removed until the transaction ends."""
    try:
        shown = ApiKey.parse(text)
    except KeyRefused:
        raise TerminalRemoved from None
    found = await find_key(connection, shown.id)
    if found is None or not shown.fits(found.secret_hash) or not found.key.terminal_id:
        raise TerminalRemoved
    terminal_id, home = found.key.terminal_id, found.key.stores[0]
    terminal = await find_terminal(connection, home, terminal_id)
    if terminal is None or terminal.key_id != shown.id:
        raise TerminalRemoved
    if home != store_id:
        raise TerminalElsewhere(terminal_id, home)
    return terminal_id
