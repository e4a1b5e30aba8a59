"""How long a command id is remembered, and what becomes of one that is older.

A forgotten id must not be taken for a new one: the same command sent again would have a second effect. UUIDv7 ids carry
the time at which they were made (RFC 9562, section 5.7), so the rule needs no memory: ids made before the horizon are
refused when they are not recorded, and only such ids are ever deleted. Ids of other versions are kept for ever.
"""

from datetime import datetime, timedelta
from uuid import UUID

COMMANDS_KEPT = timedelta(days=400)
"""Longer than any terminal sleeps with sales in its journal."""


def forgotten(command_id: UUID, now: datetime) -> bool:
    """Returns whether the id is so old that its answer may have been deleted."""
    return _carries_time(command_id) and _milliseconds(command_id) < (now - COMMANDS_KEPT).timestamp() * 1000


def first_remembered(now: datetime) -> UUID:
    """Returns the smallest UUIDv7 that is not forgotten: ids sort by the time they carry."""
    milliseconds = int((now - COMMANDS_KEPT).timestamp() * 1000)
    return UUID(int=milliseconds << 80)


def _carries_time(command_id: UUID) -> bool:
    # By its digit, as `upkeep.hygiene` judges it; `UUID.version` is None when the variant is not RFC 9562's.
    return command_id.int >> 76 & 0xF == 7


def _milliseconds(command_id: UUID) -> int:
    return command_id.int >> 80
