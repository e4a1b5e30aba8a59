"""Whether the database can do its work now: answer, and take writes."""

import os
import shutil
from base64 import b64encode
from pathlib import Path

from sqlalchemy import delete, insert, make_url, select

from backend.database.engine import Database
from backend.database.errors import disk_full
from backend.database.reads import database_now, reading
from backend.database.tables import once, stores
from backend.database.writes import writing

LEAST_ROOM = 1 << 20
"""Bytes free on the disk of a SQLite file; with less the next batch may not fit."""
_TRIED_BYTES = 48 * 1024
"""Random, so that they do not fit into room that is there already."""
_LOOK = select(stores.c.id).limit(1)
"""Reads a table: for a mere SELECT 1 SQLite would not open its file."""


async def check_database(db: Database) -> None:
    """Raises DatabaseAway, DiskFull, DatabaseDamaged and their like when the database cannot do its work now."""
    if db.dialect == "sqlite":
        _check_room(db.url)
    if db.state.may_try():
        await _try_to_write(db)
        db.state.has_room()
    if (wrong := db.state.wrong()) is not None:
        raise wrong
    async with reading(db) as connection:
        await connection.execute(_LOOK)


def _check_room(url: str) -> None:
    try:
        free = shutil.disk_usage(Path(make_url(url).database or "").parent).free
    except OSError:  # what is wrong with the directory is what the read meets
        return
    if free < LEAST_ROOM:
        raise disk_full(url)


async def _try_to_write(db: Database) -> None:
    """Write a row that needs new room, and delete it."""
    id_ = os.urandom(16)
    row = {"id": id_, "fingerprint": "", "answer": b64encode(os.urandom(_TRIED_BYTES)).decode()}
    async with writing(db) as connection:
        await connection.execute(insert(once).values(**row, at=database_now()))
        await connection.execute(delete(once).where(once.c.id == id_))
