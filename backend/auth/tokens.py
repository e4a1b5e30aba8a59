"""Access tokens: JWTs signed with Ed25519.

Any server of the fleet verifies them with the keys it was given, without asking anybody, and remembers a verified
token by its hash until it expires. Keys have ids (`kid`), so one can follow another while both are in use.
"""

import hashlib
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm
from msgspec import UNSET, Meta, Struct, UnsetType, convert

from backend.model.stock import Who

from .ended import EndedSessions
from .keys import key_id
from .roles import EVERY_STORE, ROLES, ScopeMissing, StoreNotAllowed, TerminalRemoved, TokenRefused

ALGORITHM = "EdDSA"
ISSUER = "mostrador"
AUDIENCE = "mostrador-api"
LIFETIME = timedelta(minutes=10)
"""As long as a stolen token is worth anything; its bearer renews it with a refresh token (`backend.auth.refresh`)."""
ENDED_MEMORY = LIFETIME + timedelta(minutes=1)
"""When no access token of an ended session can be left, servers' clocks being a little apart."""
REMEMBERED = 10_000
"""Verified tokens kept: more people than one server has."""


class Claims(Struct, frozen=True):
    """What a verified token says about its bearer."""

    actor: str
    role: str
    scopes: frozenset[str]
    stores: frozenset[str]
    """Ids of the stores to act in, or only EVERY_STORE."""
    store_id: str
    """The store signed in at."""
    terminal_id: str
    expires_at: datetime
    who: Who
    session_id: str = ""
    """Empty for a machine."""

    def allows_store(self, store_id: str) -> bool:
        """Returns whether the bearer may act in this store."""
        return store_id in self.stores or EVERY_STORE in self.stores

    def require_store(self, store_id: str) -> None:
        """Raises StoreNotAllowed unless the bearer may act in this store."""
        if not self.allows_store(store_id):
            raise StoreNotAllowed(store_id)

    def require_scope(self, scope: str) -> None:
        """Raises ScopeMissing unless the bearer has this right."""
        if scope not in self.scopes:
            raise ScopeMissing(f"A {self.role} may not do this; it needs the right {scope}.", scope=scope)


_Moment = Annotated[int, Meta(ge=0, le=253_402_300_799)]
"""A second since 1970 that has a date."""


class _Said(Struct):
    """The claims of a token that are read after its signature has been verified."""

    sub: str
    sid: str
    role: str
    stores: list[str]
    store_id: str
    terminal_id: str
    exp: _Moment
    iat: _Moment | UnsetType = UNSET
    nbf: _Moment | UnsetType = UNSET


class Tokens:
    """Issues access tokens with one key; verifies those of this key and of every other accepted one."""

    def __init__(self, key: Ed25519PrivateKey, accepted: Iterable[Ed25519PublicKey] = ()) -> None:
        self.ended = EndedSessions(ENDED_MEMORY.total_seconds())
        """The sessions that are over before their tokens are; whoever ends one or hears of it adds it."""
        self._private = key
        self._kid = key_id(key.public_key())
        self._keys = {key_id(public): public for public in (key.public_key(), *accepted)}
        self._verified: dict[bytes, Claims] = {}

    @property
    def jwks(self) -> dict[str, Any]:
        """The public keys as a JSON Web Key Set (RFC 7517, RFC 8037): with them anybody can verify our tokens."""
        more = {"use": "sig", "alg": ALGORITHM}
        return {
            "keys": [{**OKPAlgorithm.to_jwk(key, as_dict=True), "kid": kid, **more} for kid, key in self._keys.items()]
        }

    def issue(
        self, *, user: str, role: str, stores: Iterable[str], store_id: str, terminal_id: str, session_id: str
    ) -> tuple[str, datetime]:
        """Returns a token for LIFETIME from now, and the moment it expires."""
        now = int(time.time())
        expires_at = now + int(LIFETIME.total_seconds())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": now,
            "exp": expires_at,
            "sub": user,
            "sid": session_id,
            "role": role,
            "stores": sorted(stores),
            "store_id": store_id,
            "terminal_id": terminal_id,
        }
        token = jwt.encode(claims, self._private, ALGORITHM, headers={"kid": self._kid})
        return token, datetime.fromtimestamp(expires_at, UTC)

    def verify(self, token: str) -> Claims:
        """Returns the claims of a token of an accepted key, for this audience, not expired, whose session is not over.

        Raises:
            TerminalRemoved: the session is over because its terminal was removed.
            TokenRefused: in every other case, without saying which.
        """
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        claims = self._verified.get(digest)
        if claims is None or time.time() >= claims.expires_at.timestamp():
            claims = self._decode(token)
            if len(self._verified) >= REMEMBERED:
                self._verified.clear()  # rare, and costs one signature check per live token
            self._verified[digest] = claims
        if claims.session_id in self.ended:
            if self.ended.with_terminal(claims.session_id):
                raise TerminalRemoved
            raise TokenRefused("Your session has ended; sign in again.")
        return claims

    def _decode(self, token: str) -> Claims:
        try:
            said = jwt.decode(
                token,
                self._keys[jwt.get_unverified_header(token)["kid"]],
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                # Who issued a token may have a clock that is a little ahead of ours: `iat` forbids nothing.
                options={"require": ["iss", "aud", "exp"], "verify_iat": False},
            )
            claims = convert(said, _Said)
            return Claims(
                claims.sub,
                claims.role,
                frozenset(ROLES[claims.role]),
                frozenset(claims.stores),
                claims.store_id,
                claims.terminal_id,
                datetime.fromtimestamp(claims.exp, UTC),
                Who(claims.sub, claims.terminal_id),
                claims.sid,
            )
        # A header of a thousand brackets is a RecursionError.
        except (jwt.PyJWTError, KeyError, ValueError, RecursionError) as error:
            raise TokenRefused("Your session has ended or is not valid; sign in again.") from error
