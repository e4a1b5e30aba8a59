"""Moments in the address of a request: `since` and `until`."""

from contextlib import suppress
from datetime import UTC, datetime

from backend.model.errors import InvalidInput

OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
NEWEST = datetime.max.replace(tzinfo=UTC)


def moment(field: str, sent: datetime) -> datetime:
    """Returns the moment in UTC. Raises InvalidInput for one without an offset, or beyond the calendar."""
    if sent.tzinfo is not None:
        with suppress(OverflowError):
            return sent.astimezone(UTC)
    raise InvalidInput(field, f"{field} must be a moment with its offset from UTC, like 2026-11-24T09:00:00Z.")
