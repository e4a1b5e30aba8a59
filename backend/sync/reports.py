"""What terminals say of their copies: how many rows differed from the database and were put right."""

import re

import structlog

from backend.auth.tokens import Claims
from backend.observability import metrics

log = structlog.get_logger(__name__)
_SAID = re.compile(r"catalogue=([0-9]{1,9}) stock=([0-9]{1,9})", re.ASCII)


def hear_differences(said: str, who: Claims) -> None:
    """Counts what a terminal has put right since it was last asked, as `catalogue=0 stock=3`."""
    match = _SAID.fullmatch(said)
    if match is None:
        return
    catalogue, stock = int(match[1]), int(match[2])
    if catalogue or stock:
        log.warning("copy_healed", catalogue=catalogue, stock=stock, store=who.store_id, terminal=who.terminal_id)
    metrics.TERMINAL_HEALED.labels("catalogue").inc(catalogue)
    metrics.TERMINAL_HEALED.labels("stock").inc(stock)
