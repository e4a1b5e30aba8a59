"""Access tokens: JWTs signed with Ed25519.

Any server of the fleet that has the same key file verifies them without asking anybody, and a verified token is
remembered by its hash until it expires.
"""

import hashlib
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Struct

from backend.model.stock import Who

from .roles import EVERY_STORE, ROLES, StoreNotAllowed, TokenRefused

ALGORITHM = "EdDSA"
ISSUER = "mostrador"
AUDIENCE = "mostrador-api"
LIFETIME = timedelta(hours=12)
"""A working day: a till is signed in once, in the morning."""


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

    def allows_store(self, store_id: str) -> bool:
        """Whether the bearer may act in this store."""
        return store_id in self.stores or EVERY_STORE in self.stores

    def require_store(self, store_id: str) -> None:
        """Raises StoreNotAllowed unless the bearer may act in this store."""
        if not self.allows_store(store_id):
            raise StoreNotAllowed(store_id)


class Tokens:
    """Issues and verifies access tokens with one key pair."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._private = key
        self._public = key.public_key()
        raw = self._public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._kid = hashlib.sha256(raw).hexdigest()[:16]
        self._verified: dict[bytes, Claims] = {}

    def issue(
        self, *, user: str, role: str, stores: Iterable[str], store_id: str, terminal_id: str
    ) -> tuple[str, datetime]:
        """A token for LIFETIME from now, and the moment it expires."""
        now = int(time.time())
        expires_at = now + int(LIFETIME.total_seconds())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": now,
            "exp": expires_at,
            "sub": user,
            "role": role,
            "stores": sorted(stores),
            "store_id": store_id,
            "terminal_id": terminal_id,
        }
        token = jwt.encode(claims, self._private, ALGORITHM, headers={"kid": self._kid})
        return token, datetime.fromtimestamp(expires_at, UTC)

    def verify(self, token: str) -> Claims:
        """The claims of a token that this key signed, for this audience, and that has not expired.

        Raises:
            TokenRefused: in every other case, without saying which.
        """
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        claims = self._verified.get(digest)
        if claims is not None and time.time() < claims.expires_at.timestamp():
            return claims
        claims = self._decode(token)
        if len(self._verified) >= 10_000:
            self._verified.clear()  # rare, and costs one signature check per live token
        self._verified[digest] = claims
        return claims

    def _decode(self, token: str) -> Claims:
        try:
            if jwt.get_unverified_header(token).get("kid") != self._kid:
                raise TokenRefused("Your session is not valid here; sign in again.")
            said = jwt.decode(
                token,
                self._public,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                options={"require": ["iss", "aud", "exp", "sub"]},
            )
            return Claims(
                said["sub"],
                said["role"],
                frozenset(ROLES[said["role"]]),
                frozenset(said["stores"]),
                said["store_id"],
                said["terminal_id"],
                datetime.fromtimestamp(said["exp"], UTC),
                Who(said["sub"], said["terminal_id"]),
            )
        except (jwt.PyJWTError, KeyError, ValueError) as error:
            raise TokenRefused("Your session has ended or is not valid; sign in again.") from error
