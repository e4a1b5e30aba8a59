"""What a file would change, found out before anything is changed."""

from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Any, TypeVar

from msgspec import Struct

from backend.database.engine import Database

from .reading import Progress, Row, RowError

Write = Callable[[Database, Progress], Awaitable[list[RowError]]]
"""Makes the changes. What it answers went wrong although the file is right: the ledger refused it."""
Key = TypeVar("Key", bound=Hashable)


class Plan(Struct, frozen=True):
    """How many rows are new, differ, or are there already just so; what is wrong; and how to make it so."""

    created: int
    changed: int
    unchanged: int
    errors: list[RowError]
    write: Write


def only_once(rows: Iterable[Row], key_of: Callable[[Any], Key], field: str, errors: list[RowError]) -> list[Row]:
    """Returns the rows whose keys no row before them has; the others become errors that name the first line."""
    first: dict[Key, int] = {}
    kept: list[Row] = []
    for row in rows:
        key = key_of(row.values)
        if key in first:
            shown = " ".join(map(str, key)) if isinstance(key, tuple) else key
            message = f"{shown} stands in line {first[key]} already; take one of them out."
            errors.append(RowError(row.line, field, message))
        else:
            first[key] = row.line
            kept.append(row)
    return kept
