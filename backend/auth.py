"""Who somebody is and what they may do: PINs, roles, scopes and the access tokens that carry them.

A token is a JWT signed with Ed25519. Any server of the fleet that has the same key file verifies it without asking
anybody, and a verified token is remembered by its hash until it expires.
"""

import asyncio
import hashlib
import os
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path

import jwt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from msgspec import Struct

from .model.errors import MostradorError
from .model.stock import Who

ALGORITHM = "EdDSA"
ISSUER = "mostrador"
AUDIENCE = "mostrador-api"
LIFETIME = timedelta(hours=12)
"""A working day: a till is signed in once, in the morning."""
EVERY_STORE = "*"


class Scope(StrEnum):
    """What a route asks of its caller."""

    CATALOGUE_READ = "catalogue:read"
    STOCK_READ = "stock:read"
    STOCK_WRITE = "stock:write"
    RESERVATIONS_WRITE = "reservations:write"
    SALES_WRITE = "sales:write"


_CLERK = frozenset({Scope.CATALOGUE_READ, Scope.STOCK_READ, Scope.RESERVATIONS_WRITE, Scope.SALES_WRITE})
ROLES = {"clerk": _CLERK, "supervisor": _CLERK | {Scope.STOCK_WRITE}, "admin": frozenset(Scope)}


class TokenRefused(MostradorError):
    """The token is missing, forged, expired or meant for something else."""

    code = "token_refused"


class ScopeMissing(MostradorError):
    """The role does not allow this."""

    code = "scope_missing"


class StoreNotAllowed(MostradorError):
    """The person does not work in that store."""

    code = "store_not_allowed"

    def __init__(self, store_id: str) -> None:
        super().__init__(f"You may not act in store {store_id}; sign in with a user of that store.", store_id=store_id)


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


_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)  # OWASP's argon2id for one core


class Pins:
    """Checks PINs against argon2id hashes, in threads, at most two at a time: each takes a core and 19 MiB."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(2)

    async def verify(self, pin_hash: str | None, pin: str) -> bool:
        """Whether the PIN is right. A user who does not exist (None) takes as long as a wrong PIN."""
        async with self._places:
            return await asyncio.to_thread(_matches, pin_hash, pin)


def hash_pin(pin: str) -> str:
    """What is stored of a PIN."""
    return _HASHER.hash(pin)


@cache
def _nobodys_hash() -> str:
    return _HASHER.hash(os.urandom(16))


def _matches(pin_hash: str | None, pin: str) -> bool:
    nobodys = _nobodys_hash()  # also when it is not needed, so that its first making tells nothing
    try:
        return _HASHER.verify(pin_hash or nobodys, pin)
    except (VerificationError, InvalidHashError):
        return False


def load_signing_key(path: Path) -> Ed25519PrivateKey:
    """The private key in the PEM file `path`; a file that is missing is made, readable by its owner only.

    Raises:
        MostradorError: code signing_key_damaged, the file holds no Ed25519 private key.
    """
    if not path.exists():
        _make_key(path)
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyDamaged(
            f"{path} holds no Ed25519 private key; restore it, or delete it so that a new one is made and"
            " everybody signs in again.",
            path=str(path),
        )
    return key


class KeyDamaged(MostradorError):
    """SIGNING_KEY_FILE cannot be used."""

    code = "signing_key_damaged"


def _make_key(path: Path) -> None:
    # Linked into place when complete: two servers that start together end with the same, whole key.
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)  # mkstemp's files are 0600
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
    with suppress(FileExistsError):
        Path(path).hardlink_to(name)
    Path(name).unlink()
