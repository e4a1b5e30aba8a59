"""Signing in: with a server if one answers, else with what one said before; and what a server says of that later."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from msgspec import structs

from backend.model.errors import MostradorError
from backend.model.scopes import Scope
from backend.terminal.api import Api, ServerRefused, SessionEnded, TerminalRemoved
from backend.terminal.identity import Identity
from backend.terminal.journal import Journal
from backend.terminal.values import Notice, Session, Store, notice_of

from .errors import NoGrant
from .known import Granted, Here, KnownPeople

PATIENCE = 1.0
"""Seconds that a server has to answer when it is possible to do without it."""
ASK_EVERY = 300.0
"""Seconds between two questions whether the grants are still good, when nothing happens."""
LOOK_EVERY = 30.0
"""Seconds between two looks at the time."""
_LOCKS = {"sign_in_locked", "rate_limited"}
"""Refusals that may pass, and that going round the server would defeat."""


class SigningIn:
    """Lets people in at this terminal, whose files are in a directory with this `place`.

    While `run` runs, what servers say of the people known here is asked for, and a session that was opened without one
    ends with its grant: `expired` is called then. `opened` gets the session that a server opened for such a one later.
    """

    def __init__(
        self,
        api: Api,
        journal: Journal,
        people: KnownPeople,
        identity: Identity,
        place: str,
        say: Callable[[Notice], None],
    ) -> None:
        self._api, self._journal, self._people, self._identity = api, journal, people, identity
        self._place, self._say = place, say
        self.opened: Callable[[Session], None] = lambda _: None
        self.expired: Callable[[SessionEnded], None] = lambda _: None
        self._until: float | None = None
        self._hurry = asyncio.Event()

    # Who may come in without a server.

    async def granted(self) -> list[Granted]:
        """Returns who may sign in here while no server answers."""
        here = self._identity.here(self._journal, self._place)
        return await asyncio.to_thread(self._people.granted, here) if here else []

    async def stores(self) -> tuple[tuple[Store, ...], list[Granted]]:
        """Returns the shops of the chain and nobody; when no server answers, those of people known here, and these.

        Raises ServerAway when nobody is known here.
        """
        granted = await self.granted()
        try:
            async with asyncio.timeout(PATIENCE if granted else None):
                return await self._api.stores(), []
        except (MostradorError, TimeoutError) as error:
            if not granted or (isinstance(error, MostradorError) and not _is_away(error)):
                raise
            found = {store.id: store for one in granted for store in one.stores}
            return tuple(found.values()), granted

    # Signing in.

    async def sign_in(self, user: str, pin: str, store_id: str) -> Session:
        """Open a session with a server; if none answers, let in whom one let in here before.

        Raises what servers refuse, what `KnownPeople.let_in` raises, and ServerAway while nobody is known here.
        """
        self._until = None
        granted = await self.granted()
        is_known = any(one.user == user for one in granted)
        try:
            async with asyncio.timeout(PATIENCE if is_known else None):
                session = await self._ask(user, pin, store_id)
        except (MostradorError, TimeoutError) as error:
            if isinstance(error, MostradorError) and not _is_away(error):
                self.hurry()  # it answers, and perhaps has more to say
                raise
            try:
                return await self._without_server(user, pin, store_id)
            except NoGrant:
                if granted:
                    raise
            raise
        session = await self._keep(session, pin)
        self._api.use(session)
        self.hurry()
        return session

    async def _without_server(self, user: str, pin: str, store_id: str) -> Session:
        here = self._identity.here(self._journal, self._place)
        if here is None:
            raise NoGrant(user)
        session = await asyncio.to_thread(self._people.let_in, here, user, pin, store_id)
        self._identity.number(self._journal, self._place)
        self._until = session.expires_at.timestamp()
        self._api.use(session, partial(self._open_later, user, pin, store_id))
        return session

    async def approve(self, user: str, pin: str, store_id: str, scope: Scope) -> None:
        """Return if a person known here may do what `scope` allows in a store, and the PIN is theirs.

        Raises what `KnownPeople.approve` raises.
        """
        here = self._identity.here(self._journal, self._place)
        if here is None:
            raise NoGrant(user)
        await asyncio.to_thread(self._people.approve, here, user, pin, store_id, scope)

    async def _ask(self, user: str, pin: str, store_id: str) -> Session:
        try:
            return await self._identity.open(self._api, self._journal, self._place, user, pin, store_id)
        except TerminalRemoved:
            await asyncio.to_thread(self._people.forget_all)
            raise

    async def _keep(self, session: Session, pin: str) -> Session:
        """Keep what the server gave for the time without one; returns the session without it."""
        if session.offline is not None:
            here = Here(session.terminal_id or self._identity.slot, self._place)
            try:
                await asyncio.to_thread(self._people.keep, here, session, session.offline, pin)
            except MostradorError as error:  # it is needed only while no server answers
                self._say(notice_of(error))
        return structs.replace(session, offline=None)

    async def _open_later(self, user: str, pin: str, store_id: str) -> Session:
        """Open the session of somebody who was let in without a server.

        Raises SessionEnded when the server does not let them in any more; then their grant is gone too.
        """
        try:
            session = await self._keep(await self._ask(user, pin, store_id), pin)
        except ServerRefused as error:
            if error.retryable:
                raise
            await asyncio.to_thread(self._people.forget_person, user)
            raise SessionEnded("The server does not let you in any more; sign in again.") from error
        self._until = None
        self.opened(session)
        return session

    # What servers say later.

    def hurry(self) -> None:
        """A server answers: ask it now."""
        self._hurry.set()

    async def run(self) -> None:
        """Ask about the grants, and watch the time, until cancelled."""
        loop, asked_at = asyncio.get_running_loop(), -ASK_EVERY
        while True:
            is_due = self._hurry.is_set() or loop.time() - asked_at >= ASK_EVERY
            self._hurry.clear()
            with suppress(MostradorError):  # nobody answers, or the disk refuses: the next look is soon
                await self._look_at_the_time()
                if is_due:
                    await self.check()
                    asked_at = loop.time()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._hurry.wait()

    async def check(self) -> None:
        """Forget the grants that the server does not call good any more. Raises what `Api.good_grants` raises."""
        grants = await asyncio.to_thread(self._people.grants)
        if grants:
            good = await self._api.good_grants(grants)
            bad = [grant for grant, is_good in zip(grants, good, strict=True) if not is_good]
            await asyncio.to_thread(self._people.forget, *bad)

    async def _look_at_the_time(self) -> None:
        now = await asyncio.to_thread(self._people.now)
        if self._until is not None and now >= self._until:
            self._until = None
            self.expired(SessionEnded("Your last sign-in with a server is too long ago; sign in again."))


def people_file(journal_file: Path) -> Path:
    """Returns the file of the people known at the terminal with this journal."""
    return journal_file.with_suffix(".people")


def _is_away(error: MostradorError) -> bool:
    """Returns whether no server said anything about a person: none answers, or something else does in its place."""
    if error.code == "version_mismatch" or error.code.startswith("http_"):
        return True
    return error.retryable and error.code not in _LOCKS
