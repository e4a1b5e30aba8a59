"""What somebody has said of an open alert: that they have seen it, will look later, or have given it to somebody.

The alerts themselves are looked up and not stored (`backend.alerts`). A mark is a document, found by what the alert is
about. It covers what was open when it was made: an alert that begins anew is a new one.
"""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from .documents import DocumentKind
from .steps import DocumentStep


class MarkStatus(StrEnum):
    """What was said of an alert last."""

    ACKNOWLEDGED = "acknowledged"
    """Somebody has seen it."""
    SNOOZED = "snoozed"
    """It is to be shown again later."""
    ASSIGNED = "assigned"
    """Somebody is to look into it."""
    REOPENED = "reopened"
    """As if nothing had been said."""


class MarkBody(Struct, frozen=True):
    """The body of a mark's document."""

    rule: str
    subject: str
    since: datetime
    """Of the alert that it covers, and all older ones about the same."""
    steps: tuple[DocumentStep, ...]
    owner: str = ""
    until: datetime | None = None
    """When a snoozed one is to be shown again."""

    def covers(self, since: datetime) -> bool:
        """Returns whether the alert that has been open since then is the one that was marked."""
        return since <= self.since


ALERT_MARK = DocumentKind("alert_mark", MarkBody)
