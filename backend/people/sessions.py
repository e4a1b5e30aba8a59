"""Sessions: opened for a person whose secret was right, renewed through the day, ended by a person or by misuse.

The database is the only truth about them. `tokens.ended` is this server's memory of those that are over; the ends that
other servers write reach it through `backend.people.ended_sessions`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from msgspec import Struct, structs
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.auth.refresh import RefreshToken
from backend.auth.roles import EVERY_STORE, StoreNotAllowed, TerminalRemoved, TokenRefused
from backend.auth.tokens import Tokens
from backend.database.audit_trail import CHAIN, Origin, record
from backend.database.engine import Database
from backend.database.reads import moment
from backend.database.writes import writing
from backend.model.errors import InvalidInput, UnknownStore
from backend.stores.queries import all_stores

from .queries import User, find_user, stores_of
from .session_queries import TERMINAL_REMOVED, Session, add_session, end_reason_of, end_session, rotate, rotated

log = structlog.get_logger(__name__)

SESSION_LIFETIME = timedelta(hours=12)
"""A working day: a terminal is signed in once, in the morning."""


class SignedIn(Struct, frozen=True):
    """A session with what its bearer needs to use it, and what may be shown of the person."""

    session: Session
    user: User
    stores: Mapping[str, str]
    """Id → name of the stores to act in."""
    access_token: str
    access_expires_at: datetime
    refresh_token: str
    receipt_series: str = ""
    """Only of a session that was just opened."""


class Sessions:
    """Opens, renews and ends sessions."""

    def __init__(self, db: Database, tokens: Tokens) -> None:
        self._db, self._tokens = db, tokens

    async def open(self, connection: AsyncConnection, origin: Origin, user: User, store_id: str) -> SignedIn:
        """Returns a new session of `user` at the terminal `origin.terminal_id` of a store, or of none (see `home_of`).

        Raises UnknownStore or StoreNotAllowed.
        """
        stores = await _stores_of(connection, user)
        if store_id and store_id not in stores:
            known = dict(await all_stores(connection))
            raise StoreNotAllowed(store_id) if store_id in known else UnknownStore(store_id)
        token, now = RefreshToken.first(), await moment(connection)
        session = Session(token.session_id, user.name, store_id, origin.terminal_id, now + SESSION_LIFETIME)
        await add_session(connection, session, token.digest, now)
        await record(connection, origin, "session.open", f"session:{session.id}", store_id=store_id or CHAIN)
        return self._signed_in(session, user, stores, token)

    async def refresh(self, origin: Origin, refresh_token: str, key: str) -> SignedIn:
        """Returns the session of a refresh token, with the token's successor and a new access token.

        `key` is the Idempotency-Key of this attempt, the same when it is repeated, or empty. A token that was used
        before ends its session. Raises TokenRefused or TerminalRemoved.
        """
        shown = RefreshToken.parse(refresh_token)
        async with writing(self._db) as connection:
            renewed = await _rotate(connection, shown, key)
            if renewed is not None:
                session, successor = renewed
                user = await find_user(connection, session.user_name)
                stores = await _stores_of(connection, user) if user else {}
            elif await end_reason_of(connection, shown.session_id) == TERMINAL_REMOVED:
                raise TerminalRemoved
        if renewed is None:
            await self._end(shown, "reused", structs.replace(origin, actor="system:sessions"))
            raise TokenRefused("Your session has ended; sign in again.")
        if user is None or session.store_id not in ("", *stores):
            raise TokenRefused("You do not work in this store any more; sign in again.")
        return self._signed_in(session, user, stores, successor)

    async def sign_out(self, origin: Origin, refresh_token: str) -> None:
        """End the session of a refresh token, if it is alive. Raises TokenRefused for what is no refresh token."""
        await self._end(RefreshToken.parse(refresh_token), "signed_out", origin)

    async def _end(self, shown: RefreshToken, reason: str, origin: Origin) -> None:
        async with writing(self._db) as connection:
            session = await end_session(connection, shown.session_id, reason)
            if session is None:
                return
            who = structs.replace(
                origin, actor=origin.actor or session.user_name, terminal_id=origin.terminal_id or session.terminal_id
            )
            subject, how = f"session:{session.id}", {"end_reason": reason}
            await record(connection, who, "session.end", subject, store_id=session.store_id or CHAIN, after=how)
        self._tokens.ended.add([session.id])
        where = {"store": session.store_id, "terminal": session.terminal_id}
        log.warning("session_ended", person=session.user_name, reason=reason, **where)

    def _signed_in(
        self, session: Session, user: User, stores: Mapping[str, str], refresh_token: RefreshToken
    ) -> SignedIn:
        token, expires_at = self._tokens.issue(
            user=user.name,
            role=user.role,
            stores=[EVERY_STORE] if user.role == "admin" else stores,
            store_id=session.store_id,
            terminal_id=session.terminal_id,
            session_id=session.id,
        )
        return SignedIn(session, user, stores, token, expires_at, str(refresh_token))


async def home_of(connection: AsyncConnection, user: User, store_id: str) -> str:
    """Returns the store to sign in at for who names one, or none (empty).

    Who names none is at the only store they have. Supervisors and admins of several, or of none yet, are at none: they
    act where each request says. Raises InvalidInput for a clerk of several.
    """
    if store_id:
        return store_id
    stores = await _stores_of(connection, user)
    if len(stores) == 1:
        return next(iter(stores))
    if user.role == "clerk":
        names = ", ".join(stores)
        raise InvalidInput("store_id", f"{user.name} works in several stores; name one of them as store_id: {names}.")
    return ""


async def _rotate(connection: AsyncConnection, shown: RefreshToken, key: str) -> tuple[Session, RefreshToken] | None:
    """Returns the session and the successor of its newest token, or of the one before it for whoever repeats with its
    key."""
    successor = shown.next()
    sealed = shown.seal(successor, key) if key else ""
    session = await rotate(connection, shown.session_id, shown.digest, successor.digest, sealed)
    if session is not None:
        return session, successor
    before = await rotated(connection, shown.session_id, shown.digest)
    if before is None:
        return None
    session, sealed = before
    opened = shown.open(sealed, key)
    return None if opened is None else (session, opened)


async def _stores_of(connection: AsyncConnection, user: User) -> dict[str, str]:
    return dict(await all_stores(connection) if user.role == "admin" else await stores_of(connection, user.name))
