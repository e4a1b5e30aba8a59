"""Which terminal this machine is: enrolled with a key, known to the server by an id it gave, or one of its own shop.

What the server gave is kept in the terminal's file, beside the receipt numbers that are made of it: a file that is lost
takes its series with it, and nobody goes on with numbers that were used. A file that was copied to another place is no
longer believed, and its terminal gets an id of its own.
"""

import hashlib
import uuid
from pathlib import Path

from msgspec import Struct

from .api import Api
from .journal import Journal
from .values import Session

_MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


class Identity(Struct, frozen=True):
    """The `slot` is what this machine calls its terminal; `is_own_shop`: the server is this machine's and does too."""

    slot: str
    is_own_shop: bool
    key: str = ""
    """Of an enrolled terminal."""

    async def sign_in(self, api: Api, journal: Journal, place: str, user: str, pin: str, store_id: str) -> Session:
        """Open a session as this terminal. `place` is what `place_of` says of the file's directory.

        Raises what `Api.sign_in` raises, and JournalUnusable.
        """
        if self.is_own_shop:
            return await api.sign_in(user, pin, store_id, self.slot)
        known = journal.recall("series") if journal.recall("place") == place else ""
        session = await api.sign_in(user, pin, store_id, known, self.key)
        series = session.receipt_series or session.terminal_id
        journal.remember(series=series, place=place)
        journal.number_with(series)
        return session


def place_of(directory: Path) -> str:
    """Returns what tells this directory on this machine from a copy of it."""
    return hashlib.blake2b(f"{_machine()} {directory.stat().st_ino}".encode(), digest_size=16).hexdigest()


def _machine() -> str:
    for path in _MACHINE_IDS:
        try:
            return path.read_text("ascii").strip()
        except (OSError, ValueError):
            continue
    node = uuid.getnode()
    return "" if node >> 40 & 1 else str(node)  # the bit says that there is no address, and the number is random


def adopt_older(journal: Journal, directory: Path, slot: str) -> None:
    """Takes over what terminals of older versions kept, whose files were named by the machine's name and the slot.

    Of a damaged one what can be read; it is kept aside (`rescued`). Raises JournalUnusable.
    """
    for path in sorted(directory.glob(f"*-{slot}.db")):
        older = Journal(path, slot)
        try:
            journal.take_over(older)
            journal.rescued = journal.rescued or older.rescued
        finally:
            older.close()
        path.replace(path.with_suffix(".db.adopted"))
