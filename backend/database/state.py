"""What is known to be wrong with the database of this process: its disk is full, or its file is damaged.

A full disk is tried again until it takes a write. A damaged SQLite file stays damaged until the server is started on a
restored one; damage that PostgreSQL tells of concerns one of its tables, and not all work of a whole fleet.
"""

from time import monotonic

from backend.database.errors import DatabaseDamaged, DiskFull

ASK_SECONDS = 1.0
"""Between two writes that try a full disk; whoever asks in between hears what the last one met."""


class DatabaseState:
    """Shared by everything in one process that uses one database."""

    def __init__(self, *, one_file: bool = False) -> None:
        """`one_file`: the database is a SQLite file, so a damaged part means that all of it is to be restored."""
        self._one_file = one_file
        self._wrong: DiskFull | DatabaseDamaged | None = None
        self._asked = 0.0

    def note(self, error: BaseException) -> None:
        """Remembers `error` if it says that the disk is full or that the file is damaged."""
        if isinstance(error, DiskFull) or (isinstance(error, DatabaseDamaged) and self._one_file):
            self._wrong, self._asked = error, monotonic()

    def wrong(self) -> DiskFull | DatabaseDamaged | None:
        """Returns what is known to be wrong, as an error that nobody has raised yet."""
        return None if self._wrong is None else type(self._wrong)(self._wrong.message)

    def may_try(self) -> bool:
        """Returns whether a full disk is to be tried again now; True at most once in ASK_SECONDS."""
        if not isinstance(self._wrong, DiskFull) or monotonic() - self._asked < ASK_SECONDS:
            return False
        self._asked = monotonic()
        return True

    def has_room(self) -> None:
        """Forgets the full disk: it took a write."""
        self._wrong = None
