"""Holds what a rule finds, and what the rules are told: the chain's thresholds and the moment that is looked at."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.model.alert_marks import MarkStatus
from backend.settings import RuleSettings

LIMIT = 100
"""Findings of one rule in one store that are told; more of them are one problem."""


class Thresholds(Struct, frozen=True):
    """When somebody is to be told."""

    transfer_hours: int = 48
    """A transfer is on its way so long without a step."""
    silent_minutes: int = 30
    """A terminal at which somebody is signed in was not heard of for so long."""
    refusals_an_hour: int = 5
    """So many attempts of an hour asked for more of a product than there was."""
    odd_sale_factor: int = 10
    """A sale has so many times the usual total or units."""
    held_units: int = 50
    """One person at one terminal holds more units of a product."""
    hold_renewals: int = 20
    """A hold was renewed more often."""


def thresholds_of(settings: RuleSettings) -> Thresholds:
    """Returns the thresholds that the settings say."""
    return Thresholds(
        settings.alert_transfer_hours,
        settings.alert_silent_minutes,
        settings.alert_refusals_an_hour,
        settings.alert_odd_sale_factor,
        settings.alert_held_units,
        settings.alert_hold_renewals,
    )


class Mark(Struct, frozen=True):
    """Holds what somebody has said of an alert."""

    status: MarkStatus
    by: str
    at: datetime
    owner: str
    """Who is to look into it, if it is assigned."""
    until: datetime | None
    """When it is to be shown again, if it is snoozed."""
    note: str


class OpenAlert(Struct, frozen=True, kw_only=True):
    """Something in a store that somebody should look at."""

    rule: str
    store_id: str
    subject: str
    """The id of the document, terminal, product, sale or hold that it is about."""
    since: datetime
    value: int
    """What was found: hours, minutes, attempts, cents or units, as the rule says."""
    threshold: int
    """The value above which it is told."""
    actor: str = ""
    terminal_id: str = ""
    sentence: str
    mark: Mark | None = None


class Look(NamedTuple):
    """One look at a store, at `now` by the database's clock."""

    connection: AsyncConnection
    store_id: str
    now: datetime
    thresholds: Thresholds


Find = Callable[[Look], Awaitable[list[OpenAlert]]]
"""Returns at most LIMIT findings of one rule."""
