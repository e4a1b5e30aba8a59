"""What a terminal says about itself with every request: how many sales wait in it, and whether it closes now."""

import re
from time import time
from typing import Any

from litestar import Request

from backend.auth.tokens import Claims
from backend.observability import metrics

HEADER = "X-Terminal-Queue"
"""`3`: three sales wait here for a server's answer. `0 closed`: the clerk leaves, do not wait for me."""
MOST = 20_000
"""Terminals that one server remembers; those heard longest ago are forgotten first."""

_SAID = re.compile(r"([0-9]{1,6})( closed)?", re.ASCII)
_heard: dict[tuple[str, str], None] = {}


async def hear_terminal(request: Request[Any, Any, Any]) -> None:
    """For `before_request`. The terminal is believed to be the one of its token, whatever else it says."""
    said = _SAID.fullmatch(request.headers.get(HEADER, ""))
    claims: Claims | None = request.scope.get("auth")
    if said is None or claims is None or not claims.terminal_id:
        return
    terminal = (claims.store_id, claims.terminal_id)
    metrics.TERMINAL_SEEN.labels(*terminal).set(time())
    metrics.TERMINAL_QUEUE.labels(*terminal).set(int(said[1]))
    if said[2]:
        metrics.TERMINAL_CLOSED.labels(*terminal).set(time())
    _heard.pop(terminal, None)
    _heard[terminal] = None  # to the end of the order
    if len(_heard) > MOST:
        oldest = next(iter(_heard))
        del _heard[oldest]
        for gauge in (metrics.TERMINAL_SEEN, metrics.TERMINAL_QUEUE, metrics.TERMINAL_CLOSED):
            gauge.remove(*oldest)
