"""The audit trail: who did what, where, and what was before and after. Rows are only ever added.

An act is written on the connection that makes its change, in the same transaction: there is no change without its act,
and no act of a change that was rolled back. What happens to stock is told by `commands` and `movements` already.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, json, to_builtins
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.ids import new_id
from backend.observability.logs import masked

from .reads import database_now
from .tables import audit

CHAIN = "*"
"""The store of what belongs to no store: products, people, keys."""


class Origin(Struct, frozen=True):
    """Who acts, and from where. `actor` is a user's name, `key:<id>` or `system:<part>`."""

    actor: str
    terminal_id: str = ""
    address: str = ""
    request_id: str = ""


_RECORD = insert(audit)
_AT_ONCE = 2_000
"""Rows in one statement of `record_many`."""


async def record(
    connection: AsyncConnection,
    origin: Origin,
    action: str,
    subject: str,
    *,
    store_id: str = CHAIN,
    before: Struct | Mapping[str, Any] | None = None,
    after: Struct | Mapping[str, Any] | None = None,
) -> None:
    """Add an act to the trail, in the transaction of `connection`.

    `action` and `subject` read like "product.update" and "product:818981". `before` and `after` are what a person may
    see of the subject, None where it did not or does not exist; fields that name a secret are masked.
    """
    values = _row(origin, action, subject, store_id, before, after)
    await connection.execute(_RECORD.values(at=database_now()), values)


async def record_many(
    connection: AsyncConnection,
    origin: Origin,
    action: str,
    changes: Iterable[tuple[str, Mapping[str, Any], Mapping[str, Any]]],
) -> None:
    """Add many acts of one kind, each with its subject, what was before and what is after; all of the whole chain."""
    values = [_row(origin, action, subject, CHAIN, before, after) for subject, before, after in changes]
    for start in range(0, len(values), _AT_ONCE):
        await connection.execute(_RECORD.values(at=database_now()), values[start : start + _AT_ONCE])


def _row(
    origin: Origin,
    action: str,
    subject: str,
    store_id: str,
    before: Struct | Mapping[str, Any] | None,
    after: Struct | Mapping[str, Any] | None,
) -> dict[str, object]:
    return {
        "store_id": store_id,
        "id": new_id(),
        "actor": origin.actor,
        "terminal_id": origin.terminal_id,
        "address": origin.address,
        "action": action,
        "subject": subject,
        "before": _text(before),
        "after": _text(after),
        "request_id": origin.request_id,
    }


def _text(state: Struct | Mapping[str, Any] | None) -> str | None:
    return None if state is None else json.encode(masked(to_builtins(state))).decode()
