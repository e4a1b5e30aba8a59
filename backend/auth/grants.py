"""Grants: a server's word on who a person is, for a terminal to let them in while no server answers.

A grant is a JWT of the key that signs access tokens, for an audience of its own: no server takes it as a token, and no
terminal takes a token as a grant. It names a `proof`, the hash of a secret that its terminal keeps sealed with the
person's PIN (`backend.terminal.people.sealing`). Who can only write the terminal's file has grants to read but no
secrets, so cannot put a PIN of their own under somebody else's grant.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Annotated

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Meta, Struct, convert

from backend.model.errors import MostradorError

from .roles import EVERY_STORE
from .tokens import ALGORITHM, ISSUER

AUDIENCE = "mostrador-offline"
LIFETIME = timedelta(hours=72)
"""From the sign-in at a server; a long weekend without a line."""

_Moment = Annotated[int, Meta(ge=0, le=253_402_300_799)]
"""A second since 1970 that has a date."""


class GrantRefused(MostradorError):
    """This is no grant, or not one of an accepted key."""

    code = "grant_refused"

    def __init__(self) -> None:
        super().__init__("This grant is damaged or not of this shop's servers; sign in while a server answers.")


class GrantClaims(Struct, frozen=True):
    """What a grant says, as it stands in the token."""

    sub: str
    name: str
    role: str
    scopes: tuple[str, ...]
    stores: tuple[str, ...]
    """Ids of the stores to act in, or only EVERY_STORE."""
    store_id: str
    """The store that was signed in at."""
    terminal_id: str
    enrolled: bool
    """Whether the terminal was enrolled: then it belongs to `store_id` and to no other store."""
    iat: _Moment
    exp: _Moment
    proof: str
    mark: str
    """Another one when the person's rights or secret, or the terminal's key, are others; for servers to compare."""

    @property
    def made_at(self) -> datetime:
        """When the person signed in, by the server's clock."""
        return datetime.fromtimestamp(self.iat, UTC)

    @property
    def expires_at(self) -> datetime:
        """When it ends, by the server's clock."""
        return datetime.fromtimestamp(self.exp, UTC)

    def allows_store(self, store_id: str) -> bool:
        """Returns whether the person may sign in at a store with it."""
        if self.enrolled and store_id != self.store_id:
            return False
        return store_id in self.stores or EVERY_STORE in self.stores

    def fits(self, secret: str) -> bool:
        """Returns whether `secret` is the one that was given with the grant."""
        return proof_of(secret) == self.proof


def proof_of(secret: str) -> str:
    """Returns what a grant says of its secret."""
    return sha256(secret.encode()).hexdigest()


def read_grant(token: str, keys: Mapping[str, Ed25519PublicKey]) -> GrantClaims:
    """Returns what a grant of one of these keys (by id) says, whether it has expired or not.

    Raises GrantRefused for everything else.
    """
    try:
        said = jwt.decode(
            token,
            keys[jwt.get_unverified_header(token)["kid"]],
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            # A terminal judges by the latest time it has seen, not by a clock that may have been set back.
            options={"require": ["iss", "aud", "exp"], "verify_iat": False, "verify_exp": False, "verify_nbf": False},
        )
        return convert(said, GrantClaims)
    # A header of a thousand brackets is a RecursionError.
    except (jwt.PyJWTError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise GrantRefused from error
