"""A disk for SQLite that can be filled and emptied: SQLite itself says SQLITE_FULL, without a disk of its own."""

import pytest
from sqlalchemy import Connection, Engine, event

from backend.database import engine as database


class SmallDisk:
    """Every database that is opened after this was made lies on it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        listen = database._listen

        def with_limit(engine: Engine, begin: str) -> None:
            event.listen(engine, "begin", self._limit)
            listen(engine, begin)

        monkeypatch.setattr(database, "_listen", with_limit)

    def _limit(self, connection: Connection) -> None:
        # A limit below the file's size means that size: not one page more.
        connection.exec_driver_sql(f"PRAGMA max_page_count = {1 if self.full else 1_000_000}")
