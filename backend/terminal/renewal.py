"""Keeps a session's access token good for a whole working day, without anybody noticing.

The token is renewed when most of its time is over, and when the server refuses it, by one call at a time: a refresh
token is good for one use. Each successor is asked for under one key, so that asking again after a lost answer gives
what the lost answer gave.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from time import monotonic
from uuid import UUID

from backend.ids import new_id
from backend.model.errors import MostradorError

from .values import SESSION_OVER, Session

SHARE = (0.6, 0.8)
"""When to renew, as a share of the token's life: not all terminals that were opened at nine at the same moment."""
PAUSE = 5.0
"""Seconds between attempts to renew a token that is still good."""


class Renewal:
    """The tokens of a session. `ask` trades a refresh token, under a key, for the session with its successor."""

    def __init__(
        self, session: Session, ask: Callable[[str, UUID], Awaitable[Session]], clock: Callable[[], float] = monotonic
    ) -> None:
        self._ask, self._clock = ask, clock
        self._asking: asyncio.Task[None] | None = None
        self._take(session)

    def _take(self, session: Session) -> None:
        self.token = session.access_token
        self.refresh_token = session.refresh_token
        """Empty when there is nothing to renew with: the session is over, or ends with its token."""
        self._key = new_id()
        self._due_at = self._clock() + session.expires_in * random.uniform(*SHARE)

    async def fresh(self) -> str:
        """Returns the access token, renewed if that is due. Raises SessionEnded."""
        if self.refresh_token and self._clock() >= self._due_at:
            try:
                await self.renew(self.token)
            except MostradorError as error:
                if error.code in SESSION_OVER:
                    raise
                self._due_at = self._clock() + PAUSE  # the token may still be good; if it is not, the server says so
        return self.token

    async def renew(self, refused: str) -> None:
        """See to it that `token` is another one than `refused`. Raises what `ask` raises."""
        if self.token != refused:
            return
        if self._asking is None:
            self._asking = asyncio.create_task(self._renew())
            self._asking.add_done_callback(self._asked)
        # A caller that is cancelled does not take the answer away from the others.
        await asyncio.shield(self._asking)

    async def _renew(self) -> None:
        try:
            self._take(await self._ask(self.refresh_token, self._key))
        except MostradorError as error:
            if error.code in SESSION_OVER:
                self.refresh_token = ""
            raise

    def _asked(self, task: asyncio.Task[None]) -> None:
        self._asking = None
        if not task.cancelled():
            task.exception()  # seen, also when every caller has gone

    async def close(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])
