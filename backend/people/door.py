"""The door: a name and a secret are checked, slowly and not too often; and a person changes their own secret."""

import asyncio
from datetime import timedelta

import structlog
from msgspec import structs

from backend.auth import lockout
from backend.auth.pins import Pins, check_secret
from backend.auth.roles import ROLES, ScopeMissing, StoreNotAllowed
from backend.auth.tokens import Tokens
from backend.database.audit_trail import Origin, record
from backend.database.engine import Database
from backend.database.reads import reading
from backend.database.writes import writing
from backend.model.errors import InvalidInput, MostradorError
from backend.model.scopes import Scope
from backend.terminals.signing_in import place_of

from .failures import count_failure, failures_of, forgive
from .queries import User, find_user, set_secret, stores_of
from .session_queries import end_sessions_of
from .sessions import Sessions, SignedIn, home_of

log = structlog.get_logger(__name__)

_AT_ONCE = 2


class SignInRefused(MostradorError):
    """The name or the secret is wrong; which of them is nobody's business."""

    code = "sign_in_refused"

    def __init__(self) -> None:
        super().__init__("The name or the PIN is wrong; try again.")


class SignInLocked(MostradorError):
    """Too many failures with this name or from this address; `retry_after` is in seconds."""

    code = "sign_in_locked"
    retryable = True

    def __init__(self, wait: timedelta) -> None:
        seconds = 1 + int(wait.total_seconds())
        message = f"Signing in failed too often with this name or from this address; try again in {seconds} s."
        super().__init__(message, retry_after=seconds)


class Door:
    """Lets people in."""

    def __init__(self, db: Database, pins: Pins, sessions: Sessions, tokens: Tokens) -> None:
        self._db, self._pins, self._sessions, self._tokens = db, pins, sessions, tokens
        # From the look at the lock until a failure is counted: a burst of guesses cannot run past the lock, not even
        # with one of them for each place of each server.
        self._attempts = asyncio.Semaphore(_AT_ONCE)

    async def sign_in(self, origin: Origin, pin: str, store_id: str, terminal_key: str = "") -> SignedIn:
        """Returns a new session of the person `origin.actor` at a terminal of a store: the one whose key is shown, else
        `origin.terminal_id`, else one that gets its id now. Without a store ("") it is at the one `home_of` says.

        Raises SignInRefused, SignInLocked, UnknownStore, StoreNotAllowed, and what `home_of` and `place_of` raise.
        """
        async with self._attempts:
            checked = await self._check(origin, pin, store_id)
        async with writing(self._db) as connection:
            # Kept from changing until the session is there: whoever changes or removes a user ends the sessions that
            # there are, and must not miss this one.
            user = await find_user(connection, checked.name, keep=True)
            if user is None or user.pin_hash != checked.pin_hash:
                raise SignInRefused
            store_id = await home_of(connection, user, store_id)
            place = await place_of(connection, store_id, user.name, origin.terminal_id, terminal_key)
            origin = structs.replace(origin, terminal_id=place.terminal_id)
            signed_in = await self._sessions.open(connection, origin, user, store_id)
            await forgive(connection, _name(user.name))
        log.info("signed_in", person=user.name, store=store_id, terminal=origin.terminal_id)
        return structs.replace(signed_in, receipt_series=place.receipt_series)

    async def approve(self, origin: Origin, pin: str, store_id: str, scope: Scope) -> None:
        """Return if the person `origin.actor` may do what `scope` allows in a store, and `pin` is theirs.

        For an act at somebody else's terminal: no session is opened.
        Raises SignInRefused, SignInLocked, ScopeMissing or StoreNotAllowed.
        """
        async with self._attempts:
            user = await self._check(origin, pin, store_id)
        if scope not in ROLES[user.role]:
            raise ScopeMissing(f"A {user.role} may not approve this; it needs the right {scope}.", scope=scope.value)
        async with writing(self._db) as connection:
            if user.role != "admin" and store_id not in dict(await stores_of(connection, user.name)):
                raise StoreNotAllowed(store_id)
            await forgive(connection, _name(user.name))
        log.info("approved", person=user.name, store=store_id, terminal=origin.terminal_id, scope=scope.value)

    async def new_pin(self, origin: Origin, pin: str, new: str) -> None:
        """Change the secret of the person `origin.actor` from `pin` to `new`, and end their sessions.

        Raises SignInRefused, SignInLocked, or InvalidInput for a secret that one guesses.
        """
        async with self._attempts:
            checked = await self._check(origin, pin)
        check_secret(checked.name, checked.role, new, field="new_pin")
        if new == pin:
            raise InvalidInput("new_pin", "new_pin is the PIN that you have; choose another.")
        new_hash = await self._pins.hash(new)
        async with writing(self._db) as connection:
            if not await set_secret(connection, checked, new_hash):
                raise SignInRefused
            ended = await end_sessions_of(connection, checked.name, "user_changed")
            await forgive(connection, _name(checked.name))
            await record(connection, origin, "user.new_pin", f"user:{checked.name}")
        self._tokens.ended.add(ended)
        log.info("new_pin", person=checked.name)

    async def _check(self, origin: Origin, pin: str, store_id: str = "") -> User:
        """Returns the user, whose secret is right. A name that does not exist goes the same way as a wrong secret."""
        limits = {_name(origin.actor): lockout.NAME}
        if origin.address:
            limits[f"address:{lockout.network_of(origin.address)}"] = lockout.ADDRESS
        async with reading(self._db) as connection:
            user = await find_user(connection, origin.actor)
            failures = await failures_of(connection, limits)
        where = {"person": origin.actor, "store": store_id, "terminal": origin.terminal_id, "address": origin.address}
        wait = max((limits[x.subject].lock(x.count) - x.ago for x in failures), default=timedelta(0))
        if wait > timedelta(0):
            log.warning("sign_in_locked", **where)
            raise SignInLocked(wait)
        # The connection was given back first: this is slow on purpose.
        right = await self._pins.verify(user.pin_hash if user else None, pin)
        if user is None or not right:
            async with writing(self._db) as connection:
                await count_failure(connection, {subject: limit.memory for subject, limit in limits.items()})
            log.warning("sign_in_refused", **where)
            raise SignInRefused
        return user


def _name(user: str) -> str:
    return f"name:{user}"
