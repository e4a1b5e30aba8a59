"""Lets people in whom a server let in here before: for as long as their grant says, with their PIN, and as who it says.

All of it blocks (the disk, and argon2), so it is called in threads.
"""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from backend.auth.lockout import NAME
from backend.model.scopes import Scope
from backend.terminal.values import Offline, Session, Store

from .clock import ForwardClock
from .errors import GrantExpired, NoGrant, PinLocked, PinSpent, PinWrong, ScopeNotGranted, StoreNotGranted
from .file import PeopleFile, Record, Row
from .sealing import seal, unseal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from backend.auth.grants import GrantClaims

SPENT = 20
"""Wrong PINs in a row after which only a server lets a person in again."""
SEEN_EVERY = 30.0
"""Seconds by which the latest time seen may be ahead of the one on disk."""


class Here(Struct, frozen=True):
    """This terminal: the id that servers know it by, and the place of its files (`identity.place_of`)."""

    terminal_id: str
    place: str


class Granted(Struct, frozen=True):
    """Somebody who may sign in without a server, until then (seconds since 1970)."""

    user: str
    display_name: str
    until: float
    stores: tuple[Store, ...]


class KnownPeople:
    """The people in the file at `path`."""

    def __init__(self, path: Path, clock: ForwardClock | None = None) -> None:
        self._file = PeopleFile(path)
        self._clock = clock or ForwardClock()
        with suppress(ValueError):
            self._clock.set(float(self._file.recall("seen") or 0))
        self._noted = self._clock.now()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def now(self) -> float:
        """Returns the latest time seen, and has it on disk for whenever the clock should be set back."""
        now = self._clock.now()
        if abs(now - self._noted) >= SEEN_EVERY:
            self._note(now)
        return now

    def _note(self, now: float) -> None:
        self._file.remember({"seen": repr(now)})
        self._noted = now

    def keep(self, here: Here, session: Session, offline: Offline, pin: str) -> None:
        """Keep what a server gave at a sign-in with this PIN. Raises GrantRefused for what is not its own."""
        from backend.auth.grants import GrantRefused, read_grant

        claims = read_grant(offline.grant, keys_of(offline.keys))
        if (claims.sub, claims.terminal_id) != (session.user, here.terminal_id) or not claims.fits(offline.secret):
            raise GrantRefused
        # The server's clock is right: one that was wrong here counts no more.
        self._clock.set(claims.iat)
        record = Record(seal(pin, offline.secret), offline.keys, session.stores)
        now = self._clock.now()
        self._file.put(Row(session.user, here.place, offline.grant, record, 0, 0), now)
        self._note(now)

    def let_in(self, here: Here, user: str, pin: str, store_id: str) -> Session:
        """Returns a session without tokens of a person whose PIN this is.

        Raises NoGrant, GrantExpired, StoreNotGranted, PinLocked, PinSpent, PinWrong, PeopleUnusable.
        """
        claims, row = self._checked(here, user, pin, store_id)
        names = {store.id: store.name for store in row.record.stores}
        return Session(
            access_token="",
            expires_at=claims.expires_at,
            user=claims.sub,
            display_name=claims.name,
            role=claims.role,
            store_id=store_id,
            store_name=names.get(store_id, store_id),
            stores=_stores(claims, row),
            terminal_id=claims.terminal_id,
        )

    def approve(self, here: Here, user: str, pin: str, store_id: str, scope: Scope) -> None:
        """Return if the person may do what `scope` allows in a store, and this is their PIN.

        Raises ScopeNotGranted, and what `let_in` raises.
        """
        claims, _ = self._checked(here, user, pin, store_id)
        if scope not in claims.scopes:
            raise ScopeNotGranted(user, scope.value)

    def granted(self, here: Here) -> list[Granted]:
        """Returns who may sign in now, by name."""
        found = []
        for row in self._file.rows():
            claims = self._believed(here, row)
            if claims is not None and self.now() < claims.exp:
                found.append(Granted(claims.sub, claims.name, claims.exp, _stores(claims, row)))
        return found

    def grants(self) -> list[str]:
        """Returns all grants, to ask a server about."""
        return [row.grant for row in self._file.rows()]

    def forget(self, *grants: str) -> None:
        """Forget these grants: a server said that they are good no more."""
        self._file.forget(grants)

    def forget_person(self, user: str) -> None:
        """Forget a person's grant."""
        self._file.forget([row.grant for row in self._file.rows() if row.user == user])

    def forget_all(self) -> None:
        """Forget everybody: this terminal is none of the shop's any more."""
        self._file.forget(self.grants())

    def _checked(self, here: Here, user: str, pin: str, store_id: str) -> "tuple[GrantClaims, Row]":
        with self._file.lock:  # one try after the other: what a try costs is counted before it is made
            row = next((row for row in self._file.rows() if row.user == user), None)
            claims = self._believed(here, row) if row is not None else None
            if row is None or claims is None:
                raise NoGrant(user)
            now = self.now()
            if now >= claims.exp:
                raise GrantExpired(user)
            if not claims.allows_store(store_id):
                raise StoreNotGranted(store_id)
            if row.failures >= SPENT:
                raise PinSpent(user)
            wait = NAME.lock(row.failures).total_seconds() - (now - row.failed_at)
            if wait > 0:
                raise PinLocked(wait)
            self._file.failed(user, now)
            secret = unseal(pin, row.record.sealed)
            if secret is None:
                raise PinWrong
            if not claims.fits(secret):
                raise NoGrant(user)
            self._file.forgive(user)
            return claims, row

    @staticmethod
    def _believed(here: Here, row: Row) -> "GrantClaims | None":
        """Returns what a row's grant says, if it is signed, for this terminal, and has not been copied here."""
        from backend.auth.grants import GrantRefused, read_grant

        try:
            claims = read_grant(row.grant, keys_of(row.record.keys))
        except GrantRefused:
            return None
        is_ours = (claims.sub, claims.terminal_id, row.place) == (row.user, here.terminal_id, here.place)
        return claims if is_ours else None


def _stores(claims: "GrantClaims", row: Row) -> tuple[Store, ...]:
    """Returns the stores to sign in at; only names come from what is not signed."""
    return tuple(store for store in row.record.stores if claims.allows_store(store.id))


def keys_of(told: "Iterable[dict[str, str]]") -> "dict[str, Ed25519PublicKey]":
    """Returns the usable keys of a key set (JWK), by id."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from jwt import InvalidKeyError
    from jwt.algorithms import OKPAlgorithm

    keys = {}
    for one in told:
        with suppress(InvalidKeyError, KeyError, TypeError, ValueError):  # a kind of key that came later, or no key
            key = OKPAlgorithm.from_jwk(one)
            if isinstance(key, Ed25519PublicKey):
                keys[one["kid"]] = key
    return keys
